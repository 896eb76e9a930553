"""From the write to the endpoint, with a real hub, store and HTTP endpoint; restarts included (clause 5.8.6)."""

from __future__ import annotations

import contextlib
import ipaddress
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from cityos.bus.memory import MemoryBus
from cityos.hub import Hub, Plan, open_hub
from cityos.settings import Settings
from tests.cityos.api.asking import client_of, path_of, put, zone
from tests.cityos.notify.receiving import Endpoint, endpoint
from tests.processes import free_port

SUBSCRIPTIONS = "/ngsi-ld/v1/subscriptions"
LOOPBACK = Settings(egress_allow=(ipaddress.ip_network("127.0.0.0/8"),))


class City:
    """A hub that allows loopback, its client, an endpoint."""

    def __init__(self, hub: Hub, client: httpx.AsyncClient, there: Endpoint) -> None:
        self.hub, self.client, self.there = hub, client, there

    async def subscribe(self, local: str = "1", **members: Any) -> str:
        params = {"format": "keyValues", **members.pop("notification", {})}
        params.setdefault("endpoint", {"uri": self.there.url})
        body = {
            "id": f"urn:ngsi-ld:Subscription:{local}",
            "type": "Subscription",
            "entities": [{"type": "Zone"}],
            "notification": params,
            **members,
        }
        answer = await self.client.post(SUBSCRIPTIONS, json=body)
        assert answer.status_code == 201, answer.text
        return f"{SUBSCRIPTIONS}/{body['id']}"

    async def write(self, local: str, value: int) -> None:
        answer = await self.client.patch(path_of(local), json={"depth": {"type": "Property", "value": value}})
        assert answer.status_code == 204, answer.text

    def depths(self) -> list[list[int]]:
        """What was heard: per notification, the depths told."""
        return [[one["depth"] for one in told["data"]] for told in self.there.heard]

    async def counters(self, path: str) -> Any:
        return (await self.client.get(path)).json()["notification"]


@contextlib.asynccontextmanager
async def city_in(directory: Path, there: Endpoint) -> AsyncIterator[City]:
    async with open_hub(Plan(directory, LOOPBACK, bus=MemoryBus())) as hub, client_of(hub) as client:
        yield City(hub, client, there)


@pytest.fixture
async def city(tmp_path: Path) -> AsyncIterator[City]:
    async with endpoint() as there, city_in(tmp_path, there) as opened:
        yield opened


async def test_changes_after_the_subscription_are_told_in_order(city: City) -> None:
    await put(city.client, zone("a", depth=1))
    path = await city.subscribe()
    for value in range(2, 6):
        await city.write("a", value)
    await city.there.until(lambda: sum(map(len, city.depths())) == 4)
    assert [depth for told in city.depths() for depth in told] == [2, 3, 4, 5]
    counters = await city.counters(path)
    assert counters["status"] == "ok"
    assert counters["timesSent"] == len(city.there.heard)
    assert "timesFailed" not in counters or not counters["timesFailed"]


async def test_a_batch_is_told_together(city: City) -> None:
    await city.subscribe()
    await put(city.client, *(zone(str(n), depth=n) for n in range(150)))
    await city.there.until(lambda: sum(map(len, city.depths())) == 150)
    assert len(city.there.heard) == 2, "at most 100 in one notification"


async def test_every_state_is_met_even_if_the_entity_moves_on_at_once(city: City) -> None:
    await put(city.client, zone("a", depth=0))
    await city.subscribe(q="depth==7")
    for value in range(1, 15):
        await city.write("a", value)
    await city.there.until_heard(1)
    assert city.depths() == [[7]]


async def test_deleted_subscriptions_hear_nothing_more(city: City) -> None:
    await put(city.client, zone("a", depth=0))
    path = await city.subscribe()
    city.there.status = 500
    await city.write("a", 1)
    await city.there.until(lambda: city.there.connections > 0)
    assert (await city.client.delete(path)).status_code == 204
    city.there.status = 200
    await city.subscribe("2")
    await city.write("a", 2)
    await city.there.until_heard(1)
    assert city.there.heard[0]["subscriptionId"].endswith(":2")


async def test_a_paused_subscription_is_told_from_when_it_goes_on(city: City) -> None:
    """Table 5.2.12-1, isActive."""
    await put(city.client, zone("a", depth=0))
    path = await city.subscribe(isActive=False)
    await city.write("a", 1)
    assert (await city.client.patch(path, json={"isActive": True})).status_code == 204
    await city.write("a", 2)
    await city.there.until_heard(1)
    assert city.depths() == [[2]]


async def test_a_failing_endpoint_shows_in_the_status_and_hears_all_once_it_is_back(city: City) -> None:
    await put(city.client, zone("a", depth=0))
    path = await city.subscribe()
    city.there.status = 503
    await city.write("a", 1)
    await city.write("a", 2)
    await city.there.until(lambda: city.there.connections > 0)
    await city.there.until(lambda: bool(city.hub.subscriptions.counters("default", path.rpartition("/")[2]).failed))
    assert (await city.counters(path))["status"] == "failed"
    assert (await city.counters(path))["lastFailure"]
    city.there.status = 200
    await city.there.until(lambda: [depth for told in city.depths() for depth in told] == [1, 2])
    assert (await city.counters(path))["status"] == "ok"


async def test_linked_entities_are_asked_and_joined(city: City) -> None:
    """Clauses 4.9 (subqueries), 4.5.23."""
    await put(city.client, {**zone("full"), "type": "Dump", "level": 9}, {**zone("empty"), "type": "Dump", "level": 1})
    await city.subscribe(q="to{level}>5", notification={"join": "inline"})
    for local, dump in (("a", "empty"), ("b", "full")):
        await put(city.client, zone(local, to={"type": "Relationship", "object": f"urn:ngsi-ld:Zone:{dump}"}))
    await city.there.until_heard(1)
    (told,) = city.there.heard[0]["data"]
    assert told["id"].endswith(":b")
    assert told["to"] == {"id": "urn:ngsi-ld:Zone:full", "type": "Dump", "level": 9}


async def test_intervals_tell_what_is_there_changed_or_not(city: City) -> None:
    """Clause 5.2.12, timeInterval."""
    await put(city.client, zone("a", depth=1), zone("b", depth=5))
    await city.subscribe(timeInterval=0.4, q="depth>3")
    await city.there.until(lambda: len(city.there.heard) >= 2)
    assert city.depths()[:2] == [[5], [5]]


async def test_tenants_hear_their_own(city: City) -> None:
    await city.subscribe()
    await put(city.client, zone("a", depth=1), **{"NGSILD-Tenant": "other"})
    await put(city.client, zone("a", depth=2))
    await city.there.until_heard(1)
    assert city.depths() == [[2]]


async def test_a_restart_goes_on_where_it_stopped(tmp_path: Path) -> None:
    port = free_port()
    async with endpoint(port) as there, city_in(tmp_path, there) as city:
        await put(city.client, zone("a", depth=0))
        path = await city.subscribe()
        await city.write("a", 1)
        await city.there.until_heard(1)
    async with city_in(tmp_path, there) as city:  # the endpoint is away
        await city.write("a", 2)
        await city.write("a", 3)
        await there.until(
            lambda: bool(city.hub.subscriptions.counters("default", path.rpartition("/")[2]).failed), timeout_s=10
        )
    async with endpoint(port) as there, city_in(tmp_path, there) as city:
        await there.until(lambda: [d for told in city.depths() for d in told] == [2, 3], timeout_s=10)
        counters = await city.counters(path)
        assert counters["timesSent"] >= 3
        assert counters["timesFailed"] >= 1
    async with endpoint(port) as there, city_in(tmp_path, there) as city:
        await city.write("a", 4)
        await there.until_heard(1)
        assert city.depths() == [[4]], "what was told is not told again after an orderly end"
