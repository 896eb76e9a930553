"""What goes wrong with the sources, and when: a timetable per city day, from the seed.

A city day runs from 05:00 to 05:00 JST, when nobody is about. Every kind comes once a day, except the change of
format, which comes once for good.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from functools import lru_cache

from .address import HOURLY_CSV, ZONES_CSV, ZONES_GEOJSON, camera_path, five_minute_path
from .chance import pick, spread
from .clock import HOUR, JST, jst
from .site import CAMERA_DAILY, FIVE_MINUTE

DAY_BEGINS = 5
# The publication with which the zone list is printed in the new format (v2) for good.
FORMAT_CHANGED_AT = datetime(2026, 1, 15, 17, tzinfo=JST)

UNKNOWN_STATUS = "排雪待機中（雪捨て場の空きを待つもの）"
_RENAMED = {b"SensorID": b"sensor_id", b"PedestrianCount": b"Total_of_Directions"}
_WIDE_DIGITS = str.maketrans("0123456789", "０１２３４５６７８９")
# Windows start up to this much later than their hour, so that nobody tests against a round time.
_JITTER_MINUTES = 25
MAINTENANCE_PAGE = """<!DOCTYPE html>
<html lang="ja"><head><meta charset="utf-8"><title>メンテナンス中</title></head>
<body><h1>ただいまメンテナンス中です</h1><p>しばらくしてからもう一度アクセスしてください。</p></body></html>
""".encode()


class Kind(StrEnum):
    """What goes wrong."""

    FREEZE = "freeze"
    FORMAT_CHANGE = "format_change"
    HEADER_RENAMED = "header_renamed"
    HTML_PAGE = "html_page"
    OUTAGE = "outage"
    TRUNCATED = "truncated"
    CP932 = "cp932"
    FULL_WIDTH_DIGITS = "full_width_digits"
    UNKNOWN_STATUS = "unknown_status"


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that goes wrong on one path, from ``begins`` until just before ``ends`` (None: for good)."""

    kind: Kind
    path: str
    begins: datetime
    ends: datetime | None
    detail: str

    def holds(self, instant: datetime) -> bool:
        """Whether it is going wrong at ``instant``."""
        return self.begins <= instant and (self.ends is None or instant < self.ends)


def city_day(instant: datetime) -> date:
    """The city day that holds ``instant``."""
    return (instant.astimezone(JST) - DAY_BEGINS * HOUR).date()


@lru_cache(maxsize=64)
def timetable(seed: int, day: date) -> tuple[Entry, ...]:
    """Everything that goes wrong in one city day, by its beginning. On one path no two windows meet."""
    first = pick(seed, len(FIVE_MINUTE), "first", day)
    frozen, paged, widened = (
        five_minute_path(FIVE_MINUTE[(first + n) % len(FIVE_MINUTE)].slug) for n in range(len(FIVE_MINUTE))
    )
    camera = camera_path(CAMERA_DAILY[pick(seed, len(CAMERA_DAILY), "camera", day)].slug)
    entries = [
        _entry(seed, day, Kind.TRUNCATED, ZONES_GEOJSON, 7, 1.5, "the file breaks off half-way"),
        _entry(seed, day, Kind.HTML_PAGE, paged, 9, 1, "a maintenance page with status 200"),
        _entry(seed, day, Kind.CP932, ZONES_CSV, 10, 3, "the file comes in CP932 instead of UTF-8"),
        _entry(seed, day, Kind.TRUNCATED, camera, 11, 1.5, "the file breaks off inside a row"),
        _entry(seed, day, Kind.OUTAGE, ZONES_GEOJSON, 12, 1, "status 503"),
        _entry(seed, day, Kind.FREEZE, frozen, 13, 4, "status 200 with the content of the beginning"),
        _entry(seed, day, Kind.HEADER_RENAMED, HOURLY_CSV, 15, 3, "SensorID, PedestrianCount are renamed"),
        _entry(seed, day, Kind.FULL_WIDTH_DIGITS, widened, 18, 2, "one count is in full-width digits"),
        _entry(seed, day, Kind.UNKNOWN_STATUS, ZONES_CSV, 20, 3, UNKNOWN_STATUS),
        _entry(seed, day, Kind.UNKNOWN_STATUS, ZONES_GEOJSON, 20, 3, UNKNOWN_STATUS),
    ]
    if city_day(FORMAT_CHANGED_AT) == day:
        entries.append(Entry(Kind.FORMAT_CHANGE, ZONES_CSV, FORMAT_CHANGED_AT, None, "from v1 to v2"))
    return tuple(sorted(entries, key=lambda entry: (entry.begins, entry.path)))


def find_entry(seed: int, path: str, instant: datetime) -> Entry | None:
    """What goes wrong on ``path`` at ``instant``; the change of format is no fault and is left out."""
    entries = timetable(seed, city_day(instant))
    return next((e for e in entries if e.path == path and e.ends is not None and e.holds(instant)), None)


def turned_at(seed: int, path: str, instant: datetime) -> datetime | None:
    """When something last began or ended going wrong on ``path`` in this city day, if anything did."""
    entries = timetable(seed, city_day(instant))
    turns = [turn for e in entries if e.path == path for turn in (e.begins, e.ends) if turn and turn <= instant]
    return max(turns, default=None)


def spoil(entry: Entry, body: bytes) -> bytes:
    """The content as it is delivered while ``entry``, of a kind that spoils content, holds."""
    if entry.kind is Kind.FULL_WIDTH_DIGITS:
        return _widen_count(body, f"{entry.begins:%Y-%m-%dT%H:%M:%S}")
    return _SPOILT[entry.kind](body)


def _entry(seed: int, day: date, kind: Kind, path: str, hour: int, length_h: float, detail: str) -> Entry:
    # Drawn by kind and hour, not by path: the same trouble on two files of one publisher begins at one instant.
    late = timedelta(minutes=int(spread(seed, 0, _JITTER_MINUTES, "late", day, kind, hour)))
    begins = jst(day, hour) + late
    return Entry(kind, path, begins, begins + length_h * HOUR, detail)


def _truncate(body: bytes) -> bytes:
    """Breaks off inside the line in the middle of the file; a file of one line loses its second half."""
    middle = len(body) // 2
    end = body.find(b"\n", middle)
    return body[: (body.rfind(b"\n", 0, middle) + 1 + (end if end >= 0 else len(body))) // 2]


def _rename_header(body: bytes) -> bytes:
    header, rows = body.split(b"\n", 1)
    for old, new in _RENAMED.items():
        header = header.replace(old, new)
    return header + b"\n" + rows


def _widen_count(body: bytes, until: str) -> bytes:
    """Widens the count of the last row dated up to ``until``: one new row, which then stays as the file grows."""
    header, *rows = body.decode().split("\n")
    at = max(number for number, row in enumerate(rows) if row and row.split(",")[0] <= until)
    dated, count = rows[at].rsplit(",", 1)
    rows[at] = f"{dated},{count.translate(_WIDE_DIGITS)}"
    return "\n".join([header, *rows]).encode()


def _invent_status(body: bytes) -> bytes:
    """Gives the zone in the middle of the list a status word that no reader has seen."""
    if body.startswith(b"{"):
        collection = json.loads(body)
        features = collection["features"]
        features[len(features) // 2]["properties"]["ステータス"] = UNKNOWN_STATUS
        return json.dumps(collection, ensure_ascii=False, separators=(",", ":")).encode()
    lines = body.decode().splitlines()
    at = 1 + (len(lines) - 1) // 2
    fields = lines[at].split(",")
    lines[at] = ",".join([*fields[:2], UNKNOWN_STATUS, *fields[3:]])
    return "\n".join([*lines, ""]).encode()


_SPOILT: dict[Kind, Callable[[bytes], bytes]] = {
    Kind.HEADER_RENAMED: _rename_header,
    Kind.TRUNCATED: _truncate,
    Kind.CP932: lambda body: body.decode().encode("cp932"),
    Kind.UNKNOWN_STATUS: _invent_status,
}
