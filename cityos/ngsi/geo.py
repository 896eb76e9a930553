"""Places: geometries to boxes, and the geo-query of clause 4.10 (near, within, bbox in this first slice)."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import cast

import orjson
import shapely
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from cityos.ngsi.core_context import LOCATION
from cityos.ngsi.error import BadRequestData
from cityos.ngsi.value import Json, JsonObject

Box = tuple[float, float, float, float]  # min lon, min lat, max lon, max lat, degrees WGS 84

EARTH_RADIUS_M = 6_371_008.8  # mean radius (IUGG)
_NEAR = re.compile(r"near;(min|max)Distance==(\d+(?:\.\d+)?)\Z")


def bounds_of(geometry: Json) -> Box | None:
    """The bounding box of a GeoJSON geometry; None for an empty one."""
    body = cast(JsonObject, geometry)
    if body.get("type") == "Point":  # by far the most frequent: no need to build a geometry
        lon, lat = cast(list[float], body["coordinates"])[:2]
        return lon, lat, lon, lat
    found = shape(body)
    return None if found.is_empty else cast(Box, found.bounds)


@dataclass(frozen=True, slots=True)
class GeoQuery:
    """A place to ask for: the box that no hit can lie outside of, and the exact test within it."""

    box: Box
    attribute: str
    relation: str
    reference: BaseGeometry
    distance_m: float = 0.0

    def matches(self, geometry: Json) -> bool:
        """Whether a GeoJSON geometry is a hit."""
        found = shape(cast(JsonObject, geometry))
        if found.is_empty:
            return False
        if self.relation == "within":
            return bool(self.reference.covers(found))
        if self.relation == "intersects":
            return bool(self.reference.intersects(found))
        near = distance_m(self.reference, found)
        return near <= self.distance_m if self.relation == "near" else near >= self.distance_m


def distance_m(one: BaseGeometry, other: BaseGeometry) -> float:
    """Metres between two WGS 84 geometries: great circle between their nearest points.

    Nearest points are sought on a plane scaled by the cosine of the latitude; within a city the error is below 0.1 %.
    """
    stretch = math.cos(math.radians(one.centroid.y)) or 1e-9
    flat = [shapely.transform(g, lambda xy: xy * [stretch, 1.0]) for g in (one, other)]
    a, b = shapely.shortest_line(*flat).coords
    return _great_circle_m(a[0] / stretch, a[1], b[0] / stretch, b[1])


def _great_circle_m(lon1: float, lat1: float, lon2: float, lat2: float) -> float:
    phi1, phi2 = math.radians(lat1), math.radians(lat2)
    half = math.sin((phi2 - phi1) / 2) ** 2
    half += math.cos(phi1) * math.cos(phi2) * math.sin(math.radians(lon2 - lon1) / 2) ** 2
    return 2 * EARTH_RADIUS_M * math.asin(math.sqrt(min(1.0, half)))


def parse_bbox(text: str, attribute: str = LOCATION) -> GeoQuery:
    """`minlon,minlat,maxlon,maxlat` in degrees: everything that touches the box. Raises BadRequestData."""
    parts = text.split(",")
    try:
        numbers = [float(part) for part in parts]
    except ValueError:
        numbers = []
    if len(numbers) != 4 or not all(math.isfinite(number) for number in numbers):
        raise BadRequestData(f"bbox {text!r} is not minlon,minlat,maxlon,maxlat")
    west, south, east, north = numbers
    if not (-180 <= west <= east <= 180 and -90 <= south <= north <= 90):
        raise BadRequestData(f"bbox {text!r} is not in the order minlon,minlat,maxlon,maxlat in degrees")
    return GeoQuery((west, south, east, north), attribute, "intersects", shapely.box(west, south, east, north))


def parse_geo_query(relation: str, geometry: str, coordinates: str, attribute: str = LOCATION) -> GeoQuery:
    """georel, geometry and coordinates as in a request's URL (clause 4.10). Raises BadRequestData."""
    reference = _reference(geometry, coordinates)
    if relation in ("within", "intersects"):
        return GeoQuery(cast(Box, reference.bounds), attribute, relation, reference)
    near = _NEAR.match(relation)
    if near is None:
        raise BadRequestData(f"georel {relation!r} is not one of near;maxDistance==<metres>, within, intersects")
    metres = float(near[2])
    if near[1] == "min":
        return GeoQuery((-180.0, -90.0, 180.0, 90.0), attribute, "far", reference, metres)
    return GeoQuery(_widened(cast(Box, reference.bounds), metres), attribute, "near", reference, metres)


def _reference(geometry: str, coordinates: str) -> BaseGeometry:
    try:
        found = shape({"type": geometry, "coordinates": orjson.loads(coordinates)})
        usable = not found.is_empty and found.is_valid
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError, shapely.errors.ShapelyError):
        usable = False
    if not usable:
        raise BadRequestData(f"geometry {geometry!r} with coordinates {coordinates[:80]!r} is not a GeoJSON geometry")
    return found


def _widened(box: Box, metres: float) -> Box:
    """A box with a margin of at least `metres` on every side."""
    dlat = math.degrees(metres / EARTH_RADIUS_M) * 1.001 + 1e-9  # never less than the rounding of the distance
    south, north = max(-90.0, box[1] - dlat), min(90.0, box[3] + dlat)
    furthest = max(abs(south), abs(north))
    dlon = 360.0 if furthest >= 89.9 else dlat / math.cos(math.radians(furthest))
    west, east = box[0] - dlon, box[2] + dlon
    # Beyond the antimeridian the neighbours have the other sign; a pole has every longitude beside it.
    return (-180.0, south, 180.0, north) if west < -180 or east > 180 else (west, south, east, north)
