"""Every message beside the project; truth.json and the README there say what they hold."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cityos.connector import Batch, Document, SourceChanged
from cityos.connector.batch import batch_from_bytes, batch_to_bytes
from cityos.ngsi.value import check_value
from cityos.quality import Facts, examine
from connectors.gtfs_rt import GtfsRealtimeConfig, connector
from tests.connectors.gtfs_rt.building import alerts, codes, trips, vehicles
from tests.shared_data import find_shared, shared

ROOT = "gtfs/rt"
DERIVED = f"{ROOT}/aomori-derived"
EIGHT = datetime(2019, 6, 2, 23, 0, tzinfo=UTC)  # 08:00 in Aomori
AOMORI = Facts(EIGHT + timedelta(seconds=10), connector.manifest.emits, (140.3, 40.5, 141.2, 41.2))
MESSAGES = (
    sorted(path.relative_to(found).as_posix() for path in found.rglob("*.pb")) if (found := find_shared(ROOT)) else []
)


def read(path: str, fetched_at: datetime = AOMORI.fetched_at) -> Batch:
    return read_file(shared(path), fetched_at)


def read_file(file: Path, fetched_at: datetime) -> Batch:
    url = f"https://bus.example/{file.name}"
    return connector.normalise(Document(file.name, file.read_bytes(), fetched_at, url), GtfsRealtimeConfig(url=url))


@pytest.mark.parametrize("path", MESSAGES)
def test_every_message_is_read_or_told_as_changed(path: str) -> None:
    try:
        batch = read(f"{ROOT}/{path}", datetime(2023, 11, 15, tzinfo=UTC))
    except SourceChanged as error:
        assert any(word in path for word in ("truncated", "zero_bytes", "html", "no_header", "empty-file"))
        assert Path(path).name in str(error)  # noqa: PT017
        return
    assert batch_from_bytes(batch_to_bytes(batch)) == batch
    for row in batch.rows:
        for name, instances in row.entity.attributes.items():
            check_value(instances[""].value, name)


def test_delays_of_the_first_snapshot_are_the_true_ones() -> None:
    truth = json.loads(shared(f"{DERIVED}/truth.json").read_text())
    told = {trip.trip.trip_id: trip.delay_s for trip in trips(read(f"{DERIVED}/20190603T0800_trip_update_00.pb"))}
    assert len(told) == truth["trips_in_first_snapshot"] == 66
    assert told == {one["trip_id"]: one["delay_s"] for one in truth["delays"]}


@pytest.mark.parametrize("number", range(11))
def test_snapshots_are_whole_and_none_of_their_rows_is_held(number: int) -> None:
    positions = read(f"{DERIVED}/20190603T0800_vehicle_{number:02}.pb", EIGHT + timedelta(seconds=30 * number + 2))
    updates = read(f"{DERIVED}/20190603T0800_trip_update_{number:02}.pb", EIGHT + timedelta(seconds=30 * number + 2))
    assert positions.as_of == updates.as_of == EIGHT + timedelta(seconds=30 * number)
    assert {bus.trip.trip_id for bus in vehicles(positions) if bus.trip} == {
        trip.trip.trip_id for trip in trips(updates)
    }
    facts = Facts(EIGHT + timedelta(minutes=6), connector.manifest.emits, AOMORI.box)
    assert examine(positions, facts).held == examine(updates, facts).held == ()
    assert positions.notices == updates.notices == ()


def test_alerts_are_three_in_their_languages() -> None:
    snow, detour, moved = alerts(read(f"{DERIVED}/20190603T0800_alert.pb"))
    assert snow.header == {"ja": "大雪による遅延", "en": "Delays due to heavy snow"}
    assert [target.route_id for target in detour.targets] == ["1021", "1022"]
    assert (moved.effect, moved.targets[0].stop_id) == ("STOP_MOVED", "1_02")
    assert all(alert.is_active(EIGHT) for alert in (snow, detour, moved))


@pytest.mark.parametrize(
    ("name", "rows", "noted", "held"),
    [
        ("empty_feed_ok", 0, [], []),
        ("unknown_trip", 1, [], []),
        ("canceled_trip", 1, [], []),
        ("early_skip_late", 1, [], []),
        ("added_trip", 1, [], []),
        ("vehicle_without_trip", 1, [], []),
        ("vehicle_null_island_stale", 1, ["vehicle_stale"], ["position_outside"]),
        ("header_in_future", 1, ["header_in_future"], ["observed_in_future"]),
        ("duplicate_entity_id", 1, ["duplicate_entity", "duplicate_entity"], []),
    ],
)
def test_edges_are_told_noted_or_held(name: str, rows: int, noted: list[str], held: list[str]) -> None:
    batch = read(f"{DERIVED}/edge/{name}.pb")
    assert len(batch.rows) == rows
    assert codes(batch) == noted
    assert [notice.code for _, notice in examine(batch, AOMORI).held] == held


def test_early_and_late_stops_of_one_trip_are_all_told() -> None:
    (trip,) = trips(read(f"{DERIVED}/edge/early_skip_late.pb"))
    assert trip.delay_s == -120
    assert [(stop.stop_sequence, stop.delay_s, stop.relationship) for stop in trip.stops] == [
        (3, -120, "SCHEDULED"),
        (5, None, "SKIPPED"),
        (9, 600, "SCHEDULED"),
    ]


def test_trip_after_midnight_belongs_to_the_day_before() -> None:
    path = f"{DERIVED}/edge/after_midnight_previous_service_day.pb"
    (trip,) = trips(read(path, datetime(2019, 6, 3, 16, 10, tzinfo=UTC)))
    assert trip.trip.key.endswith("@20190603")
    assert trip.observed_at == datetime(2019, 6, 3, 16, 10, tzinfo=UTC)


def test_buses_of_tampa_are_told_without_trips_but_with_their_routes() -> None:
    batch = read(f"{ROOT}/conformance/bullrunner-vehicle-positions-2017.pb", datetime(2017, 9, 13, 14, 53, tzinfo=UTC))
    buses = vehicles(batch)
    assert len(buses) == 10
    assert {bus.trip.trip_id for bus in buses if bus.trip} == {""}
    assert {bus.trip.route_id for bus in buses if bus.trip} <= {"A", "B", "C", "D", "E", "F"}
    assert all(bus.location for bus in buses)


def test_all_66_vehicles_are_read() -> None:
    file = shared(f"{DERIVED}/20190603T0800_vehicle_00.pb")
    assert len(read_file(file, AOMORI.fetched_at).rows) == 66
