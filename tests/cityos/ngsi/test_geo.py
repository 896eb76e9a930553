"""Places: boxes that lose no hit, distances against known values, questions that cannot be asked."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import Point, shape

from cityos.ngsi.error import BadRequestData
from cityos.ngsi.geo import bounds_of, distance_m, parse_bbox, parse_geo_query
from cityos.ngsi.value import JsonObject
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
    st.floats(0, 3_000),
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
        ("near;maxDistance==1e5", "Point", "[0,0]"),
        ("within", "Circle", "[0,0]"),
        ("within", "Feature", "[0,0]"),
        ("within", "GeometryCollection", "[0,0]"),
        ("within", "Point", "nonsense"),
        ("within", "Point", "[]"),
        ("within", "Point", "null"),
        ("within", "Point", '["a","b"]'),
        ("within", "Point", "{}"),
        ("within", "LineString", "[[0,0]]"),
        ("within", "Polygon", "[[[0,0],[2,2],[2,0],[0,2],[0,0]]]"),
        ("within", "Polygon", "[[1]]"),
    ],
)
def test_a_place_that_is_none_is_refused(relation: str, geometry: str, coordinates: str) -> None:
    with pytest.raises(BadRequestData, match=r"geo"):
        parse_geo_query(relation, geometry, coordinates)
