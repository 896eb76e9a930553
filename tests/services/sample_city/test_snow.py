"""The snow files have the shape of the real ones, and what they state hangs together."""

import itertools
import json
import unicodedata
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from services.sample_city import snow
from services.sample_city.clearing import Phase, zone_claim
from services.sample_city.clock import DAY, jst

SCENARIO = date(2026, 1, 15)
EVENING = jst(SCENARIO, 18)
HEADER = "取得日時,工区,ステータス"


def rows(body: bytes) -> list[list[str]]:
    header, *lines, last = body.decode().split("\n")
    assert (header, last) == (HEADER, "")
    return [line.split(",") for line in lines]


def properties(body: bytes) -> list[dict[str, str]]:
    collection: dict[str, Any] = json.loads(body)
    return [feature["properties"] for feature in collection["features"]]


@pytest.mark.parametrize("render", [snow.zone_csv_v1, snow.zone_csv_v2, snow.zone_geojson, snow.route_geojson])
def test_files_change_at_17_and_at_no_other_time(render: Any) -> None:
    at_17 = jst(SCENARIO, 17)
    day = {render(1, at_17 + timedelta(minutes=37 * n)) for n in range(38)}
    assert day == {render(1, at_17)} == {render(1, at_17 + DAY - timedelta(seconds=1))}
    assert render(1, at_17 - timedelta(seconds=1)) not in day
    assert render(1, at_17 + DAY) not in day


def test_v1_has_three_fields_half_width_names_and_three_words() -> None:
    given = rows(snow.zone_csv_v1(1, EVENING))
    assert {len(row) for row in given} == {3}
    assert {row[2] for row in given} == {"現場確認中", "作業予定あり", "作業中"}
    assert {row[0] for row in given} == {"2026-01-15 17:00:00"}
    assert "A-1" in {row[1] for row in given}


def test_v2_has_seven_fields_under_the_header_of_three() -> None:
    given = rows(snow.zone_csv_v2(1, EVENING))
    assert {len(row) for row in given} == {7}
    assert {row[2].split("（")[0] for row in given} == {"現場確認中", "作業予定あり", "作業日程調整中", "作業中"}
    assert {row[4] for row in given} == {"－", "新規指令", "継続指令"}
    assert {row[5] for row in given} == {"1月15日 17:00 現在"}
    assert {row[3].split(" ")[0] for row in given} >= {"-", "調整中", "1月15日"}


def test_both_formats_name_the_same_zones_only_after_normalisation() -> None:
    old = {row[1] for row in rows(snow.zone_csv_v1(1, EVENING))}
    new = {row[1] for row in rows(snow.zone_csv_v2(1, EVENING))}
    assert len(old & new) < len(old)
    assert {unicodedata.normalize("NFKC", name) for name in old} == {unicodedata.normalize("NFKC", n) for n in new}


def test_csv_and_geojson_state_the_same() -> None:
    listed = [row[1:6] for row in rows(snow.zone_csv_v2(1, EVENING))]
    drawn = properties(snow.zone_geojson(1, EVENING))
    assert [list(p.values())[:5] for p in drawn] == listed


def test_one_zone_has_a_date_but_no_order() -> None:
    given = [
        p for p in properties(snow.zone_geojson(1, EVENING)) if p["指令"] == "－" and "予定" in p["直近作業予定日"]
    ]
    assert [p["名前"] for p in given] == ["湯ノ沢工区"]


def test_polygons_are_closed_and_lines_share_names() -> None:
    zones, routes = json.loads(snow.zone_geojson(1, EVENING)), json.loads(snow.route_geojson(1, EVENING))
    assert {f["geometry"]["type"] for f in zones["features"]} == {"Polygon"}
    assert all(f["geometry"]["coordinates"][0][0] == f["geometry"]["coordinates"][0][-1] for f in zones["features"])
    names = [f["properties"]["名前"] for f in routes["features"]]
    assert {f["geometry"]["type"] for f in routes["features"]} == {"LineString"}
    assert len(set(names)) < len(names)


def test_an_order_leads_to_work_and_back_to_checking() -> None:
    days = [SCENARIO + n * DAY for n in range(-30, 45)]
    phases = {phase for day in days for phase in [zone_claim(1, "A-1", day).phase]}
    assert phases >= {Phase.CHECKING, Phase.PLANNED}
    for before, after in itertools.pairwise(days):
        claim, then = zone_claim(1, "A-1", before), zone_claim(1, "A-1", after)
        if claim.phase is Phase.CHECKING:
            assert then.phase is not Phase.WORKING
        if claim.phase is not Phase.CHECKING and then.phase is Phase.CHECKING:
            assert then.cleared_on == after


def test_another_seed_is_another_city() -> None:
    assert snow.zone_geojson(1, EVENING) != snow.zone_geojson(2, EVENING)


def test_july_has_no_orders() -> None:
    july: datetime = jst(date(2026, 7, 15), 18)
    assert [p["名前"] for p in properties(snow.zone_geojson(1, july)) if p["指令"] != "－"] == []
