"""The bus feed is a valid GTFS-JP of the 4th edition, and changes with the timetable."""

import csv
import io
import re
import zipfile
from collections import Counter, defaultdict
from datetime import date, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from services.sample_city.clock import jst
from services.sample_city.gtfs import feed_zip
from services.sample_city.holiday import is_holiday_service, national_holidays
from services.sample_city.measure import distance_m
from services.sample_city.timetable import edition_of

SCENARIO = date(2026, 1, 15)
AUTUMN, WINTER = jst(SCENARIO, 5), jst(SCENARIO + timedelta(days=1), 5)
REQUIRED = {
    "agency", "stops", "routes", "trips", "stop_times", "calendar", "calendar_dates", "fare_attributes", "fare_rules",
    "feed_info", "translations", "shapes",
}  # fmt: skip

Rows = list[dict[str, str]]


def tables(instant: datetime = AUTUMN, seed: int = 1) -> dict[str, Rows]:
    with zipfile.ZipFile(io.BytesIO(feed_zip(seed, instant))) as feed:
        texts = {name.removesuffix(".txt"): feed.read(name).decode("utf-8-sig") for name in feed.namelist()}
    return {name: list(csv.DictReader(io.StringIO(text, newline=""))) for name, text in texts.items()}


FEED = tables()


def column(table: str, name: str) -> set[str]:
    return {row[name] for row in FEED[table]}


def seconds(time: str) -> int:
    hours, minutes, rest = map(int, time.split(":"))
    return hours * 3600 + minutes * 60 + rest


def calls() -> dict[str, Rows]:
    found: dict[str, Rows] = defaultdict(list)
    for row in FEED["stop_times"]:
        found[row["trip_id"]].append(row)
    return found


def test_feed_has_the_tables_and_the_form_of_most_japanese_feeds() -> None:
    body = feed_zip(1, AUTUMN)
    assert set(FEED) == REQUIRED
    with zipfile.ZipFile(io.BytesIO(body)) as feed:
        assert feed.testzip() is None
        assert all(
            feed.read(name).startswith(b"\xef\xbb\xbf") and b"\r\n" in feed.read(name) for name in feed.namelist()
        )
        assert {entry.date_time for entry in feed.infolist()} == {(2025, 10, 1, 4, 0, 0)}


def test_gtfs_kit_reads_the_feed_and_finds_it_good(tmp_path: Path) -> None:
    gtfs_kit = pytest.importorskip("gtfs_kit")
    path = tmp_path / "yukino-bus.zip"
    path.write_bytes(feed_zip(1, AUTUMN))
    feed = gtfs_kit.read_feed(path, dist_units="m")
    assessed = dict(feed.assess_quality().itertuples(index=False))
    assert assessed.pop("assessment") == "good feed"
    assert set(assessed.values()) == {0}
    running = feed.get_trips("20260115")
    assert set(running["service_id"]) == {"平日"}
    assert 380 < len(running) < 460
    assert set(feed.get_trips("20260101")["service_id"]) == {"土日祝"}


@pytest.mark.parametrize(
    ("table", "name", "target", "key"),
    [
        ("routes", "agency_id", "agency", "agency_id"),
        ("trips", "route_id", "routes", "route_id"),
        ("trips", "service_id", "calendar", "service_id"),
        ("trips", "shape_id", "shapes", "shape_id"),
        ("stop_times", "trip_id", "trips", "trip_id"),
        ("stop_times", "stop_id", "stops", "stop_id"),
        ("stops", "parent_station", "stops", "stop_id"),
        ("calendar_dates", "service_id", "calendar", "service_id"),
        ("fare_rules", "fare_id", "fare_attributes", "fare_id"),
        ("fare_rules", "route_id", "routes", "route_id"),
        ("fare_rules", "origin_id", "stops", "zone_id"),
        ("fare_rules", "destination_id", "stops", "zone_id"),
    ],
)
def test_references_lead_somewhere(table: str, name: str, target: str, key: str) -> None:
    assert column(table, name) - {""} <= column(target, key)


@pytest.mark.parametrize(
    ("table", "key"),
    [("stops", "stop_id"), ("routes", "route_id"), ("trips", "trip_id"), ("fare_attributes", "fare_id")],
)
def test_ids_are_unique(table: str, key: str) -> None:
    assert len(column(table, key)) == len(FEED[table])


def test_every_trip_calls_at_poles_in_ascending_time_and_distance() -> None:
    stops = {row["stop_id"]: row for row in FEED["stops"]}
    found = calls()
    assert set(found) == column("trips", "trip_id")
    for rows in found.values():
        assert len(rows) >= 2
        assert [int(row["stop_sequence"]) for row in rows] == list(range(1, len(rows) + 1))
        for before, after in pairwise(rows):
            assert seconds(before["departure_time"]) < seconds(after["arrival_time"])
            assert float(before["shape_dist_traveled"]) < float(after["shape_dist_traveled"])
        assert all(stops[row["stop_id"]]["location_type"] == "0" for row in rows)


def test_a_night_bus_runs_past_24_hours_on_weekdays() -> None:
    late = {row["trip_id"] for row in FEED["stop_times"] if seconds(row["departure_time"]) >= 25 * 3600}
    services = {row["service_id"] for row in FEED["trips"] if row["trip_id"] in late}
    assert services == {"平日"}


def test_a_vehicle_is_in_one_place_at_a_time() -> None:
    spans: dict[str, list[tuple[int, int]]] = defaultdict(list)
    found = calls()
    for row in FEED["trips"]:
        rows = found[row["trip_id"]]
        spans[row["block_id"]].append((seconds(rows[0]["departure_time"]), seconds(rows[-1]["arrival_time"])))
    for duty in spans.values():
        assert all(a[1] < b[0] for a, b in pairwise(sorted(duty)))


def test_poles_belong_to_stations_of_their_name_close_by() -> None:
    stops = {row["stop_id"]: row for row in FEED["stops"]}
    poles = [row for row in stops.values() if row["location_type"] == "0"]
    assert 110 <= len(poles) <= 140
    for pole in poles:
        parent = stops[pole["parent_station"]]
        assert (parent["location_type"], parent["stop_name"]) == ("1", pole["stop_name"])
        assert pole["platform_code"]
        assert distance_m(_place(pole), _place(parent)) < 30


def test_shapes_pass_their_stops() -> None:
    shapes: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for row in FEED["shapes"]:
        shapes[row["shape_id"]].append((float(row["shape_pt_lon"]), float(row["shape_pt_lat"])))
    stops = {row["stop_id"]: _place(row) for row in FEED["stops"]}
    shape_of = {row["trip_id"]: row["shape_id"] for row in FEED["trips"]}
    pairs = {(shape_of[row["trip_id"]], row["stop_id"]) for row in FEED["stop_times"]}
    assert all(min(distance_m(stops[stop], point) for point in shapes[shape]) < 30 for shape, stop in pairs)


def test_every_name_has_its_reading_and_english() -> None:
    translations = FEED["translations"]
    for table, field, key in (("stops", "stop_name", "stop_id"), ("routes", "route_short_name", "route_id")):
        told = {(row["record_id"], row["language"]) for row in translations if row["field_name"] == field}
        assert told == {(record, language) for record in column(table, key) for language in ("ja-Hrkt", "en")}
    headsigns = {(row["field_value"], row["language"]) for row in translations if row["field_name"] == "trip_headsign"}
    assert headsigns == {
        (sign, language) for sign in column("trips", "trip_headsign") for language in ("ja-Hrkt", "en")
    }
    readings = [row["translation"] for row in translations if row["language"] == "ja-Hrkt"]
    assert all(re.fullmatch(r"[ぁ-ゖー・ （）]+", reading) for reading in readings)


def test_agency_id_is_a_well_formed_corporate_number() -> None:
    (agency_id,) = column("agency", "agency_id")
    digits = [int(digit) for digit in agency_id]
    weighted = sum(digit * (1 if n % 2 else 2) for n, digit in enumerate(reversed(digits[1:]), 1))
    assert len(digits) == 13
    assert digits[0] == 9 - weighted % 9


def test_holidays_swap_services_and_the_turn_of_the_year_is_one() -> None:
    swaps = defaultdict(set)
    for row in FEED["calendar_dates"]:
        swaps[row["date"]].add((row["service_id"], row["exception_type"]))
    assert set(swaps) >= {"20251124", "20251230", "20251231", "20260101", "20260102", "20260112"}
    assert "20260103" not in swaps  # a Saturday as it is
    assert all(swap == {("平日", "2"), ("土日祝", "1")} for swap in swaps.values())


def test_new_edition_follows_with_slower_buses_under_another_version() -> None:
    (before,), (after,) = FEED["feed_info"], (winter := tables(WINTER))["feed_info"]
    assert (before["feed_version"], after["feed_version"]) == ("20251001_秋ダイヤ", "20260116_冬ダイヤ")
    assert (after["feed_start_date"], after["feed_end_date"]) == ("20260116", "20260331")
    assert feed_zip(1, jst(SCENARIO + timedelta(days=1), 3)) == feed_zip(1, AUTUMN)
    assert {row["trip_id"] for row in winter["trips"]} == column("trips", "trip_id")
    assert [row["arrival_time"] for row in winter["stop_times"]] > [row["arrival_time"] for row in FEED["stop_times"]]


def test_every_day_has_an_edition_that_holds_it() -> None:
    for n in range(0, 800):
        day = date(2025, 6, 1) + timedelta(days=n)
        assert edition_of(day).starts_on <= day <= edition_of(day).ends_on


def test_holidays_are_those_of_the_law() -> None:
    in_2026 = "0101 0112 0211 0223 0320 0429 0503 0504 0505 0506 0720 0811 0921 0922 0923 1012 1103 1123"
    assert [f"{day:%m%d}" for day in sorted(national_holidays(2026))] == in_2026.split()
    assert {date(2027, 3, 22), date(2024, 2, 12)} <= national_holidays(2027) | national_holidays(2024)
    assert is_holiday_service(date(2026, 8, 14))
    assert not is_holiday_service(SCENARIO)


def test_no_line_is_forgotten() -> None:
    routes = Counter(row["route_id"] for row in FEED["trips"] if row["service_id"] == "平日")
    assert set(routes) == column("routes", "route_id")
    assert column("routes", "jp_parent_route_id") == {f"000{n}" for n in range(1, 9)}


def _place(row: dict[str, str]) -> tuple[float, float]:
    return float(row["stop_lon"]), float(row["stop_lat"])
