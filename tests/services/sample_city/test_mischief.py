"""Everything on the timetable really goes wrong while it should, and nothing else does."""

import itertools
import json
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from google.transit import gtfs_realtime_pb2 as pb

from services.sample_city import mischief
from services.sample_city.answer import Answer, answer, answer_calmly
from services.sample_city.clock import DAY, HOUR, JST
from services.sample_city.mischief import UNKNOWN_STATUS, Entry, Kind
from services.sample_city.source import Source, list_sources
from services.sample_city.timetable import list_trips

START = datetime(2026, 1, 15, 5, tzinfo=JST)
DAY_OF_SCENARIO = START.date()
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
SEEDS = range(1, 8)


def source_at(path: str, seed: int = 1) -> Source:
    return next(source for source in list_sources(seed, calm=False) if source.path == path)


def entries(kind: Kind, seed: int = 1) -> list[Entry]:
    return [entry for entry in mischief.timetable(seed, DAY_OF_SCENARIO) if entry.kind is kind]


def delivered(entry: Entry, after: timedelta = timedelta(minutes=10)) -> tuple[Answer, Answer]:
    """What comes, and what would come in a calm moment."""
    source = source_at(entry.path)
    return answer(1, source, entry.begins + after), answer_calmly(source, entry.begins + after)


def message(body: bytes) -> pb.FeedMessage:
    return pb.FeedMessage.FromString(body)


@pytest.mark.parametrize("seed", SEEDS)
def test_every_kind_occurs_in_the_day_of_the_scenario(seed: int) -> None:
    table = mischief.timetable(seed, DAY_OF_SCENARIO)
    assert {entry.kind for entry in table} == set(Kind)
    assert all(entry.begins >= START and (entry.ends or START) <= START + DAY for entry in table)


@pytest.mark.parametrize("seed", SEEDS)
def test_every_path_on_the_timetable_is_served_and_windows_do_not_meet(seed: int) -> None:
    paths = {source.path for source in list_sources(seed, calm=False)}
    for path in {entry.path for entry in mischief.timetable(seed, DAY_OF_SCENARIO)}:
        assert path in paths
        windows = [e for e in mischief.timetable(seed, DAY_OF_SCENARIO) if e.path == path and e.ends]
        assert all(a.ends and a.ends < b.begins for a, b in itertools.pairwise(windows))


def test_timetable_of_another_day_has_all_but_the_change_of_format() -> None:
    other = {entry.kind for entry in mischief.timetable(1, DAY_OF_SCENARIO + 9 * DAY)}
    assert other == set(Kind) - {Kind.FORMAT_CHANGE}


def test_outside_its_windows_a_source_answers_as_in_a_calm_city() -> None:
    for source in list_sources(1, calm=False):
        for n in range(24):
            instant = START + n * HOUR
            if mischief.find_entry(1, source.path, instant) is None:
                assert answer(1, source, instant).body == answer_calmly(source, instant).body


@pytest.mark.parametrize("entry", entries(Kind.FREEZE), ids=lambda entry: entry.path)
def test_frozen_source_keeps_its_bytes_and_then_catches_up(entry: Entry) -> None:
    source = source_at(entry.path)
    assert entry.ends
    before = answer(1, source, entry.begins - SECOND)
    frozen = [answer(1, source, entry.begins + n * (entry.ends - entry.begins) / 12) for n in range(12)]
    assert frozen == [before] * 12
    assert answer(1, source, entry.ends) == answer_calmly(source, entry.ends) != before


def test_frozen_message_keeps_its_header_time_for_an_hour() -> None:
    (entry,) = (entry for entry in entries(Kind.FREEZE) if entry.path.endswith(".pb"))
    stamps = {
        message(answer(1, source_at(entry.path), entry.begins + n * MINUTE).body).header.timestamp for n in range(60)
    }
    assert len(stamps) == 1
    assert 0 < entry.begins.timestamp() - stamps.pop() <= 15


def test_one_vehicle_is_lost_on_null_island() -> None:
    (entry,) = entries(Kind.NULL_ISLAND)
    given, calm = (message(a.body) for a in delivered(entry))
    places = [(e.vehicle.position.longitude, e.vehicle.position.latitude) for e in given.entity]
    assert [n for n, place in enumerate(places) if place == (0.0, 0.0)] == [0]
    assert list(given.entity)[1:] == list(calm.entity)[1:]


def test_one_trip_is_in_no_timetable() -> None:
    (entry,) = entries(Kind.UNKNOWN_TRIP)
    given, _ = (message(a.body) for a in delivered(entry))
    known = {trip.id for trip in list_trips(1, snowy=False)}
    unknown = [e.id for e in given.entity if e.trip_update.trip.trip_id not in known]
    assert len(unknown) == 1


def test_message_of_zero_bytes_comes_with_status_200() -> None:
    (entry,) = entries(Kind.ZERO_BYTES)
    given, calm = delivered(entry)
    assert (given.status, given.body, given.headers) == (200, b"", calm.headers)


def test_list_changes_from_three_to_seven_fields_for_good() -> None:
    (entry,) = entries(Kind.FORMAT_CHANGE)
    source = source_at(entry.path)

    def fields(instant: datetime) -> set[int]:
        return {len(line.split(",")) for line in answer(1, source, instant).body.decode().split("\n")[1:-1]}

    assert fields(entry.begins - SECOND) == {3}
    assert fields(entry.begins) == fields(entry.begins + 30 * DAY) == {7}


def test_outage_is_503() -> None:
    (entry,) = entries(Kind.OUTAGE)
    assert delivered(entry)[0].status == 503


@pytest.mark.parametrize("entry", entries(Kind.HTML_PAGE), ids=lambda entry: entry.path)
def test_maintenance_page_comes_with_status_200(entry: Entry) -> None:
    given, _ = delivered(entry)
    assert (given.status, given.headers) == (200, {"content-type": "text/html; charset=utf-8"})
    assert given.body.startswith(b"<!DOCTYPE html>")


def test_renamed_header_stands_over_the_same_rows() -> None:
    (entry,) = entries(Kind.HEADER_RENAMED)
    given, calm = (a.body.split(b"\n", 1) for a in delivered(entry))
    assert given[0] == b"Date,Day_of_week,Hour,sensor_id,SensorName,Total_of_Directions"
    assert given[1] == calm[1]


def test_truncated_geojson_is_no_json_and_truncated_csv_ends_inside_a_row() -> None:
    cut = {entry.path.rsplit(".", 1)[1]: delivered(entry) for entry in entries(Kind.TRUNCATED)}
    assert all(calm.body.startswith(given.body) for given, calm in cut.values())
    with pytest.raises((json.JSONDecodeError, UnicodeDecodeError)):
        json.loads(cut["geojson"][0].body)
    assert cut["csv"][0].body.split(b"\n")[-1].count(b",") < 4


@pytest.mark.parametrize(
    ("kind", "restore"),
    [
        (Kind.CP932, lambda body: body.decode("cp932").encode()),
        (
            Kind.FULL_WIDTH_DIGITS,
            lambda body: body.decode().translate(str.maketrans("０１２３４５６７８９", "0123456789")).encode(),
        ),
    ],
)
def test_other_spelling_has_the_same_content(kind: Kind, restore: Callable[[bytes], bytes]) -> None:
    (entry,) = entries(kind)
    given, calm = delivered(entry)
    assert given.body != calm.body
    assert restore(given.body) == calm.body


def test_one_and_the_same_row_is_in_full_width_digits_for_the_whole_window() -> None:
    (entry,) = entries(Kind.FULL_WIDTH_DIGITS)
    source = source_at(entry.path)
    bodies = [answer(1, source, entry.begins + n * timedelta(minutes=15)).body.decode() for n in range(8)]
    wide = [[row for row in body.split("\n") if not row.isascii()] for body in bodies]
    assert len(wide[0]) == 1
    assert wide == [wide[0]] * 8


def test_unknown_status_is_said_of_one_zone_in_both_files() -> None:
    for entry in entries(Kind.UNKNOWN_STATUS):
        given, calm = (a.body.decode() for a in delivered(entry))
        assert (given.count(UNKNOWN_STATUS), calm.count(UNKNOWN_STATUS)) == (1, 0)
    assert {entry.path for entry in entries(Kind.UNKNOWN_STATUS)} == {"/snow/koku.csv", "/snow/koku.geojson"}
