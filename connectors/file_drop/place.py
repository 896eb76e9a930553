"""Where a row lies: a pair of columns, or one with both."""

from __future__ import annotations

import re
from zoneinfo import ZoneInfo

from cityos.connector import Notice, Severity
from cityos.connector.reading import JsonObject, fold_width, point, read_geometry
from connectors.file_drop.cell import Cell, read_cell, words_of

_BETWEEN = re.compile(r"\s*[,、;\s]\s*")
_UTC = ZoneInfo("UTC")


def read_pair(lat: Cell, lon: Cell, where: str) -> JsonObject | Notice:
    """A point of two cells, or what is wrong with them. Swapped axes are told, never mended."""
    north, east = (read_cell(cell, "number", _UTC) for cell in (lat, lon))
    said = f"{words_of(lat)!r}, {words_of(lon)!r}"
    if not isinstance(north, float) or not isinstance(east, float) or (north, east) == (0.0, 0.0):
        return _unreadable(said, where)
    if abs(north) <= 90 and abs(east) <= 180:
        return point(east, north)
    if abs(north) <= 180 and abs(east) <= 90:
        detail = f"Latitude and longitude {said} are swapped; the row is told without its place"
        return Notice("coordinates_swapped", Severity.ERROR, where, detail)
    return _unreadable(said, where)


def read_place(cell: Cell, where: str) -> JsonObject | Notice:
    """A point of one cell `lat,lon`, or a GeoJSON geometry."""
    if isinstance(cell, dict):
        return read_geometry(cell) or _unreadable("", where)
    parts = _BETWEEN.split(fold_width(words_of(cell)))
    return read_pair(parts[0], parts[1], where) if len(parts) == 2 else _unreadable(repr(words_of(cell)), where)


def missing(where: str) -> Notice:
    """Told once with the number of rows: an address without position is common and no fault of the row."""
    return Notice("coordinates_missing", Severity.INFO, where, "Row has no position; it is told without")


def _unreadable(said: str, where: str) -> Notice:
    detail = f"Position {said[:80]} is not readable; the row is told without its place"
    return Notice("coordinates_unreadable", Severity.ERROR, where, detail)
