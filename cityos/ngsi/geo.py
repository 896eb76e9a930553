"""Places: geometries to boxes, distances, and the geo-query of clause 4.10."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import cast

import orjson
import shapely
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from cityos.ngsi.context import Context
from cityos.ngsi.core_context import LOCATION
from cityos.ngsi.error import BadRequestData
from cityos.ngsi.value import Json, JsonObject

Box = tuple[float, float, float, float]  # min lon, min lat, max lon, max lat, degrees WGS 84

WORLD: Box = (-180.0, -90.0, 180.0, 90.0)
EARTH_RADIUS_M = 6_371_008.8  # mean radius (IUGG)
_NEAR = re.compile(r"near;(min|max)Distance==(\d{1,40}(?:\.\d{1,40})?(?:[eE][+-]?\d{1,4})?)\Z")
_MOST_POSITIONS = 10_000
# How deep the positions of each geometry lie in its coordinates (RFC 7946).
_DEPTH = {"Point": 0, "MultiPoint": 1, "LineString": 1, "MultiLineString": 2, "Polygon": 2, "MultiPolygon": 3}


def bounds_of(geometry: Json) -> Box | None:
    """The bounding box of a GeoJSON geometry; None for an empty one."""
    body = cast(JsonObject, geometry)
    if body.get("type") == "Point":  # by far the most frequent: no need to build a geometry
        lon, lat = cast(list[float], body["coordinates"])[:2]
        lon, lat = float(lon), float(lat)  # JSON may write whole degrees
        return lon, lat, lon, lat
    found = shape(body)
    return None if found.is_empty else cast(Box, found.bounds)


def geometry_of(geometry: JsonObject) -> BaseGeometry:
    """The shape of a GeoJSON geometry; a polygon that crosses itself is taken for the area it encloses.

    RFC 7946 allows such polygons, and GEOS refuses to compare them.
    """
    found = shape(geometry)
    return found if found.is_valid else shapely.make_valid(found)


@dataclass(frozen=True, slots=True)
class GeoQuery:
    """A place to ask for: the box that no hit can lie outside of, and the exact test within it.

    `relation` is one of near, far (near with minDistance), within, contains, intersects, equals, disjoint, overlaps:
    what the entity's geometry is to the reference. `box` is WORLD where hits may lie anywhere (far, disjoint).
    """

    box: Box
    attribute: str
    relation: str
    reference: BaseGeometry
    distance_m: float = 0.0
    is_box: bool = False  # whether the reference is the box itself, so that points need only be compared

    @property
    def is_narrowed(self) -> bool:
        """Whether the box leaves anything out."""
        return self.box != WORLD

    def matches(self, geometry: Json) -> bool:
        """Whether a GeoJSON geometry is a hit."""
        body = cast(JsonObject, geometry)
        if body["type"] == "Point":
            lon, lat = cast(list[float], body["coordinates"])[:2]
            if self.is_box:
                west, south, east, north = self.box
                return west <= lon <= east and south <= lat <= north
            at_point = _AT_POINT.get(self.relation)
            if at_point is not None:
                return at_point(self, lon, lat)
        found = geometry_of(body)
        return not found.is_empty and _RELATIONS[self.relation](self, found)

    def matches_entity(self, entity: JsonObject) -> bool:
        """Whether an entity in canonical JSON is a hit: whether an instance of its geo-property is."""
        return any(
            instance["type"] == "GeoProperty" and self.matches(instance["value"])
            for instance in cast(list[JsonObject], entity.get(self.attribute, []))
        )


_Relation = Callable[[GeoQuery, BaseGeometry], bool]
# Seen from the reference, which is prepared: the entity lies within it where it contains the entity.
_RELATIONS: dict[str, _Relation] = {
    "within": lambda asked, found: bool(shapely.contains(asked.reference, found)),
    "contains": lambda asked, found: bool(shapely.within(asked.reference, found)),
    "intersects": lambda asked, found: bool(shapely.intersects(asked.reference, found)),
    "disjoint": lambda asked, found: bool(shapely.disjoint(asked.reference, found)),
    "overlaps": lambda asked, found: bool(shapely.overlaps(asked.reference, found)),
    "equals": lambda asked, found: bool(shapely.equals(asked.reference, found)),
    "near": lambda asked, found: distance_m(asked.reference, found) <= asked.distance_m,
    "far": lambda asked, found: distance_m(asked.reference, found) >= asked.distance_m,
}
# Most entities are points; asking by numbers saves building a geometry for each.
_AT_POINT: dict[str, Callable[[GeoQuery, float, float], bool]] = {
    "within": lambda asked, lon, lat: bool(shapely.contains_xy(asked.reference, lon, lat)),
    "intersects": lambda asked, lon, lat: bool(shapely.intersects_xy(asked.reference, lon, lat)),
    "disjoint": lambda asked, lon, lat: not shapely.intersects_xy(asked.reference, lon, lat),
    "near": lambda asked, lon, lat: _from_point(asked.reference, lon, lat) <= asked.distance_m,
    "far": lambda asked, lon, lat: _from_point(asked.reference, lon, lat) >= asked.distance_m,
}
GEO_RELATIONS = ("near", *(name for name in _RELATIONS if name not in ("near", "far")))


def distance_m(one: BaseGeometry, other: BaseGeometry) -> float:
    """Metres between two WGS 84 geometries: great circle between their nearest points.

    Nearest points are sought on a plane scaled by the cosine of the latitude; within a city the error is below 0.1 %.
    """
    stretch = math.cos(math.radians(one.centroid.y)) or 1e-9
    flat = [shapely.transform(g, lambda xy: xy * [stretch, 1.0]) for g in (one, other)]
    a, b = shapely.shortest_line(*flat).coords
    return _great_circle_m(a[0] / stretch, a[1], b[0] / stretch, b[1])


def distance_to(reference: BaseGeometry, geometry: Json) -> float | None:
    """Metres from a reference to a GeoJSON geometry; None for an empty one."""
    body = cast(JsonObject, geometry)
    if body["type"] == "Point":
        lon, lat = cast(list[float], body["coordinates"])[:2]
        return _from_point(reference, lon, lat)
    found = geometry_of(body)
    return None if found.is_empty else distance_m(reference, found)


def _from_point(reference: BaseGeometry, lon: float, lat: float) -> float:
    if reference.geom_type == "Point":
        return _great_circle_m(reference.x, reference.y, lon, lat)
    return distance_m(reference, shapely.Point(lon, lat))


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
    # Not prepared: points are compared by numbers, and few other geometries touch so simple a shape.
    return GeoQuery(
        (west, south, east, north), attribute, "intersects", shapely.box(west, south, east, north), is_box=True
    )


def parse_geo_query(relation: str, geometry: str, coordinates: Json, attribute: str = LOCATION) -> GeoQuery:
    """georel, geometry and coordinates as in a request's URL or in a geoQ (clause 4.10). Raises BadRequestData.

    `coordinates` is JSON, or its text. `attribute` is the geo-property's IRI.
    """
    reference = parse_reference(geometry, coordinates)
    box = cast(Box, reference.bounds)
    near = _NEAR.match(relation)
    if near is not None:
        metres = float(near[2])
        if not 0 < metres < math.inf:
            raise BadRequestData(f"georel {relation[:80]!r} has no distance above 0 metres")
        if near[1] == "min":
            return _query(WORLD, attribute, "far", reference, metres)
        return _query(_widened(box, metres), attribute, "near", reference, metres)
    if relation not in GEO_RELATIONS or relation == "near":
        raise BadRequestData(
            f"georel {relation[:80]!r} is not near;maxDistance==<metres>, near;minDistance==<metres> or one of "
            + ", ".join(name for name in GEO_RELATIONS if name != "near")
        )
    return _query(WORLD if relation == "disjoint" else box, attribute, relation, reference)


def read_geo_query(said: Mapping[str, Json], context: Context) -> GeoQuery | None:
    """The geo-query of a request's parameters or of a geoQ (5.2.13): georel, geometry, coordinates, geoproperty.

    None where it holds none of them. Raises BadRequestData.
    """
    if not {"georel", "geometry", "coordinates", "geoproperty"} & said.keys():
        return None
    if missing := [name for name in ("georel", "geometry", "coordinates") if name not in said]:
        raise BadRequestData(f"A geo-query lacks {' and '.join(missing)}")
    relation, geometry, attribute = said["georel"], said["geometry"], said.get("geoproperty", "location")
    if not (isinstance(relation, str) and isinstance(geometry, str) and isinstance(attribute, str) and attribute):
        raise BadRequestData("georel, geometry and geoproperty of a geo-query are texts")
    return parse_geo_query(relation, geometry, said["coordinates"], context.expand(attribute))


def _query(box: Box, attribute: str, relation: str, reference: BaseGeometry, metres: float = 0.0) -> GeoQuery:
    shapely.prepare(reference)  # asked of many entities
    return GeoQuery(box, attribute, relation, reference, metres)


def parse_reference(geometry: str, coordinates: Json) -> BaseGeometry:
    """The geometry a request measures by, from its GeoJSON type and coordinates (or their text). Raises BadRequestData.

    A Polygon may be said as its outer ring alone, and rings that do not close are closed.
    """
    shown = coordinates if isinstance(coordinates, str) else str(coordinates)[:80]
    try:
        said = cast(Json, orjson.loads(coordinates)) if isinstance(coordinates, str) else coordinates
        found = geometry_of({"type": geometry, "coordinates": _checked(geometry, said)})
        usable = not found.is_empty
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError, shapely.errors.ShapelyError):
        usable = False
    if not usable:
        raise BadRequestData(f"geometry {geometry[:40]!r} with coordinates {shown[:80]!r} is not a GeoJSON geometry")
    return found


def _checked(geometry: str, said: Json) -> Json:
    """The coordinates, if they are as deep as the geometry asks and hold degrees. Raises ValueError, LookupError."""
    depth = _DEPTH[geometry]
    if geometry == "Polygon" and _is_position(cast(list[Json], said)[0]):
        said = [said]
    if sum(_count_positions(said, depth)) > _MOST_POSITIONS:
        raise ValueError(geometry)
    if geometry == "Polygon":
        return [_closed(ring) for ring in cast(list[list[Json]], said)]
    if geometry == "MultiPolygon":
        return [[_closed(ring) for ring in rings] for rings in cast(list[list[list[Json]]], said)]
    return said


def _closed(ring: list[Json]) -> Json:
    closed = ring if ring[0] == ring[-1] else [*ring, ring[0]]
    if len(closed) < 4:
        raise ValueError(ring)
    return cast(Json, closed)


def _count_positions(said: Json, depth: int) -> list[int]:
    if depth == 0:
        if not _is_position(said):
            raise ValueError(said)
        return [1]
    if not isinstance(said, list) or not said:
        raise ValueError(said)
    return [sum(_count_positions(part, depth - 1)) for part in said]


def _is_position(said: Json) -> bool:
    if not isinstance(said, list) or not 2 <= len(said) <= 3:
        return False
    if not all(isinstance(number, int | float) and not isinstance(number, bool) for number in said):
        return False
    lon, lat = cast(list[float], said[:2])
    return -180 <= lon <= 180 and -90 <= lat <= 90


def _widened(box: Box, metres: float) -> Box:
    """A box with a margin of at least `metres` on every side."""
    dlat = math.degrees(metres / EARTH_RADIUS_M) * 1.001 + 1e-9  # never less than the rounding of the distance
    south, north = max(-90.0, box[1] - dlat), min(90.0, box[3] + dlat)
    furthest = max(abs(south), abs(north))
    dlon = 360.0 if furthest >= 89.9 else dlat / math.cos(math.radians(furthest))
    west, east = box[0] - dlon, box[2] + dlon
    # Beyond the antimeridian the neighbours have the other sign; a pole has every longitude beside it.
    return (-180.0, south, 180.0, north) if west < -180 or east > 180 else (west, south, east, north)
