"""The Fetcher a connector is handed during one run: live over HTTP, or from recordings on their own clock."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from cityos.clock import Clock
from cityos.connector.cadence import JST
from cityos.connector.contract import Request
from cityos.connector.document import Document
from cityos.connector.error import SourceRefused, SourceUnavailable
from cityos.egress.http import Answer, Egress, FetchFailed, FetchRefused


def name_of(url: str) -> str:
    """How notices call a document: the last parts of its path.

    Of a query only a mark: addresses that differ in it are different documents, but keys may stand in it.
    """
    said = urlsplit(url)
    name = "/".join([part for part in said.path.split("/") if part][-2:]) or (said.hostname or url)
    return f"{name}?{hashlib.sha256(said.query.encode()).hexdigest()[:6]}" if said.query else name


@dataclass(frozen=True, slots=True)
class _Seen:
    """What was answered last, so that a server may say "nothing new"."""

    answer: Answer
    digest: str


class LiveFetcher:
    """Fetches over HTTP. Remembers validators per address, and reads an unchanged document from the archive."""

    def __init__(self, egress: Egress, clock: Clock, archived: Callable[[str], bytes]) -> None:
        self._egress = egress
        self._clock = clock
        self._archived = archived
        self._seen: dict[str, _Seen] = {}

    async def get(self, request: Request) -> Document:
        """The document behind the request. Raises SourceUnavailable or SourceRefused."""
        seen = self._seen.get(request.url)
        try:
            answer = await self._egress.get(request.url, {**request.headers, **_validators(seen)})
        except FetchFailed as error:
            raise SourceUnavailable(str(error)) from None
        except FetchRefused as error:
            raise SourceRefused(str(error)) from None
        content = answer.content
        if content is None:
            content = self._kept(seen)
            if content is None:
                # Asked for on the way to another document (AMeDAS' latest time), so it was never archived: ask anew.
                return await self._ask_anew(request, seen)
            answer = replace(answer, media_type=answer.media_type or (seen.answer.media_type if seen else ""))
        document = Document(
            name_of(request.url), content, self._clock.now(), request.url, answer.media_type, answer.modified_at
        )
        self._seen[request.url] = _Seen(replace(answer, content=b""), document.digest)
        return document

    def _kept(self, seen: _Seen | None) -> bytes | None:
        try:
            return None if seen is None else self._archived(seen.digest)
        except FileNotFoundError:
            return None

    async def _ask_anew(self, request: Request, seen: _Seen | None) -> Document:
        """Asks without validators. Raises SourceUnavailable where the server says 304 even then."""
        if seen is None:
            raise SourceUnavailable(f"{name_of(request.url)} answers 304 to a request that does not allow it")
        del self._seen[request.url]
        return await self.get(request)


def _validators(seen: _Seen | None) -> Mapping[str, str]:
    if seen is None:
        return {}
    said = {"If-None-Match": seen.answer.etag, "If-Modified-Since": seen.answer.last_modified}
    return {name: value for name, value in said.items() if value}


@dataclass(frozen=True, slots=True)
class Recording:
    """A file that plays an address from an instant of its own clock on.

    A file that grew as time went by names the column of its rows' time: later rows are then left out.
    """

    url: str
    at: datetime
    path: Path
    grows_by: str | None = None
    grows_format: str | None = None
    zone: ZoneInfo = JST
    lag: timedelta = timedelta()


class RecordedFetcher:
    """Plays recordings: the newest one of an address that is not later than the feed's clock."""

    def __init__(self, recordings: Sequence[Recording], clock: Clock) -> None:
        self._recordings = sorted(recordings, key=lambda recording: recording.at)
        self._clock = clock

    async def get(self, request: Request) -> Document:
        """The recorded document. Raises SourceUnavailable where none was recorded yet."""
        now = self._clock.now()
        due = [one for one in self._recordings if one.url == request.url and one.at <= now]
        if not due:
            raise SourceUnavailable(f"{name_of(request.url)} has no recording yet at this time")
        recording = due[-1]
        try:
            content = recording.path.read_bytes()
        except OSError as error:
            raise SourceUnavailable(f"The recording {recording.path} cannot be read: {error.strerror}") from None
        if recording.grows_by is not None:
            content = _until(content, recording, now - recording.lag)
        return Document(name_of(request.url), content, now, request.url)


def _until(content: bytes, recording: Recording, now: datetime) -> bytes:
    """The file as it was at `now`: the rows whose time is not later; a row without a readable time stays."""
    lines = content.decode("utf-8-sig").splitlines(keepends=True)
    column = next(csv.reader(lines[:1])).index(recording.grows_by or "")
    kept = [line for line in lines[1:] if not _is_later(line, column, recording, now)]
    return "".join([lines[0], *kept]).encode()


def _is_later(line: str, column: int, recording: Recording, now: datetime) -> bool:
    try:
        text = next(csv.reader(io.StringIO(line)))[column]
        at = datetime.strptime(text, recording.grows_format) if recording.grows_format else datetime.fromisoformat(text)  # noqa: DTZ007 - the zone is the recording's
    except (StopIteration, IndexError, ValueError):
        return False
    return (at if at.tzinfo else at.replace(tzinfo=recording.zone)) > now
