"""The hub's plug is pulled while it tells a subscriber: every acknowledged change is heard, at least once."""

from __future__ import annotations

import asyncio
import contextlib
import random
from pathlib import Path

import httpx
import pytest

from tests.cityos.notify.receiving import Endpoint, endpoint
from tests.processes import HubProcess

KILLS = 6
WRITERS = 4
ENTITIES = "/ngsi-ld/v1/entities"


class _Scene:
    def __init__(self, hub: HubProcess, there: Endpoint) -> None:
        self.hub, self.there = hub, there
        self.acknowledged: set[int] = set()
        self.next = 0

    async def up(self) -> None:
        self.hub.start()
        await asyncio.to_thread(self.hub.await_ready)

    async def subscribe(self) -> None:
        said = {
            "id": "urn:ngsi-ld:Subscription:1",
            "type": "Subscription",
            "entities": [{"type": "Counter"}],
            "notification": {"format": "keyValues", "endpoint": {"uri": self.there.url}},
        }
        async with httpx.AsyncClient(base_url=self.hub.url) as http:
            for writer in range(WRITERS):
                body = {"id": f"urn:c:{writer}", "type": "Counter", "n": {"type": "Property", "value": -1}}
                assert (await http.post(ENTITIES, json=body)).status_code == 201
            assert (await http.post("/ngsi-ld/v1/subscriptions", json=said)).status_code == 201

    async def write_and_kill(self, after_s: float) -> None:
        async with httpx.AsyncClient(base_url=self.hub.url, timeout=10) as http:
            tasks = [asyncio.create_task(self._write(http, f"urn:c:{writer}")) for writer in range(WRITERS)]
            await asyncio.sleep(after_s)
            self.hub.kill()
            await asyncio.gather(*tasks)

    async def _write(self, http: httpx.AsyncClient, entity_id: str) -> None:
        with contextlib.suppress(httpx.TransportError):
            while True:
                value, self.next = self.next, self.next + 1
                body = {"n": {"type": "Property", "value": value}}
                if (await http.patch(f"{ENTITIES}/{entity_id}", json=body)).status_code == 204:
                    self.acknowledged.add(value)

    def heard(self) -> set[int]:
        return {one["n"] for told in self.there.heard for one in told["data"]}


@pytest.mark.journey
async def test_no_acknowledged_change_stays_untold(tmp_path: Path) -> None:
    chance = random.Random(20260115)
    environment = {"CITYOS_EGRESS_ALLOW": "127.0.0.0/8"}
    async with endpoint() as there:
        scene = _Scene(HubProcess(tmp_path / "data", "--no-broker", environment=environment), there)
        await scene.up()
        await scene.subscribe()
        for kill in range(KILLS):
            there.status = 503 if kill % 2 else 200  # in every other life the subscriber is not well
            await scene.write_and_kill(chance.uniform(0.2, 2.5))
            await scene.up()
        there.status = 200
        await there.until(lambda: scene.acknowledged <= scene.heard(), timeout_s=60)
        assert len(scene.acknowledged) > 100
        told = [one["n"] for notification in there.heard for one in notification["data"]]
        assert len(told) < 3 * len(set(told)), "a kill repeats what was told shortly before, not everything"
        await asyncio.to_thread(scene.hub.stop)
