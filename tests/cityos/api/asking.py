"""Asking the application: one client, one way to check a problem detail."""

from __future__ import annotations

from typing import Any

import httpx

from cityos.hub import Hub
from cityos.ngsi.value import Json, JsonObject

ENTITIES = "/ngsi-ld/v1/entities"
UPSERT = "/ngsi-ld/v1/entityOperations/upsert"
LD_JSON = {"Content-Type": "application/ld+json"}
CORE = "https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context.jsonld"


def client_of(hub: Hub) -> httpx.AsyncClient:
    """A client whose requests end in the hub's application; an unhandled error there is raised here."""
    return httpx.AsyncClient(transport=httpx.ASGITransport(hub.app()), base_url="http://hub.localhost")


def zone(local: str, **attributes: Json) -> JsonObject:
    """An entity to send."""
    return {"id": f"urn:ngsi-ld:Zone:{local}", "type": "Zone", **attributes}


def path_of(local: str) -> str:
    return f"{ENTITIES}/urn:ngsi-ld:Zone:{local}"


async def put(client: httpx.AsyncClient, *entities: JsonObject, **headers: str) -> None:
    """Writes entities; they must be taken."""
    answer = await client.post(UPSERT, json=list(entities), headers=headers)
    assert answer.status_code in (201, 204), answer.text


def assert_problem(answer: httpx.Response, status: int, kind: str, told: str = "") -> dict[str, Any]:
    """Checks the shape of a problem detail (RFC 9457) and returns it."""
    body: dict[str, Any] = answer.json()
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert body["type"] == f"https://uri.etsi.org/ngsi-ld/errors/{kind}"
    assert body["status"] == status
    assert body["title"]
    assert told in body["detail"]
    return body


def ids(answer: httpx.Response) -> list[str]:
    """The local ids of the entities of an answer."""
    assert answer.status_code == 200, answer.text
    return [one["id"].rpartition(":")[2] for one in answer.json()]
