"""The real feeds: every count of the READMEs beside them, every golden answer."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from functools import cache, lru_cache
from typing import Any

import pytest

from cityos.connector import Batch
from cityos.ngsi.entity import Entity
from cityos.vocabulary.context import iri
from cityos.vocabulary.timetable import Timetable
from cityos.vocabulary.transit import AGENCY, PLATFORM, ROUTE, STOP, Agency, Platform, Route, Stop, TransitFeed
from tests.connectors.gtfs_jp.reading import codes, read_shared, timetable_of
from tests.shared_data import find_shared

AOMORI = "ja/aomori-city-bus-20190325.zip"
NEBUTAN = "ja/aomori-nebutan-20190401.zip"
_COLUMNS = ("agency", "stops", "routes", "trips", "stop_times", "shapes", "calendar", "calendar_dates", "translations")


@lru_cache(maxsize=2)  # a batch is large; the timetables are kept
def batch_of(path: str) -> Batch:
    return read_shared(path)


@cache
def asked(path: str) -> Timetable:
    return timetable_of(batch_of(path))


def entities(batch: Batch, type_name: str) -> list[Entity]:
    return [row.entity for row in batch.rows if iri(type_name) in row.entity.types]


def said() -> Iterator[tuple[str, dict[str, int]]]:
    """Every line of the READMEs' tables: the file, and rows by table (`-` says that the feed has no such file)."""
    for folder in ("ja", "intl"):
        readme = find_shared(f"gtfs/{folder}/README.md")
        for line in readme.read_text().splitlines() if readme else ():
            cells = [cell.strip() for cell in line.strip("|").split("|")]
            if cells[0].endswith(".zip") and len(cells) > 10 and not cells[0].startswith("nyc_bus"):
                place = f"{folder}/donan/{cells[0]}" if cells[0].startswith("donan") else f"{folder}/{cells[0]}"
                counts = zip((*_COLUMNS, "fare_rules"), cells[4:], strict=True)
                yield place, {name: int(cell) for name, cell in counts if cell != "-"}


def golden() -> Iterator[str]:
    folder = find_shared("gtfs/golden")
    yield from sorted(file.name for file in folder.glob("*.json")) if folder else ()


@pytest.mark.parametrize(("path", "counts"), list(said()), ids=str)
def test_every_row_is_read_and_none_is_lost(path: str, counts: dict[str, int]) -> None:
    tables = asked(path).tables
    assert {name: tables.info.rows.get(name, 0) for name in counts} == counts
    kept: dict[str, int] = {
        "agency": len(tables.agencies),
        "stops": len(tables.stops),
        "routes": len(tables.routes),
        "trips": len(tables.trips),
        "stop_times": len(tables.stop_times.trip),
        "shapes": len(tables.shapes.shape),
        "translations": len(tables.translations),
        "fare_rules": len(tables.fare_rules),
    }
    assert {name: kept[name] for name in counts if name in kept} == {n: c for n, c in counts.items() if n in kept}
    assert len(entities(batch_of(path), ROUTE)) == counts["routes"]
    assert len(entities(batch_of(path), AGENCY)) == counts["agency"]
    assert not [
        notice for notice in batch_of(path).notices if notice.severity == "error" and "expired" not in notice.code
    ]


@pytest.mark.parametrize("name", list(golden()))
def test_answers_are_golden(name: str) -> None:
    told = find_shared(f"gtfs/golden/{name}")
    assert told is not None
    wanted: dict[str, Any] = json.loads(told.read_text())
    (found,) = told.parents[1].rglob(wanted["feed"])
    timetable = asked(str(found.relative_to(told.parents[1])))
    for day in wanted["days"]:
        assert _answers(timetable, day) == day


def _answers(timetable: Timetable, wanted: dict[str, Any]) -> dict[str, Any]:
    day = date.fromisoformat(wanted["date"])
    clocks = {clock: datetime.fromisoformat(f"{day}T{clock}") for clock in wanted["in_service"]}
    return {
        "date": wanted["date"],
        "active_services": sorted(timetable.service_ids_on(day)),
        "active_trips": len(timetable.trips_on(day)),
        "stops": {stop_id: _board(timetable, stop_id, day) for stop_id in wanted["stops"]},
        "in_service": {
            clock: len(timetable.trips_in_service(at.replace(tzinfo=timetable.zone))) for clock, at in clocks.items()
        },
    }


def _board(timetable: Timetable, stop_id: str, day: date) -> dict[str, Any]:
    found = timetable.departures_on([stop_id], day)
    told = [[one.seconds, one.call.trip_id, one.call.sequence] for one in found]
    return {"stop_times_on_service_date": len(told), "first3": told[:3], "last3": told[-3:]}


def test_aomori_at_eight_is_as_five_engines_say() -> None:
    timetable = asked(AOMORI)
    day = date(2019, 6, 3)
    assert len(timetable.trips_on(day)) == 875
    assert len(timetable.departures_on(["1_02"], day)) == 81
    assert len(timetable.trips_in_service(datetime(2019, 6, 2, 23, tzinfo=UTC))) == 59


def test_poles_of_aomori_become_stops() -> None:
    batch = batch_of(AOMORI)
    stops = [Stop.from_entity(one) for one in entities(batch, STOP)]
    platforms = [Platform.from_entity(one) for one in entities(batch, PLATFORM)]
    assert (len(platforms), len(stops)) == (823, 396)
    assert len({stop.name for stop in stops}) == 396
    assert sum(len(stop.platform_ids) for stop in stops) == 823
    assert {platform.name for platform in platforms if platform.station_id == "1"} == {"青森駅"}


def test_every_name_of_aomori_has_its_reading_and_english() -> None:
    for entity in entities(batch_of(AOMORI), STOP):
        assert {"ja", "ja-Hrkt", "en"} <= Stop.from_entity(entity).names.keys()


def test_feed_with_parent_stations_keeps_them() -> None:
    tables = asked("ja/donan/donan-20191001-fare-change.zip").tables
    assert sum(one.is_said for one in tables.stations) == len(tables.stations) == 245


def test_same_ids_of_two_feeds_never_mix() -> None:
    city, shuttle = read_shared(AOMORI, feed="city"), read_shared(NEBUTAN, feed="nebutan")
    agencies = [Agency.from_entity(one).agency_id for batch in (city, shuttle) for one in entities(batch, AGENCY)]
    assert agencies == ["4000020022012", "4000020022012"]
    assert {row.entity.id for row in city.rows}.isdisjoint(row.entity.id for row in shuttle.rows)


@pytest.mark.parametrize(
    ("path", "edition"),
    [
        ("ja/donan/donan-20181004-1st-edition.zip", 1),
        ("ja/donan/donan-20191001-fare-change.zip", 2),
        (AOMORI, 2),
        ("ja/yamanashi-2019.zip", None),
        ("intl/cairns_gtfs.zip", None),
    ],
)
def test_edition_is_a_fact_of_the_feed(path: str, edition: int | None) -> None:
    (entity,) = entities(batch_of(path), "TransitFeed")
    assert TransitFeed.from_entity(entity).edition == edition


@pytest.mark.parametrize("path", ["ja/tokachi-20181101.zip", "ja/toyama-yamada-20190415.zip"])
def test_typos_of_the_kana_language_are_folded_and_told(path: str) -> None:
    assert "language_code" in codes(batch_of(path))
    assert "ja-Hrkt" in asked(path).languages
    assert not {language for language in asked(path).languages if re.search("Harkt|HrKt", language)}


def test_aomoris_timetable_is_small() -> None:
    assert len(read_shared(AOMORI).datasets[0].content) < 400_000


@pytest.mark.parametrize(("path", "trips"), [("ja/oyabe-2019.zip", 92), (AOMORI, 875)])
def test_statistics_add_figures_and_lines_to_routes(path: str, trips: int) -> None:
    pytest.importorskip("gtfs_kit", reason="the extra [gtfs] is not installed")
    batch = read_shared(path, statistics=True)
    assert "statistics_unavailable" not in codes(batch)
    told = [route for one in entities(batch, ROUTE) if (route := Route.from_entity(one)).figures is not None]
    assert sum(route.figures.trips for route in told if route.figures) == trips
    assert all(route.location for route in told)
    assert all(route.figures.hours > 0 and route.figures.kilometres for route in told if route.figures)
