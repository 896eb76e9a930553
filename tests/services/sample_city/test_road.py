"""The road graph is whole, and what is laid on it lies on it: zones' borders, routes, bus lines."""

import json
from collections import Counter, deque
from itertools import pairwise
from typing import Any

import pytest
from shapely import STRtree, points
from shapely.geometry import LineString, Polygon, box, shape
from shapely.ops import unary_union

from services.sample_city.city import EAST, NORTH, SOUTH, WEST, list_streets, list_zones
from services.sample_city.line import LINES, crossings_of, list_patterns, list_poles
from services.sample_city.measure import between, distance_m
from services.sample_city.road import list_segments, road_geojson

Place = tuple[float, float]
METRE = 1 / 111_000  # in degrees of latitude; somewhat less to the east


def features(seed: int = 1) -> list[dict[str, Any]]:
    return list(json.loads(road_geojson(seed))["features"])


def lines(seed: int = 1) -> list[LineString]:
    return [shape(feature["geometry"]) for feature in features(seed)]


def reached(ways: dict[Place, list[Place]], start: Place) -> set[Place]:
    seen, waiting = {start}, deque([start])
    while waiting:
        for there in ways.get(waiting.popleft(), []):
            if there not in seen:
                seen.add(there)
                waiting.append(there)
    return seen


@pytest.mark.parametrize("seed", [1, 2, 77])
def test_every_crossing_can_be_driven_to_and_back(seed: int) -> None:
    onward: dict[Place, list[Place]] = {}
    back: dict[Place, list[Place]] = {}
    for feature in features(seed):
        start, end = (tuple(place) for place in feature["geometry"]["coordinates"])
        both = ((start, end),) if feature["properties"]["oneway"] else ((start, end), (end, start))
        for here, there in both:
            onward.setdefault(here, []).append(there)
            back.setdefault(there, []).append(here)
    crossings = set(onward) | set(back)
    some = next(iter(onward))
    assert reached(onward, some) == reached(back, some) == crossings


@pytest.mark.parametrize("seed", [1, 2, 77])
def test_segments_meet_at_their_ends_only_and_lie_in_the_city(seed: int) -> None:
    drawn = lines(seed)
    assert not len(STRtree(drawn).query(drawn, predicate="crosses")[0])
    assert box(WEST, SOUTH, EAST, NORTH).covers(unary_union(drawn))
    assert min(distance_m(*line.coords) for line in drawn) > 50
    assert max(distance_m(*line.coords) for line in drawn) < 400


def test_graph_has_about_three_thousand_segments_of_all_classes_and_two_bridges() -> None:
    told = [feature["properties"] for feature in features()]
    classes = Counter(p["class"] for p in told)
    assert 2800 < len(told) == len({p["id"] for p in told}) < 3200
    assert set(classes) == {"arterial", "collector", "residential", "lane"}
    assert min(classes.values()) > 100
    assert {p["name"] for p in told if p["bridge"]} == {"学園橋", "雪見橋"}
    assert all(p["oneway"] == (p["class"] == "lane") for p in told)
    assert {p["speed_kmh"] for p in told} == {20, 30, 40, 50}


def test_only_the_bridges_cross_the_river() -> None:
    ways: dict[Place, list[Place]] = {}
    for feature in (f for f in features() if not f["properties"]["bridge"]):
        start, end = (tuple(place) for place in feature["geometry"]["coordinates"])
        ways.setdefault(start, []).append(end)
        ways.setdefault(end, []).append(start)
    bank = reached(ways, next(iter(ways)))
    other = reached(ways, next(place for place in ways if place not in bank))
    assert bank | other == set(ways)


def test_every_zone_has_its_streets_and_routes_lie_on_arterial_roads() -> None:
    drawn = lines()
    tree = STRtree(drawn)
    for zone in list_zones(1):
        assert len(tree.query(Polygon(zone.ring), predicate="contains")) > 20
    arterial = unary_union([line for line, f in zip(drawn, features(), strict=True) if _is_arterial(f)]).buffer(METRE)
    for street in list_streets(1):
        assert arterial.covers(LineString(street.line))


def test_shapes_lie_on_the_roads_and_poles_stand_beside_them() -> None:
    tree = STRtree(lines())
    for pattern in list_patterns(1):
        middles = [between(a, b, 0.5) for a, b in pairwise(pattern.shape)]
        assert max(_to_road(tree, [*pattern.shape, *middles])) < METRE
    assert max(_to_road(tree, [pole.point for pole in list_poles(1)])) < 30 * METRE


@pytest.mark.parametrize("seed", [1, 2, 77])
def test_bus_lines_drive_from_crossing_to_crossing(seed: int) -> None:
    ways = {(s.start, s.end) for s in list_segments(seed) if not s.oneway}
    for line in LINES:
        assert all((a, b) in ways or (b, a) in ways for a, b in pairwise(crossings_of(line)))


def _to_road(tree: STRtree, places: list[Place]) -> list[float]:
    return [float(d) for d in tree.query_nearest(points(places), return_distance=True, all_matches=False)[1]]


def _is_arterial(feature: dict[str, Any]) -> bool:
    return bool(feature["properties"]["class"] == "arterial")
