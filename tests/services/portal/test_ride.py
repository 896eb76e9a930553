"""What the page shows of rides to book, from what the on-demand service tells the city."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from cityos.client import Entity
from cityos.vocabulary.on_demand import OnDemandService, OnDemandVehicle, PublicPoint
from services.portal.ride import Rides, compose_rides
from services.portal.text import JA

NOON = datetime(2026, 1, 15, 3, tzinfo=UTC)
SERVICE = OnDemandService(
    "雪野市デマンド交通", "06:30", "25:30", 300, 150, "０１７−０００−０００５",
    (PublicPoint("a", "駅東口", "East Exit", 140.75, 40.82), PublicPoint("b", "病院", "Hospital", 140.76, 40.82),
     PublicPoint("c", "旧道", "Old Road", 140.77, 40.82, closed=True)),
)  # fmt: skip
VAN = OnDemandVehicle("van-1", "1号", 140.75, 40.82, 7, "病院")


def rides(*more: Entity, now: datetime = NOON, service: OnDemandService = SERVICE) -> Rides:
    found = compose_rides([service.to_entity(), *more], now, "ja")
    assert found is not None
    return found


def test_how_to_book_is_told() -> None:
    told = rides()
    assert (told.telephone, told.dial, told.fares) == ("０１７−０００−０００５", "0170000005", "大人300円、子ども150円")
    assert told.hours == "6:30から25:30まで（いま運行中）"
    assert told.points == ("駅東口", "病院"), "nobody is sent to a closed one"
    assert rides(service=replace(SERVICE, telephone="")).dial == ""


@pytest.mark.parametrize(("hour", "runs"), [(6, False), (7, True), (23, True), (1, True), (2, False)])
def test_a_service_that_ends_after_midnight_still_runs_then(hour: int, runs: bool) -> None:
    at = datetime(2026, 1, 15, hour, 0, tzinfo=UTC) - timedelta(hours=9)
    assert ("いま運行中" in rides(now=at).hours) is runs


def test_a_vehicle_shows_where_it_is_its_free_seats_and_how_old_that_is() -> None:
    (row,) = rides(VAN.to_entity(NOON - timedelta(minutes=3))).vehicles
    assert (row.name, row.place, row.seats, row.next_stop) == ("1号", "駅東口", "空席7", "次は病院")
    assert (row.updated, row.warning) == ("3分前に更新", "")
    (row,) = rides(replace(VAN, next_stop="").to_entity(NOON)).vehicles
    assert row.next_stop == "待機中"


def test_a_vehicle_nothing_was_heard_of_for_long_is_marked() -> None:
    (row,) = rides(VAN.to_entity(NOON - timedelta(minutes=31))).vehicles
    assert row.warning == JA.vehicle_old
    (row,) = rides(VAN.to_entity(NOON + timedelta(days=300))).vehicles
    assert (row.updated, row.warning) == ("", JA.vehicle_old)


def test_a_city_without_such_a_service_shows_nothing_of_it() -> None:
    assert compose_rides([VAN.to_entity(NOON)], NOON, "ja") is None


def test_in_english_places_have_their_english_names() -> None:
    told = compose_rides([SERVICE.to_entity(), VAN.to_entity(NOON)], NOON, "en")
    assert told is not None
    assert (told.vehicles[0].place, told.vehicles[0].next_stop) == ("East Exit", "next: Hospital")
