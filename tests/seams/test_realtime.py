"""A timetable and its GTFS Realtime messages: from a server over runner and workers to /feeds, entities and bus."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from cityos.bus.contract import Message
from cityos.bus.memory import MemoryBus
from cityos.city_file import CityFile
from cityos.clock import Clock
from cityos.hub import Plan, open_hub
from tests.cityos.api.asking import client_of
from tests.cityos.egress.serving import answer
from tests.connectors.gtfs_jp.reading import texts
from tests.connectors.gtfs_rt.building import message, seconds, trip_update, vehicle
from tests.connectors.recording import zip_texts

AT = datetime.fromisoformat("2026-01-15T08:00:00+09:00")
SPEED = 200.0
TRIP = {"tripId": "平日_07時10分_港町線", "routeId": "0012", "startDate": "20260115"}
STRANGE = {"tripId": "平日_07時10分_臨時", "startDate": "20260115"}
CITY = """
[city]
name = "yukino"
title = "雪野市"
box = [140.6, 40.7, 140.9, 41.0]

[[feeds]]
name = "bus"
connector = "gtfs_jp"
config = { url = "URL/bus.zip" }

[[feeds]]
name = "vehicles"
connector = "gtfs_rt"
refers_to = "bus"
config = { feed = "bus", url_vehicles = "URL/vehicles.pb" }

[[feeds]]
name = "delays"
connector = "gtfs_rt"
refers_to = "bus"
config = { feed = "bus", url_trip_updates = "URL/delays.pb" }
"""


@dataclass
class Source:
    """A bus operator's server; `says` gives a path's content at each request, None is 503."""

    says: dict[str, Callable[[], bytes | None]] = field(default_factory=dict)
    url: str = ""

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer), contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            content = self.says.get(head.split()[1].decode(), lambda: None)()
            writer.write(answer(503) if content is None else answer(200, content))
            await writer.drain()


@dataclass
class Scene:
    source: Source
    clock: Clock
    client: httpx.AsyncClient
    heard: list[Message]

    async def feed(self, name: str) -> dict[str, Any]:
        told: dict[str, Any] = (await self.client.get(f"/feeds/{name}")).json()
        return told

    async def until(self, holds: Callable[[dict[str, Any]], bool], name: str = "vehicles") -> dict[str, Any]:
        """Waits until a feed is told to be so; returns what is told of it."""
        async with asyncio.timeout(120):
            while not holds(told := await self.feed(name)):
                await asyncio.sleep(0.05)
        return told

    async def ids(self, kind: str) -> list[str]:
        asked = await self.client.get("/ngsi-ld/v1/entities", params={"type": kind})
        return [one["id"] for one in asked.json()]


@contextlib.asynccontextmanager
async def playing(data: Path, source: Source) -> AsyncIterator[Scene]:
    """The city beside its source, on a clock that begins now."""
    listening = await asyncio.start_server(source.talk, "127.0.0.1", 0)
    source.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    (data / "city.toml").write_text(CITY.replace("URL", source.url))
    bus, heard = MemoryBus(), list[Message]()
    await bus.start()
    await bus.subscribe("cityos/#", heard.append)
    clock = Clock(AT, SPEED, time.time())
    plan = Plan(data / "data", city=CityFile.read(data / "city.toml"), clock=clock, bus=bus)
    async with open_hub(plan) as hub, client_of(hub) as client:
        yield Scene(source, clock, client, heard)
    listening.close()


def moving(scene: list[Scene], *, trip: dict[str, Any] | None = None, **said: Any) -> Callable[[], bytes]:
    """A message made whenever it is asked for, with a bus that was just heard of."""

    def make() -> bytes:
        now = seconds(scene[0].clock.now()) if scene else seconds(AT)
        return message([vehicle("1", timestamp=now, trip=trip or TRIP, **said)], timestamp=now)

    return make


def timetable() -> bytes:
    return zip_texts(texts())


async def test_a_bus_flows_to_its_entity_and_topic_and_what_is_unknown_is_held(tmp_path: Path) -> None:
    buses = [
        vehicle("1", vehicle={"id": "b1"}, trip=TRIP, timestamp=seconds(AT)),
        vehicle("2", vehicle={"id": "b2"}, trip=STRANGE, timestamp=seconds(AT)),
        vehicle("3", vehicle={"id": "b3"}, position={"latitude": 0, "longitude": 0}, timestamp=seconds(AT)),
    ]
    late = [trip_update("1", TRIP, timestamp=seconds(AT)), trip_update("2", STRANGE, timestamp=seconds(AT))]
    says = {
        "/bus.zip": timetable,
        "/vehicles.pb": lambda: message(buses, timestamp=seconds(AT)),
        "/delays.pb": lambda: message(late, timestamp=seconds(AT)),
    }
    async with playing(tmp_path, Source(dict(says))) as scene:
        told = await scene.until(lambda one: one["lastOutcome"] in ("applied", "unchanged"))
        assert (told["accepted"], told["held"]) == (1, 2)
        reasons = {notice["code"]: notice["detail"] for notice in told["notices"]}
        assert reasons.keys() == {"reference_unknown", "position_outside"}
        assert "trip '平日_07時10分_臨時', which feed bus does not know" in reasons["reference_unknown"]
        assert "0,0" in reasons["position_outside"]
        delays = await scene.until(lambda one: one["lastOutcome"] in ("applied", "unchanged"), "delays")
        assert (delays["accepted"], delays["held"]) == (1, 1)
        assert await scene.ids("Vehicle") == ["urn:ngsi-ld:Vehicle:bus:b1"]
        assert len(await scene.ids("TripUpdate")) == 1
        async with asyncio.timeout(60):
            while not any(one.topic == "cityos/yukino/Vehicle/urn:ngsi-ld:Vehicle:bus:b1" for one in scene.heard):
                await asyncio.sleep(0.02)


@pytest.mark.parametrize("frozen", ["the message", "the buses in it"])
async def test_a_frozen_source_that_answers_200_is_stale_by_its_own_clock(tmp_path: Path, frozen: str) -> None:
    stage: list[Scene] = []
    source = Source({"/bus.zip": timetable, "/vehicles.pb": moving(stage), "/delays.pb": lambda: None})
    async with playing(tmp_path, source) as scene:
        stage.append(scene)
        await scene.until(lambda one: one["state"] == "fresh")
        last = source.says["/vehicles.pb"]()
        then = scene.clock.now()
        if frozen == "the message":
            source.says["/vehicles.pb"] = lambda: last
        else:
            at = seconds(then)
            source.says["/vehicles.pb"] = lambda: message(
                [vehicle("1", timestamp=at, trip=TRIP)], timestamp=seconds(scene.clock.now())
            )
        told = await scene.until(lambda one: one["state"] == "stale")
        now = scene.clock.now()
        assert told["lastOutcome"] in ("applied", "unchanged"), "it answers, and well"
        assert (now - datetime.fromisoformat(told["lastSuccessAt"])).total_seconds() < 120
        assert told["ageSeconds"] > 300
        assert datetime.fromisoformat(told["dataAt"]) <= then
        assert await scene.ids("Vehicle") == ["urn:ngsi-ld:Vehicle:bus:b1"], "stale is not gone"
        source.says["/vehicles.pb"] = moving(stage)
        await scene.until(lambda one: one["state"] == "fresh")


async def test_without_its_timetable_nothing_is_held_and_with_it_the_notice_closes(tmp_path: Path) -> None:
    stage: list[Scene] = []
    source = Source({"/vehicles.pb": moving(stage, trip=STRANGE), "/delays.pb": lambda: None})
    async with playing(tmp_path, source) as scene:
        stage.append(scene)
        told = await scene.until(lambda one: one["accepted"] == 1)
        assert [notice["code"] for notice in told["notices"] if notice["open"]] == ["references_unchecked"]
        assert await scene.ids("Vehicle") == ["urn:ngsi-ld:Vehicle:bus:b1"]
        source.says["/bus.zip"] = timetable
        told = await scene.until(lambda one: one["held"] == 1)
        assert [notice["code"] for notice in told["notices"] if notice["open"]] == ["reference_unknown"]
        assert await scene.ids("Vehicle") == ["urn:ngsi-ld:Vehicle:bus:b1"], "a held row ends nothing"


async def test_a_hub_that_starts_again_knows_the_timetable_it_read_before(tmp_path: Path) -> None:
    source = Source({"/bus.zip": timetable, "/delays.pb": lambda: None})
    async with playing(tmp_path, source) as scene:
        await scene.until(lambda one: one["lastOutcome"] in ("applied", "unchanged"), "bus")
    stage: list[Scene] = []
    source.says = {"/vehicles.pb": moving(stage, trip=STRANGE)}
    async with playing(tmp_path, source) as scene:
        stage.append(scene)
        told = await scene.until(lambda one: one["held"] == 1)
        assert [notice["code"] for notice in told["notices"] if notice["open"]] == ["reference_unknown"]
