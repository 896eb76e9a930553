"""Single fields: times, days, whole numbers, positions, languages. What is unmistakable is read, with a notice."""

from __future__ import annotations

import math
import re
from datetime import date, datetime
from zoneinfo import ZoneInfo

from cityos.connector import Notice, Severity
from cityos.connector.reading import fold_width, read_int, read_number
from connectors.gtfs_jp.finding import Findings
from connectors.gtfs_jp.sheet import Sheet

_TIME = re.compile(r"([0-9]{1,2}):([0-5][0-9]):([0-5][0-9])\Z")
_DAY = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})\Z")
_DAY_WITH_MARKS = re.compile(r"([0-9]{4})([-/])([0-9]{1,2})\2([0-9]{1,2})\Z")
_YEARS = range(1990, 2200)
_COLOR = re.compile(r"#?([0-9A-Fa-f]{6})\Z")
_TAG = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*\Z")
# Seen in real feeds (Toyama-Yamada) or a slip away from it.
_KANA_TYPOS = frozenset({"harkt", "hrtk", "hkrt", "hrk", "hrkr"})
KANA = "ja-Hrkt"
_NULL_ISLAND_DEGREES = 0.1


class Times:
    """Clock times as seconds. A feed repeats few of them often, so each is read once."""

    def __init__(self, sheet: Sheet) -> None:
        self.known: dict[str, int] = {}
        self._sheet = sheet

    def read(self, text: str, number: int) -> int | None:
        """Seconds since the start of the service day; None where it is no time from 0:00:00 to 99:59:59."""
        folded = fold_width(text)
        found = _TIME.match(folded)
        if found is None:
            return None
        if not text.isascii():
            detail = f"{text.strip()!r} is written in full-width digits; it is read as {folded}"
            self._sheet.findings.add(
                Notice("full_width_digits", Severity.WARNING, self._sheet.where(number), detail, self._sheet.file)
            )
            return _seconds(found)
        self.known[text] = _seconds(found)
        return self.known[text]


def _seconds(found: re.Match[str]) -> int:
    return int(found[1]) * 3600 + int(found[2]) * 60 + int(found[3])


def read_day(text: str, where: str, findings: Findings) -> date | None:
    """`20190401`; `2019/04/01` and `2019-04-01` with a notice. None for anything else, with a notice unless empty."""
    folded = fold_width(text)
    found = _DAY.match(folded)
    marked = None if found else _DAY_WITH_MARKS.match(folded)
    parts = (found[1], found[2], found[3]) if found else (marked[1], marked[3], marked[4]) if marked else None
    day = None if parts is None else _valid(*map(int, parts))
    if day is None and text:
        detail = f"{text!r} is no day such as 20260401"
        findings.add(Notice("date_unreadable", Severity.ERROR, where, detail))
    elif day is not None and (marked or not text.isascii()):
        detail = f"{text!r} is not written as {day:%Y%m%d}; it is read so"
        findings.add(Notice("date_form", Severity.WARNING, where, detail, where.split(":")[0]))
    return day


def _valid(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day) if year in _YEARS else None
    except ValueError:
        return None


def read_code(text: str, allowed: range, sheet: Sheet, number: int, column: str) -> int | None:
    """A whole number of a range; None where it is empty or, with a notice, anything else."""
    if not text:
        return None
    found = read_int(text)
    if found is not None and found in allowed:
        return found
    detail = f"{column} is {text[:40]!r}, not one of {allowed.start} to {allowed.stop - 1}; it is taken as unsaid"
    sheet.findings.add(
        Notice("value_unreadable", Severity.WARNING, sheet.where(number), detail, f"{sheet.file} {column}")
    )
    return None


def read_color(text: str) -> str:
    """Six hex digits, empty for anything else."""
    found = _COLOR.match(text)
    return found[1].upper() if found else ""


def read_position(lat: str, lon: str) -> tuple[float, float] | str:
    """Longitude and latitude, or why they are none."""
    north, east = read_number(lat), read_number(lon)
    if north is None or east is None:
        return "is missing" if not (lat or lon) else f"({lat[:20]!r}, {lon[:20]!r}) is no pair of numbers"
    if abs(north) > 90 and abs(east) <= 90:
        return f"({north:g}, {east:g}) has latitude and longitude swapped"
    if abs(north) > 90 or abs(east) > 180:
        return f"({north:g}, {east:g}) is not on the globe"
    if math.hypot(north, east) < _NULL_ISLAND_DEGREES:
        return f"({north:g}, {east:g}) is where nothing is"
    return east, north


def read_language(tag: str) -> str | None:
    """A BCP 47 tag in its usual case (`ja-Hrkt`, `zh-Hans-CN`), typos of the kana tag mended; None where it is none."""
    if not _TAG.match(tag):
        return None
    first, *rest = tag.replace("_", "-").split("-")
    if first.lower() == "ja" and rest and rest[0].lower() in _KANA_TYPOS:
        return KANA
    return "-".join([first.lower(), *map(_cased, rest)])


def _cased(part: str) -> str:
    return part.title() if len(part) == 4 else part.upper() if len(part) == 2 else part.lower()


def is_zone(name: str) -> bool:
    """Whether the time zone database knows a zone of this name."""
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # not there; not a name; a folder of the database
        return False
    return bool(name)


def day_of(instant: datetime, zone: str) -> date:
    """The local day of an instant."""
    return instant.astimezone(ZoneInfo(zone)).date()
