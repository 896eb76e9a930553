"""Errors named after what the runner must do. Anything smaller than a document is a Notice, not an error."""


class SourceError(Exception):
    """A source gave nothing usable. `str(error)` says what, where and what to do."""


class SourceUnavailable(SourceError):
    """Not reachable or overloaded now: retry, back off."""


class SourceRefused(SourceError):
    """It does not want us (key, terms): stop, tell the operator."""


class SourceChanged(SourceError):
    """It speaks in a form we do not know: keep the document, hold the last good state, tell the operator."""
