"""Feeds with faults: none is a crash, what remains flows, and each fault is told where it is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest

from cityos.connector import Batch, SourceChanged
from cityos.vocabulary.context import iri
from cityos.vocabulary.timetable import RECKONED
from cityos.vocabulary.transit import PLATFORM, ROUTE, STOP, Platform
from tests.connectors.gtfs_jp.reading import codes, read, read_shared, read_texts, texts, timetable_of
from tests.connectors.recording import zip_texts
from tests.shared_data import find_shared

BASE = "ja/aomori-nebutan-20190401.zip"
UNREADABLE = {"empty_zip", "html_404", "truncated_zip", "cutr_badgtfs", "unknown_format"}
WITHOUT_TIMETABLE = {
    *("empty_file", "missing_calendar", "missing_routes", "missing_stop_times", "missing_stops"),
    *("missing_weekday_column", "no_stop_times"),
}
# What each made fault must be told as. What the canonical rules call otherwise or not at all is in expected.json.
TOLD = {
    "ja/bad_date": "date_form",
    "ja/bad_time": "time_unreadable",
    "ja/bad_timezone": "zone_unknown",
    "ja/bomb_small": "zip_bomb_member",
    "ja/cp932_stops": "encoding_not_utf8",
    "ja/duplicate_trip": "duplicate_id",
    "ja/far_shape": "stop_far_from_shape",
    "ja/fk_unknown_stop": "reference_unknown",
    "ja/fullwidth_time": "full_width_digits",
    "ja/lang_typo": "language_code",
    "ja/latlon_swapped": "stop_without_position",
    "ja/nested_folder": "zip_folder",
    "ja/no_stop_times": "timetable_missing",
    "ja/service_never_runs": "service_never_runs",
    "ja/time_travel": "time_goes_back",
    "ja/unbalanced_quote": "row_fields",
    "generic/bad_date_format": "date_unreadable",
    "generic/bad_utf8": "row_unreadable",
    "generic/duplicate_schedule_id": "duplicate_id",
    "generic/duplicate_stop_sequence": "duplicate_id",
    "generic/empty_file": "table_missing",
    "generic/invalid_agency_ids": "id_missing",
    "generic/missing_agency": "table_missing",
    "generic/missing_calendar": "table_missing",
    "generic/missing_endpoint_times": "trip_edge_untimed",
    "generic/missing_routes": "table_missing",
    "generic/missing_stop_times": "table_missing",
    "generic/missing_stops": "table_missing",
    "generic/missing_weekday_column": "column_missing",
    "generic/unknown_file": "zip_member_unread",
}
CONTROLS = ("leading_zero_ids_ok", "times_28h_ok", "macosx_junk")


def every_broken_feed() -> Iterator[str]:
    folder = find_shared("gtfs/broken")
    for file in sorted(folder.rglob("*.zip")) if folder else ():
        yield f"{file.parent.name}/{file.stem}"


def broken(name: str) -> Batch:
    return read_shared(f"broken/{name}.zip")


@pytest.mark.parametrize("name", list(every_broken_feed()))
def test_no_broken_feed_is_a_crash(name: str) -> None:
    stem = name.split("/")[1]
    if stem in UNREADABLE:
        with pytest.raises(SourceChanged, match=r"feed\.zip"):
            broken(name)
        return
    batch = broken(name)
    assert batch.rows
    assert bool(batch.datasets) == (stem not in WITHOUT_TIMETABLE)
    if name in TOLD:
        assert TOLD[name] in codes(batch)


def test_every_fault_that_was_made_is_expected_here() -> None:
    folder = find_shared("gtfs/broken/ja/expected.json")
    made = set(json.loads(folder.read_text())) if folder else set()
    known = {f"{name.split('/')[1]}.zip" for name in TOLD} | {f"{one}.zip" for one in (*UNREADABLE, *CONTROLS)}
    assert made <= known


@pytest.mark.parametrize("name", CONTROLS)
def test_controls_load_clean(name: str) -> None:
    assert codes(broken(f"ja/{name}")) == []


def test_small_faults_cost_only_the_rows_that_have_them() -> None:
    base = len(timetable_of(read_shared(BASE)).tables.stop_times.trip)
    lost = {name: base - len(timetable_of(broken(f"ja/{name}")).tables.stop_times.trip) for name in (
        "bad_time", "fk_unknown_stop", "time_travel", "duplicate_trip", "fullwidth_time", "cp932_stops", "bad_date"
    )}  # fmt: skip
    assert lost == {
        "bad_time": 1,
        "fk_unknown_stop": 2,
        "time_travel": 1,
        "duplicate_trip": 0,
        "fullwidth_time": 0,
        "cp932_stops": 0,
        "bad_date": 0,
    }


def test_read_as_cp932_the_names_are_right() -> None:
    assert broken("ja/cp932_stops").rows == read_shared(BASE).rows


def test_leading_zeros_survive() -> None:
    tables = timetable_of(broken("ja/leading_zero_ids_ok")).tables
    assert all(stop.stop_id.startswith("0") for stop in tables.stops)
    assert {route.parent_route_id for route in tables.routes} == {"0012"}


def test_trip_past_midnight_is_of_the_day_it_began() -> None:
    timetable = timetable_of(broken("ja/times_28h_ok"))
    late = [one for one in timetable.tables.stop_times.departure if one >= 86_400]
    assert len(late) == 7
    assert max(late) < 29 * 3600
    at = datetime(2019, 6, 3, 17, tzinfo=UTC)  # 2:00 on the 4th in Japan
    assert {journey.service_date for journey in timetable.trips_in_service(at)} <= {date(2019, 6, 3)}


def test_swapped_positions_leave_the_departures() -> None:
    batch = broken("ja/latlon_swapped")
    platforms = [Platform.from_entity(row.entity) for row in batch.rows if iri(PLATFORM) in row.entity.types]
    assert len(platforms) == 20
    assert not [platform for platform in platforms if platform.location]
    assert len(timetable_of(batch).tables.stop_times.trip) == 158


def test_what_lost_a_row_is_not_said_to_be_all() -> None:
    covers = broken("ja/unbalanced_quote").covers
    assert covers is not None
    assert iri(ROUTE) not in covers
    assert {iri(STOP), iri(PLATFORM)} <= covers


def test_stops_flow_without_a_timetable() -> None:
    batch = read_texts(stop_times=None)
    assert {row.entity.types[0] for row in batch.rows} >= {iri(STOP), iri(PLATFORM), iri(ROUTE)}
    assert batch.datasets == ()
    assert {"table_missing", "timetable_missing"} <= set(codes(batch))


@pytest.mark.parametrize(
    ("days", "code"),
    [(31, None), (30, "timetable_expires_soon"), (0, "timetable_expires_soon"), (-1, "timetable_expired")],
)
def test_end_of_the_timetable_is_told_in_time(days: int, code: str | None) -> None:
    last = datetime(2026, 3, 31, 3, tzinfo=UTC)
    told = codes(read(zip_texts(texts()), at=last - timedelta(days=days)))
    assert [one for one in told if one.startswith("timetable_")] == ([code] if code else [])


def test_text_in_quotes_may_hold_commas_and_line_breaks() -> None:
    rows = ('1_01,"雪潟駅前,\r\n""北口""",40.8,140.7', '1_02,"切れた,40.8,140.7', "2_01,港町,40.8,140.7", "")
    batch = read_texts(stops="\r\n".join(("stop_id,stop_name,stop_lat,stop_lon", *rows)))
    assert [one.name for one in timetable_of(batch).tables.stops] == ['雪潟駅前,\n"北口"', "港町"]
    assert ("row_fields", "stops.txt:4") in [(one.code, one.where) for one in batch.notices]


def test_gap_between_timed_calls_is_reckoned_and_marked() -> None:
    timetable = timetable_of(read_texts())
    calls = timetable.calls_of("平日_25時30分_港町線")
    assert [(call.departure, call.is_said) for call in calls] == [(91_800, True), (92_250, False), (92_700, True)]
    assert list(timetable.tables.stop_times.timepoint).count(RECKONED) == 1


def test_many_faults_of_a_kind_are_a_few_notices() -> None:
    rows = "".join(f"平日_07時10分_港町線,07:10:00,07:10:00,x{number},{number},,,\n" for number in range(5_000))
    header = "trip_id,arrival_time,departure_time,stop_id,stop_sequence,stop_headsign,pickup_type,drop_off_type\n"
    told = [notice for notice in read_texts(stop_times=header + rows).notices if notice.code == "reference_unknown"]
    assert len(told) == 21
    assert "others of this kind" in told[-1].detail
