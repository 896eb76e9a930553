"""The broker dies, with or without what it kept, while the city goes on: soon every topic is right again."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import httpx
import psutil
import pytest

from cityos.bus.topic import entity_topic, head_topic
from cityos.client import OLDEST, Change, City, Resync
from tests.journeys.bus_ear import BusEar, Told
from tests.journeys.feed import changes_after, entities_of
from tests.journeys.ledger import TYPE, LedgerWriter, entity
from tests.processes import HubProcess
from tests.seams.test_bus import Mosquitto

ENTITIES = 5_000
WRITERS = 3
RIGHT_S = 5.0
"""How soon after the broker's return every topic is right."""

_STILL = "Still"  # the type of the 5,000, apart from those that are written all the time
_MOVED = ("Here", "There")  # the types of entities that end as one and begin anew as the other
_QUIET_S = 0.3


@dataclass
class _Scene:
    hub: HubProcess
    broker_url: str
    writers: list[LedgerWriter]
    followed: list[Change] = field(default_factory=list)
    resyncs: list[Resync] = field(default_factory=list)

    async def follow(self) -> None:
        async with City(self.hub.url, broker_url=self.broker_url) as city, aclosing(city.follow(after=OLDEST)) as told:
            async for item in told:
                if isinstance(item, Change):
                    self.followed.append(item)
                else:
                    self.resyncs.append(item)

    async def write(self, may_go_on: Callable[[], bool]) -> None:
        async with httpx.AsyncClient(base_url=self.hub.url, timeout=10) as http:
            tasks = [one.write_until_cut(http, may_go_on) for one in self.writers]
            await asyncio.gather(*tasks, _move(http, may_go_on), _end_still_ones(http, may_go_on))

    async def pull_the_plug(self, pull: Callable[[], None]) -> None:
        """The broker dies and comes back while everybody writes; then its topics must be right in time."""
        back: list[float] = []
        writing = asyncio.create_task(self.write(lambda: not back or time.monotonic() < back[0] + 0.3))
        await asyncio.sleep(0.5)
        await asyncio.to_thread(pull)
        back.append(await asyncio.to_thread(_await_broker, self.broker_url))
        await writing
        await asyncio.to_thread(self.await_right_topics, time.monotonic() + RIGHT_S)

    def await_right_topics(self, deadline: float) -> None:
        """The retained tree is what the feed and the entities say. A reading counts from the time it was begun."""
        with httpx.Client(base_url=self.hub.url, timeout=30) as http:
            wanted = _wanted_topics(http)
        while True:
            began = time.monotonic()
            found = _retained(self.broker_url)
            if found == wanted:
                return
            if began > deadline:
                raise AssertionError(_difference(found, wanted))


async def _move(http: httpx.AsyncClient, may_go_on: Callable[[], bool]) -> None:
    """Entities that end and at once begin anew as another type, so under another topic."""
    number = 0
    while may_go_on():
        number += 1
        one = f"urn:ngsi-ld:Moved:{time.monotonic_ns()}:{number}"
        await _create(http, one, _MOVED[0])
        await asyncio.sleep(0.05)
        await http.delete(f"/ngsi-ld/v1/entities/{one}")
        await _create(http, one, _MOVED[1])


async def _create(http: httpx.AsyncClient, entity_id: str, type_name: str) -> None:
    said = {**entity(entity_id, 1), "type": type_name}
    assert (await http.post("/ngsi-ld/v1/entities", json=said)).status_code == httpx.codes.CREATED


async def _end_still_ones(http: httpx.AsyncClient, may_go_on: Callable[[], bool]) -> None:
    """Ends some of the 5,000, so that what the broker kept of them is wrong."""
    chance = random.Random(7)
    while may_go_on():
        await http.delete(f"/ngsi-ld/v1/entities/urn:ngsi-ld:{_STILL}:s:{chance.randrange(ENTITIES)}")
        await asyncio.sleep(0.01)


def _wanted_topics(http: httpx.Client) -> dict[str, tuple[object, ...]]:
    """Topic -> epoch, seq, entity: from the newest change of each entity and its present state; and the head."""
    items, head, epoch = changes_after(http, 0)
    newest = {item["id"]: item for item in items}
    present = {one["id"]: one for name in (TYPE, _STILL, *_MOVED) for one in entities_of(http, name)}
    wanted: dict[str, tuple[object, ...]] = {head_topic("default"): (epoch, head, None)}
    for entity_id, item in newest.items():
        assert (item["op"] == "delete") == (entity_id not in present)
        if item["op"] != "delete":
            topic = entity_topic("default", present[entity_id]["type"], entity_id)
            wanted[topic] = (epoch, item["seq"], str(present[entity_id]))
    return wanted


def _retained(broker_url: str) -> dict[str, tuple[object, ...]]:
    """What a newcomer is shown: he waits until nothing has come for a while."""
    found: dict[str, tuple[object, ...]] = {}

    def hear(topic: str, told: Told | None) -> None:
        if told is None:
            found.pop(topic, None)
        else:
            found[topic] = (told["epoch"], told["seq"], str(told["entity"]) if "entity" in told else None)

    with BusEar(broker_url, hear) as ear:
        if not ear.connected.wait(2):
            return {}
        before = -1
        while before != len(found):
            before = len(found)
            time.sleep(_QUIET_S)
        return dict(found)


def _difference(found: dict[str, tuple[object, ...]], wanted: dict[str, tuple[object, ...]]) -> str:
    absent, unknown = wanted.keys() - found.keys(), found.keys() - wanted.keys()
    other = [topic for topic in wanted.keys() & found.keys() if wanted[topic] != found[topic]]
    examples = [(found.get(topic), wanted.get(topic)) for topic in [*absent, *unknown, *other][:3]]
    return f"{len(absent)} topics absent, {len(unknown)} unknown, {len(other)} other than they should be: {examples}"


def _await_broker(url: str) -> float:
    """When the broker answers again."""
    while True:
        with BusEar(url, lambda topic, told: None) as ear:
            if ear.connected.wait(0.2):
                return time.monotonic()


@asynccontextmanager
async def _city_under_load(hub: HubProcess, broker_url: str | None) -> AsyncIterator[_Scene]:
    """A hub with 5,000 retained entities and a follower that began before the first."""
    hub.start()
    try:
        await asyncio.to_thread(hub.await_ready)
        url = broker_url or await _find_broker_url(hub)
        writers = [LedgerWriter(f"w{n}", random.Random(n)) for n in range(WRITERS)]
        scene = _Scene(hub, url, writers)
        following = asyncio.create_task(scene.follow())
        body = [{**entity(f"urn:ngsi-ld:{_STILL}:s:{n}", n), "type": _STILL} for n in range(ENTITIES)]
        async with httpx.AsyncClient(base_url=hub.url, timeout=30) as http:
            (await http.post("/ngsi-ld/v1/entityOperations/upsert", json=body)).raise_for_status()
        await asyncio.to_thread(scene.await_right_topics, time.monotonic() + 20.0)
        yield scene
        await _check_follower(scene)
        following.cancel()
    finally:
        hub.stop()


async def _find_broker_url(hub: HubProcess) -> str:
    async with asyncio.timeout(10):
        while True:
            told = await asyncio.to_thread(hub.get, "/health")
            assert isinstance(told, dict)
            if told["broker"]["connected"]:
                return str(told["broker"]["url"])
            await asyncio.sleep(0.05)


async def _check_follower(scene: _Scene) -> None:
    """It was told every change, once, in order, and never had to begin anew."""
    with httpx.Client(base_url=scene.hub.url, timeout=30) as http:
        items, head, _ = changes_after(http, 0)
    async with asyncio.timeout(15):
        while not scene.followed or scene.followed[-1].cursor.seq < head:
            await asyncio.sleep(0.05)
    assert not scene.resyncs
    assert [(told.cursor.seq, told.event) for told in scene.followed] == [(i["seq"], i["event"]) for i in items]
    assert not [refusal for writer in scene.writers for refusal in writer.refused]


def _nats(hub: HubProcess) -> psutil.Process:
    (nats,) = (one for one in hub.family() if one.name() == "nats-server")
    return nats


def _kill_nats(hub: HubProcess) -> None:
    nats = _nats(hub)
    nats.kill()
    psutil.wait_procs([nats], timeout=5)


def _stall_nats(hub: HubProcess) -> None:
    """It acknowledges nothing for a while, so that much waits to be told at once."""
    nats = _nats(hub)
    nats.suspend()
    time.sleep(1.0)
    nats.resume()


def _wipe_and_kill_nats(hub: HubProcess) -> None:
    """Takes the store away under the running broker, then kills it: it begins anew with nothing."""
    store = hub.data / "broker" / "store"
    store.rename(store.with_name(f"store-{time.monotonic_ns()}"))
    _kill_nats(hub)


@pytest.mark.journey
async def test_embedded_broker_killed_wiped_or_stalled_is_soon_right_again(tmp_path: Path) -> None:
    hub = HubProcess(tmp_path / "data")
    async with _city_under_load(hub, None) as scene:
        for break_it in (_kill_nats, _wipe_and_kill_nats, _stall_nats):
            await scene.pull_the_plug(partial(break_it, hub))


@pytest.mark.journey
async def test_external_broker_that_forgets_everything_is_soon_right_again(tmp_path: Path) -> None:
    mosquitto = Mosquitto(tmp_path, "max_queued_messages 0")
    await mosquitto.start()

    def kill_and_start() -> None:
        mosquitto.kill()
        time.sleep(0.5)  # the city goes on without a broker for a while
        asyncio.run(mosquitto.start())

    try:
        hub = HubProcess(tmp_path / "data", environment={"CITYOS_BROKER_URL": mosquitto.url})
        async with _city_under_load(hub, mosquitto.url) as scene:
            for _ in range(2):
                await scene.pull_the_plug(kill_and_start)
    finally:
        mosquitto.kill()
