"""A row is accepted or held, never altered; each rule on the batch that shows it."""

from __future__ import annotations

from copy import deepcopy
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cityos.connector import Batch, Row
from cityos.ngsi.core_context import LOCATION
from cityos.ngsi.entity import Entity, Instance
from cityos.ngsi.value import Json
from cityos.quality import Examined, Facts, examine

ZONE, CLAIM = "https://uri.etsi.org/ngsi-ld/default-context/Zone", "https://uri.etsi.org/ngsi-ld/default-context/claim"
NOW = datetime(2026, 2, 1, 12, tzinfo=UTC)
FACTS = Facts(NOW, frozenset({ZONE}), (140.6, 40.7, 140.9, 41.0))


def row(value: Json = "x", *, id_: str = "urn:z:1", ahead: float = 0, type_: str = ZONE, place: Json = None) -> Row:
    entity = Entity(id_, (type_,))
    entity.set(CLAIM, Instance("Property", value, NOW + timedelta(minutes=ahead)))
    if place is not None:
        entity.set(LOCATION, Instance("GeoProperty", place))
    return Row(entity, f"f:{id_[-1]}")


def held(*rows: Row, facts: Facts = FACTS) -> list[tuple[str, str]]:
    examined = examine(Batch.of(rows), facts)
    return [(notice.code, notice.where) for _, notice in examined.held]


def point(lon: Json, lat: Json) -> Json:
    return {"type": "Point", "coordinates": [lon, lat]}


def test_sound_rows_are_accepted_as_they_are() -> None:
    rows = (row(), row(id_="urn:z:2", place=point(140.7, 40.8)), row("y", ahead=-5))
    assert examine(Batch.of(rows), FACTS) == Examined(rows, ())


def test_observation_from_the_future_is_held() -> None:
    assert held(row(ahead=5)) == []
    assert held(row(ahead=6)) == [("observed_in_future", "f:1")]


@pytest.mark.parametrize("place", [point(40.8, 140.7), point(139.7, 35.6), point(float("nan"), 40.8)])
def test_position_outside_the_box_is_held(place: Json) -> None:
    (code,) = [code for code, _ in held(row(place=place))]
    assert code in {"position_outside", "value_unstorable"}


def test_area_that_reaches_out_of_the_box_is_held() -> None:
    ring: Json = [[140.7, 40.8], [140.8, 40.8], [140.8, 14.9], [140.7, 40.8]]
    assert held(row(place={"type": "Polygon", "coordinates": [ring]})) == [("position_outside", "f:1")]


@pytest.mark.parametrize(
    "place", [point("a", "b"), {"type": "Point"}, {}, "here", {"type": "Polygon", "coordinates": []}]
)
def test_location_that_is_no_geometry_is_held(place: Json) -> None:
    assert held(row(place=place), facts=Facts(NOW, frozenset({ZONE}))) == [("position_unreadable", "f:1")]


def test_without_a_box_the_globe_is_the_box() -> None:
    assert held(row(place=point(139.7, 35.6)), facts=Facts(NOW, frozenset({ZONE}))) == []


def test_later_of_two_contradicting_observations_is_held() -> None:
    first, same, other = row("x"), row("x"), row("y")
    examined = examine(Batch.of([first, same, other]), FACTS)
    assert examined.accepted == (first, same)
    assert [notice.code for _, notice in examined.held] == ["contradicting_observation"]


def test_values_at_other_times_or_of_others_do_not_contradict() -> None:
    assert held(row("x"), row("y", ahead=-1), row("z", id_="urn:z:2")) == []


def test_undeclared_type_is_held() -> None:
    assert held(row(type_="https://x/Other")) == [("type_undeclared", "f:1")]


@pytest.mark.parametrize("value", [float("nan"), "a\x00", 2**70, ["\ud800"]])
def test_value_that_can_not_be_read_back_is_held(value: Json) -> None:
    assert held(row(value)) == [("value_unstorable", "f:1")]


def test_an_id_that_no_index_holds_is_held() -> None:
    assert held(row(id_="urn:z:" + "1" * 2000)) == [("value_unstorable", "f:1")]


@given(st.lists(st.builds(row, st.sampled_from(["x", "y", "\x00"]), ahead=st.floats(-9, 9)), max_size=8))
def test_every_row_is_in_one_pile_and_unaltered(rows: list[Row]) -> None:
    before = deepcopy(rows)
    examined = examine(Batch.of(rows), FACTS)
    piles = [*examined.accepted, *(one for one, _ in examined.held)]
    assert rows == before
    assert sorted(map(id, piles)) == sorted(map(id, rows))
