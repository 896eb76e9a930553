"""The realtime messages speak of the static feed, and the buses behave as buses do in snow."""

import csv
import io
import zipfile
from collections import Counter
from collections.abc import Callable
from datetime import date, datetime, timedelta
from itertools import pairwise
from statistics import mean

import pytest
from google.transit import gtfs_realtime_pb2 as pb

from services.sample_city import realtime
from services.sample_city.bus_run import MOST_LATE_S, locate_bus, runs_on
from services.sample_city.clock import DAY, jst
from services.sample_city.gtfs import feed_zip
from services.sample_city.line import list_patterns
from services.sample_city.measure import distance_m

SCENARIO, DRY = date(2026, 1, 15), date(2025, 12, 4)
MORNING = jst(SCENARIO, 8)
MESSAGES = [realtime.vehicle_positions, realtime.trip_updates, realtime.alerts]
INSTANTS = [jst(SCENARIO, 5) + timedelta(minutes=37 * n) for n in range(39)]


def positions(instant: datetime) -> list[pb.VehiclePosition]:
    return [e.vehicle for e in pb.FeedMessage.FromString(realtime.vehicle_positions(1, instant)).entity]


def updates(instant: datetime) -> list[pb.TripUpdate]:
    return [e.trip_update for e in pb.FeedMessage.FromString(realtime.trip_updates(1, instant)).entity]


def alerts(instant: datetime) -> dict[str, pb.Alert]:
    return {e.id: e.alert for e in pb.FeedMessage.FromString(realtime.alerts(1, instant)).entity}


def static(instant: datetime, table: str) -> list[dict[str, str]]:
    with zipfile.ZipFile(io.BytesIO(feed_zip(1, instant))) as feed:
        return list(csv.DictReader(io.StringIO(feed.read(f"{table}.txt").decode("utf-8-sig"), newline="")))


@pytest.mark.parametrize("render", MESSAGES)
def test_every_message_is_a_full_dataset_of_the_last_15_seconds(render: Callable[[int, datetime], bytes]) -> None:
    for second in (0, 7, 15, 44):
        feed = pb.FeedMessage.FromString(render(1, MORNING + timedelta(seconds=second)))
        assert feed.header.timestamp == MORNING.timestamp() + second // 15 * 15
        assert (feed.header.gtfs_realtime_version, feed.header.incrementality) == ("2.0", pb.FeedHeader.FULL_DATASET)
        assert len({entity.id for entity in feed.entity}) == len(feed.entity)


@pytest.mark.parametrize("instant", INSTANTS[::4], ids=str)
def test_what_is_referred_to_is_in_the_feed_published_then(instant: datetime) -> None:
    trips = {row["trip_id"]: row["route_id"] for row in static(instant, "trips")}
    stops = {row["stop_id"] for row in static(instant, "stops")}
    calls = {(row["trip_id"], int(row["stop_sequence"])): row["stop_id"] for row in static(instant, "stop_times")}
    for vehicle in positions(instant):
        assert trips[vehicle.trip.trip_id] == vehicle.trip.route_id
        assert calls[vehicle.trip.trip_id, vehicle.current_stop_sequence] == vehicle.stop_id
    for update in updates(instant):
        assert trips[update.trip.trip_id] == update.trip.route_id
        assert all(calls[update.trip.trip_id, s.stop_sequence] == s.stop_id for s in update.stop_time_update)
    informed = [entity for alert in alerts(instant).values() for entity in alert.informed_entity]
    assert {entity.stop_id for entity in informed} - {""} <= stops
    assert {entity.route_id for entity in informed} - {""} <= set(trips.values())
    assert {entity.trip.trip_id for entity in informed} - {""} <= set(trips)


def test_vehicles_keep_to_their_shapes_and_are_in_one_place_each() -> None:
    shapes = {pattern.id: pattern.shape for pattern in list_patterns(1)}
    shape_of = {row["trip_id"]: row["shape_id"] for row in static(MORNING, "trips")}
    seen = 0
    for instant in INSTANTS[:30]:
        told = positions(instant)
        assert len({vehicle.vehicle.id for vehicle in told}) == len(told)
        for vehicle in told:
            place = (vehicle.position.longitude, vehicle.position.latitude)
            assert _off_m(shapes[shape_of[vehicle.trip.trip_id]], place) < 100
            assert 0 <= instant.timestamp() - vehicle.timestamp < 30
            seen += 1
    assert seen > 200


def test_buses_drive_on_without_a_leap() -> None:
    before: dict[str, pb.VehiclePosition] = {}
    for n in range(60):
        now = {v.trip.trip_id: v for v in positions(MORNING + timedelta(seconds=15 * n))}
        for trip_id in before.keys() & now.keys():
            old, new = before[trip_id].position, now[trip_id].position
            assert distance_m((old.longitude, old.latitude), (new.longitude, new.latitude)) < 30 * 15
            assert before[trip_id].current_stop_sequence <= now[trip_id].current_stop_sequence
        before = now


def test_snow_makes_buses_late_and_a_dry_day_does_not() -> None:
    snowy, dry = ([run.late_s(len(run.passes) - 1) for run in runs_on(1, day)] for day in (SCENARIO, DRY))
    assert mean(snowy) > 5 * mean(dry)
    assert mean(snowy) > 240
    assert max(snowy) <= MOST_LATE_S
    assert mean(dry) < 60


def test_a_duty_hands_its_delay_on_and_recovers_at_the_terminus() -> None:
    for before, after in pairwise(run for run in runs_on(1, SCENARIO) if not run.cancelled):
        if before.trip.block == after.trip.block:
            assert after.late_s(0) < max(before.late_s(len(before.passes) - 1), 60)
        if before.vehicle == after.vehicle:
            assert after.passes[0] >= before.passes[-1] + 120


def test_no_bus_leaves_early_and_times_ascend() -> None:
    for run in runs_on(1, SCENARIO):
        assert all(run.late_s(n) >= 0 for n in range(len(run.passes)))
        assert all(a < b for a, b in pairwise(run.passes))


def test_predictions_are_what_the_bus_knows_now() -> None:
    for instant in (MORNING, jst(SCENARIO, 19)):
        for update in updates(instant):
            times = [s.departure.time or s.arrival.time for s in update.stop_time_update]
            assert times == sorted(times)
            assert all(time >= instant.timestamp() for time in times)
    late = [update.stop_time_update[0].departure.delay for update in updates(MORNING) if update.stop_time_update]
    assert max(late) > 300


def test_some_trips_have_no_vehicle_and_others_are_not_yet_under_way() -> None:
    unseen = Counter(run.equipped for run in runs_on(1, SCENARIO))
    assert 0.02 < unseen[False] / unseen.total() < 0.12
    run = next(r for r in runs_on(1, SCENARIO) if not r.equipped and not r.cancelled)
    on_the_way = jst(SCENARIO) + timedelta(seconds=run.passes[1])
    assert run.trip.id in {update.trip.trip_id for update in updates(on_the_way)}
    assert run.trip.id not in {vehicle.trip.trip_id for vehicle in positions(on_the_way)}


def test_a_cancelled_trip_is_told_in_both_messages_and_has_no_vehicle() -> None:
    lost = [run for run in runs_on(1, SCENARIO) if run.cancelled]
    assert {run.trip.pattern.line.route_id for run in lost} == {"1070", "1080"}
    for run in lost:
        departure = jst(SCENARIO) + timedelta(minutes=run.trip.minutes[0])
        (update,) = (update for update in updates(departure) if update.trip.trip_id == run.trip.id)
        assert update.trip.schedule_relationship == pb.TripDescriptor.CANCELED
        assert not update.stop_time_update
        assert run.trip.id not in {vehicle.trip.trip_id for vehicle in positions(departure + timedelta(minutes=5))}
        assert alerts(departure)[f"cancelled-20260115-{run.trip.id}"].effect == pb.Alert.NO_SERVICE
    assert not [run for run in runs_on(1, DRY) if run.cancelled]


def test_after_midnight_the_trips_of_the_day_before_run_on() -> None:
    told = positions(jst(SCENARIO + DAY, 0, 20))
    assert {(vehicle.trip.start_date, vehicle.trip.route_id) for vehicle in told} == {("20260115", "1090")}
    assert not positions(jst(SCENARIO + DAY, 3))


def test_heavy_snow_brings_a_detour_and_a_dry_day_no_alert() -> None:
    told = alerts(jst(SCENARIO, 12))
    assert {alert.effect for alert in told.values()} >= {pb.Alert.DETOUR, pb.Alert.SIGNIFICANT_DELAYS}
    assert all({t.language for t in alert.header_text.translation} == {"ja", "en"} for alert in told.values())
    assert all(alert.active_period[0].start <= jst(SCENARIO, 12).timestamp() for alert in told.values())
    assert not alerts(jst(DRY, 12))


def test_the_evening_event_fills_the_buses() -> None:
    def crowded(instant: datetime) -> float:
        told = [vehicle.occupancy_status for vehicle in positions(instant)]
        return sum(status >= pb.VehiclePosition.STANDING_ROOM_ONLY for status in told) / len(told)

    assert crowded(jst(SCENARIO, 19)) > 0.5 > crowded(jst(SCENARIO - DAY, 19))
    assert "crowds-20260115" in alerts(jst(SCENARIO, 19))


def test_a_bus_stands_at_its_poles() -> None:
    run = runs_on(1, SCENARIO)[0]
    for n, pole in enumerate(run.trip.pattern.poles):
        where = locate_bus(run, run.passes[n] - 1)
        assert (where.stopped, where.next_pole, where.speed_m_s) == (True, n, 0.0)
        assert distance_m(where.point, pole.point) < 30


def _off_m(line: tuple[tuple[float, float], ...], place: tuple[float, float]) -> float:
    """To the nearest point of the line, found in steps of a fiftieth of each piece."""
    steps = ((a, b, n / 50) for a, b in pairwise(line) for n in range(51))
    return min(distance_m((a[0] + (b[0] - a[0]) * s, a[1] + (b[1] - a[1]) * s), place) for a, b, s in steps)
