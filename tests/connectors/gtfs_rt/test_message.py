"""Messages as a whole: what they cover, whose clock they carry, and what is no message."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from cityos.connector import SourceChanged, SourceUnavailable
from cityos.ngsi.entity import Entity
from cityos.vocabulary.alert import SERVICE_ALERT
from cityos.vocabulary.context import iri
from cityos.vocabulary.vehicle import TRIP_UPDATE, VEHICLE
from connectors.gtfs_rt import GtfsRealtimeConfig, connector
from tests.connectors.gtfs_rt.building import AT, URL, codes, message, read, seconds, trip_update, vehicle
from tests.fakes import FakeFetcher, urls

PER_KIND: dict[str, Any] = {
    "url_vehicles": "https://bus.example/v.pb",
    "url_trip_updates": "https://bus.example/t.pb",
    "url_alerts": "https://bus.example/a.pb",
}


def test_full_message_covers_what_its_address_holds_even_when_empty() -> None:
    empty = message([])
    assert read(empty, PER_KIND["url_vehicles"], **PER_KIND).covers == frozenset({iri(VEHICLE)})
    assert read(empty, PER_KIND["url_alerts"], **PER_KIND).covers == frozenset({iri(SERVICE_ALERT)})
    assert read(empty).covers == connector.manifest.emits
    assert read(empty).as_of == AT


def test_kinds_are_recognised_by_content_beyond_what_the_address_says() -> None:
    batch = read(message([vehicle("v"), trip_update("t")]), PER_KIND["url_vehicles"], **PER_KIND)
    assert len(batch.rows) == 2
    assert batch.covers == frozenset({iri(VEHICLE), iri(TRIP_UPDATE)})


def test_difference_ends_nothing() -> None:
    batch = read(message([vehicle(), {**vehicle("2"), "isDeleted": True}], incrementality="DIFFERENTIAL"))
    assert batch.covers is None
    assert len(batch.rows) == 1
    assert "differential_message" in codes(batch)


def test_frozen_feed_keeps_its_clock_however_late_it_is_fetched() -> None:
    batch = read(message([vehicle()]), fetched_at=AT + timedelta(hours=3))
    assert batch.as_of == AT
    assert [row.entity.latest_observation() for row in batch.rows] == [AT]


def test_clock_of_the_future_is_not_believed() -> None:
    batch = read(message([vehicle()], timestamp=seconds(AT + timedelta(days=1))))
    assert batch.as_of is None
    assert codes(batch) == ["header_in_future"], "the vehicle is not stale because the header runs ahead"


def test_header_without_time_leaves_what_has_none_of_its_own_without_age() -> None:
    batch = read(message([vehicle(timestamp="0")], timestamp="0"))
    assert batch.as_of is None
    assert codes(batch) == ["header_time_missing"]
    assert _terms(batch.rows[0].entity) == set()


def test_unknown_version_is_read_and_noted() -> None:
    batch = read(message([vehicle()], gtfsRealtimeVersion="3.0"))
    assert codes(batch) == ["version_unknown"]
    assert len(batch.rows) == 1


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "is empty"),
        ("<html><title>メンテナンス</title></html>".encode(), "web page"),
        (b'{"statusCode": 403,\n "message": "Invalid acl:consumerKey"}', "Invalid acl:consumerKey"),
        (b"Forbidden", "Forbidden"),
        (message([vehicle()])[:-3], "cut"),
        (b"\x12\x03\n\x011", "header is missing"),
    ],
    ids=["empty", "page", "json", "text", "cut", "no header"],
)
def test_what_is_no_message_is_a_change_of_source(content: bytes, told: str) -> None:
    with pytest.raises(SourceChanged, match=r"all\.pb") as caught:
        read(content)
    assert told in str(caught.value)


async def test_one_message_out_of_reach_does_not_keep_the_others() -> None:
    fetcher = FakeFetcher()
    fetcher.put(PER_KIND["url_trip_updates"], message([]))
    fetcher.put(PER_KIND["url_alerts"], message([]))
    names: list[str] = []

    async def fetch_all() -> None:
        async for document in connector.fetch(GtfsRealtimeConfig(**PER_KIND), fetcher):
            names.append(document.name)

    with pytest.raises(SourceUnavailable, match=r"v\.pb"):
        await fetch_all()
    assert names == ["t.pb", "a.pb"]
    assert urls(fetcher.asked) == list(PER_KIND.values())


def test_config_without_address_is_refused() -> None:
    with pytest.raises(ValueError, match="is needed"):
        GtfsRealtimeConfig()


def test_entity_ids_given_twice_are_noted_and_both_told() -> None:
    batch = read(message([vehicle("1"), vehicle("1", vehicle={"id": "b2"})]))
    assert codes(batch) == ["duplicate_entity"]
    assert len(batch.rows) == 2


def test_rows_stand_at_their_place() -> None:
    assert [row.where for row in read(message([vehicle("v-7")]), URL).rows] == ["all.pb:v-7"]


def _terms(entity: Entity) -> set[str]:
    return set(entity.attributes)
