"""The real municipal tables; rows are counted here with the csv module, beside the connector."""

from __future__ import annotations

import csv
from datetime import UTC, datetime
from typing import Any

import pytest

from cityos.connector import Batch, Document
from cityos.vocabulary.attribute import get, get_location, observed_at
from cityos.vocabulary.context import iri
from connectors.file_drop import connector
from connectors.file_drop.mapping import FileDropConfig
from tests.shared_data import shared

TABLES = {
    "takamatsu_aed": ("AED", 514),
    "takamatsu_evacuation_sites": ("EvacuationSite", 193),
    "takamatsu_public_wifi": ("PublicWifi", 25),
    "takamatsu_rental_cycle_ports": ("RentalCyclePort", 7),
    "takamatsu_tourist_facilities": ("TouristFacility", 14),
}
TAKAMATSU: dict[str, Any] = {"id": "#property", "name": "name", "location": "location", "ends_with_line_break": False}
STREETS = "people_flow/takamatsu_shopping_street_counts_2021.csv"


def read(path: str, **config: Any) -> Batch:
    file = shared(path)
    document = Document(file.name, file.read_bytes(), datetime(2026, 4, 1, tzinfo=UTC))
    return connector.normalise(document, FileDropConfig.model_validate(config))


def said(path: str) -> list[dict[str, str]]:
    with shared(path).open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))
    header = next(row for row in rows if row[0] == "#property")
    return [dict(zip(header, row, strict=True)) for row in rows if not row[0].startswith("#")]


@pytest.mark.parametrize("table", TABLES)
def test_every_row_of_a_municipal_table_becomes_an_entity(table: str) -> None:
    path, (type_name, count) = f"municipal/{table}.csv", TABLES[table]
    batch = read(path, type=type_name, **TAKAMATSU)
    rows = said(path)
    assert len(batch.rows) == len(rows) == count
    assert [get(row.entity, "name") for row in batch.rows] == [row["name"].strip() for row in rows]
    assert [notice.code for notice in batch.notices] == ["columns_ignored"]
    assert batch.covers == frozenset({iri(type_name)})


@pytest.mark.parametrize("table", TABLES)
def test_every_place_lies_where_the_table_says(table: str) -> None:
    path, (type_name, _) = f"municipal/{table}.csv", TABLES[table]
    for row, entry in zip(read(path, type=type_name, **TAKAMATSU).rows, said(path), strict=True):
        lat, lon = map(float, entry["location"].split(","))
        assert get_location(row.entity) == {"type": "Point", "coordinates": [lon, lat]}


@pytest.mark.parametrize("table", TABLES)
def test_a_last_line_without_line_break_is_left_out_and_nothing_ends(table: str) -> None:
    """All five end so. Until the city file says that they always do, they may be cut."""
    path, (type_name, count) = f"municipal/{table}.csv", TABLES[table]
    batch = read(path, type=type_name, **{**TAKAMATSU, "ends_with_line_break": True})
    assert len(batch.rows) == count - 1
    assert "document_cut" in [notice.code for notice in batch.notices]
    assert batch.covers is None


def test_empty_cells_and_dashes_of_the_evacuation_sites_say_nothing() -> None:
    path = "municipal/takamatsu_evacuation_sites.csv"
    columns = {"elevation": {"attribute": "elevation", "kind": "number"}, "telephoneNumber": "telephone"}
    batch = read(path, type="EvacuationSite", columns=columns, **TAKAMATSU)
    rows = said(path)
    elevations = [float(row["elevation"]) if row["elevation"] else None for row in rows]
    telephones = [row["telephoneNumber"] if row["telephoneNumber"] != "-" else None for row in rows]
    assert telephones.count(None) == 14
    assert [get(row.entity, "elevation") for row in batch.rows] == elevations
    assert [get(row.entity, "telephone") for row in batch.rows] == telephones
    assert [notice.code for notice in batch.notices] == ["columns_ignored"]


def test_counts_of_the_shopping_streets_have_the_instant_the_city_file_gives_them() -> None:
    columns = {"totalWeekdaysAverage": {"attribute": "weekdayCount", "kind": "integer"}}
    batch = read(STREETS, type="StreetCount", observed_at="2022-01-01T00:00:00+09:00", columns=columns, **TAKAMATSU)
    assert [get(row.entity, "weekdayCount") for row in batch.rows] == [
        int(row["totalWeekdaysAverage"]) for row in said(STREETS)
    ]
    assert {observed_at(row.entity, "weekdayCount") for row in batch.rows} == {datetime(2021, 12, 31, 15, tzinfo=UTC)}


def test_a_year_alone_is_no_time() -> None:
    """The column says `2021年　平均`; to make an instant of it would be a guess."""
    columns = {"totalWeekdaysAverage": {"attribute": "weekdayCount", "kind": "integer"}}
    batch = read(STREETS, type="StreetCount", observed_at="surveyDate", columns=columns, **TAKAMATSU)
    assert "time_unreadable" in {notice.code for notice in batch.notices}
    assert {get(row.entity, "weekdayCount") for row in batch.rows} == {None}
    assert len(batch.rows) == 15


def test_snow_dump_sites_are_read_from_json() -> None:
    batch = read(
        "snow/aomori_snow_dump_sites.json",
        type="SnowDumpSite",
        records="sites",
        id="id",
        name="name",
        latitude="lat",
        longitude="lng",
        columns={"hours": "openingHours"},
    )
    assert len(batch.rows) == 15
    assert all(get_location(row.entity) for row in batch.rows)
    assert get(batch.rows[0].entity, "openingHours") == "08:00-16:00"
