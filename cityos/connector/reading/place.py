"""Positions: GeoJSON geometries taken over only where they are what they say."""

from __future__ import annotations

import math

from cityos.connector.reading.tree import as_list, as_object
from cityos.ngsi.value import Json, JsonObject

# How deep the positions of a kind are nested, and how many its innermost list needs at least.
_SHAPES = {
    "Point": (0, 1),
    "MultiPoint": (1, 1),
    "LineString": (1, 2),
    "MultiLineString": (2, 2),
    "Polygon": (2, 4),
    "MultiPolygon": (3, 4),
}


def point(lon: float, lat: float) -> JsonObject:
    """A GeoJSON Point."""
    return {"type": "Point", "coordinates": [lon, lat]}


def read_geometry(value: Json) -> JsonObject | None:
    """A GeoJSON geometry with its positions as lon, lat (altitudes are dropped).

    None where it is empty, of a kind we do not know, has a position off the globe or a ring that is not closed.
    """
    said = as_object(value)
    kind = said.get("type")
    depth, least = _SHAPES.get(kind, (0, 0)) if isinstance(kind, str) else (0, 0)
    coordinates = None if least == 0 else _nested(said.get("coordinates"), depth, least)
    return None if coordinates is None else {"type": kind, "coordinates": coordinates}


def _nested(value: Json, depth: int, least: int) -> list[Json] | None:
    if depth == 0:
        return _position(value)
    parts = [_nested(part, depth - 1, least) for part in as_list(value)]
    found: list[Json] = [part for part in parts if part is not None]
    if len(found) < len(parts) or not found:
        return None
    if depth == 1:
        is_broken = len(found) < least or (least == 4 and found[0] != found[-1])
        return None if is_broken else found
    return found


def _position(value: Json) -> list[Json] | None:
    match value:
        case [float() | int() as lon, float() | int() as lat, *_]:
            if isinstance(lon, bool) or isinstance(lat, bool):
                return None
            on_globe = math.isfinite(lon) and math.isfinite(lat) and abs(lon) <= 180 and abs(lat) <= 90
            return [lon, lat] if on_globe else None
    return None
