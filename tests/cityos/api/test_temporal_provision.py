"""The past written through the door (clauses 6.18-6.23)."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from cityos.ngsi.value import Json
from tests.cityos.api.asking import ENTITIES, assert_problem, path_of, zone
from tests.cityos.api.test_temporal import TEMPORAL, add, past_of, seen, values


async def _instances(client: httpx.AsyncClient, attribute: str = "depth") -> list[str]:
    told: list[dict[str, Any]] = (await client.get(past_of("1"))).json()[attribute]
    return [one["instanceId"] for one in told]


async def test_a_new_past_answers_201_and_more_of_it_204(client: httpx.AsyncClient) -> None:
    """Clause 5.6.11."""
    answer = await client.post(TEMPORAL, json=zone("1", depth=seen(1, 2)))
    assert (answer.status_code, answer.headers["location"]) == (201, past_of("1"))
    assert (await client.post(f"{TEMPORAL}/", json=zone("1", depth=seen(9, start=5)))).status_code == 204
    assert values(await client.get(past_of("1"))) == [1, 2, 9]
    assert (await client.get(path_of("1"))).json()["depth"]["value"] == 9


@pytest.mark.parametrize(
    ("body", "kind"),
    [(b"", "InvalidRequest"), (b"{", "InvalidRequest"), (b"[]", "InvalidRequest"), (b'{"type":"T"}', "BadRequestData")],
)
async def test_what_is_no_past_is_refused(client: httpx.AsyncClient, body: bytes, kind: str) -> None:
    answer = await client.post(TEMPORAL, content=body, headers={"Content-Type": "application/json"})
    assert_problem(answer, 400, kind)


async def test_attributes_are_added_to_what_is_known(client: httpx.AsyncClient) -> None:
    """Clause 5.6.12."""
    assert_problem(await client.post(f"{past_of('1')}/attrs", json={"a": seen(1)}), 404, "ResourceNotFound")
    await add(client, "1", depth=seen(1))
    assert (await client.post(f"{past_of('1')}/attrs", json={"depth": seen(2, start=1)})).status_code == 204
    assert values(await client.get(past_of("1"))) == [1, 2]
    assert_problem(await client.post(f"{past_of('1')}/attrs", json={}), 400, "BadRequestData", "no attribute")
    assert_problem(await client.post(f"{TEMPORAL}//attrs", json={"a": seen(1)}), 400, "BadRequestData")


async def test_one_instance_is_changed_and_deleted_by_its_name(client: httpx.AsyncClient) -> None:
    """Clauses 5.6.14, 5.6.15."""
    await add(client, "1", depth=seen(1, 2))
    first, second = await _instances(client)
    part: Json = {"type": "Property", "value": 7}
    answer = await client.patch(f"{past_of('1')}/attrs/depth/{first}", json=part)
    assert (answer.status_code, answer.content) == (204, b"")
    assert values(await client.get(past_of("1"))) == [7, 2]
    assert await _instances(client) == [first, second]
    assert (await client.delete(f"{past_of('1')}/attrs/depth/{second}")).status_code == 204
    assert values(await client.get(past_of("1"))) == [7]
    assert (await client.get(path_of("1"))).json()["depth"]["value"] == 7


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("nouri/attrs/depth/urn:ngsi-ld:Instance:1", 400),
        ("/attrs/depth/urn:ngsi-ld:Instance:1", 400),
        ("urn:ngsi-ld:Zone:1/attrs/depth/nouri", 400),
        ("urn:ngsi-ld:Zone:1/attrs/bad(name/urn:ngsi-ld:Instance:1", 400),
        ("urn:ngsi-ld:Zone:1/attrs/depth/urn:ngsi-ld:Instance:999999", 404),
        ("urn:ngsi-ld:Zone:1/attrs/depth/urn:other:1", 404),
        ("urn:ngsi-ld:Zone:1/attrs/other/urn:ngsi-ld:Instance:1", 404),
        ("urn:ngsi-ld:Zone:9/attrs/depth/urn:ngsi-ld:Instance:1", 404),
    ],
)
async def test_an_instance_that_is_none_is_told(client: httpx.AsyncClient, method: str, path: str, status: int) -> None:
    await add(client, "1", depth=seen(1))
    content = b'{"type": "Property", "value": 5}' if method == "PATCH" else None
    headers = {"Content-Type": "application/json"}
    answer = await client.request(method, f"{TEMPORAL}/{path}", content=content, headers=headers)
    assert answer.status_code == status, answer.text
    assert values(await client.get(past_of("1"))) == [1]


async def test_an_attribute_is_deleted_with_its_past(client: httpx.AsyncClient) -> None:
    """Clause 5.6.13."""
    await add(client, "1", depth=seen(1, 2), other=seen(3))
    for name in ("%2e%2e", "%252e%252e", "%2e"):
        assert_problem(await client.delete(f"{past_of('1')}/attrs/{name}"), 400, "BadRequestData")
    assert_problem(await client.delete(f"{past_of('1')}/attrs/nothing"), 404, "ResourceNotFound")
    assert (await client.delete(f"{past_of('1')}/attrs/depth")).status_code == 204
    iri = "https%3A%2F%2Furi.etsi.org%2Fngsi-ld%2Fdefault-context%2Fother"
    assert (await client.delete(f"{past_of('1')}/attrs/{iri}", params={"deleteAll": "true"})).status_code == 204
    assert (await client.get(past_of("1"))).json() == {"id": "urn:ngsi-ld:Zone:1", "type": "Zone"}


async def test_the_scope_is_deleted_as_an_attribute_is(client: httpx.AsyncClient) -> None:
    """Clause 4.18: by the core API a deletion stays told, by the temporal API the past itself goes."""
    await add(client, "1", scope="/A", depth=seen(1))
    assert (await client.delete(f"{path_of('1')}/attrs/scope")).status_code == 204
    told = (await client.get(past_of("1"), params={"timeproperty": "deletedAt"})).json()
    assert told["scope"][0]["value"] == []
    assert_problem(await client.delete(f"{path_of('1')}/attrs/scope"), 404, "ResourceNotFound")
    assert (await client.delete(f"{past_of('1')}/attrs/scope")).status_code == 204
    assert "scope" not in (await client.get(past_of("1"))).json()


async def test_a_past_is_erased_with_who_had_it(client: httpx.AsyncClient) -> None:
    """Clause 5.6.16."""
    await add(client, "1", depth=seen(1))
    assert (await client.delete(past_of("1"))).status_code == 204
    for path in (past_of("1"), path_of("1")):
        assert_problem(await client.get(path), 404, "ResourceNotFound")
    assert_problem(await client.delete(past_of("1")), 404, "ResourceNotFound")
    assert_problem(await client.delete(f"{TEMPORAL}/nouri"), 400, "BadRequestData")
    assert (await client.delete(f"{TEMPORAL}/")).status_code == 405


async def test_writing_the_past_needs_the_key(guarded: httpx.AsyncClient) -> None:
    assert_problem(await guarded.post(TEMPORAL, json=zone("1")), 401, "Unauthorized")
    assert_problem(await guarded.delete(past_of("1")), 401, "Unauthorized")
    assert (await guarded.get(f"{ENTITIES}/urn:x:1")).status_code == 404
