"""The city's sources: where each is served, how its server behaves and where its content comes from."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from functools import partial
from hashlib import blake2b

from . import clearing, mischief, people, snow
from .clock import JST
from .mischief import Entry, Kind, camera_path, five_minute_path
from .site import CAMERA_DAILY, CAMERA_HOURLY, FIVE_MINUTE, Site

_SENSORS_LISTED_AT = datetime(2025, 4, 1, 9, tzinfo=JST)


@dataclass(frozen=True, slots=True)
class Source:
    """One file. Its server sends an ETag, a Last-Modified, both or neither, as real servers differ."""

    path: str
    title: str
    content_type: str
    etag: bool
    last_modified: bool
    render: Callable[[datetime], bytes]
    changed_at: Callable[[datetime], datetime]


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer; header names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


def list_sources(seed: int, calm: bool) -> tuple[Source, ...]:
    """All sources of the city; a calm city has published its zones in the new format from the beginning."""
    return (*_snow_sources(seed, calm), *_counter_sources(seed), *_list_sources(seed))


def answer(seed: int, calm: bool, source: Source, instant: datetime) -> Answer:
    """What the source's server sends at ``instant``, faults included unless the city is calm."""
    entry = None if calm else mischief.find_entry(seed, source.path, instant)
    if entry and entry.kind is Kind.OUTAGE:
        return Answer(503, {"content-type": "text/html", "retry-after": "600"}, b"<h1>503 Service Unavailable</h1>\n")
    # A frozen source answers as it did the moment before; all that changed since is unknown to it.
    said_at = entry.begins - timedelta(seconds=1) if entry and entry.kind is Kind.FREEZE else instant
    turned_at = None if calm else mischief.turned_at(seed, source.path, said_at)
    body = source.render(said_at)
    return _told(source, mischief.spoil(entry.kind, body) if entry else body, source.changed_at(said_at), turned_at, entry)


def is_unchanged(given: Answer, if_none_match: str | None, if_modified_since: str | None) -> bool:
    """Whether a conditional request is answered with 304; as the standard has it, the tag goes before the date."""
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


def _told(
    source: Source, body: bytes, changed_at: datetime, turned_at: datetime | None, entry: Entry | None
) -> Answer:
    page = entry is not None and entry.kind is Kind.HTML_PAGE
    headers = {"content-type": "text/html; charset=utf-8" if page else source.content_type}
    if source.etag and not page:
        headers["etag"] = f'"{blake2b(body, digest_size=8).hexdigest()}"'
    if source.last_modified and not page:
        headers["last-modified"] = http_date(max(changed_at, turned_at or changed_at))
    return Answer(200, headers, body)


def http_date(instant: datetime) -> str:
    """The instant as HTTP headers write it."""
    return format_datetime(datetime.fromtimestamp(int(instant.timestamp()), tz=_GMT), usegmt=True)
