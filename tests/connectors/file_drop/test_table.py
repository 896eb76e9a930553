"""Tables as people make them, and as nobody should."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cityos.connector import Batch, Document, SourceChanged
from cityos.ngsi.value import check_value
from cityos.vocabulary.attribute import get, get_location, observed_at
from cityos.vocabulary.context import iri
from connectors.file_drop import connector
from connectors.file_drop.mapping import FileDropConfig

MAPPING: dict[str, Any] = {
    "type": "Place",
    "id": "ID",
    "name": "名称",
    "latitude": "緯度",
    "longitude": "経度",
    "columns": {"数": {"attribute": "amount", "kind": "number"}, "日": {"attribute": "day", "kind": "date"}},
}
HEADER = "ID,名称,緯度,経度,数,日\n"


def read(content: str | bytes, **config: Any) -> Batch:
    raw = content if isinstance(content, bytes) else content.encode()
    document = Document("places.csv", raw, datetime(2026, 1, 16, tzinfo=UTC))
    return connector.normalise(document, FileDropConfig.model_validate({**MAPPING, **config}))


def codes(batch: Batch) -> list[str]:
    return [notice.code for notice in batch.notices]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp932", "utf-16"])
@pytest.mark.parametrize("separator", [",", "\t"])
@pytest.mark.parametrize("line_break", ["\n", "\r\n"])
def test_a_table_says_the_same_in_every_encoding(encoding: str, separator: str, line_break: str) -> None:
    text = f"{HEADER}1,雪潟駅,40.82,140.74,１２．５,令和8年1月15日\n"
    plain = [row.entity for row in read(text).rows]
    encoded = text.replace(",", separator).replace("\n", line_break).encode(encoding)
    assert [row.entity for row in read(encoded).rows] == plain
    assert get(plain[0], "amount") == 12.5


@pytest.mark.parametrize(
    "header",
    ["ＩＤ,名称,緯　度,経度,数,日\n", '"ID ",名称,"緯\n度",経度,数,日\n', "題,,,,,\n\nID,名称,緯度,経度,数,日\n"],
)
def test_headers_are_found_however_they_are_written(header: str) -> None:
    assert len(read(f"{header}1,雪潟駅,40.82,140.74,1,2026/1/15\n").rows) == 1


def test_a_missing_column_is_named_with_those_that_are_there() -> None:
    with pytest.raises(SourceChanged, match=r"has no column 緯度, 経度; its columns are ID, 名称, 北緯, 東経, 数, 日"):
        read("一覧,,,,,\nID,名称,北緯,東経,数,日\n1,a,40,140,1,\n")


def test_a_mapped_column_that_stands_there_twice_is_nobodys_guess() -> None:
    with pytest.raises(SourceChanged, match="the column 名称 more than once"):
        read("ID,名称,名称,緯度,経度,数,日\n1,a,b,40,140,1,\n")


def test_header_row_chooses_among_rows_that_look_alike() -> None:
    text = f"{HEADER}{HEADER}1,雪潟駅,40.82,140.74,1,\n"
    assert codes(read(text)) == ["value_unreadable", "value_unreadable", "coordinates_unreadable"]
    assert codes(read(text, header_row=2)) == []
    with pytest.raises(SourceChanged, match="no row 9"):
        read(text, header_row=9)


def test_comments_stand_directly_below_the_header() -> None:
    text = f"{HEADER}#型,文字,数,数,数,日\n1,a,40,140,1,\n#2,b,40,140,1,\n"
    assert [row.entity.id for row in read(text).rows] == ["urn:ngsi-ld:Place:feed:1", "urn:ngsi-ld:Place:feed:%232"]
    assert len(read(text, comment="").rows) == 3


def test_missing_is_not_zero() -> None:
    batch = read(f"{HEADER}1,a,40.8,140.7,,\n2,b,40.8,140.7,－,-\n3,c,40.8,140.7,0,\n4,d,,,0,\n")
    assert [get(row.entity, "amount") for row in batch.rows] == [None, None, 0.0, 0.0]
    assert codes(batch) == ["coordinates_missing"]
    assert batch.covers == frozenset({iri("Place")})


@pytest.mark.parametrize(
    ("lat", "lon", "code"),
    [
        ("140.74", "40.82", "coordinates_swapped"),
        ("", "140.74", "coordinates_unreadable"),
        ("0", "0", "coordinates_unreadable"),
        ("40度49分", "140度44分", "coordinates_unreadable"),
        ("95", "200", "coordinates_unreadable"),
    ],
)
def test_a_bad_place_costs_only_the_place(lat: str, lon: str, code: str) -> None:
    batch = read(f"{HEADER}1,a,{lat},{lon},5,\n")
    assert codes(batch) == [code]
    assert get(batch.rows[0].entity, "amount") == 5.0
    assert get_location(batch.rows[0].entity) is None
    assert batch.covers == frozenset({iri("Place")}), "its place is in doubt, the row is not"


@pytest.mark.parametrize("lost", [",b,40,140,1,\n", "2,b\n", "2,b,40,140,1,,x\n", "2,b,40,140,1,"])
def test_nothing_ends_by_a_table_with_a_lost_row(lost: str) -> None:
    batch = read(f"{HEADER}1,a,40,140,1,\n{lost}")
    assert len(batch.rows) == 1
    assert batch.covers is None


def test_rows_of_several_times_are_history_oldest_first() -> None:
    text = "ID,名称,緯度,経度,数,日\n1,a,40,140,7,2026/1/15 9:00\n1,a,40,140,6,2026/1/15 8:00\n1,a,40,140,8,R8.1.15\n"
    batch = read(text, observed_at="日", columns={"数": {"attribute": "amount", "kind": "integer"}})
    assert [get(row.entity, "amount") for row in batch.rows] == [8, 6, 7]
    assert observed_at(batch.rows[0].entity, "amount") == datetime(2026, 1, 14, 15, tzinfo=UTC)
    assert batch.notices == ()


@pytest.mark.parametrize(
    ("said", "day"),
    [
        ("2026-01-05", "2026-01-05"),
        ("2026/1/5", "2026-01-05"),
        ("2026.1.5", "2026-01-05"),
        ("20260105", "2026-01-05"),
        ("令和８年１月５日", "2026-01-05"),
        ("令和元年5月1日", "2019-05-01"),
        ("R8.1.5", "2026-01-05"),
        ("H30/4/1", "2018-04-01"),
        ("2026年1月5日(月) 8時30分", "2026-01-05"),
        ("1月5日", None),
        ("令和3年4月1日～令和4年3月31日", None),
        ("2026/2/30", None),
        ("未定", None),
    ],
)
def test_dates_are_read_as_japanese_tables_write_them(said: str, day: str | None) -> None:
    batch = read(f"{HEADER}1,a,40,140,1,{said}\n")
    assert get(batch.rows[0].entity, "day") == day
    assert codes(batch) == ([] if day else ["value_unreadable"])


def test_an_id_may_be_made_of_several_columns() -> None:
    batch = read(f"{HEADER}1,港町　会館,40,140,1,\n", id=["ID", "名称"])
    assert batch.rows[0].entity.id == "urn:ngsi-ld:Place:feed:1-港町%20会館"


def test_config_comes_through_to_a_worker_as_it_is() -> None:
    said = {**MAPPING, "observed_at": datetime(2026, 1, 1, tzinfo=UTC), "unit_codes": {"amount": "MTR"}}
    config = FileDropConfig.model_validate(said)
    assert FileDropConfig.model_validate(orjson.loads(orjson.dumps(config.model_dump(mode="json")))) == config
    assert connector.emits(config) == {iri("Place")}
    assert list(config.requests()) == []


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"longitude": ""}, "either latitude and longitude"),
        ({"location": "位置"}, "either latitude and longitude"),
        ({"columns": {"数": "location"}}, "columns name location"),
        ({"columns": {"数": "name"}}, "columns name name"),
        ({"columns": {"数": {"attribute": "amount", "kind": "colour"}}}, "kind"),
        ({"unit_codes": {"depth": "CMT"}}, "unit_codes name depth"),
        ({"observed_at": datetime(2026, 1, 1)}, "timezone"),  # noqa: DTZ001 - the fault in question
        ({"zone": "Japan/Aomori"}, "no.* time zone|not a time zone"),
        ({"id": []}, "id"),
        ({"type": "A ED"}, "type"),
        ({"columns": {" ": "amount"}}, "column has no name"),
    ],
)
def test_a_mapping_that_makes_no_sense_is_refused_at_once(wrong: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        FileDropConfig.model_validate({**MAPPING, **wrong})


def test_members_of_json_are_columns_however_deep() -> None:
    listed = [
        {"properties": {"ID": 7, "名称": "a\u0000", "数": True, "日": 20260105}, "緯度": "40.8", "経度": 140.7},
        3,
    ]
    at = {column: f"properties.{column}" for column in ("ID", "名称", "数", "日")}
    batch = read(
        orjson.dumps({"a": {"b": listed}}),
        records="a.b",
        id=at["ID"],
        name=at["名称"],
        columns={at[key]: value for key, value in MAPPING["columns"].items()},
    )
    (row,) = batch.rows
    assert row.entity.id.endswith(":7")
    assert get(row.entity, "day") == "2026-01-05"
    assert codes(batch) == ["row_left_out", "value_unreadable", "value_unreadable"]
    assert batch.covers is None


CELLS = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        ["", "1", "-", "40.8", "140.7", "１２", "令和8年1月1日", "#N/A", "urn:ngsi-ld:null", "9" * 30, "=1+1"]
    ),
)


@settings(max_examples=150, deadline=None)
@given(
    rows=st.lists(st.lists(CELLS, min_size=6, max_size=6), max_size=6), encoding=st.sampled_from(["utf-8", "utf-16"])
)
def test_wild_tables_are_accounted_for(rows: list[list[str]], encoding: str) -> None:
    content = io.StringIO()
    csv.writer(content, lineterminator="\n").writerows([["ID", "名称", "緯度", "経度", "数", "日"], *rows])
    check(content.getvalue().encode(encoding, "replace"))


VALUES = st.one_of(CELLS, st.none(), st.booleans(), st.integers(-(2**63), 2**64 - 1), st.floats(), st.just([1]))


@settings(max_examples=150, deadline=None)
@given(rows=st.lists(st.dictionaries(st.sampled_from(["ID", "名称", "緯度", "経度", "数", "日"]), VALUES), max_size=6))
def test_wild_json_is_accounted_for(rows: list[dict[str, Any]]) -> None:
    check(orjson.dumps([{column: None for column in HEADER.strip().split(",")}, *rows]))


def said(content: bytes) -> Batch | SourceChanged:
    try:
        return read(content)
    except SourceChanged as error:
        return error


def check(content: bytes) -> None:
    """Whatever it is: sound rows, each id at most once (no time is mapped), or an error with the document's name."""
    batch = said(content)
    if isinstance(batch, SourceChanged):
        assert "places.csv" in str(batch)
        return
    ids = [row.entity.id for row in batch.rows]
    assert len(ids) == len(set(ids))
    for row in batch.rows:
        for name, instances in row.entity.attributes.items():
            check_value(instances[""].value, name)
            assert instances[""].value not in ("", None, "urn:ngsi-ld:null")
