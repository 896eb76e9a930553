"""@context: from JSON-LD term definitions to a plain map between terms and IRIs (clauses 4.4, 5.5.7).

A context is compiled once; expanding or compacting a name is then a dictionary look-up. Only the parts of JSON-LD that
name things are needed here: terms, prefixes (compact IRIs) and @vocab. Types and containers of terms do not change what
is stored, since NGSI-LD says the kind of every attribute itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from cityos.ngsi.core_context import CORE_TERMS, is_core_context
from cityos.ngsi.error import BadRequestData, LdContextNotAvailable
from cityos.ngsi.value import Json, JsonObject

DEFAULT_VOCABULARY = "https://uri.etsi.org/ngsi-ld/default-context/"
_MAX_NESTING = 16
_MOST_FOUND = 4_096
_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:[^\s\x00-\x20<>\"{}|\\^`]*\Z")
# Only a term whose IRI ends so is a prefix of compact IRIs (JSON-LD 1.1: gen-delims of RFC 3986).
_PREFIX_ENDS = tuple(":/?#[]@")
# Members of every entity; no context gives them another meaning, and no attribute may appear under them.
_KEYWORDS = frozenset(("id", "type"))

# Finds the document behind an address among those known; None where it is not.
Lookup = Callable[[str], Json]


class Context:
    """A compiled @context. `links` are the addresses or inline maps it came from, without the core context."""

    def __init__(self, terms: Mapping[str, str], links: tuple[Json, ...] = (), vocabulary: str = DEFAULT_VOCABULARY):
        # Core terms come last: they are protected and win over a user's definitions (clause 5.5.7).
        own = {term: iri for term, iri in terms.items() if term not in _KEYWORDS and term not in CORE_TERMS}
        self._iri_of = {**own, **CORE_TERMS}
        self._vocabulary = vocabulary
        self.links = links
        self._term_of: dict[str, str] = {}
        self._found: dict[str, str] = {}  # names that are no terms, remembered: the same few stand in every entity
        for term, iri in self._iri_of.items():
            known = self._term_of.get(iri)
            # Several terms of one IRI: the shortest, then the first in order, so that answers are stable.
            if known is None or (len(term), term) < (len(known), known):
                self._term_of[iri] = term
        self._prefixes = sorted(
            ((iri, term) for term, iri in own.items() if iri.endswith(_PREFIX_ENDS)),
            key=lambda pair: -len(pair[0]),
        )

    def expand(self, name: str) -> str:
        """The IRI of a term or compact IRI; an IRI stays as it is."""
        iri = self._iri_of.get(name)
        if iri is not None:
            return iri
        prefix, colon, rest = name.partition(":")
        base = self._iri_of.get(prefix, "") if colon else ""
        if base.endswith(_PREFIX_ENDS) and not rest.startswith("//"):
            return base + rest
        return name if _ABSOLUTE.match(name) else self._vocabulary + name

    def compact(self, iri: str) -> str:
        """The shortest name this context has for an IRI; the IRI itself where it has none."""
        term = self._term_of.get(iri) or self._found.get(iri)
        if term is not None:
            return term
        if len(self._found) >= _MOST_FOUND:
            self._found.clear()
        self._found[iri] = term = self._find_name(iri)
        return term

    def _find_name(self, iri: str) -> str:
        if iri.startswith(self._vocabulary) and len(iri) > len(self._vocabulary):
            rest = iri[len(self._vocabulary) :]
            return rest if self._is_free(rest) else iri
        for base, prefix in self._prefixes:
            rest = iri[len(base) :]
            # A name that means something else here must not be used for it.
            if iri.startswith(base) and rest and not rest.startswith("//") and f"{prefix}:{rest}" not in self._iri_of:
                return f"{prefix}:{rest}"
        return iri

    def _is_free(self, word: str) -> bool:
        """Whether a word can stand for its place in the vocabulary: it means nothing else and is a name."""
        return word not in self._iri_of and word not in _KEYWORDS and word[0] != "@" and not {":", "/"} & set(word)


CORE = Context({})


def compile_context(said: Json, lookup: Lookup) -> Context:
    """Compiles what a request says as @context: an address, a term map, or a list of them.

    `lookup` answers an address with its document. Raises LdContextNotAvailable for an address it does not know and
    BadRequestData for anything that is not a context.
    """
    terms: dict[str, str] = {}
    vocabulary = _collect(said, lookup, terms, None, depth=0) or DEFAULT_VOCABULARY
    links = tuple(link for link in (said if isinstance(said, list) else [said]) if not is_core_context(link))
    return Context(terms, links, vocabulary)


def _collect(said: Json, lookup: Lookup, terms: dict[str, str], vocabulary: str | None, *, depth: int) -> str | None:
    """Adds the terms of one context to `terms`, later over earlier; returns the @vocab that holds after it."""
    if depth > _MAX_NESTING:
        raise BadRequestData(f"@context is nested deeper than {_MAX_NESTING} levels")
    if isinstance(said, list):
        for part in said:
            vocabulary = _collect(part, lookup, terms, vocabulary, depth=depth + 1)
        return vocabulary
    if isinstance(said, str):
        if is_core_context(said):
            return vocabulary
        document = lookup(said)
        if not isinstance(document, dict):
            raise LdContextNotAvailable(f"@context {said} is not known here")
        return _collect(document.get("@context", document), lookup, terms, vocabulary, depth=depth + 1)
    if isinstance(said, dict):
        return _collect_terms(said, terms, vocabulary)
    raise BadRequestData("@context is neither an address nor a map of terms nor a list of these")


def _collect_terms(said: JsonObject, terms: dict[str, str], vocabulary: str | None) -> str | None:
    raw: dict[str, str] = {}
    for term, definition in said.items():
        if term.startswith("@"):
            continue
        iri = definition.get("@id") if isinstance(definition, dict) else definition
        if isinstance(iri, str):
            raw[term] = iri
        elif not isinstance(definition, dict | None):
            raise BadRequestData(f"@context defines {term} as neither an IRI nor a map with @id")
    known = {**terms, **raw}
    vocabulary = _vocabulary(said.get("@vocab"), known) or vocabulary
    for term, iri in raw.items():
        expanded = _resolve(iri, known)
        if expanded.startswith("@"):  # an alias of a keyword (id, type) is the core context's business
            continue
        if vocabulary and not _ABSOLUTE.match(expanded):
            expanded = vocabulary + expanded
        terms[term] = _absolute(term, expanded)
    return vocabulary


def _vocabulary(said: Json, known: Mapping[str, str]) -> str | None:
    if not isinstance(said, str) or not said:
        return None
    return _absolute("@vocab", _resolve(said, known))


def _absolute(term: str, iri: str) -> str:
    if not _ABSOLUTE.match(iri):
        raise BadRequestData(f"@context defines {term[:80]!r} as {iri[:80]!r}, which is no IRI")
    return iri


def _resolve(iri: str, known: Mapping[str, str], depth: int = 0) -> str:
    """Expands a compact IRI or a term by the same context; bounded, so that a circle ends."""
    if depth > _MAX_NESTING:
        raise BadRequestData(f"@context defines {iri[:80]!r} in a circle")
    prefix, colon, rest = iri.partition(":")
    further = known.get(prefix)
    if further is None or rest.startswith("//") or (further == iri and not colon):
        return iri
    base = _resolve(further, known, depth + 1)
    if not colon:
        return base
    return base + rest if base.endswith(_PREFIX_ENDS) else iri
