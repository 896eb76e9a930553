"""What holds on every path: lengths, slashes, tenants (clauses 6.3.4, 6.3.14)."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from tests.cityos.api.asking import CORE, ENTITIES, LD_JSON, UPSERT, assert_problem, path_of, put, zone


async def _in_parts() -> AsyncIterator[bytes]:
    yield b'{"id": "urn:x:1", '
    yield b'"type": "T"}'


@pytest.mark.parametrize(("method", "path"), [("POST", ENTITIES), ("PATCH", path_of("1"))])
async def test_a_body_without_its_length_is_411_without_a_body(
    client: httpx.AsyncClient, method: str, path: str
) -> None:
    """Clause 6.3.4: just a 411 status code, without any payload body."""
    headers = {"Content-Type": "application/json", "NGSILD-Tenant": "nobody"}
    answer = await client.request(method, path, content=_in_parts(), headers=headers)
    assert (answer.status_code, answer.content) == (411, b"")


async def test_no_length_is_said_where_there_is_no_body(client: httpx.AsyncClient) -> None:
    """Clause 6.3.6."""
    await put(client, zone("1"))
    answer = await client.delete(path_of("1"))
    assert answer.status_code == 204
    assert "content-length" not in answer.headers


@pytest.mark.parametrize("path", ["/health/", f"{ENTITIES}/?type=Zone", f"{path_of('1')}/", "/feeds/", "/"])
async def test_a_slash_at_the_end_means_nothing(client: httpx.AsyncClient, path: str) -> None:
    await put(client, zone("1"))
    assert (await client.get(path)).status_code == 200


async def test_an_id_may_end_with_a_slash_of_its_own(client: httpx.AsyncClient) -> None:
    await put(client, {"id": "http://a.example/b/", "type": "T"})
    answer = await client.get(f"{ENTITIES}/http%3A%2F%2Fa.example%2Fb%2F")
    assert answer.json()["id"] == "http://a.example/b/"


async def test_the_tenant_that_was_named_is_named_in_the_answer(client: httpx.AsyncClient) -> None:
    """Clause 6.3.14, also where the answer is a refusal."""
    await put(client, zone("1"), **{"NGSILD-Tenant": "north"})
    for tenant, status in (("north", 200), ("nobody", 404)):
        answer = await client.get(f"{ENTITIES}?type=Zone", headers={"NGSILD-Tenant": tenant})
        assert (answer.status_code, answer.headers["ngsild-tenant"]) == (status, tenant)
    assert "ngsild-tenant" not in (await client.get(f"{ENTITIES}?type=Zone")).headers


async def test_a_tenant_exists_once_something_was_written_for_it(client: httpx.AsyncClient) -> None:
    named = {"NGSILD-Tenant": "north"}
    assert_problem(await client.get(f"{ENTITIES}?type=Zone", headers=named), 404, "NonexistentTenant", "north")
    await put(client, zone("1"), **named)
    assert (await client.get(path_of("1"), headers=named)).status_code == 200
    assert_problem(await client.get(path_of("1")), 404, "ResourceNotFound")


async def test_what_cannot_be_given_is_told_before_anything_is_looked_up(client: httpx.AsyncClient) -> None:
    """Clause 6.3.4: 406 also where there is no such entity."""
    answer = await client.get(path_of("none"), headers={"Accept": "application/xml"})
    assert_problem(answer, 406, "InvalidRequest", "application/ld+json")


async def test_a_link_header_that_cannot_be_read_is_told(client: httpx.AsyncClient) -> None:
    answer = await client.get(f"{ENTITIES}?type=Zone", headers={"Link": "http://a.example/c"})
    assert_problem(answer, 400, "InvalidRequest", "Link")


async def test_a_get_with_the_content_type_of_a_body_needs_no_body(client: httpx.AsyncClient) -> None:
    await put(client, zone("1"))
    answer = await client.get(path_of("1"), headers={"Content-Type": "application/ld+json"})
    assert answer.status_code == 200


async def test_json_ld_with_a_link_to_another_context_is_refused_as_a_whole(client: httpx.AsyncClient) -> None:
    """Clause 6.3.5, also for a batch: it is the request that is wrong, not its parts."""
    headers = {**LD_JSON, "Link": f'<{CORE}>; rel="http://www.w3.org/ns/json-ld#context"'}
    body = zone("1", **{"@context": CORE})
    assert_problem(await client.post(UPSERT, json=[body], headers=headers), 400, "BadRequestData", "Link")


async def test_parts_of_json_ld_that_are_no_objects_need_no_context(client: httpx.AsyncClient) -> None:
    await put(client, zone("1"))
    path = UPSERT.replace("upsert", "delete")
    answer = await client.post(path, json=["urn:ngsi-ld:Zone:1"], headers=LD_JSON)
    assert answer.status_code == 204
