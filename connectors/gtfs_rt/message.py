"""From bytes to a GTFS Realtime message, or to a word about what else it is."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from google.protobuf.message import DecodeError
from google.transit import gtfs_realtime_pb2

from cityos.connector import Document, Notice, Severity, SourceChanged
from cityos.connector.reading import as_text, read_text

# Seconds since 1970 of the years in which a city bus may run; milliseconds, a frequent slip, lie far beyond.
_SECONDS = range(946_684_800, 4_102_444_800)
_LONGEST_QUOTE = 80
_SINGLE = struct.Struct("f")


@dataclass(frozen=True, slots=True)
class Message:
    """A feed message. `made_at` is the header's clock, None where it names none; a difference is not full."""

    name: str
    entities: tuple[Any, ...]
    made_at: datetime | None
    is_full: bool
    notices: tuple[Notice, ...]


def read_message(document: Document) -> Message:
    """The message of a document. Raises SourceChanged where it is cut, has no header, or is something else."""
    feed = gtfs_realtime_pb2.FeedMessage()
    try:
        feed.ParseFromString(document.content)
        is_message = feed.IsInitialized()
    except (DecodeError, UnicodeDecodeError):
        is_message = False
    if not is_message:
        raise SourceChanged(_what_else(document))
    made_at = read_seconds(feed.header.timestamp)
    is_full = feed.header.incrementality == gtfs_realtime_pb2.FeedHeader.FULL_DATASET
    remarks = tuple(_remarks(document, feed, made_at, is_full))
    return Message(document.name, tuple(feed.entity), made_at, is_full, remarks)


def read_seconds(seconds: int) -> datetime | None:
    """The instant of seconds since 1970; None for 0 (not said) and for what no clock of a bus shows."""
    return datetime.fromtimestamp(seconds, UTC) if seconds in _SECONDS else None


def read_day(text: object) -> date | None:
    """A service day such as `20190603`."""
    digits = read_name(text)
    try:
        return date(int(digits[:4]), int(digits[4:6]), int(digits[6:])) if len(digits) == 8 else None
    except ValueError:
        return None


def read_name(value: object) -> str:
    """Text without space at the ends; "" where there is none or it is not readable (protobuf gives bytes then)."""
    return as_text(value) if isinstance(value, str) else ""


def read_float(value: float) -> float:
    """The shortest decimal that a 32-bit float stands for: the source said 140.7468, not 140.74679565."""
    return next((short for digits in (7, 8) if _single(short := float(f"{value:.{digits}g}")) == value), value)


def _single(value: float) -> float:
    single: float = _SINGLE.unpack(_SINGLE.pack(value))[0]
    return single


def _remarks(document: Document, feed: Any, made_at: datetime | None, is_full: bool) -> list[Notice]:
    version = read_name(feed.header.gtfs_realtime_version)
    found: list[Notice] = []
    if made_at is None:
        detail = f"Header has timestamp {feed.header.timestamp}, which is no time; what has none of its own has no age"
        found.append(Notice("header_time_missing", Severity.ERROR, document.name, detail, subject="header"))
    if not is_full:
        detail = "Message is a difference, not the full data; what it no longer names is not ended"
        found.append(Notice("differential_message", Severity.WARNING, document.name, detail))
    if not version.startswith(("1.", "2.")):
        detail = f"Message is of GTFS Realtime version {version!r}; it is read as 2.0"
        found.append(Notice("version_unknown", Severity.WARNING, document.name, detail))
    return found


def _what_else(document: Document) -> str:
    """How it begins, if it is text; raises by itself what `read_text` knows to tell: it is empty, it is a web page."""
    told = f"Document {document.name} is no whole GTFS Realtime message ({len(document.content)} bytes)"
    if b"\x00" not in document.content:
        text = read_text(document).content.strip()
        if text.isprintable() or text[:1] in ("{", "["):
            return f"{told}; it begins with {text[:_LONGEST_QUOTE]!r}"
    return f"{told}: it is cut, or its header is missing"
