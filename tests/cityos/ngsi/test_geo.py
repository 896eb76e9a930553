"""Places: boxes that lose no hit, distances against known values, questions that cannot be asked."""

from __future__ import annotations

import math

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import Point, shape

from cityos.ngsi.context import CORE
from cityos.ngsi.core_context import LOCATION
from cityos.ngsi.error import BadRequestData
from cityos.ngsi.geo import (
    bounds_of,
    distance_m,
    distance_to,
    parse_bbox,
    parse_geo_query,
    parse_reference,
    read_geo_query,
)
from cityos.ngsi.value import Json, JsonObject
from tests.cityos.ngsi.wild import GEOMETRY


def _near(lon: float, lat: float, metres: float, bound: str = "max") -> str:
    return f"near;{bound}Distance=={metres:.3f}"


@pytest.mark.parametrize(
    ("one", "other", "metres"),
    [
        ((0, 0), (0, 1), 111_195.1),  # a degree of latitude on the mean sphere
        ((140.740, 40.828), (140.740, 40.828), 0.0),
        ((140.7347, 40.8294), (141.1527, 39.7020), 130_280.0),  # 青森駅 - 盛岡駅, haversine by hand
        ((0, 60), (1, 60), 55_597.5),
    ],
)
def test_distances_are_those_of_the_great_circle(
    one: tuple[float, float], other: tuple[float, float], metres: float
) -> None:
    assert distance_m(Point(one), Point(other)) == pytest.approx(metres, rel=0.002, abs=0.01)


@settings(max_examples=200, deadline=None)
@given(
    st.floats(-180, 180),
    st.floats(-90, 90),
    st.floats(0.001, 3_000),
    st.floats(0, 1.2),
    st.floats(0, 2 * math.pi),
)
def test_the_box_of_a_near_query_loses_no_hit(
    lon: float, lat: float, metres: float, share: float, angle: float
) -> None:
    asked = parse_geo_query(_near(lon, lat, metres), "Point", f"[{lon},{lat}]")
    degrees = metres * share / 111_195
    north = max(-90.0, min(90.0, lat + degrees * math.sin(angle)))
    east = lon + degrees * math.cos(angle) / max(0.01, math.cos(math.radians(north)))
    east = (east + 180) % 360 - 180
    place: JsonObject = {"type": "Point", "coordinates": [east, north]}
    if asked.matches(place):
        west, south, right, top = asked.box
        assert west <= east <= right
        assert south <= north <= top


@given(GEOMETRY)
def test_bounds_are_those_of_the_geometry(geometry: JsonObject) -> None:
    assert bounds_of(geometry) == pytest.approx(shape(geometry).bounds)


def test_an_empty_geometry_has_no_bounds_and_is_nowhere() -> None:
    empty: JsonObject = {"type": "GeometryCollection", "geometries": []}
    assert bounds_of(empty) is None
    assert not parse_bbox("0,0,1,1").matches(empty)
    assert not parse_geo_query("near;minDistance==1", "Point", "[0,0]").matches(empty)


def test_near_and_far_divide_the_world() -> None:
    near = parse_geo_query("near;maxDistance==2000", "Point", "[140.75,40.82]")
    far = parse_geo_query("near;minDistance==2000", "Point", "[140.75,40.82]")
    for lon in (140.75, 140.76, 140.78, 0.0):
        place: JsonObject = {"type": "Point", "coordinates": [lon, 40.82]}
        assert near.matches(place) is (lon < 140.77 and lon > 1)
        assert near.matches(place) is not far.matches(place)


def test_within_takes_what_lies_wholly_inside_and_intersects_what_touches() -> None:
    area = ("Polygon", "[[[0,0],[2,0],[2,2],[0,2],[0,0]]]")
    line: JsonObject = {"type": "LineString", "coordinates": [[1, 1], [3, 1]]}
    assert not parse_geo_query("within", *area).matches(line)
    assert parse_geo_query("intersects", *area).matches(line)
    assert parse_geo_query("within", *area).matches({"type": "Point", "coordinates": [1, 1]})


@pytest.mark.parametrize(
    "text", ["", "1,2,3", "1,2,3,4,5", "a,b,c,d", "nan,0,1,1", "2,0,1,1", "0,2,1,1", "0,0,200,1", "0,-91,1,1"]
)
def test_a_bbox_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(BadRequestData, match="bbox"):
        parse_bbox(text)


@pytest.mark.parametrize(
    ("relation", "geometry", "coordinates"),
    [
        ("beside", "Point", "[0,0]"),
        ("near", "Point", "[0,0]"),
        ("near;maxDistance==-1", "Point", "[0,0]"),
        ("near;maxDistance==0", "Point", "[0,0]"),
        ("near;maxDistance==inf", "Point", "[0,0]"),
        ("near;maxDistance==1e400", "Point", "[0,0]"),
        ("near;maxDistance==5;minDistance==1", "Point", "[0,0]"),
        ("near;maxDistance=5", "Point", "[0,0]"),
        ("touches", "Point", "[0,0]"),
        ("far", "Point", "[0,0]"),
        ("within", "Circle", "[0,0]"),
        ("within", "Feature", "[0,0]"),
        ("within", "GeometryCollection", "[0,0]"),
        ("within", "Point", "nonsense"),
        ("within", "Point", "[]"),
        ("within", "Point", "null"),
        ("within", "Point", '["a","b"]'),
        ("within", "Point", "{}"),
        ("within", "LineString", "[[0,0]]"),
        ("within", "Point", "[200,0]"),
        ("within", "Point", "[true,0]"),
        ("within", "Point", "[[0,0]]"),
        ("within", "Polygon", "[[[0,0],[2,2]]]"),
        ("within", "Point", "[" * 5_000),
        ("within", "MultiPoint", str([[1, 1]] * 10_001)),
        ("within", "Polygon", "[[1]]"),
    ],
)
def test_a_place_that_is_none_is_refused(relation: str, geometry: str, coordinates: str) -> None:
    with pytest.raises(BadRequestData, match=r"geo"):
        parse_geo_query(relation, geometry, coordinates)


# The polygons of the conformance suite's 019_11: the first crosses itself beside its second corner.
_CROSSED = (
    "[[[13.2865906,52.5648645],[13.2879639,52.5648645],[13.2797241,52.4988679],"
    "[13.477478,52.4712703],[13.5049438,52.5373084],[13.2865906,52.5648645]]]"
)
_TRIANGLE = "[[[13.315773,52.4757209],[13.339119,52.4443421],[13.3892441,52.4669371],[13.315773,52.4757209]]]"
_CUTS = (
    "[[[13.3456421,52.4794848],[13.3641815,52.4428773],[13.4177399,52.4730023],"
    "[13.3459854,52.479903],[13.3456421,52.4794848]]]"
)
_AROUND = (
    "[[[13.3023834,52.4903066],[13.3027267,52.4905156],[13.2745743,52.465632],"
    "[13.3343124,52.4185447],[13.4311295,52.47107],[13.3023834,52.4903066]]]"
)
_INSIDE = (
    "[[[13.3844376,52.5356966],[13.3844376,52.5356966],[13.381691,52.5123012],"
    "[13.4235764,52.5100027],[13.4331894,52.5273425],[13.3844376,52.5356966]]]"
)
_AWAY = "[[[13.1369019,52.5198225],[13.1365585,52.5200314],[13.131752,52.4980907],[13.1832504,52.5026887]]]"
_PLACES: list[Json] = [{"type": "Polygon", "coordinates": orjson.loads(text)} for text in (_CROSSED, _TRIANGLE)]


@pytest.mark.parametrize(
    ("relation", "coordinates", "hits"),
    [
        ("equals", _CROSSED, [True, False]),
        ("intersects", _CUTS, [False, True]),
        ("contains", _INSIDE, [True, False]),
        ("contains", _AWAY, [False, False]),
        ("disjoint", _AWAY, [True, True]),
        ("within", _AROUND, [False, True]),
        ("overlaps", _CUTS, [False, True]),
    ],
)
def test_every_relation_between_polygons(relation: str, coordinates: str, hits: list[bool]) -> None:
    """Clause 4.10; what the entity is to the reference. Polygons that cross themselves are areas, too."""
    asked = parse_geo_query(relation, "Polygon", coordinates)
    assert [asked.matches(place) for place in _PLACES] == hits
    assert asked.is_narrowed is (relation != "disjoint")


def test_a_polygon_may_be_its_ring_alone_and_open() -> None:
    bare = parse_geo_query("within", "Polygon", "[[0,0],[4,0],[4,4],[0,4]]")
    assert bare.matches({"type": "Point", "coordinates": [1, 3]})
    assert not bare.matches({"type": "Point", "coordinates": [5, 3]})


def test_a_hole_is_not_inside() -> None:
    """Clause 4.10."""
    holed = parse_geo_query("within", "Polygon", "[[[0,0],[9,0],[9,9],[0,9],[0,0]],[[4,4],[6,4],[6,6],[4,6],[4,4]]]")
    assert holed.matches({"type": "Point", "coordinates": [2, 2]})
    assert not holed.matches({"type": "Point", "coordinates": [5, 5]})


def test_near_measures_from_the_nearest_point_in_metres() -> None:
    """Clause 4.10: a degree of longitude at 85 degrees north is 9.7 km."""
    line: JsonObject = {"type": "LineString", "coordinates": [[0, 85.6], [1, 85]]}
    assert parse_geo_query("near;maxDistance==20000", "Point", "[0,85]").matches(line)
    assert not parse_geo_query("near;maxDistance==5000", "Point", "[0,85]").matches(line)
    point: JsonObject = {"type": "Point", "coordinates": [10, 60.009]}
    assert parse_geo_query("near;maxDistance==2e3", "LineString", "[[0,60],[10,60]]").matches(point)
    assert not parse_geo_query("near;maxDistance==2000", "LineString", "[[0,61],[10,61]]").matches(point)


_RELATION = st.sampled_from(["within", "contains", "intersects", "equals", "overlaps", "disjoint"])
_SQUARE = st.tuples(st.integers(0, 6), st.integers(0, 6), st.integers(1, 4))


def _square(x: int, y: int, size: int) -> list[Json]:
    return [[[x, y], [x + size, y], [x + size, y + size], [x, y + size], [x, y]]]


@settings(max_examples=200, deadline=None)
@given(_RELATION, _SQUARE, _SQUARE)
def test_no_hit_lies_outside_the_box(
    relation: str, asked_square: tuple[int, int, int], square: tuple[int, int, int]
) -> None:
    asked = parse_geo_query(relation, "Polygon", _square(*asked_square))
    place: JsonObject = {"type": "Polygon", "coordinates": _square(*square)}
    wanted = getattr(shape(place), relation)(asked.reference)
    assert asked.matches(place) is wanted
    west, south, east, north = asked.box
    x, y, size = square
    assert not wanted or (x <= east and x + size >= west and y <= north and y + size >= south)


@given(st.floats(-180, 180), st.floats(-90, 90), _RELATION)
def test_a_point_is_asked_as_any_geometry_is(lon: float, lat: float, relation: str) -> None:
    asked = parse_geo_query(relation, "Polygon", "[[[0,0],[180,0],[180,90],[0,0]]]")
    point: JsonObject = {"type": "Point", "coordinates": [lon, lat]}
    assert asked.matches(point) is getattr(shape(point), relation)(asked.reference)


def test_distances_to_order_by() -> None:
    reference = parse_reference("Point", "[140.7347,40.8294]")
    assert distance_to(reference, {"type": "Point", "coordinates": [141.1527, 39.7020]}) == pytest.approx(
        130_280, 0.002
    )
    assert distance_to(reference, {"type": "GeometryCollection", "geometries": []}) is None
    line: JsonObject = {"type": "LineString", "coordinates": [[140.7347, 40.8294], [141, 40.9]]}
    assert distance_to(reference, line) == pytest.approx(0, abs=0.01)


def _geo_property(lon: float, lat: float) -> JsonObject:
    return {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [lon, lat]}}


def test_a_geo_query_is_read_from_parameters_and_from_a_body() -> None:
    """Clauses 4.10 and 5.2.13: without geoproperty, location is meant; an entity without it is no hit."""
    said: JsonObject = {"georel": "near;maxDistance==2000", "geometry": "Point", "coordinates": [8, 40]}
    asked = read_geo_query(said, CORE)
    other = read_geo_query({**said, "coordinates": "[8,40]", "geoproperty": "observationSpace"}, CORE)
    assert asked is not None
    assert other is not None
    assert (asked.attribute, other.attribute) == (LOCATION, "https://uri.etsi.org/ngsi-ld/observationSpace")
    far, here = _geo_property(9, 40), _geo_property(8, 40)
    assert asked.matches_entity({LOCATION: [far, {**here, "datasetId": "urn:x:d"}]})
    assert not asked.matches_entity({LOCATION: [far]})
    assert not other.matches_entity({LOCATION: [here]})
    assert read_geo_query({"q": "a"}, CORE) is None


@pytest.mark.parametrize(
    "said",
    [
        {"georel": "within"},
        {"geometry": "Point", "coordinates": [0, 0]},
        {"geoproperty": "location"},
        {"georel": 5, "geometry": "Point", "coordinates": [0, 0]},
        {"georel": "within", "geometry": 5, "coordinates": [0, 0]},
        {"georel": "within", "geometry": "Point", "coordinates": 7},
        {"georel": "within", "geometry": "Point", "coordinates": [0, 0], "geoproperty": ""},
    ],
)
def test_a_geo_query_that_lacks_something_is_refused(said: JsonObject) -> None:
    """Clause 5.7.2.4."""
    with pytest.raises(BadRequestData, match="geo"):
        read_geo_query(said, CORE)
