"""Vehicles and trip updates: what is said comes back, and what is no longer said does not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cityos.ngsi.entity import from_bytes, to_bytes
from cityos.ngsi.merge import observe
from cityos.vocabulary.context import iri
from cityos.vocabulary.vehicle import STALE_AFTER, StopUpdate, TripReference, TripUpdate, Vehicle

text = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=6)
names = st.from_regex(r"[A-Za-zあ-ん0-9_-]{1,8}", fullmatch=True)
instants = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
trip_references = st.builds(
    TripReference,
    trip_id=names,
    route_id=text,
    direction_id=st.none() | st.integers(0, 1),
    start_on=st.none() | st.dates(date(2000, 1, 1), date(2100, 1, 1)),
    start_time=st.sampled_from(["", "07:40:00", "25:10:00"]),
    relationship=st.sampled_from(["SCHEDULED", "ADDED", "CANCELED"]),
)
known_vehicles = st.builds(
    Vehicle,
    local_id=names,
    name=text,
    observed_at=instants,
    location=st.just({"type": "Point", "coordinates": [140.7, 40.8]}),
    is_stale=st.booleans(),
    bearing_deg=st.none() | st.floats(0, 360),
    speed_kmh=st.none() | st.floats(0, 100),
    trip=st.none() | trip_references,
    stop_id=text,
    stop_sequence=st.none() | st.integers(0, 99),
    status=st.sampled_from(["", "STOPPED_AT"]),
    occupancy=st.sampled_from(["", "EMPTY"]),
)
stop_updates = st.builds(
    StopUpdate,
    stop_sequence=st.none() | st.integers(0, 99),
    stop_id=text,
    arrival_delay_s=st.none() | st.integers(-9999, 9999),
    departure_delay_s=st.none() | st.integers(-9999, 9999),
    arrival_at=st.none() | instants,
    departure_at=st.none() | instants,
    relationship=st.sampled_from(["SCHEDULED", "SKIPPED"]),
)
updates = st.builds(
    TripUpdate,
    trip=trip_references,
    observed_at=instants,
    delay_s=st.none() | st.integers(-9999, 9999),
    vehicle_id=text,
    stops=st.lists(stop_updates, max_size=3).map(tuple),
)
AT = datetime(2026, 1, 15, tzinfo=UTC)


@given(known_vehicles)
def test_vehicle_comes_back(vehicle: Vehicle) -> None:
    assert Vehicle.from_entity(from_bytes(to_bytes(vehicle.to_entity("gtfs_rt")))) == vehicle


@given(updates)
def test_trip_update_comes_back(update: TripUpdate) -> None:
    assert TripUpdate.from_entity(from_bytes(to_bytes(update.to_entity("gtfs_rt")))) == update


@given(known_vehicles, known_vehicles, st.integers(1, 10**6))
def test_newer_word_leaves_nothing_of_the_older(one: Vehicle, other: Vehicle, seconds: int) -> None:
    assert one.observed_at is not None
    later = replace(other, local_id=one.local_id, name="x", observed_at=one.observed_at + timedelta(seconds=seconds))
    known, late = observe(one.to_entity("f"), later.to_entity("f"))
    assert late == []
    assert Vehicle.from_entity(known) == later


@given(updates, updates, st.integers(1, 10**6))
def test_newer_update_of_a_trip_leaves_nothing_of_the_older(one: TripUpdate, other: TripUpdate, seconds: int) -> None:
    assert one.observed_at is not None
    later = replace(other, trip=one.trip, observed_at=one.observed_at + timedelta(seconds=seconds))
    known, _ = observe(one.to_entity("f"), later.to_entity("f"))
    assert TripUpdate.from_entity(known) == later


def test_vehicle_of_unknown_age_tells_only_its_name() -> None:
    entity = Vehicle("b1", "1号車", location={"type": "Point", "coordinates": [140.7, 40.8]}).to_entity("f")
    assert set(entity.attributes) == {iri("name")}
    assert Vehicle.from_entity(entity) == Vehicle("b1", "1号車")


def test_old_or_marked_position_is_never_fresh() -> None:
    vehicle = Vehicle("b1", observed_at=AT)
    assert vehicle.is_fresh(AT + STALE_AFTER)
    assert not vehicle.is_fresh(AT + STALE_AFTER + timedelta(seconds=1))
    assert not replace(vehicle, is_stale=True).is_fresh(AT)
    assert not replace(vehicle, observed_at=None).is_fresh(AT)


@pytest.mark.parametrize(
    ("trip", "key"),
    [
        (TripReference("t"), "t"),
        (TripReference("t", start_on=date(2026, 1, 15)), "t@20260115"),
        (TripReference("t", start_on=date(2026, 1, 15), start_time="25:10:00"), "t@20260115T25:10:00"),
        (TripReference(route_id="r", direction_id=1, start_time="08:00:00"), "r-1@T08:00:00"),
        (TripReference(route_id="r"), ""),
        (TripReference(start_on=date(2026, 1, 15)), ""),
    ],
)
def test_run_is_known_by_what_the_standard_says_identifies_it(trip: TripReference, key: str) -> None:
    assert trip.key == key


def test_run_that_nothing_identifies_has_no_entity() -> None:
    with pytest.raises(ValueError, match="empty local id"):
        TripUpdate(TripReference()).to_entity("f")
