"""Ploughs are seen only where there are trackers, and do what was really done."""

import json
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any

from shapely import STRtree
from shapely.geometry import LineString, Point, Polygon

from services.sample_city import plough
from services.sample_city.city import list_zones
from services.sample_city.clearing import Phase, zone_claim
from services.sample_city.clock import DAY, HOUR, jst
from services.sample_city.measure import distance_m
from services.sample_city.road import list_segments, locate
from services.sample_city.snow import widen

SCENARIO = date(2026, 1, 15)
METRE = 1 / 111_000
DAYS = [SCENARIO + n * DAY for n in range(-5, 15)]


def seen(instant: datetime) -> dict[str, dict[str, Any]]:
    features = json.loads(plough.positions_geojson(1, instant))["features"]
    return {feature["properties"]["vehicle_id"]: feature["properties"] for feature in features}


def tracked() -> dict[str, set[str]]:
    """Zone -> vehicles, of the zones that can be seen."""
    zones = json.loads(plough.coverage_json(1))["zones"]
    return {zone["zone"]: set(zone["vehicles"]) for zone in zones}


def test_some_zones_are_observable_and_most_are_not() -> None:
    names = {widen(zone.name) for zone in list_zones(1)}
    assert set(tracked()) < names
    assert 8 <= len(tracked()) <= 20
    vehicles = [vehicle for owned in tracked().values() for vehicle in owned]
    assert len(vehicles) == len(set(vehicles))


def test_ploughs_work_inside_their_own_zone_on_its_streets() -> None:
    zones = {widen(zone.name): Polygon(zone.ring) for zone in list_zones(1)}
    zone_of = {vehicle: zones[zone] for zone, owned in tracked().items() for vehicle in owned}
    roads = STRtree([LineString((locate(1, s.start), locate(1, s.end))) for s in list_segments(1)])
    for n in range(40):
        for vehicle, told in seen(jst(SCENARIO - DAY, 21) + n * 12 * timedelta(minutes=1)).items():
            place = Point(told["lon"], told["lat"])
            assert zone_of[vehicle].buffer(METRE).covers(place)
            assert len(roads.query(place, predicate="dwithin", distance=METRE))


def test_a_round_covers_every_street_of_the_zone_both_ways() -> None:
    for one in plough.list_ploughs(1):
        ways = list(pairwise(one.round))
        assert one.round[0] == one.round[-1]
        assert len(ways) == len(set(ways))
        assert {(b, a) for a, b in ways} == set(ways)


def test_what_is_seen_at_night_is_what_was_done() -> None:
    states = set()
    zone_named = {widen(zone.name): zone.name for zone in list_zones(1)}
    for day in DAYS:
        out = set(seen(jst(day + DAY, 2)))
        for zone, owned in tracked().items():
            claim = zone_claim(1, zone_named[zone], day)
            done = plough.is_worked(1, zone_named[zone], day)
            assert owned <= out if done else not owned & out
            stated = claim.phase in (Phase.PLANNED, Phase.WORKING) and claim.planned_on == day
            states.add((stated, done))
    assert states == {(True, True), (True, False), (False, False)}


def test_by_day_ploughs_work_in_heavy_snow_only() -> None:
    assert 2 <= len(seen(jst(SCENARIO, 10))) < len(plough.list_ploughs(1))
    assert not seen(jst(SCENARIO, 18))
    assert not seen(jst(date(2025, 12, 4), 10))
    assert not seen(jst(date(2026, 7, 4), 23))


def test_positions_are_of_every_30_seconds_and_no_plough_leaps() -> None:
    before = seen(jst(SCENARIO, 10))
    assert {told["time"] for told in before.values()} == {"2026-01-15T10:00:00+09:00"}
    assert seen(jst(SCENARIO, 10) + timedelta(seconds=29)) == before
    statuses = set()
    for n in range(1, 400):
        now = seen(jst(SCENARIO, 10) + n * timedelta(seconds=30))
        for vehicle, told in now.items():
            moved = distance_m((before[vehicle]["lon"], before[vehicle]["lat"]), (told["lon"], told["lat"]))
            assert moved < 14 / 3.6 * 30 + 1
            statuses.add((told["status"], told["speed_kmh"] > 0))
        before = now
    assert statuses == {("作業中", True), ("待機", False)}


def test_shift_ends_at_six() -> None:
    assert seen(jst(SCENARIO, 6) - timedelta(seconds=1))
    assert not seen(jst(SCENARIO, 6))
    assert seen(jst(SCENARIO, 6) - HOUR)
