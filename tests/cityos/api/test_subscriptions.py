"""Routes of subscriptions (clauses 5.8.1-5.8.5, 6.10, 6.11)."""

from __future__ import annotations

import ipaddress
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from cityos.bus.memory import MemoryBus
from cityos.hub import Plan, open_hub
from cityos.ngsi.context import DEFAULT_VOCABULARY
from cityos.ngsi.core_context import CORE_ADDRESS
from cityos.settings import Settings
from tests.cityos.api.asking import LD_JSON, assert_problem, client_of

ALL = "/ngsi-ld/v1/subscriptions"
ENDPOINT = {"uri": "http://127.0.0.1:9/notify"}


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    settings = Settings(egress_allow=(ipaddress.ip_network("127.0.0.0/8"),))
    async with open_hub(Plan(tmp_path, settings, bus=MemoryBus())) as hub, client_of(hub) as asking:
        yield asking


def said(local: str = "1", **members: Any) -> dict[str, Any]:
    return {
        "id": f"urn:ngsi-ld:Subscription:{local}",
        "type": "Subscription",
        "entities": [{"type": "Zone"}],
        "notification": {"endpoint": ENDPOINT},
        **members,
    }


async def made(client: httpx.AsyncClient, local: str = "1", **members: Any) -> str:
    answer = await client.post(ALL, json=said(local, **members))
    assert answer.status_code == 201, answer.text
    return str(answer.headers["location"])


async def test_it_comes_back_as_said_with_its_status(client: httpx.AsyncClient) -> None:
    path = await made(client, watchedAttributes=["depth"], q="depth>5", description="雪")
    assert path == f"{ALL}/urn:ngsi-ld:Subscription:1"
    told = (await client.get(path)).json()
    assert told == said(watchedAttributes=["depth"], q="depth>5", description="雪") | {
        "status": "active",
        "notificationTrigger": ["attributeCreated", "attributeUpdated"],
        "jsonldContext": CORE_ADDRESS,
    }


async def test_an_id_is_made_where_none_is_said(client: httpx.AsyncClient) -> None:
    body: dict[str, Any] = said()
    del body["id"]
    path = (await client.post(ALL, json=body)).headers["location"]
    assert (await client.get(path)).json()["id"].startswith("urn:ngsi-ld:Subscription:")


async def test_names_are_told_in_the_words_of_who_reads(client: httpx.AsyncClient) -> None:
    body: dict[str, Any] = said() | {"@context": {"Zone": DEFAULT_VOCABULARY + "Kreis"}}
    path = (await client.post(ALL, json=body, headers=LD_JSON)).headers["location"]
    told = (await client.get(path)).json()
    assert told["entities"] == [{"type": "Kreis"}]
    context = await client.get(told["jsonldContext"])
    assert context.json() == {"@context": {"Zone": DEFAULT_VOCABULARY + "Kreis"}}


async def test_times_are_told_on_request(client: httpx.AsyncClient) -> None:
    path = await made(client)
    assert {"createdAt", "modifiedAt"} <= (await client.get(path, params={"options": "sysAttrs"})).json().keys()


async def test_the_same_id_twice_conflicts(client: httpx.AsyncClient) -> None:
    await made(client)
    assert_problem(await client.post(ALL, json=said()), 409, "AlreadyExists")


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
async def test_unknown_ones_and_what_is_no_uri(client: httpx.AsyncClient, method: str) -> None:
    body: dict[str, Any] | None = {} if method == "PATCH" else None
    answer = await client.request(method, f"{ALL}/urn:ngsi-ld:Subscription:none", json=body)
    assert_problem(answer, 404, "ResourceNotFound")
    assert_problem(await client.request(method, f"{ALL}/none", json=body), 400, "BadRequestData")


@pytest.mark.parametrize(
    ("members", "told"),
    [
        ({"expiresAt": "2000-01-01T00:00:00Z"}, "past"),
        ({"notification": {"endpoint": {"uri": "http://10.1.2.3/"}}}, "CITYOS_EGRESS_ALLOW"),
        ({"notification": {"endpoint": {"uri": "mqtt://10.1.2.3/topic"}}}, "CITYOS_EGRESS_ALLOW"),
        ({"jsonldContext": "unknown"}, "jsonldContext"),
    ],
)
async def test_what_cannot_be_is_refused(client: httpx.AsyncClient, members: dict[str, Any], told: str) -> None:
    assert_problem(await client.post(ALL, json=said(**members)), 400, "BadRequestData", told)


async def test_a_context_that_cannot_be_had_is_told(client: httpx.AsyncClient) -> None:
    body = said(jsonldContext="http://127.0.0.1:9/context.jsonld")
    assert_problem(await client.post(ALL, json=body), 504, "LdContextNotAvailable")


async def test_pausing_and_going_on(client: httpx.AsyncClient) -> None:
    """Clause 5.8.2."""
    path = await made(client)
    for fragment, status in (
        ({"isActive": False}, "paused"),
        ({"isActive": True, "expiresAt": "2999-01-01T00:00:00Z"}, "active"),
        ({"expiresAt": None}, "active"),
    ):
        assert (await client.patch(path, json=fragment)).status_code == 204
        assert (await client.get(path)).json()["status"] == status
    assert "expiresAt" not in (await client.get(path)).json()


@pytest.mark.parametrize(
    "fragment",
    [
        {"notification": {"format": "keyValues"}},
        {"notification": None},
        {"expiresAt": "2000-01-01T00:00:00Z"},
        {"throttling": 5, "timeInterval": 5},
        {"id": "urn:ngsi-ld:Subscription:2"},
        {"entities": None},
    ],
)
async def test_a_fragment_that_leads_to_no_subscription_changes_nothing(
    client: httpx.AsyncClient, fragment: dict[str, Any]
) -> None:
    path = await made(client)
    before = (await client.get(path)).json()
    assert_problem(await client.patch(path, json=fragment), 400, "BadRequestData")
    assert (await client.get(path)).json() == before


async def test_pages(client: httpx.AsyncClient) -> None:
    """Clauses 5.8.4, 6.3.10, 6.3.13."""
    for number in range(3):
        await made(client, str(number))
    answer = await client.get(ALL, params={"limit": 1, "offset": 1, "count": "true"})
    assert [one["id"] for one in answer.json()] == ["urn:ngsi-ld:Subscription:1"]
    assert answer.headers["ngsild-results-count"] == "3"
    assert f'<{ALL}?limit=1&count=true&offset=0>; rel="prev"' in answer.headers["link"]
    assert f'<{ALL}?limit=1&count=true&offset=2>; rel="next"' in answer.headers["link"]
    counted = await client.get(ALL, params={"limit": 0, "count": "true"})
    assert (counted.json(), counted.headers["ngsild-results-count"]) == ([], "3")
    assert_problem(await client.get(ALL, params={"limit": 0}), 400, "BadRequestData")


async def test_deleting(client: httpx.AsyncClient) -> None:
    path = await made(client)
    assert (await client.delete(path)).status_code == 204
    assert_problem(await client.get(path), 404, "ResourceNotFound")
    assert (await client.delete(ALL)).status_code == 405


@pytest.mark.parametrize(
    ("prefer", "applied"), [("ngsi-ld=1.0", "ngsi-ld=1.0"), ('respond-async, NGSI-LD="1.3";q=1', "ngsi-ld=1.3")]
)
async def test_an_older_version_looks_the_same(client: httpx.AsyncClient, prefer: str, applied: str) -> None:
    """Clauses 4.3.6.8, 6.3.6."""
    path = await made(client)
    assert (await client.get(path, headers={"Prefer": prefer})).headers["preference-applied"] == applied


async def test_endpoints_are_shown_to_who_has_the_key(guarded: httpx.AsyncClient) -> None:
    assert_problem(await guarded.get(ALL), 401, "Unauthorized")
    answer = await guarded.get(ALL, headers={"X-API-Key": "key-of-sixteen-letters"})
    assert answer.json() == []
