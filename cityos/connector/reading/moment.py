"""Dates and times as sources write them: without zone, without year, in eras (令和8年)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from cityos.connector.cadence import JST
from cityos.connector.reading.text import fold_width

# No source of a city speaks of other years; within them no sum of a date and a few days overflows.
_YEARS = range(1900, 2200)
_ERAS = {"昭和": 1925, "S": 1925, "平成": 1988, "H": 1988, "令和": 2018, "R": 2018}
_HALF_A_YEAR = timedelta(days=183)

_LOCAL = re.compile(
    r"(\d{4})[-/](\d{1,2})[-/](\d{1,2})(?:[T ]+(\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?)?(Z|[+-]\d{2}:?\d{2})?\Z",
    re.ASCII,
)
_JAPANESE = re.compile(
    r"(?:(?:(昭和|平成|令和|[SHR])\s*(元|\d{1,2})|(\d{4}))\s*年\s*)?(\d{1,2})\s*月\s*(\d{1,2})\s*日"
    r"(?:[\s(月火水木金土日祝)]*(午前|午後)?\s*(\d{1,2})\s*(?::|時)\s*(?:(\d{1,2})\s*分?)?)?",
    re.ASCII,
)


def read_local_time(text: str) -> datetime | None:
    """A date-time that names no zone, such as `2026-02-14 01:35:19` or `2026/2/14 1:35`; naive. A date is 0:00."""
    found = _LOCAL.match(fold_width(text))
    return None if found is None or found[7] else _wall_clock(found)


def read_time(text: str, zone: ZoneInfo = JST) -> datetime | None:
    """The instant of a date-time: by the zone it names, else by `zone`."""
    found = _LOCAL.match(fold_width(text))
    local = None if found is None else _wall_clock(found)
    if found is None or local is None:
        return None
    return to_instant(local, zone) if not found[7] else _with_offset(local, found[7])


def to_instant(local: datetime, zone: ZoneInfo = JST, fold: int = 0) -> datetime | None:
    """The instant of a wall-clock time; None for one the clocks skip. `fold=1` means the second of a repeated hour."""
    instant = local.replace(tzinfo=zone, fold=fold).astimezone(UTC)
    return instant if instant.astimezone(zone).replace(tzinfo=None, fold=0) == local.replace(fold=0) else None


def read_japanese_date(text: str, near: date, ahead: timedelta = _HALF_A_YEAR) -> date | None:
    """The first date in a text such as `2月16日 作業予定` or `令和8年2月16日`.

    A date without year is the latest that lies at most `ahead` after `near`; with half a year that is the nearest.
    """
    found = _JAPANESE.search(fold_width(text))
    return None if found is None else _date(found, near, ahead)


def read_japanese_time(
    text: str, near: datetime, zone: ZoneInfo = JST, ahead: timedelta = _HALF_A_YEAR
) -> datetime | None:
    """The instant in a text such as `2月13日 19:00 現在`; hours to 29 belong to the date's night."""
    found = _JAPANESE.search(fold_width(text))
    on = None if found is None else _date(found, near.astimezone(zone).date(), ahead)
    if found is None or on is None or found[7] is None:
        return None
    hour, minute = int(found[7]) + 12 * (found[6] == "午後"), int(found[8] or 0)
    if hour > 29 or minute > 59:
        return None
    return to_instant(datetime.combine(on, time()) + timedelta(hours=hour, minutes=minute), zone)


def _wall_clock(found: re.Match[str]) -> datetime | None:
    year, month, day, hour, minute, second = (int(part or 0) for part in found.groups()[:6])
    on = _valid(year, month, day)
    if on is None or hour > 24 or minute > 59 or second > 59:
        return None
    return datetime.combine(on, time()) + timedelta(hours=hour, minutes=minute, seconds=second)


def _with_offset(local: datetime, offset: str) -> datetime | None:
    if offset == "Z":
        return local.replace(tzinfo=UTC)
    hours, minutes = int(offset[1:3]), int(offset[-2:])
    shift = timedelta(hours=hours, minutes=minutes) * (-1 if offset[0] == "-" else 1)
    return local.replace(tzinfo=UTC) - shift


def _date(found: re.Match[str], near: date, ahead: timedelta) -> date | None:
    month, day = int(found[4]), int(found[5])
    if found[3] is not None:
        return _valid(int(found[3]), month, day)
    if found[1] is not None:
        return _valid(_ERAS[found[1]] + (1 if found[2] == "元" else int(found[2])), month, day)
    years = (_valid(near.year + step, month, day) for step in (1, 0, -1))
    return _first(on for on in years if on is not None and on - near <= ahead)


def _valid(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day) if year in _YEARS else None
    except ValueError:
        return None


def _first(dates: Iterable[date]) -> date | None:
    return next(iter(dates), None)
