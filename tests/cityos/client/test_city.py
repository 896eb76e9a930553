from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from cityos.bus.memory import MemoryBus
from cityos.client import OLDEST, City, CityRefused, CityUnavailable, Cursor, CursorGone, Near, PartlyRefused
from cityos.clock import Clock
from cityos.hub import Plan
from cityos.ngsi.core_context import CORE_TERMS, LOCATION
from cityos.ngsi.entity import Entity, Instance
from cityos.settings import Settings
from cityos.vocabulary.attribute import get_text, put
from cityos.vocabulary.context import iri
from cityos.vocabulary.snow import SNOW_REMOVAL_ZONE, SnowRemoval
from tests.cityos.client.running_hub import RunningHub, running_hub, zone
from tests.cityos.store.building import reader_of

_KEY = "a key of some length"


def _placed(name: str, lon: float, lat: float) -> Entity:
    entity = zone(name)
    entity.set(LOCATION, Instance("GeoProperty", {"type": "Point", "coordinates": [lon, lat]}))
    return entity


async def test_a_written_entity_reads_back_as_the_typed_noun(hub: RunningHub) -> None:
    async with hub.city() as city:
        await city.create(zone("A-1"))
        read = SnowRemoval.from_entity(await city.get_entity(zone("A-1").id))
    assert read == SnowRemoval.from_entity(zone("A-1"))


async def test_merge_leaves_what_it_does_not_name(hub: RunningHub) -> None:
    fragment = Entity(zone("A-1").id, ())
    put(fragment, "remark", "歩道は作業しません")
    async with hub.city() as city:
        await city.upsert([zone("A-1")])
        await city.merge(fragment)
        merged = await city.get_entity(fragment.id)
    assert (get_text(merged, "remark"), get_text(merged, "claim")) == ("歩道は作業しません", "作業中")


async def test_what_is_not_there_is_none_or_a_refusal(hub: RunningHub) -> None:
    async with hub.city() as city:
        assert await city.find_entity(zone("A-1").id) is None
        with pytest.raises(CityRefused) as refusal:
            await city.get_entity(zone("A-1").id)
        assert refusal.value.problem.status == httpx.codes.NOT_FOUND
        assert zone("A-1").id in refusal.value.problem.detail
        await city.create(zone("A-1"))
        with pytest.raises(CityRefused, match="409"):
            await city.create(zone("A-1"))
        await city.delete(zone("A-1").id)
        assert await city.find_entity(zone("A-1").id) is None


@pytest.mark.parametrize("local_id", ["湯ﾉ沢工区", "A/1", "50%", "a,b", "a?b#c&d=e", "%2F", "a:b"])
async def test_ids_of_all_kinds_find_their_entity(hub: RunningHub, local_id: str) -> None:
    async with hub.city() as city:
        await city.create(zone(local_id))
        assert (await city.get_entity(zone(local_id).id)).id == zone(local_id).id
        await city.delete(zone(local_id).id)


async def test_entities_come_over_all_pages_once(hub: RunningHub) -> None:
    await hub.put(zone(f"A-{number}") for number in range(1201))
    async with hub.city() as city:
        ids = [entity.id async for entity in city.entities(SNOW_REMOVAL_ZONE, attrs="claim")]
    assert len(ids) == len(set(ids)) == 1201


async def test_entities_are_found_by_place(hub: RunningHub) -> None:
    near, far = _placed("near", 140.75, 40.82), _placed("far", 141.5, 40.5)
    await hub.put([near, far])
    async with hub.city() as city:
        within = [one.id async for one in city.entities(SNOW_REMOVAL_ZONE, bbox=(140.7, 40.8, 140.8, 40.9))]
        around = [one.id async for one in city.entities(SNOW_REMOVAL_ZONE, near=Near(140.751, 40.82, within_m=500))]
    assert within == around == [near.id]


async def test_a_batch_names_what_was_refused_and_writes_the_rest(hub: RunningHub) -> None:
    bad = replace(zone("bad"), id="no uri")
    async with hub.city() as city:
        with pytest.raises(PartlyRefused) as partly:
            await city.upsert([zone("good"), bad])
        assert list(partly.value.refused) == ["no uri"]
        assert await city.find_entity(zone("good").id) is not None
        await city.upsert([])


async def test_the_citys_words_stay_whatever_context_the_hub_prefers(hub: RunningHub) -> None:
    """This hub runs without a city file and by itself speaks the standard's words only."""
    async with hub.city() as city:
        await city.upsert([zone("A-1")])
    assert hub.hub is not None
    stored = reader_of(hub.hub.store).find(hub.hub.tenant, zone("A-1").id)
    assert stored is not None
    assert iri("name").encode() in stored.content
    assert iri("name") not in CORE_TERMS.values()


async def test_a_wrong_key_is_a_refusal_not_an_outage(tmp_path: Path) -> None:
    def locked(directory: Path) -> Plan:
        return Plan(directory, Settings(api_key=_KEY), bus=MemoryBus())

    async with running_hub(tmp_path, locked) as hub:
        async with hub.city() as city:
            with pytest.raises(CityRefused, match="401"):
                await city.create(zone("A-1"))
        async with City(hub.url, key=_KEY) as city:
            await city.create(zone("A-1"))


async def test_the_clock_is_the_citys(tmp_path: Path) -> None:
    starts_at = datetime(2026, 1, 15, 8, tzinfo=UTC)
    recorded = Clock(starts_at, 60.0, datetime.now(UTC).timestamp())
    async with running_hub(tmp_path, lambda directory: Plan(directory, clock=recorded, bus=MemoryBus())) as hub:
        async with hub.city() as city:
            clock = await city.clock()
        assert clock.speed == 60.0
        assert abs(clock.now() - recorded.now()) < timedelta(seconds=30)


async def test_a_page_of_changes_tells_what_changed(hub: RunningHub) -> None:
    await hub.put([zone("A-1")])
    await hub.put([zone("A-1", "現場確認中")])
    async with hub.city() as city:
        page = await city.changes(OLDEST, types=SNOW_REMOVAL_ZONE)
    created, updated = page.items
    assert (created.operation, updated.operation) == ("create", "update")
    assert (updated.previous_seq, updated.types) == (created.cursor.seq, (SNOW_REMOVAL_ZONE,))
    assert [change.attribute for change in updated.attributes] == ["claim"]
    assert page.next == updated.cursor
    assert page.head == updated.cursor.seq


async def test_a_cursor_of_other_data_is_gone_and_says_where_to_go_on(hub: RunningHub) -> None:
    await hub.put([zone("A-1")])
    async with hub.city() as city:
        with pytest.raises(CursorGone) as gone:
            await city.changes(Cursor("before the restore", 5))
        assert gone.value.cursor.seq == 1
        assert (await city.changes(gone.value.cursor)).items == ()


async def test_a_hub_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    async with RunningHub(tmp_path).city() as city:
        with pytest.raises(CityUnavailable, match="not reachable"):
            await city.health()


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, html="<p>ただいまメンテナンス中です</p>"),
        httpx.Response(200, json=[]),
        httpx.Response(200, json={"status": "ok"}),
        httpx.Response(302, headers={"Location": "http://login.example/"}),
        httpx.Response(502, html="Bad Gateway"),
        httpx.Response(429),
    ],
    ids=lambda answer: str(answer.status_code),
)
async def test_something_else_answering_in_the_hubs_place_is_an_outage(answer: httpx.Response) -> None:
    async with City("http://hub", transport=httpx.MockTransport(lambda _: answer)) as city:
        with pytest.raises(CityUnavailable):
            await city.health()


async def test_the_key_goes_to_no_other_host_when_pages_link_there() -> None:
    asked: list[httpx.URL] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url)
        link = {"Link": '<https://elsewhere.example/entities?cursor=abc>; rel="next"'} if len(asked) == 1 else {}
        return httpx.Response(200, json=[], headers=link)

    async with City("http://hub", key=_KEY, transport=httpx.MockTransport(answer)) as city:
        assert [entity async for entity in city.entities(SNOW_REMOVAL_ZONE)] == []
    assert [url.host for url in asked] == ["hub", "hub"]
    assert asked[1].params["cursor"] == "abc"


def test_an_address_that_is_none_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="http"):
        City("localhost:8080")
