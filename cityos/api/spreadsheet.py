"""Tables as spreadsheets in Japan read them: CSV in UTF-8 with BOM, Japan's time, no text taken for a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone

import orjson

from cityos.ngsi.instant import format_instant
from cityos.ngsi.representation import View, represent_instance
from cityos.ngsi.value import Json, JsonObject

CSV = "text/csv"
BOM = "\ufeff"
_JST = timezone(timedelta(hours=9), "JST")
# Spreadsheets take a text that begins so for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")

Cell = str | int | float


def lines_of(rows: Sequence[Sequence[Cell]], before: str = "") -> bytes:
    """Rows as lines of the file; `before` the first of them stands the BOM."""
    text = io.StringIO()
    text.write(before)
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


def cell_of(instance: JsonObject, view: View) -> Cell:
    """What a cell shows of an attribute instance in canonical JSON; `view` is a simplified one."""
    value: Json = instance["value"] if instance["type"] == "Property" else represent_instance(instance, view)
    if instance["type"] != "Property" and isinstance(value, dict) and len(value) == 1:
        (value,) = value.values()  # the member that simplified values of some kinds keep
    if isinstance(value, str):
        return text_cell(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    return orjson.dumps(value).decode()


def text_cell(text: str) -> str:
    """A text that stays a text."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def is_point(instance: JsonObject) -> bool:
    """Whether an instance gets columns for latitude and longitude."""
    value = instance.get("value")
    return instance["type"] == "GeoProperty" and isinstance(value, dict) and value.get("type") == "Point"


def local_time(instant: datetime) -> str:
    """Japan's time as spreadsheets read it; the last hours of the year 9999 have none, and stay in UTC."""
    try:
        return instant.astimezone(_JST).replace(tzinfo=None).isoformat(" ")
    except OverflowError:
        return format_instant(instant)
