"""Driving times: as the crow flies, and over a road graph in the snow."""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest

from cityos.vocabulary.road_graph import write_road_graph
from cityos.vocabulary.snow import SNOW_REMOVAL_ZONE, ClaimCode, SnowRemoval
from services.on_demand.config import ConfigError
from services.on_demand.place import Position, metres_between
from services.on_demand.road_source import times_of
from services.on_demand.roads import CLOSED, RoadTimes, slowness_of
from services.on_demand.travel import CrowFlies
from tests.services.on_demand.streets import SIDE, SOUTH, STEP, WEST, street_grid, whole_town
from tests.services.on_demand.town import MORNING, YUKINO, wish
from tests.services.on_demand.town import town as open_town


def _at(column: int, row: int) -> Position:
    return Position(WEST + column * STEP, SOUTH + row * STEP)


def _zone(name: str, code: ClaimCode) -> SnowRemoval:
    return SnowRemoval(SNOW_REMOVAL_ZONE, name, name, "作業中", code)


def test_the_crow_flies_slower_in_the_snow() -> None:
    one, other = _at(0, 0), _at(0, 4)
    calm, snowy = (CrowFlies(30.0, 1.3, snow).matrix([one, other], MORNING)[0][1] for snow in (1.0, 1.5))
    assert calm == pytest.approx(metres_between(one, other) * 1.3 / (30 / 3.6))
    assert snowy == pytest.approx(1.5 * calm)


def test_times_are_those_of_the_shortest_way() -> None:
    times = RoadTimes(street_grid()).matrix([_at(0, 0), _at(3, 2)], MORNING)
    assert times[0][1] == pytest.approx((3 * 421 + 2 * 556) * 3.6 / 30, rel=1e-4)
    assert times[0][0] == 0.0


def test_a_zone_that_waits_for_the_plough_is_slower_and_others_are_not() -> None:
    roads, west, east = RoadTimes(street_grid()), [_at(0, 0), _at(0, 4)], [_at(8, 0), _at(8, 4)]
    before = [roads.matrix(pair, MORNING)[0][1] for pair in (west, east)]
    entities = [
        _zone("Ａ－１", ClaimCode.ORDERED).to_entity("koku"),
        _zone("B-1", ClaimCode.FINISHED).to_entity("koku"),
    ]
    assert roads.change(slowness_of(entities))
    assert not roads.change(slowness_of(entities))
    after = [roads.matrix(pair, MORNING)[0][1] for pair in (west, east)]
    assert after == [pytest.approx(1.3 * before[0]), before[1]]


def test_a_closed_way_is_driven_round() -> None:
    roads, pair = RoadTimes(street_grid()), [_at(0, 0), _at(0, 4)]
    roads.change({"north-west": CLOSED})
    round_about = (2 * 4 * 421 + 4 * 556) * 3.6 / 30
    assert roads.matrix(pair, MORNING)[0][1] == pytest.approx(round_about, rel=1e-4)


def test_the_triangle_inequality_holds_from_any_door() -> None:
    roads, chance = RoadTimes(street_grid(), 1.2), random.Random(1)
    roads.change({"A-1": 1.3, "B-1": 1.1})
    far = (SIDE - 1) * STEP
    places = [Position(WEST + chance.uniform(0, far), SOUTH + chance.uniform(0, far)) for _ in range(12)]
    times = roads.matrix(places, MORNING)
    for a, b, c in product(range(len(places)), repeat=3):
        assert times[a][c] <= times[a][b] + times[b][c] + 1e-6


def test_snow_changes_new_quotes_and_tells_who_will_be_late(tmp_path: Path) -> None:
    with open_town(tmp_path) as at:
        roads = RoadTimes(street_grid())
        at.desk.take_roads(roads.matrix(at.area.positions, MORNING))
        soon = at.clock.at.timestamp() + 900
        ride = at.book("gakuen-south", "yukimi-bridge", depart_after=soon)
        before = at.desk.quote(wish("gakuen-south", "yukimi-bridge", depart_after=soon)).offer
        roads.change({"east-west": 3.0})
        at.desk.take_roads(roads.matrix(at.area.positions, MORNING))
        after = at.desk.quote(wish("gakuen-south", "yukimi-bridge", depart_after=soon)).offer
        assert after.drop_by - after.pickup_from > before.drop_by - before.pickup_from
        assert at.desk.ride(ride.token).late_s > 0
        assert at.desk.counts()["lateRides"] == 1
        at.desk.take_roads(at.travel())
        assert at.desk.counts()["lateRides"] == 0


def test_a_road_graph_is_read_from_its_file(tmp_path: Path) -> None:
    path = tmp_path / "roads.zip"
    path.write_bytes(write_road_graph(whole_town()))
    area = replace(YUKINO, roads=replace(YUKINO.roads, graph=path))
    assert isinstance(times_of(area), RoadTimes)
    path.write_bytes(write_road_graph(street_grid()))
    with pytest.raises(ConfigError, match="does not reach meeting point"):
        times_of(area)
    path.write_bytes(b"no graph")
    with pytest.raises(ConfigError, match="no road graph"):
        times_of(area)
