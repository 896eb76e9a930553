"""The timetable's file and questions, on tables made here; the real feeds are asked in tests/connectors/gtfs_jp."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from array import array
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from io import BytesIO
from zoneinfo import ZoneInfo

import orjson
import pytest

from cityos.vocabulary.timetable import (
    UNSAID,
    Fare,
    FareRule,
    Info,
    Route,
    Service,
    ShapePoints,
    Station,
    Stop,
    StopTimes,
    Tables,
    Timetable,
    Translation,
    Trip,
    read_tables,
    start_of,
    write_tables,
)

FIRST = date(2026, 1, 5)  # a Monday
NEW_YORK = ZoneInfo("America/New_York")
TABLES = Tables(
    info=Info("雪潟市", language="ja", starts_on=FIRST, rows={"stops": 2}),
    stops=(Stop("a", "甲", 140.7, 40.8, "a"), Stop("b", "乙", None, None, "b")),
    stations=(Station("a", "甲", 140.7, 40.8, False), Station("b", "乙", None, None, True)),
    routes=(Route("R", kind=3),),
    trips=(Trip("T1", "R", "平日"), Trip("T2", "R", "平日", headsign="乙"), Trip("T3", "R", "never")),
    services=(Service("平日", FIRST, 0b0011111), Service("never", FIRST, 0)),
    fares=(Fare("f", "130", "JPY"), Fare("g", "200", "JPY")),
    fare_rules=(FareRule("f"), FareRule("g", "R", "1", "2")),
    translations=(Translation("en", "Ko", field_value="甲"), Translation("en", "Otsu", "stops", "stop_name", "b")),
    headsigns=("", "甲経由"),
    stop_times=StopTimes(
        trip=array("I", [0, 0, 1, 1]),
        stop=array("I", [0, 1, 0, 1]),
        arrival=array("i", [28_800, 30_000, 90_000, 93_600]),
        departure=array("i", [28_800, 30_000, 90_000, 93_600]),
        sequence=array("I", [1, 2, 10, 20]),
        headsign=array("I", [1, 0, 0, 0]),
        pickup=array("b", [0, 1, 0, 0]),
        drop_off=array("b", [0, 0, 0, 0]),
        timepoint=array("b", [UNSAID] * 4),
    ),
    shape_ids=("S",),
    shapes=ShapePoints(array("I", [0, 0]), array("i", [1_407_000_000, 1_407_000_001]), array("i", [408_000_000] * 2)),
)
ASKED = Timetable(TABLES)


def test_file_gives_back_what_was_written() -> None:
    assert read_tables(write_tables(TABLES)) == TABLES
    assert read_tables(write_tables(Tables())) == Tables()


def test_same_timetable_is_the_same_bytes() -> None:
    assert write_tables(TABLES) == write_tables(replace(TABLES))


def test_anything_can_read_the_file() -> None:
    with zipfile.ZipFile(BytesIO(write_tables(TABLES))) as file:
        head = orjson.loads(file.read("timetable.json"))
        assert head["columns"]["stop_times.departure"] == "int32"
        assert file.read("stop_times.departure")[:4] == (28_800).to_bytes(4, "little")


@pytest.mark.parametrize("content", [b"", b"<html>", write_tables(TABLES)[:-30]])
def test_what_is_no_timetable_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match="no timetable"):
        read_tables(content)


def test_newer_version_is_refused() -> None:
    content = BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        file.writestr("timetable.json", b'{"schema": "cityos.timetable", "version": 99}')
    with pytest.raises(ValueError, match="99"):
        read_tables(content.getvalue())


def test_a_million_calls_are_loaded() -> None:
    count = 1_174_914
    rows, small = array("I", range(count)), array("b", bytes(count))
    times = array("i", range(count))
    columns = StopTimes(rows, rows, times, times, rows, rows, small, small, small)
    content = write_tables(replace(TABLES, stop_times=columns))
    assert len(read_tables(content).stop_times.departure) == count


def test_services_run_on_their_days() -> None:
    running = [day for day in range(9) if ASKED.service_ids_on(FIRST + timedelta(days=day))]
    assert running == [0, 1, 2, 3, 4]
    assert ASKED.service_ids_on(FIRST - timedelta(days=1)) == frozenset()


def test_service_knows_its_last_day() -> None:
    assert [one.last_on for one in TABLES.services] == [date(2026, 1, 9), None]


def test_departures_go_over_midnight_and_service_days() -> None:
    at = datetime(2026, 1, 5, 15, 30, tzinfo=UTC)  # 0:30 on Tuesday in Japan
    told = [(one.call.trip_id, one.service_date.day, one.at.hour) for one in ASKED.departures(["a"], at, 3)]
    assert told == [("T2", 5, 16), ("T1", 6, 23)]
    within = ASKED.departures(["a"], at, 3, within=timedelta(days=2))
    assert [one.call.trip_id for one in within] == ["T2", "T1", "T2"]


def test_departure_at_the_very_instant_is_on_the_board() -> None:
    at = datetime(2026, 1, 4, 23, tzinfo=UTC)
    assert [one.at for one in ASKED.departures(["a"], at, 1)] == [at]
    assert ASKED.departures(["a"], at + timedelta(microseconds=1), 1)[0].at > at


def test_board_of_unknown_stops_is_empty() -> None:
    assert ASKED.departures(["x"], datetime(2026, 1, 5, tzinfo=UTC), 5) == []


def test_trips_are_in_service_at_both_their_ends() -> None:
    start, end = datetime(2026, 1, 5, 16, tzinfo=UTC), datetime(2026, 1, 5, 17, tzinfo=UTC)
    step = timedelta(seconds=1)
    told = [[one.trip_id for one in ASKED.trips_in_service(at)] for at in (start - step, start, end, end + step)]
    assert told == [[], ["T2"], ["T2"], []]


def test_call_shows_its_own_headsign_before_the_trips() -> None:
    assert [call.headsign for call in ASKED.calls_of("T1")] == ["甲経由", ""]
    assert [call.headsign for call in ASKED.calls_of("T2")] == ["乙", "乙"]
    assert [call.is_last for call in ASKED.calls_of("T2")] == [False, True]


def test_narrower_fare_rule_wins() -> None:
    assert [fare.price for fare in ASKED.fares("R", "1", "2")] == ["200"]
    assert [fare.price for fare in ASKED.fares("R", "2", "1")] == ["130"]


def test_both_forms_of_translations_are_asked_alike() -> None:
    assert ASKED.translate("甲", "en", "stops", "stop_name", "a") == "Ko"
    assert ASKED.translate("乙", "en", "stops", "stop_name", "b") == "Otsu"
    assert ASKED.translate("乙", "en", "stops", "stop_name", "a") is None


def test_shape_is_in_degrees() -> None:
    assert ASKED.shape("S") == [(140.7, 40.8), (140.7000001, 40.8)]
    assert ASKED.shape("none") == []


@pytest.mark.parametrize(
    ("day", "starts"),
    [
        (date(2026, 3, 7), datetime(2026, 3, 7, 5, tzinfo=UTC)),
        (date(2026, 3, 8), datetime(2026, 3, 8, 4, tzinfo=UTC)),  # the clocks go forward: 23:00 of the day before
        (date(2026, 11, 1), datetime(2026, 11, 1, 5, tzinfo=UTC)),  # and back: 1:00 of summer time
    ],
)
def test_service_day_starts_twelve_hours_before_noon(day: date, starts: datetime) -> None:
    assert start_of(day, NEW_YORK) == starts


def test_asking_needs_no_pandas() -> None:
    code = "import sys, cityos.vocabulary.timetable as t; print({'pandas', 'numpy', 'gtfs_kit'} & set(sys.modules))"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "set()"
