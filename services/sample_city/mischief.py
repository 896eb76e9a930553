"""What goes wrong with the sources, and when: a timetable per city day, from the seed.

A city day runs from 05:00 to 05:00 JST, when nobody is about. Every kind comes every day, except the change of format,
which comes once for good.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from functools import lru_cache

from .address import (
    ALERTS_PB,
    HOURLY_CSV,
    TRIP_UPDATES_PB,
    VEHICLE_POSITIONS_PB,
    ZONES_CSV,
    ZONES_GEOJSON,
    camera_path,
    five_minute_path,
)
from .chance import pick, spread
from .clock import HOUR, JST, jst
from .site import CAMERA_DAILY, FIVE_MINUTE

DAY_BEGINS = 5
# The publication with which the zone list is printed in the new format (v2) for good.
FORMAT_CHANGED_AT = datetime(2026, 1, 15, 17, tzinfo=JST)

UNKNOWN_STATUS = "排雪待機中（雪捨て場の空きを待つもの）"
# Windows start up to this much later than their hour, so that nobody tests against a round time.
_JITTER_MINUTES = 25


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
    NULL_ISLAND = "null_island"
    UNKNOWN_TRIP = "unknown_trip"
    ZERO_BYTES = "zero_bytes"


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
        _entry(seed, day, Kind.FREEZE, VEHICLE_POSITIONS_PB, 8, 1, "status 200 with the message of the beginning"),
        _entry(seed, day, Kind.UNKNOWN_TRIP, TRIP_UPDATES_PB, 10, 1, "one trip_id is in no timetable"),
        _entry(seed, day, Kind.NULL_ISLAND, VEHICLE_POSITIONS_PB, 11, 1, "one vehicle is at 0, 0"),
        _entry(seed, day, Kind.ZERO_BYTES, TRIP_UPDATES_PB, 14, 0.5, "status 200 with an empty body"),
        _entry(seed, day, Kind.HTML_PAGE, ALERTS_PB, 16, 0.5, "a maintenance page with status 200"),
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


def _entry(seed: int, day: date, kind: Kind, path: str, hour: int, length_h: float, detail: str) -> Entry:
    # Drawn by kind and hour, not by path: the same trouble on two files of one publisher begins at one instant.
    late = timedelta(minutes=int(spread(seed, 0, _JITTER_MINUTES, "late", day, kind, hour)))
    begins = jst(day, hour) + late
    return Entry(kind, path, begins, begins + length_h * HOUR, detail)
