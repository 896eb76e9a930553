"""Readers for what Japanese sources really send: total on any input, exact on the right one."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cityos.connector import Document, Notice, Severity, SourceChanged
from cityos.connector.reading import (
    decode,
    fold_width,
    gather,
    is_readable,
    read_geometry,
    read_int,
    read_japanese_date,
    read_japanese_time,
    read_local_time,
    read_number,
    read_table,
    read_text,
    read_time,
    read_tree,
    to_instant,
)

JAPANESE = "取得日時,工区\n2026-02-14,Ｈ－１－２ 鶴ｹ坂･孫内工区\n"
NEW_YEAR = date(2026, 1, 1)
MELBOURNE = ZoneInfo("Australia/Melbourne")
kana = st.text(st.characters(min_codepoint=0x3041, max_codepoint=0x3093), min_size=1)


@given(st.binary())
def test_decoding_never_fails(content: bytes) -> None:
    text = decode(content, "x")
    assert text.encoding in {"utf-8", "utf-8-sig", "utf-16", "cp932"}


@given(kana, st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp932"]))
def test_every_encoding_is_recognised(text: str, encoding: str) -> None:
    # Two kana are too few for anyone to tell one encoding from another; a document is longer.
    found = decode((JAPANESE + text).encode(encoding), "x")
    assert (found.content, found.encoding) == (JAPANESE + text, encoding)
    assert len(found.notices) == (not encoding.startswith("utf-8"))


@given(kana, st.integers(1, 200))
def test_utf8_that_breaks_off_inside_a_character_stays_utf8(text: str, end: int) -> None:
    content = (JAPANESE + text).encode()[:end]
    found = decode(content, "x")
    assert found.encoding == "utf-8"
    assert (JAPANESE + text).startswith(found.content)
    assert found.notices == ()


def test_one_bad_byte_does_not_make_it_another_encoding() -> None:
    found = decode(JAPANESE.encode().replace(b"-02-", b"-\xff-"), "x")
    assert found.encoding == "utf-8"
    assert [notice.code for notice in found.notices] == ["bytes_unreadable"]
    table = read_table(found.content, "x")
    assert [notice.code for notice in table.notices] == ["row_unreadable"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty"),
        (b" \r\n", "empty"),
        (b"<!DOCTYPE html><html><title>\nClosed</title>", r"web page \(Closed\)"),
        (b"\xef\xbb\xbf\n<HTML lang=ja>", "web page"),
        (b"<h1>503 Service Unavailable</h1>", r"web page \(503 Service"),
        (b"PK\x03\x04\x00\x00", "not text"),
    ],
)
def test_what_is_no_document_says_so(content: bytes, said: str) -> None:
    with pytest.raises(SourceChanged, match=said):
        read_text(Document("koku.csv", content, datetime(2026, 1, 1, tzinfo=UTC), "https://source.example"))


@given(st.lists(st.lists(st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"])), min_size=2, max_size=2)))
def test_table_returns_quoted_fields_as_they_were(rows: list[list[str]]) -> None:
    lines = [",".join('"' + field.replace('"', '""') + '"' for field in row) for row in rows]
    table = read_table("\n".join(["a,b", *lines, ""]), "x")
    assert [list(line.fields) for line in table.lines] == [row for row in rows if any(row)]
    assert table.is_whole


@given(st.text())
def test_table_survives_any_text(text: str) -> None:
    try:
        table = read_table(text, "x")
    except SourceChanged:
        return
    assert all(len(line.fields) == len(table.header) for line in table.lines)


def test_table_knows_lines_across_blank_and_quoted_ones() -> None:
    table = read_table('\na,b\r\n\r\n1,"x\ny"\r\n2,z\r\n3\r\n4,w\r\n', "f")
    assert [(line.where, line.fields) for line in table.lines] == [
        ("f:4", ("1", "x\ny")),
        ("f:6", ("2", "z")),
        ("f:8", ("4", "w")),
    ]
    assert [(notice.code, notice.where) for notice in table.notices] == [("row_fields", "f:7")]
    assert not table.is_whole


def test_quote_that_never_ends_costs_one_row() -> None:
    table = read_table('a,b\n1,"x\n' + "2,y\n" * 30, "f")
    assert len(table.lines) == 31


def test_tabs_separate_where_the_header_has_them() -> None:
    table = read_table("工区\tステータス\nＡ\t作業中,拡幅\n", "f")
    assert table.lines[0].fields == ("Ａ", "作業中,拡幅")


def test_header_alone_or_cut_is_told_apart() -> None:
    assert read_table("a,b\n", "f").lines == ()
    with pytest.raises(SourceChanged, match="no header line"):
        read_table("a,b", "f")


@given(st.integers(-(10**17), 10**17))
def test_whole_numbers_in_every_spelling(number: int) -> None:
    wide = str(number).translate(str.maketrans("0123456789-", "０１２３４５６７８９－"))
    for text in (str(number), f" {number} ", f"{number}.0", f"{number:,}", wide):
        assert read_int(text) == number


@given(st.text())
def test_numbers_are_total(text: str) -> None:
    whole = read_int(text)
    assert whole is None or abs(whole) < 2**63
    assert whole is None or read_number(text) == float(whole)


@pytest.mark.parametrize("text", ["", "-", "1,23", "12.5", "1e3", "٣", "0x10", "1_000", "9" * 19, "nan"])
def test_what_is_no_whole_number(text: str) -> None:
    assert read_int(text) is None


@given(st.datetimes(datetime(1960, 1, 1), datetime(2190, 1, 1)))  # noqa: DTZ001
def test_local_times_come_back(local: datetime) -> None:
    local = local.replace(microsecond=0)
    assert read_local_time(f"{local:%Y-%m-%d %H:%M:%S}") == local
    assert read_time(f"{local:%Y/%m/%dT%H:%M:%S}") == to_instant(local)
    assert read_time(f"{local:%Y-%m-%dT%H:%M:%S}+09:00") == read_time(local.isoformat())


@given(st.text() | st.from_regex(r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}", fullmatch=True))
def test_times_are_total(text: str) -> None:
    assert (read_time(text) or datetime.now(UTC)).tzinfo is not None


@pytest.mark.parametrize("text", ["0001-01-01", "9999-12-31 23:59", "2026-02-30", "2026-02-03 24:61", "きのう", ""])
def test_what_is_no_time(text: str) -> None:
    assert read_time(text) is None


def test_skipped_and_repeated_hours() -> None:
    skipped, repeated = datetime(2013, 10, 6, 2, 30), datetime(2013, 4, 7, 2, 30)  # noqa: DTZ001
    assert to_instant(skipped, MELBOURNE) is None
    first, second = to_instant(repeated, MELBOURNE), to_instant(repeated, MELBOURNE, fold=1)
    assert first is not None
    assert second == first + timedelta(hours=1)


@given(st.dates(date(1950, 1, 1), date(2150, 1, 1)), st.integers(-180, 180))
def test_date_without_year_is_the_nearest(near: date, away: int) -> None:
    on = near + timedelta(days=away)
    assert read_japanese_date(f"{on.month}月{on.day}日 作業予定", near) == on


@pytest.mark.parametrize(
    ("text", "on"),
    [
        ("2月16日 作業予定", date(2026, 2, 16)),
        ("１２月３１日", date(2025, 12, 31)),
        ("令和8年2月16日", date(2026, 2, 16)),
        ("令和元年5月1日", date(2019, 5, 1)),
        ("H30年 1月 2日", date(2018, 1, 2)),
        ("2027年1月2日", date(2027, 1, 2)),
        ("2月29日", None),
        ("13月1日", None),
        ("調整中", None),
    ],
)
def test_japanese_dates(text: str, on: date | None) -> None:
    assert read_japanese_date(text, NEW_YEAR) == on


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("12月31日 19:00 現在", datetime(2025, 12, 31, 10, tzinfo=UTC)),
        ("1月1日（木）１９時３０分", datetime(2026, 1, 1, 10, 30, tzinfo=UTC)),
        ("1月1日 午後5時", datetime(2026, 1, 1, 8, tzinfo=UTC)),
        ("1月1日 25:30", datetime(2026, 1, 1, 16, 30, tzinfo=UTC)),
        ("1月1日 30:00", None),
        ("1月1日", None),
        ("19:00", None),
    ],
)
def test_japanese_times(text: str, utc: datetime | None) -> None:
    assert read_japanese_time(text, datetime(2026, 1, 1, tzinfo=UTC)) == utc


def test_date_of_a_statement_lies_in_the_past() -> None:
    near = datetime(2026, 11, 23, tzinfo=UTC)
    told = read_japanese_time("2月13日 19:00 現在", near, ahead=timedelta(days=30))
    assert told == datetime(2026, 2, 13, 10, tzinfo=UTC)


@given(st.text())
def test_japanese_dates_are_total(text: str) -> None:
    read_japanese_date(text + "2月" + text, NEW_YEAR)
    read_japanese_time(f"{text}2月3日 {text}", datetime(2026, 1, 1, tzinfo=UTC))


json_values = st.recursive(st.none() | st.booleans() | st.floats() | st.text(), lambda v: st.lists(v), max_leaves=10)


@given(st.sampled_from(["Point", "LineString", "Polygon", "MultiPolygon", "Circle"]), json_values)
def test_geometries_are_total(kind: str, coordinates: object) -> None:
    found = read_geometry({"type": kind, "coordinates": coordinates})  # type: ignore[dict-item]
    assert found is None or found["type"] == kind


def test_geometry_loses_altitude_only() -> None:
    ring = [[140.7, 40.8, 3.0], [140.8, 40.8, 3.0], [140.8, 40.9, 3.0], [140.7, 40.8, 3.0]]
    flat = [[140.7, 40.8], [140.8, 40.8], [140.8, 40.9], [140.7, 40.8]]
    assert read_geometry({"type": "Polygon", "coordinates": [ring]}) == {"type": "Polygon", "coordinates": [flat]}  # type: ignore[list-item]
    assert read_geometry({"type": "Polygon", "coordinates": [ring[:3]]}) is None  # type: ignore[list-item]
    assert read_geometry({"type": "Point", "coordinates": [40.8, 140.7]}) is None


def test_broken_json_says_where() -> None:
    with pytest.raises(SourceChanged, match=r"x\.json:2"):
        read_tree('{"a":\n [1,', "x.json")


def test_alike_notices_become_one_with_count_and_first_place() -> None:
    told = gather(Notice("c", Severity.INFO, f"f:{n}", "same") for n in range(40))
    assert told == (Notice("c", Severity.INFO, "f:0", "same (40 times, first here)", subject="same"),)


def test_flood_of_one_code_is_shortened() -> None:
    told = gather((Notice("c", Severity.INFO, f"f:{n}", f"row {n}") for n in range(40)), most=5)
    assert len(told) == 6
    assert told[-1].detail == "row 5 (and 34 others of this kind)"


def test_widths_fold_to_one_spelling() -> None:
    assert fold_width("Ａ－１　") == fold_width("A-1") == "A-1"
    assert not is_readable("a\x00b")
    assert not is_readable("\ufffd")
