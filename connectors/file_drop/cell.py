"""What one cell says: text, a number, a date; whichever of CSV, Excel or JSON it stands in."""

from __future__ import annotations

import math
import re
from datetime import date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from cityos.connector.reading import (
    fold_width,
    is_readable,
    read_int,
    read_japanese_date,
    read_japanese_time,
    read_number,
    read_time,
    to_instant,
)
from cityos.ngsi.expansion import NULL
from cityos.ngsi.instant import EPOCH, format_instant
from cityos.ngsi.value import Json

Kind = Literal["text", "number", "integer", "date", "datetime"]
Cell = Json | date | time | timedelta

# What a spreadsheet shows in the place of a value that it cannot compute.
_FAULTS = frozenset({"#N/A", "#REF!", "#DIV/0!", "#VALUE!", "#NAME?", "#NUM!", "#NULL!", "#SPILL!", "#CALC!"})
_LARGEST = 10**18
_JAPANESE = re.compile(
    r"(?:(?:昭和|平成|令和|[SHR])\s*(?:元|\d{1,2})|\d{4})\s*年\s*\d{1,2}\s*月\s*\d{1,2}\s*日"
    r"(?P<clock>[\s(月火水木金土日祝)]*(?:午前|午後)?\s*\d{1,2}\s*(?::\s*\d{1,2}|時(?:\s*\d{1,2}\s*分)?))?\s*(?:現在)?",
    re.ASCII,
)
_ERA_IN_SHORT = re.compile(r"([SHR])(元|\d{1,2})[./-](\d{1,2})[./-](\d{1,2})", re.ASCII)
_DOTTED = re.compile(r"(\d{4})\.(\d{1,2})\.(\d{1,2})", re.ASCII)
_COMPACT = re.compile(r"((?:19|20)\d\d)(\d\d)(\d\d)", re.ASCII)


def words_of(cell: Cell) -> str:
    """A cell as somebody would type it; empty where it holds none or a structure."""
    match cell:
        case str():
            return cell.strip()
        case bool():
            return "true" if cell else "false"
        case float():
            return str(int(cell)) if cell.is_integer() and abs(cell) < _LARGEST else repr(cell)
        case int():
            return str(cell)
        case datetime() if cell.time() == time():
            return cell.date().isoformat()
        case datetime():
            return _to_seconds(cell).isoformat(" ")
        case date():
            return cell.isoformat()
        case time():
            return cell.isoformat("seconds" if cell.second else "minutes")
        case timedelta():
            minutes = round(cell.total_seconds() / 60)
            return f"{minutes // 60:02}:{minutes % 60:02}"
    return ""


def read_words(cell: Cell) -> str | None:
    """The text of a cell, None where it is a structure, a spreadsheet's fault or not readable."""
    words = words_of(cell)
    is_fault = not words or words in _FAULTS or words == NULL
    return None if is_fault or not is_readable(words) else words


def read_cell(cell: Cell, kind: Kind, zone: ZoneInfo) -> Json:
    """The value of a cell that says something, None where it is not of this kind."""
    match kind:
        case "text":
            return read_words(cell)
        case "number":
            return _number(cell)
        case "integer":
            return _integer(cell)
    moment = read_moment(cell, zone)
    if moment is None:
        return None
    return moment.astimezone(zone).date().isoformat() if kind == "date" else format_instant(moment)


def read_moment(cell: Cell, zone: ZoneInfo) -> datetime | None:
    """The instant of a date or date-time in the spellings of Japanese tables; a date is its 0:00.

    A date without year is None: only a guess could complete it.
    """
    if not isinstance(cell, str | date | int):
        return None
    words = _respelled(fold_width(words_of(cell)))
    return read_time(words, zone) or _japanese_moment(words, zone)


def _japanese_moment(words: str, zone: ZoneInfo) -> datetime | None:
    found = _JAPANESE.fullmatch(words)
    if found is None:
        return None
    # The text names its year, so nothing depends on what it is near to.
    if found["clock"]:
        return read_japanese_time(words, EPOCH, zone)
    on = read_japanese_date(words, EPOCH.date())
    return None if on is None else to_instant(datetime.combine(on, time()), zone)


def _respelled(words: str) -> str:
    """`R8.4.1`, `2026.4.1` and `20260401` in spellings that the readers know."""
    if short := _ERA_IN_SHORT.fullmatch(words):
        return f"{short[1]}{short[2]}年{short[3]}月{short[4]}日"
    if parts := _DOTTED.fullmatch(words) or _COMPACT.fullmatch(words):
        return "-".join(parts.groups())
    return words


def _to_seconds(at: datetime) -> datetime:
    """Excel counts days in floats: 8:00 may come as 7:59:59.999997."""
    whole = at.replace(microsecond=0)
    return whole + timedelta(seconds=1) if at.microsecond >= 500_000 and at.year < 9999 else whole


def _number(cell: Cell) -> float | None:
    if isinstance(cell, bool):
        return None
    if isinstance(cell, int | float):
        return float(cell) if abs(cell) < _LARGEST and math.isfinite(cell) else None
    return read_number(cell) if isinstance(cell, str) else None


def _integer(cell: Cell) -> int | None:
    if isinstance(cell, str):
        return read_int(cell)
    number = _number(cell)
    if number is None or not number.is_integer():
        return None
    return cell if isinstance(cell, int) else int(number)  # not by way of a float, which rounds beyond 2**53
