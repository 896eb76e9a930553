"""What stands in for the world outside: a clock that is set by hand, a source that answers what it is told to."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from cityos.connector.contract import Request
from cityos.connector.document import Document
from cityos.connector.error import SourceError, SourceUnavailable

START = datetime(2026, 1, 15, 8, 0, tzinfo=UTC)
"""A winter morning; every fake clock begins here."""


@dataclass
class FakeClock:
    """A clock that stands still until it is moved. Pass `clock.now` where time is asked for."""

    at: datetime = START

    def now(self) -> datetime:
        """The time it was set to."""
        return self.at

    def forward(self, **span: float) -> datetime:
        """Moves it, as `forward(minutes=5)`."""
        self.at += timedelta(**span)
        return self.at


def document(name: str, content: bytes | str, fetched_at: datetime = START) -> Document:
    """A document as fetched."""
    return Document(name, content.encode() if isinstance(content, str) else content, fetched_at)


def digest_of(content: bytes) -> str:
    """What a document of this content has as its digest."""
    return hashlib.sha256(content).hexdigest()


@dataclass
class FakeFetcher:
    """Gives each address what was put there; an error is raised; an address without an answer is not reachable."""

    now: Callable[[], datetime] = lambda: START
    answers: dict[str, bytes | SourceError] = field(default_factory=dict)
    asked: list[Request] = field(default_factory=list)

    def put(self, url: str, answer: bytes | str | SourceError) -> None:
        """What the address answers from now on."""
        self.answers[url] = answer.encode() if isinstance(answer, str) else answer

    async def get(self, request: Request) -> Document:
        """The document behind the request."""
        self.asked.append(request)
        answer = self.answers.get(request.url, SourceUnavailable(f"{request.url} cannot be reached"))
        if isinstance(answer, SourceError):
            raise answer
        return Document(request.url.rpartition("/")[2], answer, self.now(), request.url)


def urls(requests: Sequence[Request]) -> list[str]:
    """The addresses asked for, in order."""
    return [request.url for request in requests]
