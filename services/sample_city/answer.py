"""What a source's server answers at an instant of the city: status, headers and bytes, faults included."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from hashlib import blake2b

from . import mischief
from .mischief import Entry, Kind
from .source import Source
from .spoil import MAINTENANCE_PAGE, spoil

_ABSENT = b"<html><body><h1>404 Not Found</h1></body></html>\n"
_BUSY = b"<html><body><h1>503 Service Unavailable</h1></body></html>\n"


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer; header names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


def answer_calmly(source: Source, instant: datetime) -> Answer:
    """The answer of a server that nothing goes wrong with."""
    return _told(source, source.render(instant), source.changed_at(instant))


def answer(seed: int, source: Source, instant: datetime) -> Answer:
    """The answer with what the timetable of ``seed`` does to it."""
    entry = mischief.find_entry(seed, source.path, instant)
    if entry is None:
        return _delivered(seed, source, instant, None)
    if entry.kind is Kind.OUTAGE:
        return Answer(503, {"content-type": "text/html", "retry-after": "600"}, _BUSY)
    if entry.kind is Kind.HTML_PAGE:
        return Answer(200, {"content-type": "text/html; charset=utf-8"}, MAINTENANCE_PAGE)
    if entry.kind is Kind.FREEZE:
        # A frozen source answers as in the moment before; what changed since, the freeze included, it does not know.
        return _delivered(seed, source, entry.begins - timedelta(seconds=1), None)
    return _delivered(seed, source, instant, entry)


def answer_absent() -> Answer:
    """The answer for a file that is not there, or not yet."""
    return Answer(404, {"content-type": "text/html"}, _ABSENT)


def is_unchanged(given: Answer, if_none_match: str | None, if_modified_since: str | None) -> bool:
    """Whether a conditional request gets 304; by the standard a tag goes before a date."""
    etag, modified = given.headers.get("etag"), given.headers.get("last-modified")
    if given.status != 200:
        return False
    if if_none_match is not None:
        tags = [tag.strip().removeprefix("W/") for tag in if_none_match.split(",")]
        return etag is not None and ("*" in tags or etag in tags)
    if if_modified_since is None or modified is None:
        return False
    try:
        return parsedate_to_datetime(modified) <= parsedate_to_datetime(if_modified_since)
    except (TypeError, ValueError):
        return False  # an unreadable date is as good as none


def http_date(instant: datetime) -> str:
    """The instant as HTTP headers write it, in whole seconds."""
    return format_datetime(instant.astimezone(UTC), usegmt=True)


def _delivered(seed: int, source: Source, instant: datetime, entry: Entry | None) -> Answer:
    body = source.render(instant)
    changed_at = source.changed_at(instant)
    # A file that is spoilt or repaired is a new file to its server, whatever it is about.
    turned_at = mischief.turned_at(seed, source.path, instant) or changed_at
    return _told(source, spoil(entry, body) if entry else body, max(changed_at, turned_at))


def _told(source: Source, body: bytes, modified_at: datetime) -> Answer:
    headers = {"content-type": source.content_type}
    if source.etag:
        headers["etag"] = f'"{blake2b(body, digest_size=8).hexdigest()}"'
    if source.last_modified:
        headers["last-modified"] = http_date(modified_at)
    return Answer(200, headers, body)
