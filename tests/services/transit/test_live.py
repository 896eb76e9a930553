"""What is told of a bus, and what it means for a departure: carried on, never invented, never from an old message."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from cityos.vocabulary.timetable import Departure, Frequency, Timetable
from cityos.vocabulary.vehicle import StopUpdate, TripReference, TripUpdate, Vehicle
from services.transit.live import LIVE_FOR, Basis, Outlook, Picture, Realtime, Status
from tests.services.transit.town import DAY, EIGHT, timetable, update, vehicle

TABLE = timetable()


def departure(table: Timetable = TABLE, trip: str = "t1", stop: str = "200_1", day: date = DAY) -> Departure:
    return next(one for one in table.departures_on([stop], day) if one.call.trip_id == trip)


def outlook(
    *told: TripUpdate | Vehicle, stop: str = "200_1", now: datetime = EIGHT, table: Timetable = TABLE
) -> Outlook:
    updates = [one for one in told if isinstance(one, TripUpdate)]
    vehicles = [one for one in told if isinstance(one, Vehicle)]
    return Picture(table, updates, vehicles, now).outlook(departure(table, stop=stop))


def test_nothing_told_is_the_timetable_and_no_claim_to_be_on_time() -> None:
    found = outlook()
    assert (found.basis, found.status, found.delay_s, found.observed_at) == (
        Basis.SCHEDULED, Status.RUNNING, None, None
    )  # fmt: skip


def test_a_delay_is_carried_to_later_stops() -> None:
    found = outlook(update(StopUpdate(10, departure_delay_s=240)), stop="200_1")
    assert (found.basis, found.delay_s, found.at) == (Basis.LIVE, 240, EIGHT + timedelta(minutes=14))


def test_the_nearest_stop_before_decides() -> None:
    told = update(StopUpdate(10, departure_delay_s=240), StopUpdate(20, arrival_delay_s=60, departure_delay_s=90))
    assert outlook(told).delay_s == 90


def test_a_foretold_instant_is_compared_with_the_timetable() -> None:
    told = update(StopUpdate(20, departure_at=EIGHT + timedelta(minutes=13)))
    assert (outlook(told).delay_s, outlook(told).at) == (180, EIGHT + timedelta(minutes=13))
    told = update(StopUpdate(10, arrival_at=EIGHT - timedelta(minutes=1)))
    assert outlook(told).delay_s == -60


def test_stops_are_known_by_their_id_where_no_sequence_is_told() -> None:
    assert outlook(update(StopUpdate(stop_id="200_1", departure_delay_s=33))).delay_s == 33
    assert outlook(update(StopUpdate(stop_id="elsewhere", departure_delay_s=33))).basis is Basis.SCHEDULED


def test_a_delay_of_the_whole_trip_is_that_of_each_stop() -> None:
    assert outlook(update(delay_s=120)).delay_s == 120


def test_no_data_from_a_stop_on_is_the_timetable() -> None:
    told = update(StopUpdate(10, departure_delay_s=240), StopUpdate(20, relationship="NO_DATA"))
    assert outlook(told).basis is Basis.SCHEDULED
    assert outlook(told, stop="100_1").delay_s == 240


def test_a_skipped_stop_is_skipped_and_the_next_is_not() -> None:
    told = update(StopUpdate(10, departure_delay_s=60), StopUpdate(20, relationship="SKIPPED"))
    assert outlook(told).status is Status.SKIPPED
    assert outlook(told, stop="300_1").delay_s == 60


@pytest.mark.parametrize("relationship", ["CANCELED", "DELETED"])
def test_a_cancelled_trip_is_cancelled(relationship: str) -> None:
    trip = TripReference("t1", "r", start_on=DAY, relationship=relationship)
    assert outlook(update(trip=trip)).status is Status.CANCELLED


def test_told_from_a_later_stop_on_the_bus_has_left_once_its_time_is_past() -> None:
    told = update(StopUpdate(20, departure_delay_s=0))
    assert outlook(told, stop="100_1").status is Status.LEFT
    early = EIGHT - timedelta(minutes=1)
    told = update(StopUpdate(20, departure_delay_s=0), observed_at=early)
    assert outlook(told, stop="100_1", now=early).status is Status.RUNNING


def test_what_is_old_by_its_own_clock_is_not_applied() -> None:
    told = update(StopUpdate(10, departure_delay_s=240))
    assert outlook(told, now=EIGHT + LIVE_FOR).basis is Basis.LIVE
    assert outlook(told, now=EIGHT + LIVE_FOR + timedelta(seconds=1)).basis is Basis.SCHEDULED
    assert outlook(replace(update(delay_s=1), observed_at=None)).basis is Basis.SCHEDULED
    assert outlook(told, now=EIGHT - timedelta(minutes=6)).basis is Basis.SCHEDULED


def test_another_days_run_of_the_trip_is_another() -> None:
    yesterday = TripReference("t1", "r", start_on=DAY - timedelta(days=1))
    assert outlook(update(delay_s=60, trip=yesterday)).basis is Basis.SCHEDULED
    undated = TripReference("t1", "r")
    assert outlook(update(delay_s=60, trip=undated)).delay_s == 60
    tomorrow = departure(day=DAY + timedelta(days=1))
    picture = Picture(TABLE, [update(delay_s=60, trip=undated)], [], EIGHT)
    assert picture.outlook(tomorrow).basis is Basis.SCHEDULED


def test_runs_of_a_trip_by_frequency_are_told_apart_by_their_start() -> None:
    table = timetable([Frequency("t1", 8 * 3600, 10 * 3600, 1200)])
    trip = TripReference("t1", "r", start_on=DAY, start_time="08:20:00")
    at = EIGHT + timedelta(minutes=20)
    told = update(StopUpdate(20, departure_at=EIGHT + timedelta(minutes=35)), trip=trip, observed_at=at)
    picture = Picture(table, [told], [], at)
    first, second, *_ = (one for one in table.departures_on(["200_1"], DAY) if one.call.trip_id == "t1")
    assert picture.outlook(first).basis is Basis.SCHEDULED
    assert (picture.outlook(second).delay_s, picture.outlook(second).basis) == (300, Basis.LIVE)


def test_a_bus_that_should_be_further_is_at_least_so_late() -> None:
    found = outlook(vehicle(20, minutes=14), now=EIGHT + timedelta(minutes=15))
    assert (found.basis, found.delay_s) == (Basis.VEHICLE, 240)
    assert found.position is not None
    assert (found.position.stops_away, found.position.lon) == (0, 140.755)


def test_a_bus_within_its_time_tells_no_delay_but_where_it_is() -> None:
    found = outlook(vehicle(10), stop="300_1")
    assert (found.basis, found.delay_s) == (Basis.SCHEDULED, None)
    assert found.position is not None
    assert found.position.stops_away == 2


def test_a_bus_beyond_the_stop_has_left_it() -> None:
    assert outlook(vehicle(30, minutes=11), now=EIGHT + timedelta(minutes=11)).status is Status.LEFT


def test_an_old_or_stale_position_is_not_where_the_bus_is() -> None:
    assert outlook(vehicle(20, minutes=14), now=EIGHT + timedelta(minutes=25)).position is None
    assert outlook(vehicle(20, is_stale=True)).position is None


def test_what_is_foretold_goes_before_what_is_reckoned() -> None:
    found = outlook(update(StopUpdate(10, departure_delay_s=30)), vehicle(20, minutes=0))
    assert (found.basis, found.delay_s) == (Basis.LIVE, 30)


def test_realtime_reads_only_the_feed_it_is_asked_for() -> None:
    told = update(delay_s=60)
    entities = [told.to_entity("rt-a"), told.to_entity("rt-b"), vehicle(20).to_entity("rt-a")]
    realtime = Realtime()
    updates, vehicles = realtime.of(["rt-a"], entities)
    assert (updates, [one.local_id for one in vehicles]) == ([told], ["7"])
    assert realtime.of(["rt-a"], entities)[0][0] is updates[0], "what stays the same is read once"
    assert realtime.of(["rt"], entities) == ([], [])


def test_a_departure_after_midnight_belongs_to_the_day_before() -> None:
    night = departure(trip="night", stop="100_1")
    assert (night.service_date, night.at) == (DAY, datetime(2026, 1, 15, 16, 30, tzinfo=UTC))
    told = TripUpdate(TripReference("night", "r", start_on=DAY), night.at, delay_s=60)
    assert Picture(TABLE, [told], [], night.at).outlook(night).delay_s == 60
