"""The hub about itself."""

from __future__ import annotations

import httpx

from cityos.hub import Hub
from cityos.vocabulary.context import CITY_TERMS


async def test_the_front_door_leads_on(client: httpx.AsyncClient) -> None:
    told = (await client.get("/")).json()
    for url in told["try"].values():
        answer = await client.get(url)
        assert answer.status_code in (200, 404), url
        assert answer.status_code == 200, url


async def test_health_tells_the_epoch_and_the_broker(client: httpx.AsyncClient, hub: Hub) -> None:
    told = (await client.get("/health")).json()
    assert (told["status"], told["epoch"], told["tenant"]) == ("ok", hub.store.epoch, "default")
    assert set(told["broker"]) == {"url", "websocket", "connected"}


async def test_the_citys_context_is_served(client: httpx.AsyncClient) -> None:
    answer = await client.get("/ngsi-ld/v1/jsonldContexts/cityos")
    assert answer.headers["content-type"] == "application/ld+json"
    assert answer.json() == {"@context": CITY_TERMS}


async def test_every_door_is_described(client: httpx.AsyncClient) -> None:
    paths = (await client.get("/openapi.json")).json()["paths"]
    assert {"/health", "/changes", "/feeds", "/feeds/{name}", "/ngsi-ld/v1/entityOperations/upsert"} <= set(paths)
    described = {one["name"] for one in paths["/ngsi-ld/v1/entities"]["get"]["parameters"]}
    assert {"type", "bbox", "georel", "cursor"} <= described
