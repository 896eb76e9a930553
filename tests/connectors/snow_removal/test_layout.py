"""What the zone status says in each of its forms, on documents written by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from cityos.connector import Batch, Document, Notice, SourceChanged
from cityos.ngsi.core_context import LOCATION
from cityos.vocabulary.context import iri
from cityos.vocabulary.snow import SNOW_REMOVAL_SECTION, SNOW_REMOVAL_ZONE, ClaimCode, Evidence, SnowRemoval
from connectors.snow_removal import SnowRemovalConfig, connector

URL, SHAPES = "https://source.example/koku.csv", "https://source.example/koku.geojson"
CONFIG = SnowRemovalConfig(url=URL, url_geometry=SHAPES)
HEADER = "取得日時,工区,ステータス"
FETCHED = datetime(2026, 1, 20, 8, 10, tzinfo=UTC)
SQUARE = '{"type":"Polygon","coordinates":[[[140.7,40.8],[140.71,40.8],[140.71,40.81],[140.7,40.8]]]}'


def read(content: str, *, complete: bool = True, url: str = URL, fetched_at: datetime = FETCHED) -> Batch:
    document = Document("koku", content.encode(), fetched_at, url)
    return connector.normalise(document, CONFIG.model_copy(update={"complete": complete}))


def rows(*said: str) -> str:
    return "\n".join([HEADER, *said, ""])


def zones(batch: Batch) -> list[SnowRemoval]:
    return [SnowRemoval.from_entity(row.entity) for row in batch.rows]


def codes(batch: Batch) -> list[str]:
    return [notice.code for notice in batch.notices]


def only(batch: Batch, code: str) -> Notice:
    (notice,) = [notice for notice in batch.notices if notice.code == code]
    return notice


def feature(name: str, geometry: str = SQUARE, updated: str = "1月20日 17:00 現在") -> str:
    properties = f'{{"名前":"{name}","ステータス":"作業完了","更新日時":"{updated}"}}'
    return f'{{"type":"Feature","properties":{properties},"geometry":{geometry}}}'


def collection(*features: str) -> str:
    return f'{{"type":"FeatureCollection","features":[{",".join(features)}]}}'


def test_half_and_full_width_names_are_one_zone() -> None:
    narrow = zones(read(rows("2026-01-20 17:00:00,雲ｹ谷･P-1,作業中")))[0]
    wide = zones(read(rows("2026-01-20 17:00:00,雲ケ谷・Ｐ－１,作業中")))[0]
    assert narrow.local_id == wide.local_id == "雲ケ谷・P-1"
    assert narrow.name == "雲ｹ谷･P-1"


def test_explanation_is_meaning_and_not_part_of_claim() -> None:
    zone = zones(read(rows("2026-01-20 17:00:00,P-1,作業予定あり（直近の日程があるもの）")))[0]
    assert (zone.claim, zone.meaning, zone.claim_code) == ("作業予定あり", "直近の日程があるもの", ClaimCode.SCHEDULED)


def test_meaning_is_that_of_the_season_and_never_invented() -> None:
    told = {
        zone.season: zone.meaning
        for year in ("2024", "2025", "2026")
        for zone in zones(read(rows(f"{year}-01-20 17:00:00,P-1,作業中"), fetched_at=FETCHED))
    }
    assert told == {"2023-24": None, "2024-25": "指令が出ており、その日に作業着手するもの", "2025-26": None}


def test_unknown_colour_is_told_as_unknown_with_one_notice() -> None:
    batch = read(rows(*(f"2026-01-20 17:00:00,P-{n},不明(#000000)" for n in range(40))))
    assert {zone.claim_code for zone in zones(batch)} == {ClaimCode.UNKNOWN}
    assert {zone.claim for zone in zones(batch)} == {"不明(#000000)"}
    assert only(batch, "unknown_status").where == "koku:2"
    assert "40 times" in only(batch, "unknown_status").detail


def test_columns_under_old_header_are_read_and_noticed() -> None:
    batch = read(rows("2026-01-20 20:00:00,P-1,作業中,1月21日 作業予定,新規指令,1月20日 17:00 現在,拡幅"))
    zone = zones(batch)[0]
    assert (zone.planned_on, zone.order, zone.remark) == (date(2026, 1, 21), "新規指令", "拡幅")
    assert zone.claimed_at == datetime(2026, 1, 20, 8, tzinfo=UTC)
    assert codes(batch) == ["columns_beyond_header"]


def test_columns_named_in_header_are_read_by_name() -> None:
    batch = read("工区,ステータス,取得日時,お知らせ\nP-1,作業中,2026-01-20 20:00:00,拡幅\n")
    assert zones(batch)[0].remark == "拡幅"
    assert codes(batch) == []


def test_dates_without_year_cross_new_year() -> None:
    batch = read(rows("2026-01-01 01:00:00,P-1,作業予定あり,1月2日 作業予定,継続指令,12月31日 17:00 現在,"))
    zone = zones(batch)[0]
    assert zone.claimed_at == datetime(2025, 12, 31, 8, tzinfo=UTC)
    assert zone.planned_on == date(2026, 1, 2)


def test_order_contradiction_is_told_as_said_and_noticed() -> None:
    batch = read(rows("2026-01-20 17:00:00,P-1,現場確認中,1月21日 作業予定,－,1月20日 17:00 現在,"))
    assert zones(batch)[0].planned_on == date(2026, 1, 21)
    assert zones(batch)[0].order is None
    assert "order_contradiction" in codes(batch)


def test_clock_ahead_stays_ahead_so_that_quality_sees_it() -> None:
    batch = read(collection(feature("P-1", updated="1月23日 17:00 現在")))
    assert zones(batch)[0].claimed_at == datetime(2026, 1, 23, 8, tzinfo=UTC)


def test_year_of_an_old_publication_lies_in_the_past() -> None:
    batch = read(collection(feature("P-1")), fetched_at=datetime(2026, 11, 23, tzinfo=UTC))
    assert zones(batch)[0].claimed_at == datetime(2026, 1, 20, 8, tzinfo=UTC)


def test_history_tells_every_poll_in_order_and_the_newest_is_the_state() -> None:
    batch = read(rows("2026-01-20 17:00:00,P-1,作業中", "2026-01-19 17:00:00,P-1,作業予定あり"))
    assert [zone.claim for zone in zones(batch)] == ["作業予定あり", "作業中"]
    assert batch.as_of == datetime(2026, 1, 20, 8, tzinfo=UTC)


def test_later_poll_of_one_publication_replaces_the_earlier() -> None:
    said = "{},P-1,{},-,継続指令,1月20日 17:00 現在,"
    batch = read(rows(said.format("2026-01-20 18:00:00", "作業中"), said.format("2026-01-20 19:00:00", "作業予定あり")))
    assert [zone.claim for zone in zones(batch)] == ["作業予定あり"]


def test_zone_that_left_a_complete_list_has_ended() -> None:
    history = rows("2026-01-19 17:00:00,P-9,作業中", "2026-01-20 17:00:00,P-1,作業中")
    batch = read(history)
    assert [zone.local_id for zone in zones(batch)] == ["P-1"]
    assert batch.covers == frozenset({iri(SNOW_REMOVAL_ZONE)})
    assert codes(batch) == ["zone_gone"]
    partial = read(history, complete=False)
    assert [zone.local_id for zone in zones(partial)] == ["P-9", "P-1"]
    assert partial.covers is None


def test_list_with_unreadable_row_ends_no_zone() -> None:
    assert read(rows("2026-01-20 17:00:00,P-1,作業中", "きのう,P-2,作業中")).covers is None
    assert read(rows("2026-01-20 17:00:00,P-1,作業中", "2026-01-20 17:00:00,P-2")).covers is None
    assert read(rows()).covers is None


def test_cut_document_leaves_out_its_last_line_and_ends_no_zone() -> None:
    batch = read(rows("2026-01-20 17:00:00,P-1,作業中", "2026-01-20 17:00:00,P-2,現場確認中")[:-3])
    assert [zone.local_id for zone in zones(batch)] == ["P-1"]
    assert batch.covers is None
    assert codes(batch) == ["document_cut"]


def test_first_of_two_contradicting_rows_is_taken() -> None:
    batch = read(rows("2026-01-20 17:00:00,P-1,作業中", "2026-01-20 17:00:00,Ｐ－１,現場確認中"))
    assert [zone.claim for zone in zones(batch)] == ["作業中"]
    assert only(batch, "duplicate_zone").severity == "warning"


def test_lines_of_one_route_are_sections_of_their_own() -> None:
    line = '{{"type":"LineString","coordinates":[[140.7,40.8],[140.7,{}]]}}'
    batch = read(collection(feature("入船線", line.format(40.81)), feature("入船線", line.format(40.82))))
    assert {zone.type_name for zone in zones(batch)} == {SNOW_REMOVAL_SECTION}
    assert len({zone.local_id for zone in zones(batch)}) == 2
    assert batch.covers == frozenset({iri(SNOW_REMOVAL_SECTION)})


def test_feature_without_readable_geometry_is_left_out_and_noticed() -> None:
    batch = read(collection(feature("P-1"), feature("P-2", "null"), feature("P-3", SQUARE.replace("40.8", "140.8"))))
    assert [zone.local_id for zone in zones(batch)] == ["P-1"]
    assert batch.covers is None


def test_geometry_document_tells_shapes_and_claims_nothing() -> None:
    batch = read(collection(feature("Ｐ－１")), url=SHAPES)
    (row,) = batch.rows
    # Not even a name: the list may write the same zone's otherwise, and by turns they would be changes.
    assert row.entity.attributes.keys() == {LOCATION}
    assert SnowRemoval.from_entity(row.entity).location is not None
    assert row.entity.id == read(rows("2026-01-20 17:00:00,P-1,作業中")).rows[0].entity.id
    assert batch.covers is None


def test_nothing_claimed_is_evidence() -> None:
    assert zones(read(rows("2026-01-20 17:00:00,P-1,作業完了")))[0].evidence is Evidence.NOT_OBSERVABLE


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("取得日時,区域,ステータス\nx,y,z\n", "no column 工区"),
        ('{"timestamp":"きのう","data":[]}', "no date-time"),
        ('{"items":[]}', "form we do not know"),
        ('{"type":"FeatureCollection","features":[{', "not whole JSON"),
    ],
)
def test_unknown_form_says_what_is_wrong(content: str, said: str) -> None:
    with pytest.raises(SourceChanged, match=said):
        read(content)


def test_season_and_hour_of_publication() -> None:
    cadence = connector.manifest.cadence
    assert cadence.next_due(FETCHED) == datetime(2026, 1, 21, 8, tzinfo=UTC)
    assert cadence.is_off_season(datetime(2026, 7, 1, tzinfo=UTC))
    assert cadence.grace == timedelta(hours=3)
