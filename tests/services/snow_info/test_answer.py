from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from cityos.client import Entity, FeedStatus, HubContact
from cityos.vocabulary.attribute import put
from cityos.vocabulary.context import iri
from cityos.vocabulary.snow import SNOW_REMOVAL_ZONE, ClaimCode, Evidence, SnowRemoval
from services.snow_info.answer import Report
from services.snow_info.zone import read_zones

_NOW = datetime(2026, 1, 15, 23, 5, tzinfo=UTC)
_IN_TOUCH = HubContact(reachable=True, age_s=0.1)
_STATE = SnowRemoval(
    SNOW_REMOVAL_ZONE,
    "A-1",
    "Ａ－１",
    "作業中",
    ClaimCode.ORDERED,
    claimed_at=_NOW - timedelta(hours=3),
    meaning="作業を指令し、その日の夜から始めるもの",
    season="2025-26",
    planned_on=date(2026, 1, 16),
    order="○",
    remark="歩道は作業しません",
    location={"type": "Point", "coordinates": [140.75, 40.82]},
)
_FEED = FeedStatus(
    "snow_removal", "除雪", "fresh", "正常", "fresh", None, None, None, None, None, 1, 0, 0,
    "雪野市", "CC-BY-4.0", "雪野市オープンデータ", "道路維持課", "017-700-0000",
)  # fmt: skip


def _report(*entities: Entity, hub: HubContact = _IN_TOUCH) -> Report:
    return Report(_NOW, read_zones(entities, _NOW), [_FEED, replace(_FEED, name="other")], hub)


def _zone(state: SnowRemoval) -> dict[str, object]:
    found = _report(state.to_entity("snow_removal")).find(state.to_entity("snow_removal").id)
    assert found is not None
    return found


def test_a_zone_shows_claim_and_evidence_apart_with_age_meaning_and_source() -> None:
    told = _zone(_STATE)
    assert told["claim"] == {
        "word": "作業中",
        "code": "ordered",
        "meaning": "作業を指令し、その日の夜から始めるもの",
        "season": "2025-26",
        "claimedAt": "2026-01-15T20:05:00Z",
        "ageSeconds": 10800,
        "age": {"ja": "3時間前に更新", "en": "updated 3 hours ago"},
        "stale": False,
    }
    assert told["evidence"] == {
        "code": "notObservable", "ja": "作業は観測できません", "en": "Work cannot be observed here",
    }  # fmt: skip
    assert (told["plannedOn"], told["order"], told["remark"]) == ("2026-01-16", "○", "歩道は作業しません")
    assert told["sources"] == [
        {
            "feed": "snow_removal",
            "title": "除雪",
            "state": "fresh",
            "stateLabel": {"ja": "正常", "en": "fresh"},
            "provider": "雪野市",
            "licence": "CC-BY-4.0",
            "attribution": "雪野市オープンデータ",
            "owner": "道路維持課",
            "telephone": "017-700-0000",
        }
    ]


def test_what_the_city_calls_done_is_not_evidence() -> None:
    told = _zone(replace(_STATE, claim="完了", claim_code=ClaimCode.FINISHED, evidence=Evidence.NOT_SEEN))
    assert told["evidence"] == {
        "code": "notSeen",
        "ja": "作業は確認されていません",
        "en": "No work has been observed, though it could have been",
    }


def test_claims_older_than_a_day_or_of_unknown_age_are_flagged() -> None:
    def stale(claimed_at: datetime | None) -> object:
        claim = _zone(replace(_STATE, claimed_at=claimed_at))["claim"]
        assert isinstance(claim, dict)
        return claim["stale"]

    assert stale(_NOW - timedelta(hours=23)) is False
    assert stale(_NOW - timedelta(hours=25)) is True
    assert stale(None) is True
    assert stale(_NOW + timedelta(hours=1)) is True


def test_zones_come_by_name_whatever_width_it_is_written_in() -> None:
    names = ["Ｂ－１", "A-2", "Ａ－１"]
    zones = read_zones([replace(_STATE, name=name, local_id=name).to_entity("f") for name in names], _NOW)
    assert [zone.state.name for zone in zones] == ["Ａ－１", "A-2", "Ｂ－１"]


def test_an_entity_that_is_no_zone_is_left_out() -> None:
    strange = Entity("urn:ngsi-ld:SnowRemovalZone:f:x", (iri(SNOW_REMOVAL_ZONE),))
    put(strange, "plannedOn", "明日")
    assert read_zones([strange, _STATE.to_entity("f")], _NOW) == read_zones([_STATE.to_entity("f")], _NOW)


def test_geojson_says_the_same_as_the_list() -> None:
    nowhere = replace(_STATE, local_id="B", name="B", location=None)
    report = _report(_STATE.to_entity("snow_removal"), nowhere.to_entity("f"))
    told, listed = report.to_geojson(), report.to_json()
    features, zones = told["features"], listed["zones"]
    assert isinstance(features, list)
    assert [feature["properties"] for feature in features] == zones
    assert [feature["geometry"] for feature in features] == [_STATE.location, None]
    assert told["note"] == listed["note"]


def test_a_lost_hub_is_said_with_the_age_of_what_is_shown() -> None:
    hub = HubContact(reachable=False, age_s=600).to_json()
    assert hub["ja"] == "市のデータ基盤につながりません。10分前に受け取った情報です"
    assert (hub["reachable"], hub["ageSeconds"]) == (False, 600)
