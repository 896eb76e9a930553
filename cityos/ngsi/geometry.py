"""GeoJSON geometries as values of attributes: whether their positions make sense (RFC 7946; clause 4.7)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import cast

from cityos.ngsi.error import BadRequestData
from cityos.ngsi.kind import is_geometry
from cityos.ngsi.value import Json, JsonObject


def check_geometry(value: Json, where: str) -> Json:
    """Checks a GeoJSON geometry: positions are WGS 84 lon, lat (RFC 7946; clause 4.7)."""
    if not is_geometry(value):
        raise BadRequestData(f"{where} is not a GeoJSON geometry")
    body = cast(JsonObject, value)
    if body["type"] == "GeometryCollection":
        for index, part in enumerate(cast(list[Json], _parts(body.get("geometries"), f"{where}.geometries"))):
            check_geometry(part, f"{where}.geometries[{index}]")
        return value
    coordinates = body.get("coordinates")
    if body["type"] == "Point" and is_usual_position(coordinates):
        return value
    _SHAPES[cast(str, body["type"])](body.get("coordinates"), f"{where}.coordinates")
    if len(set(_dimensions(body["coordinates"]))) > 1:
        raise BadRequestData(f"{where}.coordinates mixes positions with and without height")
    return value


def _dimensions(coordinates: Json) -> Iterator[int]:
    """How many numbers each position has."""
    parts = cast(list[Json], coordinates)
    if isinstance(parts[0], list):
        for part in parts:
            yield from _dimensions(part)
    else:
        yield len(parts)


def _position(value: Json, where: str) -> None:
    if not isinstance(value, list) or not 2 <= len(value) <= 3:
        raise BadRequestData(f"{where} is not a position [longitude, latitude]")
    if not all(isinstance(number, int | float) and not isinstance(number, bool) for number in value):
        raise BadRequestData(f"{where} is not made of numbers")
    lon, lat = cast(list[float], value[:2])
    if not (-180 <= lon <= 180 and -90 <= lat <= 90):
        raise BadRequestData(f"{where} is {lon}, {lat}, which is no longitude, latitude in degrees")


_Check = Callable[[Json, str], None]


def _several(check: _Check, least: int) -> _Check:
    def run(value: Json, where: str) -> None:
        if not isinstance(value, list) or len(value) < least:
            raise BadRequestData(f"{where} has fewer than {least} parts")
        for index, part in enumerate(value):
            check(part, f"{where}[{index}]")

    return run


def _ring(value: Json, where: str) -> None:
    _several(_position, 4)(value, where)
    points = cast(list[Json], value)
    if points[0] != points[-1]:
        raise BadRequestData(f"{where} is a ring that does not close")


_SHAPES: dict[str, _Check] = {
    "Point": _position,
    "MultiPoint": _several(_position, 1),
    "LineString": _several(_position, 2),
    "MultiLineString": _several(_several(_position, 2), 1),
    "Polygon": _several(_ring, 1),
    "MultiPolygon": _several(_several(_ring, 1), 1),
}


def is_usual_position(value: Json) -> bool:
    """Whether it is [longitude, latitude] in degrees, as nearly all positions are; what is not may still be one."""
    if value.__class__ is not list or len(value) != 2:
        return False
    lon, lat = value
    return lon.__class__ is float and lat.__class__ is float and -180 <= lon <= 180 and -90 <= lat <= 90


def _parts(value: Json, where: str) -> Json:
    if not isinstance(value, list):
        raise BadRequestData(f"{where} is not a list")
    return value
