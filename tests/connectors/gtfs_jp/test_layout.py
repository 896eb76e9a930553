"""Our own small feeds, table by table: names in both forms of translations, stations, services, and the rest."""

from __future__ import annotations

import sys
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from cityos.connector import Batch
from cityos.ngsi.entity import Entity
from cityos.vocabulary.context import iri
from cityos.vocabulary.transit import PLATFORM, ROUTE, STOP, Platform, Route, Stop, TransitFeed
from connectors.gtfs_jp.value import read_language
from tests.connectors.gtfs_jp.reading import RECORDED, codes, read, read_texts, timetable_of
from tests.connectors.recording import zip_texts

_OTHER = RECORDED.with_name("yukigata_3rd.zip.d")


def third() -> Batch:
    return read(zip_texts({file.name: file.read_bytes() for file in Path(_OTHER).iterdir()}))


def entities(batch: Batch, type_name: str) -> list[Entity]:
    return [row.entity for row in batch.rows if iri(type_name) in row.entity.types]


def stops(batch: Batch) -> dict[str, Stop]:
    return {stop.station_id: stop for stop in map(Stop.from_entity, entities(batch, STOP))}


def test_old_translations_name_by_text() -> None:
    named = {"ja": "雪潟駅前", "ja-Hrkt": "ゆきがたえきまえ", "en": "Yukigata Station"}
    batch = read_texts()
    assert stops(batch)["1"].names == named
    platforms = [Platform.from_entity(one) for one in entities(batch, PLATFORM)]
    assert [one.names for one in platforms if one.station_id == "1"] == [named, named]


def test_new_translations_name_by_record_before_text() -> None:
    batch = third()
    platforms = {one.stop_id: one for one in map(Platform.from_entity, entities(batch, PLATFORM))}
    assert stops(batch)["eki"].names["en"] == "Yukigata Station"
    assert platforms["eki_1"].names["en"] == "Yukigata Station Stand 1"
    assert "en" not in platforms["eki_2"].names
    assert platforms["eki_2"].names["ja-Hrkt"] == "ゆきがたえきまえ"
    assert [Route.from_entity(one).names["en"] for one in entities(batch, ROUTE)] == ["City Loop"]


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("ja-HrKt", "ja-Hrkt"),
        ("ja-Harkt", "ja-Hrkt"),
        ("JA_hrkt", "ja-Hrkt"),
        ("zh-hans-cn", "zh-Hans-CN"),
        ("日本語", None),
    ],
)
def test_languages_have_one_spelling(said: str, meant: str | None) -> None:
    assert read_language(said) == meant


def test_stop_lies_in_the_middle_of_its_poles() -> None:
    assert stops(read_texts())["2"].location == {"type": "Point", "coordinates": [140.7401, 40.8331]}


def test_poles_of_one_prefix_with_other_names_are_other_stops() -> None:
    ids = {"9_1": "甲", "9_2": "乙", "9_3": "甲", "8_1": "丙", "8": "丁"}
    table = "stop_id,stop_name,stop_lat,stop_lon\n" + "".join(f"{one},{name},40.8,140.7\n" for one, name in ids.items())
    found = stops(read_texts(stops=table))
    assert {key: stop.platform_ids for key, stop in found.items()} == {
        "9_1": ("9_1", "9_3"),
        "9_2": ("9_2",),
        "8_1": ("8_1",),
        "8": ("8",),
    }


def test_services_run_on_the_days_that_the_feed_says() -> None:
    timetable = timetable_of(read_texts())
    told = {day: timetable.service_ids_on(date(2026, 1, day)) for day in (5, 17, 19)}
    assert told == {5: {"平日"}, 17: {"土日祝"}, 19: {"平日", "学校"}}
    assert timetable.service_ids_on(date(2025, 12, 30)) == {"土日祝"}
    assert timetable.service_ids_on(date(2026, 4, 1)) == frozenset()


def test_night_bus_of_yesterday_is_on_the_board_after_midnight() -> None:
    timetable = timetable_of(read_texts())
    at = datetime(2026, 1, 20, 16, tzinfo=UTC)  # 1:00 on the 21st in Japan
    (first, *_) = timetable.departures(["1_02"], at, 3)
    assert (first.at, first.service_date, first.seconds) == (
        datetime(2026, 1, 20, 16, 30, tzinfo=UTC),
        date(2026, 1, 20),
        25 * 3600 + 1800,
    )
    assert first.call.headsign == "北萩野（深夜）"
    assert [one.trip_id for one in timetable.trips_in_service(first.at)] == ["平日_25時30分_港町線"]


def test_board_for_riders_leaves_out_where_nobody_gets_on() -> None:
    timetable = timetable_of(read_texts())
    at = datetime(2026, 1, 19, 20, tzinfo=UTC)
    assert timetable.departures(["3_01"], at, 5)
    assert timetable.departures(["3_01"], at, 5, boarding_only=True) == []


def test_frequencies_become_runs() -> None:
    timetable = timetable_of(third())
    found = timetable.departures(["eki_2"], datetime(2025, 12, 31, 15, tzinfo=UTC), 9)
    assert [one.seconds // 60 for one in found] == [9 * 60, 10 * 60, 11 * 60]
    assert len(timetable.trips_in_service(datetime(2026, 1, 1, 1, 10, tzinfo=UTC))) == 1


def test_fares_depots_and_shapes_are_kept() -> None:
    timetable = timetable_of(read_texts())
    assert [fare.price for fare in timetable.fares("0012", "1", "3")] == ["200"]
    assert timetable.fares("0012", "3", "1") == []
    assert timetable.tables.offices[0].phone == "017-000-0001"
    assert timetable.tables.agencies[0].official_name == "雪潟市交通部"
    assert timetable.shape("S12")[1] == (140.74, 40.833)
    assert timetable.tables.trips[1].description == "深夜バス"
    assert timetable.tables.routes[0].parent_route_id == "0010"


def test_long_transfer_is_kept() -> None:
    assert timetable_of(third()).tables.transfers[0].seconds == 40_000, "gtfs-kit fails on it"


def test_names_that_look_like_nothing_are_names() -> None:
    table = "stop_id,stop_name,stop_lat,stop_lon\nNA,None,40.8,140.7\nnull,nan,40.8,140.7\n"
    found = map(Platform.from_entity, entities(read_texts(stops=table), PLATFORM))
    assert [(one.stop_id, one.name) for one in found] == [("NA", "None"), ("null", "nan")]


@pytest.mark.parametrize(
    ("changes", "edition"),
    [
        ({}, 2),
        ({"translations": None, "agency_jp": None, "routes_jp": None, "office_jp": None, "routes": None}, None),
        ({"pattern_jp": "jp_pattern_id,route_update_date,origin_stop,via_stop,destination_stop\n"}, 3),
        ({"booking_rules": "booking_rule_id,booking_type\n"}, 4),
    ],
)
def test_edition_shows_in_what_only_it_has(changes: dict[str, str | None], edition: int | None) -> None:
    (feed,) = entities(read_texts(**changes), "TransitFeed")
    assert TransitFeed.from_entity(feed).edition == edition


def test_without_gtfs_kit_everything_else_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gtfs_kit", None)
    content = zip_texts({file.name: file.read_bytes() for file in RECORDED.iterdir()})
    batch = read(content, statistics=True)
    assert batch.datasets
    assert "statistics_unavailable" in codes(batch)
