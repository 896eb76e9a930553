"""Tables as spreadsheets in Japan read them: CSV in UTF-8 with BOM, Japan's time, no text taken for a formula."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta, timezone
from typing import cast

import orjson

from cityos.ngsi.instant import format_instant, parse_instant
from cityos.ngsi.representation import View, represent_instance
from cityos.ngsi.value import Json, JsonObject
from cityos.vocabulary.heading import LATITUDE, LONGITUDE, heading_of

CSV = "text/csv"
BOM = "\ufeff"
_JST = timezone(timedelta(hours=9), "JST")
# Spreadsheets take a text that begins so for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")

# A text that is an instant is told in Japan's time, as the other instants of a table are.
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:Z|[+-]\d\d:\d\d)\Z")

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
        return local_time(parse_instant(value)) if _INSTANT.match(value) else text_cell(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    return orjson.dumps(value).decode()


def particulars_of(instance: JsonObject) -> list[str]:
    """The sub-attributes that get columns of their own: what is said of a value, such as its quality or its period."""
    return [name for name, told in instance.items() if ":" in name and len(cast(list[JsonObject], told)) == 1]


def particular_cells(instance: JsonObject | None, names: Sequence[str], view: View) -> list[Cell]:
    """The cells of sub-attributes; empty where the instance has none."""
    told = (None if instance is None else instance.get(name) for name in names)
    return ["" if one is None else cell_of(cast(list[JsonObject], one)[0], view) for one in told]


def headings_of(attribute: str, dataset: str, particulars: Iterable[str], view: View, *, is_place: bool) -> list[str]:
    """The headings of an attribute's columns: its own, two where it is a place, and those of its sub-attributes."""
    name = heading_of(attribute, view.context.compact(attribute), dataset)
    own = [f"{name} {LATITUDE}", f"{name} {LONGITUDE}"] if is_place else [name]
    return own + [f"{name} {heading_of(one, view.context.compact(one))}" for one in particulars]


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
        told = instant.astimezone(_JST).replace(tzinfo=None)
        return told.isoformat(" ", "milliseconds" if told.microsecond else "seconds")  # more they do not read
    except OverflowError:
        return format_instant(instant)
