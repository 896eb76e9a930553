"""Vehicles, trips and alerts as they are told, one entity at a time."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from google.transit import gtfs_realtime_pb2

from cityos.quality import Facts, examine
from cityos.vocabulary.alert import ActivePeriod, Target
from cityos.vocabulary.vehicle import TripReference
from connectors.gtfs_rt import connector
from tests.connectors.gtfs_rt.building import (
    AT,
    URL,
    alerts,
    codes,
    message,
    read,
    seconds,
    trip_update,
    trips,
    vehicle,
    vehicles,
)

CITY = Facts(AT + timedelta(seconds=5), connector.manifest.emits, (140.6, 40.7, 140.9, 41.0))


def test_vehicle_is_told_as_said() -> None:
    said = vehicle(
        trip={"tripId": "t1", "routeId": "r1", "directionId": 0, "startDate": "20260114", "startTime": "25:10:00"},
        vehicle={"id": "b1", "label": "1号車", "licensePlate": "青森200か1"},
        position={"latitude": 40.82815, "longitude": 140.7354, "bearing": 90.5, "speed": 10.0},
        stopId="12_01",
        currentStopSequence=4,
        occupancyStatus="EMPTY",
    )
    batch = read(message([said]))
    (bus,) = vehicles(batch)
    assert (bus.local_id, bus.name, bus.observed_at) == ("b1", "1号車", AT)
    assert bus.location == {"type": "Point", "coordinates": [140.7354, 40.82815]}
    assert (bus.bearing_deg, bus.speed_kmh) == (90.5, 36.0)
    assert bus.trip == TripReference("t1", "r1", 0, date(2026, 1, 14), "25:10:00")
    assert (bus.stop_id, bus.stop_sequence, bus.status, bus.occupancy) == ("12_01", 4, "IN_TRANSIT_TO", "EMPTY")
    assert bus.is_fresh(AT + timedelta(minutes=1))
    assert "青森200か1" not in repr(batch), "nobody needs the licence plate"


def test_vehicle_without_own_time_has_the_headers() -> None:
    (bus,) = vehicles(read(message([vehicle(timestamp="0")])))
    assert bus.observed_at == AT


def test_stale_vehicle_keeps_its_own_time_and_is_marked() -> None:
    batch = read(message([vehicle(timestamp=seconds(AT - timedelta(minutes=11)))]))
    (bus,) = vehicles(batch)
    assert bus.observed_at == AT - timedelta(minutes=11)
    assert bus.is_stale
    assert not bus.is_fresh(bus.observed_at)
    assert codes(batch) == ["vehicle_stale"]
    assert examine(batch, CITY).held == (), "it is told, so that it does not end; its age is told with it"


def test_how_old_is_stale_is_the_citys_to_say() -> None:
    content = message([vehicle(timestamp=seconds(AT - timedelta(minutes=3)))])
    assert codes(read(content, url_vehicles=URL, stale_minutes=2)) == ["vehicle_stale"]
    assert codes(read(content)) == []


def test_time_in_milliseconds_is_no_time_and_nothing_but_the_name_is_told() -> None:
    batch = read(message([vehicle(timestamp=seconds(AT) + "000", vehicle={"id": "b1", "label": "1号車"})]))
    (bus,) = vehicles(batch)
    assert (bus.observed_at, bus.location, bus.name) == (None, None, "1号車")
    assert codes(batch) == ["time_unreadable"]


@pytest.mark.parametrize("place", [(0.0, 0.0), (40.0, 100.0), (35.0, 139.0)], ids=["null island", "off globe", "Tokyo"])
def test_positions_that_cannot_be_are_held_with_a_reason(place: tuple[float, float]) -> None:
    batch = read(message([vehicle(position={"longitude": place[0], "latitude": place[1]})]))
    assert [notice.code for _, notice in examine(batch, CITY).held] == ["position_outside"]


def test_position_that_is_no_number_is_left_out_and_the_vehicle_stays() -> None:
    batch = read(message([vehicle(position={"latitude": "NaN", "longitude": 140.7})]))
    assert vehicles(batch)[0].location is None
    assert codes(batch) == ["position_unreadable"]


@pytest.mark.parametrize("said", [{"bearing": 400}, {"speed": -1.0}, {"speed": 90}, {"bearing": "NaN"}])
def test_absurd_values_are_left_out(said: dict[str, Any]) -> None:
    batch = read(message([vehicle(position={"latitude": 40.8, "longitude": 140.7, **said})]))
    (bus,) = vehicles(batch)
    assert (bus.bearing_deg, bus.speed_kmh) == (None, None)
    assert bus.location is not None
    assert codes(batch) == ["value_absurd"]


def test_vehicle_without_trip_says_that_it_has_none() -> None:
    (row,) = read(message([vehicle()])).rows
    assert vehicles(read(message([vehicle()])))[0].trip is None
    told = {name.rsplit("/", 1)[-1]: instances[""].value for name, instances in row.entity.attributes.items()}
    assert (told["tripId"], told["routeId"], told["currentStatus"]) == ("", "", "")


def test_vehicle_without_any_name_is_called_by_its_entity() -> None:
    assert vehicles(read(message([vehicle("v-9", vehicle={})])))[0].local_id == "v-9"


def test_one_vehicle_told_twice_is_the_newer_of_both() -> None:
    older = vehicle("1", timestamp=seconds(AT - timedelta(seconds=30)), stopId="old")
    batch = read(message([vehicle("2", stopId="new"), older]))
    assert [bus.stop_id for bus in vehicles(batch)] == ["new"]
    assert codes(batch) == ["duplicate_entity"]


def test_names_that_are_not_readable_text_are_as_good_as_none() -> None:
    feed = gtfs_realtime_pb2.FeedMessage.FromString(message([vehicle(vehicle={"id": "XX", "label": "1"})]))
    batch = read(feed.SerializeToString().replace(b"XX", b"\xff\xfe"))
    assert vehicles(batch)[0].local_id == "1"


# ---- trips


def test_delay_is_that_of_the_first_stop_still_ahead() -> None:
    behind = {"stopSequence": 1, "departure": {"delay": 30, "time": seconds(AT - timedelta(minutes=1))}}
    ahead = {"stopSequence": 2, "arrival": {"delay": -60, "time": seconds(AT + timedelta(minutes=1))}}
    (trip,) = trips(read(message([trip_update(stopTimeUpdate=[behind, ahead], delay=999)])))
    assert trip.delay_s == -60
    assert [stop.delay_s for stop in trip.stops] == [30, -60]


def test_delay_of_the_trip_as_a_whole_counts_where_no_stop_has_one() -> None:
    stops = [
        {"stopSequence": 1, "arrival": {"time": seconds(AT)}},
        {"stopSequence": 2, "scheduleRelationship": "SKIPPED"},
    ]
    (trip,) = trips(read(message([trip_update(stopTimeUpdate=stops, delay=120)])))
    assert trip.delay_s == 120
    assert trip.stops[0].arrival_at == AT
    assert trip.stops[1].relationship == "SKIPPED"


def test_trip_without_delay_is_not_on_time() -> None:
    (trip,) = trips(read(message([trip_update(trip={"tripId": "t", "scheduleRelationship": "CANCELED"})])))
    assert trip.delay_s is None
    assert trip.trip.relationship == "CANCELED"


def test_runs_of_one_trip_are_told_apart_by_service_day_and_start() -> None:
    said = [
        trip_update(str(number), trip={"tripId": "t", "startDate": day, "startTime": start})
        for number, (day, start) in enumerate([("20260114", ""), ("20260115", ""), ("20260115", "08:00:00")])
    ]
    assert [row.entity.id for row in read(message(said)).rows] == [
        "urn:ngsi-ld:TripUpdate:feed:t@20260114",
        "urn:ngsi-ld:TripUpdate:feed:t@20260115",
        "urn:ngsi-ld:TripUpdate:feed:t@20260115T08:00:00",
    ]


def test_trip_update_of_no_trip_is_left_out_and_noted() -> None:
    batch = read(message([trip_update(trip={"routeId": "r"})]))
    assert batch.rows == ()
    assert codes(batch) == ["trip_missing"]


def test_delay_of_more_than_a_day_is_left_out() -> None:
    batch = read(message([trip_update(stopTimeUpdate=[{"stopSequence": 1, "arrival": {"delay": 90_000}}])]))
    assert trips(batch)[0].delay_s is None
    assert codes(batch) == ["value_absurd"]


def test_trip_that_the_source_adds_can_be_told_from_one_nobody_knows() -> None:
    said = [trip_update("1", {"tripId": "x", "scheduleRelationship": "ADDED"}), trip_update("2", {"tripId": "y"})]
    assert [trip.trip.relationship for trip in trips(read(message(said)))] == ["ADDED", "SCHEDULED"]


# ---- alerts


def test_alert_is_told_in_its_languages_with_whom_it_concerns_and_when() -> None:
    said = {
        "id": "a1",
        "alert": {
            "activePeriod": [{"start": seconds(AT)}],
            "informedEntity": [{"routeId": "r", "stopId": "s"}, {}],
            "cause": "WEATHER",
            "effect": "DETOUR",
            "headerText": {"translation": [{"text": "迂回", "language": "ja"}, {"text": "Detour"}]},
        },
    }
    (alert,) = alerts(read(message([said])))
    assert alert.header == {"ja": "迂回", "@none": "Detour"}
    assert (alert.cause, alert.effect, alert.severity) == ("WEATHER", "DETOUR", "UNKNOWN_SEVERITY")
    assert alert.targets == (Target(route_id="r", stop_id="s"),)
    assert alert.periods == (ActivePeriod(AT, None),)
    assert alert.is_active(AT)
    assert not alert.is_active(AT - timedelta(seconds=1))


def test_alert_carries_no_observation_time_so_that_repeating_it_is_no_news() -> None:
    said = {"id": "a1", "alert": {"informedEntity": [{"agencyId": "x"}]}}
    first = read(message([said]))
    again = read(
        message([said], timestamp=seconds(AT + timedelta(seconds=30))), fetched_at=datetime(2026, 2, 1, tzinfo=UTC)
    )
    assert first.rows == again.rows
    assert again.as_of == AT + timedelta(seconds=30)


def test_alert_that_concerns_nobody_is_noted() -> None:
    assert codes(read(message([{"id": "a1", "alert": {"informedEntity": [{}]}}]))) == ["alert_without_target"]
