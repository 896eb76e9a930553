"""/jsonldContexts (clause 5.13)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import orjson
import pytest

from cityos.bus.memory import MemoryBus
from cityos.hub import Hub, Plan, open_hub
from cityos.ngsi.value import Json
from cityos.settings import Settings
from cityos.vocabulary.context import CITY_TERMS
from tests.cityos.api.asking import CORE, ENTITIES, LD_JSON, assert_problem, client_of, path_of, put, zone
from tests.cityos.egress.serving import answer, serve

CONTEXTS = "/ngsi-ld/v1/jsonldContexts"
TERMS = {"@context": {"depth": "https://snow.example/depth"}}


@pytest.fixture
async def hub(tmp_path: Path) -> AsyncIterator[Hub]:
    """A hub that may fetch from loopback."""
    settings = Settings.read({"CITYOS_EGRESS_ALLOW": "127.0.0.0/8"})
    async with open_hub(Plan(tmp_path, settings, bus=MemoryBus())) as opened:
        yield opened


def at(name: str) -> str:
    return f"{CONTEXTS}/{quote(name, safe='')}"


async def hosted(client: httpx.AsyncClient, document: Any = TERMS, **headers: str) -> str:
    """Has a context kept; returns its path."""
    made = await client.post(CONTEXTS, json=document, headers=headers)
    assert (made.status_code, made.content) == (201, b"")
    return str(made.headers["location"])


async def details(client: httpx.AsyncClient, path: str) -> dict[str, Any]:
    got = await client.get(path, params={"details": "true"})
    assert (got.status_code, got.headers["content-type"]) == (200, "application/json"), got.text
    told: dict[str, Any] = got.json()
    return told


def link(address: str) -> dict[str, str]:
    return {"Link": f'<{address}>; rel="http://www.w3.org/ns/json-ld#context"; type="application/ld+json"'}


async def test_a_hosted_context_comes_back_as_it_was_said(client: httpx.AsyncClient) -> None:
    """Clauses 5.13.2, 5.13.4."""
    path = await hosted(client, {**TERMS, "note": "ours"})
    got = await client.get(path)
    assert (got.json(), got.headers["content-type"]) == ({**TERMS, "note": "ours"}, "application/json")
    got = await client.get(path, headers={"Accept": "application/ld+json"})
    assert got.headers["content-type"] == "application/ld+json"
    told = await details(client, path)
    local = path.rpartition("/")[2]
    assert (told["URL"], told["localId"]) == (f"http://hub.localhost{path}", local)
    assert (told["kind"], told["numberOfHits"]) == ("Hosted", 0)
    assert set(told) == {"URL", "localId", "kind", "createdAt", "numberOfHits"}


async def test_a_hosted_context_is_used_by_its_address(client: httpx.AsyncClient) -> None:
    path = await hosted(client)
    for number, address in enumerate((path, f"http://hub.localhost{path}"), 1):
        said: Json = [address, CORE]
        body = zone(str(number), depth=5, **{"@context": said})
        assert (await client.post(ENTITIES, json=body, headers=LD_JSON)).status_code == 201
        got = await client.get(path_of(str(number)), params={"format": "simplified"})
        assert got.json()["https://snow.example/depth"] == 5
    told = await details(client, path)
    assert (told["numberOfHits"], "lastUsage" in told) == (2, True)


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b'{"a": "urn:x:a"}', "InvalidRequest"),
        (b'{"a" "b"}', "InvalidRequest"),
        (b"[]", "InvalidRequest"),
        (b'{"@context": 42}', "BadRequestData"),
        (b'{"@context": ["http://a.example/", 7]}', "BadRequestData"),
        (b'{"@context": {"a": "no iri"}}', "BadRequestData"),
    ],
)
async def test_what_is_no_context_is_not_kept(client: httpx.AsyncClient, content: bytes, kind: str) -> None:
    """Clauses 5.13.2, 5.5.4."""
    got = await client.post(CONTEXTS, content=content, headers={"Content-Type": "application/json"})
    assert_problem(got, 400, kind)
    assert "location" not in got.headers


async def test_contexts_are_listed_by_kind(client: httpx.AsyncClient, hub: Hub) -> None:
    """Clause 5.13.3."""
    path = await hosted(client)
    implicit = await hub.library.path_of(hub.tenant, [{"a": "urn:x:a"}, {"b": "urn:x:b"}])
    async with serve(answer(200, orjson.dumps(TERMS))) as server:
        await client.get(f"{ENTITIES}?type=Zone", headers=link(server.url))

    async def listed(**query: str) -> Any:
        return (await client.get(CONTEXTS, params=query)).json()

    base = "http://hub.localhost"
    assert set(await listed(kind="Hosted")) == {f"{base}{CONTEXTS}/cityos", base + path}
    assert await listed(kind="ImplicitlyCreated") == [base + implicit]
    assert {server.url, CORE} <= set(await listed(kind="Cached", details="false"))
    everything = await listed(details="true")
    assert {one["URL"] for one in everything} == set(await listed())
    assert all({"URL", "localId", "kind", "createdAt"} <= set(one) for one in everything)


@pytest.mark.parametrize("query", ["kind=other", "details=other", "details=true&kind=other", "details=&kind=Hosted"])
async def test_a_mistyped_filter_is_told(client: httpx.AsyncClient, query: str) -> None:
    """Clause 5.13.3.4."""
    assert_problem(await client.get(f"{CONTEXTS}?{query}"), 400, "BadRequestData")


async def test_a_context_from_elsewhere_is_cached_and_told_of_but_not_served(client: httpx.AsyncClient) -> None:
    """Clause 5.13.4: the content of a cached one is not served; being asked for counts as use."""
    async with serve(answer(200, orjson.dumps(TERMS))) as server:
        body = zone("1", depth=5, **{"@context": server.url})
        assert (await client.post(ENTITIES, json=body, headers=LD_JSON)).status_code == 201
    told = await details(client, at(server.url))
    assert (told["URL"], told["localId"], told["kind"], told["numberOfHits"]) == (server.url, server.url, "Cached", 1)
    assert_problem(await client.get(at(server.url)), 422, "OperationNotSupported")
    got = await client.get(path_of("1"), headers={**link(server.url), "Accept": "application/ld+json"})
    assert (got.json()["@context"], got.json()["depth"]["value"]) == (server.url, 5)


async def test_an_answer_names_the_users_context_alone(client: httpx.AsyncClient) -> None:
    """Clause 6.3.5: in a Link header for JSON, in the body for JSON-LD; the core context is implied."""
    await put(client, zone("1"))
    address = "http://hub.localhost" + await hosted(client)
    got = await client.get(path_of("1"), headers=link(address))
    assert got.headers["link"] == link(address)["Link"]
    got = await client.get(path_of("1"), headers={**link(address), "Accept": "application/ld+json"})
    assert got.json()["@context"] == address
    assert "link" not in got.headers


async def test_a_context_is_deleted(client: httpx.AsyncClient) -> None:
    """Clause 5.13.5."""
    path = await hosted(client)
    assert_problem(await client.delete(path, params={"reload": "true"}), 400, "BadRequestData", "reloaded")
    got = await client.delete(path)
    assert (got.status_code, got.content) == (204, b"")
    for answered in (await client.get(path), await client.delete(path)):
        assert_problem(answered, 404, "ResourceNotFound")
    body = zone("1", **{"@context": path})
    assert_problem(await client.post(ENTITIES, json=body, headers=LD_JSON), 504, "LdContextNotAvailable")


async def test_reloading_fetches_anew_or_keeps_the_old_one(client: httpx.AsyncClient) -> None:
    """Clause 5.13.5.4."""
    async with serve(answer(200, orjson.dumps(TERMS)), answer(200, orjson.dumps(TERMS)), answer(500)) as server:
        await client.get(f"{ENTITIES}?type=Zone", headers=link(server.url))
        assert (await client.delete(at(server.url), params={"reload": "true"})).status_code == 204
        got = await client.delete(at(server.url), params={"reload": "true"})
        assert_problem(got, 504, "LdContextNotAvailable")
        assert len(server.asked) == 3
    assert (await details(client, at(server.url)))["kind"] == "Cached"
    assert (await client.delete(at(server.url))).status_code == 204
    assert_problem(await client.get(at(server.url), params={"details": "true"}), 404, "ResourceNotFound")


@pytest.mark.parametrize(
    ("query", "status", "kind"),
    [("reload=true", 400, "BadRequestData"), ("reload=xxx", 400, "BadRequestData"), ("", 404, "ResourceNotFound")],
)
async def test_what_is_not_there_cannot_be_deleted(
    client: httpx.AsyncClient, query: str, status: int, kind: str
) -> None:
    assert_problem(await client.delete(f"{at('none')}?{query}"), status, kind)


async def test_what_is_built_in_stays(client: httpx.AsyncClient) -> None:
    """Clause 5.13.5.4: the core @context cannot be deleted; reloading it has nothing to do."""
    for name in (CORE, CORE.replace(".jsonld", "-v1.6.jsonld"), "cityos"):
        assert_problem(await client.delete(at(name)), 400, "BadRequestData", "built in")
        assert (await details(client, at(name)))["localId"] == name
    assert (await client.delete(at(CORE), params={"reload": "true"})).status_code == 204
    got = await client.get(at("cityos"))
    assert (got.json(), got.headers["content-type"]) == ({"@context": CITY_TERMS}, "application/ld+json")


async def test_a_hosted_context_is_its_tenants_own(client: httpx.AsyncClient) -> None:
    """Clause 5.5.10; a tenant that does not exist has none."""
    north, south = {"NGSILD-Tenant": "north"}, {"NGSILD-Tenant": "south"}
    path = await hosted(client, **north)
    assert (await client.get(path, headers=north)).status_code == 200
    assert_problem(await client.get(path, headers=south), 404, "ResourceNotFound")
    assert path not in (await client.get(CONTEXTS, headers=south)).text
    assert_problem(await client.delete(path, headers=south), 404, "ResourceNotFound")
    assert (await client.delete(path, headers=north)).status_code == 204


async def test_keeping_and_deleting_need_the_key(guarded: httpx.AsyncClient) -> None:
    assert_problem(await guarded.post(CONTEXTS, json=TERMS), 401, "Unauthorized")
    assert_problem(await guarded.delete(at("none")), 401, "Unauthorized")
    assert (await guarded.get(CONTEXTS)).status_code == 200


async def test_what_lies_inside_the_house_is_not_fetched(guarded: httpx.AsyncClient) -> None:
    async with serve(answer(200, orjson.dumps(TERMS))) as server:
        got = await guarded.get(f"{ENTITIES}?type=Zone", headers=link(server.url))
    assert_problem(got, 504, "LdContextNotAvailable", "CITYOS_EGRESS_ALLOW")
    assert server.asked == []


async def test_uses_are_remembered_over_a_restart(tmp_path: Path) -> None:
    async with open_hub(Plan(tmp_path, bus=MemoryBus())) as first, client_of(first) as client:
        path = await hosted(client)
        await client.get(f"{ENTITIES}?type=Zone", headers=link(path))
    async with open_hub(Plan(tmp_path, bus=MemoryBus())) as again, client_of(again) as client:
        assert (await details(client, path))["numberOfHits"] == 1
