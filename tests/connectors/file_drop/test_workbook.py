"""Excel workbooks, made here: no binary is committed."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable
from datetime import UTC, datetime, time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import Workbook

from cityos.connector import Batch, Document, SourceChanged
from cityos.vocabulary.attribute import get, get_location, observed_at
from connectors.file_drop import connector
from connectors.file_drop.mapping import FileDropConfig
from connectors.file_drop.workbook import Limits, read_workbook

HEADER = ["番号", "名称", "緯度", "経度", "定員", "点検日", "開館", "更新日時"]
MAPPING: dict[str, Any] = {
    "type": "Shelter",
    "id": "番号",
    "name": "名称",
    "latitude": "緯度",
    "longitude": "経度",
    "observed_at": "更新日時",
    "columns": {
        "定員": {"attribute": "capacity", "kind": "integer"},
        "点検日": {"attribute": "checkedOn", "kind": "date"},
        "開館": "opensAt",
    },
}
ROW = [1.0, "雪潟小学校", 40.8177, 140.7322, 1200, datetime(2025, 11, 3), time(8, 30), datetime(2026, 1, 15, 9, 0)]  # noqa: DTZ001 - as Excel keeps it


def book(rows: Iterable[list[Any]], title: str = "一覧") -> Workbook:
    made = Workbook()
    sheet = made.active
    assert sheet is not None
    sheet.title = title
    for row in rows:
        sheet.append(row)
    return made


def packed(made: Workbook) -> bytes:
    content = io.BytesIO()
    made.save(content)
    return content.getvalue()


def document(content: bytes) -> Document:
    return Document("shelters.xlsx", content, datetime(2026, 1, 16, tzinfo=UTC))


def read(content: bytes, **config: Any) -> Batch:
    return connector.normalise(document(content), FileDropConfig.model_validate({**MAPPING, **config}))


def test_cells_are_read_as_what_they_are() -> None:
    batch = read(packed(book([["避難所一覧"], [], HEADER, ROW])))
    (row,) = batch.rows
    assert row.entity.id == "urn:ngsi-ld:Shelter:feed:1"
    assert row.where == "shelters.xlsx:4"
    assert get_location(row.entity) == {"type": "Point", "coordinates": [140.7322, 40.8177]}
    values = [get(row.entity, term) for term in ("name", "capacity", "checkedOn", "opensAt")]
    assert values == ["雪潟小学校", 1200, "2025-11-03", "08:30"]
    assert observed_at(row.entity, "capacity") == datetime(2026, 1, 15, 0, 0, tzinfo=UTC)
    assert batch.notices == ()
    assert batch.covers is not None


def test_workbook_and_csv_of_one_table_say_the_same() -> None:
    text = [
        "番号,名称,緯度,経度,定員,点検日,開館,更新日時",
        "1,雪潟小学校,40.8177,140.7322,1200,2025/11/3,08:30,2026/1/15 9:00",
        "",
    ]
    csv = read("\r\n".join(text).encode("cp932"))
    assert [row.entity for row in csv.rows] == [row.entity for row in read(packed(book([HEADER, ROW]))).rows]


def test_formulas_are_never_told_and_faults_of_the_spreadsheet_neither() -> None:
    made = book([HEADER, ROW, [2, "=A2", 40.8, 140.7, "#N/A", None, None, ROW[-1]]])
    batch = read(packed(made))
    shelter = batch.rows[-1].entity
    assert get(shelter, "name") is None
    assert get(shelter, "capacity") is None
    assert [notice.code for notice in batch.notices] == ["value_unreadable"]


def test_short_rows_of_a_sheet_are_whole() -> None:
    batch = read(packed(book([HEADER, ROW, [2, "分館"]])))
    assert len(batch.rows) == 2
    assert [notice.code for notice in batch.notices] == ["coordinates_missing"]
    assert batch.covers is not None


def test_the_sheet_is_the_first_or_the_one_that_is_named() -> None:
    made = book([["表紙"]], "表紙")
    made.create_sheet("一覧").append(HEADER)
    made["一覧"].append(ROW)
    assert len(read(packed(made), sheet="一覧").rows) == 1
    with pytest.raises(SourceChanged, match="has no column 番号"):
        read(packed(made))
    with pytest.raises(SourceChanged, match=r"no sheet '名簿'; its sheets are 表紙, 一覧"):
        read(packed(made), sheet="名簿")


def test_an_old_excel_file_is_refused_with_advice() -> None:
    with pytest.raises(SourceChanged, match=r"save it as \.xlsx"):
        read(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600)


def test_a_bomb_is_defused_before_it_is_opened() -> None:
    content = with_part(packed(book([HEADER, ROW])), "xl/media/zeros.bin", b"\0" * 2_000_000)
    assert len(content) < 20_000
    assert len(read(content).rows) == 1
    with pytest.raises(SourceChanged, match="inflates to more than 1000000 bytes"):
        read_workbook(document(content), limits=Limits(size=1_000_000))


def test_too_many_parts_and_cells_are_refused() -> None:
    content = packed(book([HEADER, ROW]))
    with pytest.raises(SourceChanged, match="more than 10 cells"):
        read_workbook(document(content), limits=Limits(cells=10))
    with pytest.raises(SourceChanged, match="parts"):
        read_workbook(document(content), limits=Limits(parts=3))


def test_a_cell_far_away_costs_no_time() -> None:
    made = book([HEADER, ROW])
    made["一覧"].cell(row=1_048_576, column=1, value="果て")
    batch = read(packed(made))
    assert [notice.code for notice in batch.notices] == ["row_left_out"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_entities_of_xml_are_refused(encoding: str) -> None:
    laughs = '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "ha">]><a>&b;</a>'.encode(encoding)
    with pytest.raises(SourceChanged, match="declares a document type"):
        read(with_part(packed(book([HEADER, ROW])), "docProps/custom.xml", laughs))


def test_other_zips_are_no_workbooks() -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("table.csv", "番号,名称\n")
    with pytest.raises(SourceChanged, match="no Excel workbook"):
        read(content.getvalue())


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_broken_workbooks_survive(data: st.DataObject) -> None:
    content = WHOLE
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(content)))
        end = data.draw(st.integers(start, min(len(content), start + 60)))
        content = content[:start] + data.draw(st.binary(max_size=12)) + content[end:]
    survives(b"PK\x03\x04" + content[4:])


@settings(max_examples=60, deadline=None)
@given(part=st.sampled_from(["xl/worksheets/sheet1.xml", "xl/workbook.xml", "xl/styles.xml"]), data=st.data())
def test_broken_sheets_in_whole_zips_survive(part: str, data: st.DataObject) -> None:
    with zipfile.ZipFile(io.BytesIO(WHOLE)) as archive:
        inner = archive.read(part)
    start = data.draw(st.integers(0, len(inner)))
    new = data.draw(st.sampled_from([b"", b'"', b"<", b' r="A99999999999"', b' t="d"', b"9" * 400, b"</row>", b"NaN"]))
    survives(with_part(WHOLE, part, inner[:start] + new + inner[start + data.draw(st.integers(0, 20)) :]))


def survives(content: bytes) -> None:
    told: Batch | SourceChanged
    try:
        told = read(content)
    except SourceChanged as error:
        told = error
    assert isinstance(told, Batch) or "shelters.xlsx" in str(told)


def with_part(content: bytes, name: str, part: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as new:
        for info in old.infolist():
            if info.filename != name:
                new.writestr(info.filename, old.read(info))
        new.writestr(name, part)
    return made.getvalue()


WHOLE = packed(book([HEADER, ROW]))
