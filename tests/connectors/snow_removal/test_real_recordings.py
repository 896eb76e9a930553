"""The real lists of 2026-02; every number is from the READMEs beside the data or counted here with the csv module."""

from __future__ import annotations

import csv
import json
from collections import Counter
from datetime import UTC, datetime

from cityos.connector import Batch, Document
from cityos.vocabulary.snow import SNOW_REMOVAL_SECTION, ClaimCode, SnowRemoval
from connectors.snow_removal import SnowRemovalConfig, connector
from tests.shared_data import shared

V1 = "snow/aomori_koku_history_v1_20260203T2035.csv"
SNAPSHOT = "snow/aomori_koku_snapshot_v1_20260208T0015.json"
V2 = "snow/aomori_koku_history_v2_20260214_tail.csv"
ZONES = "snow/aomori_koku_v2_sample.geojson"
ROUTES = "snow/aomori_rosen_v2_sample.geojson"


def read(path: str, complete: bool = True) -> Batch:
    file = shared(path)
    document = Document(file.name, file.read_bytes(), datetime(2026, 2, 14, tzinfo=UTC))
    return connector.normalise(document, SnowRemovalConfig(url="https://source.example", complete=complete))


def zones(batch: Batch) -> list[SnowRemoval]:
    return [SnowRemoval.from_entity(row.entity) for row in batch.rows]


def names(path: str) -> set[str]:
    with shared(path).open(encoding="utf-8") as file:
        return {row[1] for row in list(csv.reader(file))[1:]}


def test_v1_history_has_192_zones_with_their_own_words() -> None:
    batch = read(V1)
    assert Counter(zone.claim for zone in zones(batch)) == {"作業中": 141, "現場確認中": 43, "作業予定あり": 8}
    assert {zone.name for zone in zones(batch)} == names(V1)
    assert batch.as_of == datetime(2026, 2, 3, 11, 35, 44, tzinfo=UTC)
    assert batch.notices == ()


def test_v1_snapshot_alarms_at_40_unknown_of_192() -> None:
    batch = read(SNAPSHOT)
    said = Counter(entry["ステータス"] for entry in json.loads(shared(SNAPSHOT).read_text())["data"])
    assert Counter(zone.claim for zone in zones(batch)) == said
    assert Counter(zone.claim_code for zone in zones(batch))[ClaimCode.UNKNOWN] == 40
    (notice,) = batch.notices
    assert (notice.code, notice.severity) == ("unknown_status", "error")
    assert "40 times" in notice.detail


def test_v2_counts_words_and_reads_its_own_clock() -> None:
    batch = read(V2)
    words = Counter(zone.claim for zone in zones(batch))
    assert words == {"現場確認中": 37, "作業予定あり": 36, "作業日程調整中": 15}
    assert {zone.claimed_at for zone in zones(batch)} == {datetime(2026, 2, 13, 10, tzinfo=UTC)}
    contradictions = [notice for notice in batch.notices if notice.code == "order_contradiction"]
    assert [notice.detail.split()[0] for notice in contradictions] == ["Ｊ－６", "下湯工区"]


def test_all_88_zones_of_v2_have_the_ids_of_v1() -> None:
    assert len(names(V1) & names(V2)) == 27, "names as written"
    first = {row.entity.id for row in read(V1).rows}
    second = {row.entity.id for row in read(V2).rows}
    assert len(second) == len(first & second) == 88


def test_zone_shapes_belong_to_the_zones_of_the_lists() -> None:
    batch = read(ZONES, complete=False)
    assert {row.entity.id for row in batch.rows} <= {row.entity.id for row in read(V1).rows}
    assert all(zone.location for zone in zones(batch))
    assert {zone.claimed_at for zone in zones(batch)} == {datetime(2026, 2, 11, 10, tzinfo=UTC)}


def test_six_lines_of_one_route_name_are_six_sections() -> None:
    found = zones(read(ROUTES))
    assert {zone.type_name for zone in found} == {SNOW_REMOVAL_SECTION}
    assert {zone.name for zone in found} == {"新町地区線"}
    assert len({zone.local_id for zone in found}) == 6
