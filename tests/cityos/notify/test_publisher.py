"""The bus says what the store says, whatever the broker forgot."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from cityos.bus.contract import Message
from cityos.bus.memory import MemoryBus
from cityos.bus.topic import entity_topic, head_topic
from cityos.hub import Hub, Plan, open_hub
from cityos.ngsi.context import DEFAULT_VOCABULARY
from cityos.ngsi.entity import Entity, Instance
from cityos.ngsi.provision import Command, delete, upsert
from cityos.ngsi.value import Json
from tests.cityos.store.building import reader_of

CITY = "default"


class Desk:
    """A hub, its bus, and everything the bus ever said."""

    def __init__(self, hub: Hub, bus: MemoryBus) -> None:
        self.hub = hub
        self.bus = bus
        self.heard: list[Message] = []

    async def write(self, *commands: Command, tenant: str = CITY) -> None:
        outcomes = await self.hub.store.apply(tenant, commands)
        assert not [outcome.error for outcome in outcomes if outcome.error]

    async def tree(self) -> dict[str, Any]:
        """What is retained, without the heads."""
        held = await self.bus.retained("cityos/#")
        return {topic: orjson.loads(told) for topic, told in held.items() if not topic.endswith("/head")}

    async def until_told(self, tenant: str = CITY) -> None:
        """Waits until the head on the bus is the head of the store."""
        head = reader_of(self.hub.store).tenants()[tenant]

        async def is_told() -> bool:
            held = await self.bus.retained(head_topic(tenant))
            return any(orjson.loads(told)["seq"] == head for told in held.values())

        async with asyncio.timeout(5):
            while not await is_told():
                await asyncio.sleep(0.02)

    def payloads(self, topic: str) -> list[bytes]:
        return [message.payload for message in self.heard if message.topic == topic]


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    bus = MemoryBus()
    async with open_hub(Plan(tmp_path, bus=bus)) as hub:
        opened = Desk(hub, bus)
        await bus.subscribe("cityos/#", opened.heard.append)
        yield opened


def zone(local: str, value: Json = 1, of: str = "Zone") -> Entity:
    made = Entity(f"urn:e:{local}", (DEFAULT_VOCABULARY + of,))
    made.set(DEFAULT_VOCABULARY + "a", Instance("Property", value))
    return made


def topic(local: str, of: str = "Zone", tenant: str = CITY) -> str:
    return entity_topic(tenant, of, f"urn:e:{local}")


async def _until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not holds():
            await asyncio.sleep(0.01)


async def test_a_change_is_told_on_the_entitys_topic(desk: Desk) -> None:
    await desk.write(upsert(zone("1")))
    await desk.write(upsert(zone("1", 2)))
    await desk.until_told()
    told = (await desk.tree())[topic("1")]
    assert (told["seq"], told["prev"], told["op"], told["changed"]) == (2, 1, "update", ["a"])
    assert told["epoch"] == desk.hub.store.epoch
    assert told["entity"] == {"id": "urn:e:1", "type": "Zone", "a": 2}


async def test_an_end_is_a_tombstone_and_then_nothing(desk: Desk) -> None:
    await desk.write(upsert(zone("1")))
    await desk.until_told()
    await desk.write(delete("urn:e:1"))
    await desk.until_told()
    assert await desk.tree() == {}
    *_, grave, empty = desk.payloads(topic("1"))
    assert (orjson.loads(grave)["op"], orjson.loads(grave)["seq"], empty) == ("delete", 2, b"")


async def test_an_entity_that_returns_under_another_type_leaves_no_old_topic(desk: Desk) -> None:
    await desk.write(upsert(zone("1")))
    await desk.until_told()
    await desk.write(delete("urn:e:1"), upsert(zone("1", of="Other")))
    await desk.until_told()
    assert set(await desk.tree()) == {topic("1", "Other")}
    assert orjson.loads(desk.payloads(topic("1"))[-2])["op"] == "delete"


async def test_a_broker_that_forgot_everything_is_set_right(desk: Desk) -> None:
    await desk.write(*(upsert(zone(str(number))) for number in range(5)))
    await desk.until_told()
    before = await desk.tree()
    desk.bus.drop(forget_retained=True)
    await desk.write(upsert(zone("5")), delete("urn:e:0"))
    desk.bus.restore()
    await desk.until_told()
    assert set(await desk.tree()) == {topic(str(number)) for number in range(1, 6)}
    assert {t: told["seq"] for t, told in (await desk.tree()).items() if t in before}.items() <= {
        t: told["seq"] for t, told in before.items()
    }.items()


async def test_a_broker_that_came_back_empty_is_noticed_though_nothing_changes(desk: Desk) -> None:
    await desk.write(upsert(zone("1")))
    await desk.until_told()
    desk.bus.drop(forget_retained=True)
    desk.bus.restore()
    await desk.until_told()
    assert set(await desk.tree()) == {topic("1")}


async def test_what_the_broker_kept_is_not_told_again(desk: Desk) -> None:
    await desk.write(*(upsert(zone(str(number))) for number in range(5)))
    await desk.until_told()
    desk.bus.drop()
    await desk.write(upsert(zone("0", 2)))
    desk.heard.clear()
    desk.bus.restore()
    await _until(lambda: bool(desk.payloads(topic("0"))))
    await asyncio.sleep(0.1)
    live = {message.topic for message in desk.heard if not message.retain}
    assert live - {head_topic(CITY)} == {topic("0")}


async def test_what_the_store_does_not_know_is_cleared(desk: Desk) -> None:
    await desk.write(upsert(zone("1")))
    await desk.until_told()
    desk.bus.drop()
    desk.bus.restore()
    await desk.bus.publish([Message(topic("ghost"), b'{"epoch":"x","seq":1,"op":"create"}')])
    await desk.bus.publish([Message(topic("1"), b"nonsense")])
    desk.bus.drop()
    await desk.write(upsert(zone("2")))
    desk.bus.restore()
    await _until(lambda: b"" in desk.payloads(topic("ghost")))
    await desk.until_told()
    assert set(await desk.tree()) == {topic("1"), topic("2")}
    assert (await desk.tree())[topic("1")]["entity"]["a"] == 1


async def test_internal_tenants_are_never_told_and_stop_nobody(desk: Desk) -> None:
    await desk.write(upsert(zone("1")), tenant="default-internal")
    await asyncio.sleep(0.05)
    await desk.write(upsert(zone("2")))
    await desk.until_told()
    assert set(await desk.tree()) == {topic("2")}
    assert not [message for message in desk.heard if "internal" in message.topic]


async def test_the_head_is_told_at_most_once_a_second_and_in_the_end(desk: Desk) -> None:
    for number in range(20):
        await desk.write(upsert(zone("1", number)))
        await asyncio.sleep(0.02)
    await desk.until_told()
    heads = [orjson.loads(payload)["seq"] for payload in desk.payloads(head_topic(CITY))]
    assert heads[-1] == 20
    assert len(heads) <= 3
    assert heads == sorted(heads)


async def test_every_tenant_has_its_own_tree(desk: Desk) -> None:
    await desk.write(upsert(zone("1")))
    await desk.write(upsert(zone("1")), tenant="north")
    await desk.until_told()
    await desk.until_told("north")
    assert set(await desk.tree()) == {topic("1"), topic("1", tenant="north")}


async def test_an_id_too_long_for_a_topic_stops_nobodys_news(desk: Desk) -> None:
    await desk.write(upsert(zone("x" * 70_000)), upsert(zone("1")))
    await desk.until_told()
    desk.bus.drop(forget_retained=True)
    await desk.write(upsert(zone("2")))
    desk.bus.restore()
    await desk.until_told()
    assert set(await desk.tree()) == {topic("1"), topic("2")}


async def test_japanese_types_and_ids_are_told(desk: Desk) -> None:
    await desk.write(upsert(zone("雪/1+#", of="除雪工区")))
    await desk.until_told()
    assert set(await desk.tree()) == {topic("雪/1+#", "除雪工区")}
