"""Entities through the door: every answer and every refusal."""

from __future__ import annotations

import asyncio

import httpx
import orjson
import pytest

from cityos.ngsi.core_context import CORE_ADDRESS
from cityos.ngsi.value import Json
from tests.cityos.api.asking import CORE, ENTITIES, LD_JSON, UPSERT, assert_problem, ids, path_of, put, zone

_DEPTH: Json = {"type": "Property", "value": 35, "observedAt": "2026-01-15T08:00:00Z", "unitCode": "CMT"}


def _point(lon: float, lat: float) -> Json:
    return {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [lon, lat]}}


# ---- writing


async def test_create_answers_201_with_the_entitys_place(client: httpx.AsyncClient) -> None:
    answer = await client.post(ENTITIES, json=zone("雪 1".replace(" ", ""), snowDepth=_DEPTH))
    assert (answer.status_code, answer.content) == (201, b"")
    found = await client.get(answer.headers["location"])
    assert found.json() == zone("雪1", snowDepth=_DEPTH)


async def test_create_is_refused_where_the_entity_is(client: httpx.AsyncClient) -> None:
    await put(client, zone("1"))
    assert_problem(await client.post(ENTITIES, json=zone("1")), 409, "AlreadyExists", "already exists")


async def test_a_trailing_slash_is_the_same_door(client: httpx.AsyncClient) -> None:
    assert (await client.post(f"{ENTITIES}/", json=zone("1"))).status_code == 201
    assert (await client.post(f"{UPSERT}/", json=[zone("1")])).status_code == 204
    assert ids(await client.get(f"{ENTITIES}/", params={"type": "Zone"})) == ["1"]
    for path in ("/health/", "/feeds/", "/changes/"):
        assert (await client.get(path)).status_code == 200


@pytest.mark.parametrize(
    ("content", "kind", "told"),
    [
        (b"", "InvalidRequest", "not JSON"),
        (b"{", "InvalidRequest", "not JSON"),
        (b'{"id": "urn:x:1", "type": "T", "a": 1e999}', "InvalidRequest", "not JSON"),
        (b'{"id": "urn:x:1", "type": "T", "a": "\\ud800"}', "InvalidRequest", "not JSON"),
        (b"\xff", "InvalidRequest", "not JSON"),
        (b"[" * 2000 + b"]" * 2000, "InvalidRequest", "not JSON"),
        (b"[]", "InvalidRequest", "not a JSON object"),
        (b'{"type": "T"}', "BadRequestData", "id is missing"),
        (b'{"id": "urn:x:1", "type": []}', "BadRequestData", "has no type"),
        (b'{"id": "urn:x:1", "type": "T", "@context": {}}', "BadRequestData", "application/ld+json"),
        (b'{"id": "urn:x:1", "type": "T", "a": 9223372036854775808}', "BadRequestData", "beyond 64 bits"),
        (b'{"id": "urn:x:1", "type": "T", "a": "\\u0000"}', "BadRequestData", "NUL"),
    ],
)
async def test_a_body_that_is_no_entity_is_refused(
    client: httpx.AsyncClient, content: bytes, kind: str, told: str
) -> None:
    answer = await client.post(ENTITIES, content=content, headers={"Content-Type": "application/json"})
    assert_problem(answer, 400, kind, told)


async def test_a_body_of_another_media_type_is_refused(client: httpx.AsyncClient) -> None:
    answer = await client.post(ENTITIES, content=b"<a/>", headers={"Content-Type": "application/xml"})
    assert_problem(answer, 415, "InvalidRequest", "application/xml")
    answer = await client.post(ENTITIES, json=zone("1"), headers={"Content-Type": "application/merge-patch+json"})
    assert_problem(answer, 415, "InvalidRequest")


async def test_a_body_beyond_the_limit_is_refused(client: httpx.AsyncClient) -> None:
    large = b'"' + b"x" * 1_000_001 + b'"'
    answer = await client.post(ENTITIES, content=large, headers={"Content-Type": "application/json"})
    assert_problem(answer, 413, "RequestEntityTooLarge", "1000003 bytes")


async def test_merge_changes_what_is_said(client: httpx.AsyncClient) -> None:
    await put(client, zone("1", snowDepth=_DEPTH, name="雪"))
    for content_type in ("application/json", "application/merge-patch+json"):
        body = {"snowDepth": {"value": 36}, "name": "urn:ngsi-ld:null"}
        answer = await client.patch(path_of("1"), json=body, headers={"Content-Type": content_type})
        assert (answer.status_code, answer.content) == (204, b"")
    found = (await client.get(path_of("1"), params={"format": "simplified"})).json()
    assert found == zone("1", snowDepth=36)


async def test_merge_of_what_is_not_there_is_not_found(client: httpx.AsyncClient) -> None:
    assert_problem(await client.patch(path_of("1"), json={"a": 1}), 404, "ResourceNotFound", "Zone:1")


async def test_merge_under_another_id_is_refused(client: httpx.AsyncClient) -> None:
    answer = await client.patch(path_of("1"), json={"id": "urn:ngsi-ld:Zone:2"})
    assert_problem(answer, 400, "BadRequestData", "not the id of the address")


async def test_delete_answers_204_and_then_404(client: httpx.AsyncClient) -> None:
    await put(client, zone("1"))
    assert (await client.delete(path_of("1"))).status_code == 204
    assert_problem(await client.delete(path_of("1")), 404, "ResourceNotFound")
    assert_problem(await client.get(path_of("1")), 404, "ResourceNotFound")


async def test_batch_tells_what_was_created(client: httpx.AsyncClient) -> None:
    answer = await client.post(UPSERT, json=[zone("1"), zone("2")])
    assert (answer.status_code, answer.json()) == (201, ["urn:ngsi-ld:Zone:1", "urn:ngsi-ld:Zone:2"])
    answer = await client.post(UPSERT, json=[zone("2", a=1), zone("3")])
    assert (answer.status_code, answer.json()) == (201, ["urn:ngsi-ld:Zone:3"])
    assert (await client.post(UPSERT, json=[zone("1")])).status_code == 204


async def test_a_large_batch_lets_others_have_their_turn(client: httpx.AsyncClient) -> None:
    said = [{**zone(str(number)), "@context": {f"word{number}": "urn:x:word"}} for number in range(2_000)]
    batch = asyncio.create_task(client.post(UPSERT, content=orjson.dumps(said), headers=LD_JSON))
    await asyncio.sleep(0)
    await put(client, zone("quick"))
    assert (await batch).status_code == 201
    first = (await client.get("/changes", params={"limit": 1})).json()["items"][0]
    assert first["id"] == "urn:ngsi-ld:Zone:quick"


async def test_a_purge_of_attributes_ends_whatever_order_is_asked_for(client: httpx.AsyncClient) -> None:
    await client.post(UPSERT, json=[zone(str(number), a=number, b=1) for number in range(1_001)])
    asked = {"type": "Zone", "drop": "b", "orderBy": "a"}
    async with asyncio.timeout(30):
        assert (await client.delete("/ngsi-ld/v1/entities", params=asked)).status_code == 204
    answer = await client.get("/ngsi-ld/v1/entities", params={"attrs": "b", "limit": 0, "count": "true"})
    assert answer.headers["NGSILD-Results-Count"] == "0"


async def test_batch_lets_good_entities_flow_past_bad_ones(client: httpx.AsyncClient) -> None:
    said: list[Json] = [zone("1"), {"id": "urn:x:1"}, "nonsense", zone("2", a=None)]
    answer = await client.post(UPSERT, json=said)
    assert answer.status_code == 207
    told = answer.json()
    assert told["success"] == ["urn:ngsi-ld:Zone:1"]
    assert [one["entityId"] for one in told["errors"]] == ["urn:x:1", "", "urn:ngsi-ld:Zone:2"]
    assert {one["error"]["status"] for one in told["errors"]} == {400}


async def test_batch_replaces_whole_entities_unless_it_says_update(client: httpx.AsyncClient) -> None:
    await put(client, zone("1", a=1, b=1))
    assert (await client.post(UPSERT, json=[zone("1", b=2)], params={"options": "update"})).status_code == 204
    assert (await client.get(path_of("1"), params={"options": "keyValues"})).json() == zone("1", a=1, b=2)
    await client.post(UPSERT, json=[zone("1", b=3)])
    assert (await client.get(path_of("1"), params={"options": "keyValues"})).json() == zone("1", b=3)


async def test_a_mistyped_option_replaces_nothing(client: httpx.AsyncClient) -> None:
    answer = await client.post(UPSERT, json=[zone("1")], params={"options": "updte"})
    assert_problem(answer, 400, "InvalidRequest", "update or replace")


@pytest.mark.parametrize("said", [[], {}, "x", [zone("1")] * 10_001])
async def test_a_batch_is_a_list_of_some_entities(client: httpx.AsyncClient, said: Json) -> None:
    assert_problem(await client.post(UPSERT, json=said), 400, "BadRequestData", "list of 1 to 10000")


# ---- reading


async def test_forms_and_times(client: httpx.AsyncClient) -> None:
    await put(client, zone("1", snowDepth=_DEPTH))
    assert (await client.get(path_of("1"))).json() == zone("1", snowDepth=_DEPTH)
    concise: Json = {"value": 35, "observedAt": "2026-01-15T08:00:00Z", "unitCode": "CMT"}
    assert (await client.get(path_of("1"), params={"format": "concise"})).json() == zone("1", snowDepth=concise)
    assert (await client.get(path_of("1"), params={"format": "simplified"})).json() == zone("1", snowDepth=35)
    timed = (await client.get(path_of("1"), params={"options": "sysAttrs,concise"})).json()
    assert {"createdAt", "modifiedAt"} <= set(timed)
    assert {"createdAt", "modifiedAt"} <= set(timed["snowDepth"])
    assert_problem(await client.get(path_of("1"), params={"format": "xml"}), 400, "InvalidRequest", "xml")


async def test_attrs_show_only_what_is_asked_for(client: httpx.AsyncClient) -> None:
    await put(client, zone("1", a=1, b=2), zone("2", c=3))
    params = {"attrs": "a,c", "format": "simplified"}
    assert (await client.get(path_of("1"), params=params)).json() == zone("1", a=1)
    assert (await client.get(ENTITIES, params=params)).json() == [zone("1", a=1), zone("2", c=3)]


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        (None, "application/json"),
        ("*/*", "application/json"),
        ("application/ld+json", "application/ld+json"),
        ("application/json;q=0.2, application/ld+json;q=0.9", "application/ld+json"),
        ("text/html, application/xhtml+xml, */*;q=0.8", "application/json"),
        ("application/json;q=0.5, application/*;q=0.4", "application/json"),
    ],
)
async def test_the_answer_is_of_the_type_preferred(
    client: httpx.AsyncClient, accept: str | None, media_type: str
) -> None:
    await put(client, zone("1"))
    for path in (path_of("1"), f"{ENTITIES}?type=Zone"):
        answer = await client.get(path, headers={"Accept": accept} if accept else {})
        assert answer.headers["content-type"] == media_type


@pytest.mark.parametrize(
    "accept", ["text/html", "application/json;q=0", "image/*", "application/json;q=0, application/*;q=0"]
)
async def test_what_cannot_be_given_is_told(client: httpx.AsyncClient, accept: str) -> None:
    await put(client, zone("1"))
    answer = await client.get(path_of("1"), headers={"Accept": accept})
    assert_problem(answer, 406, "InvalidRequest", "application/ld+json")


async def test_ld_json_carries_its_context_in_and_out(client: httpx.AsyncClient) -> None:
    context: Json = [{"depth": "https://snow.example/depth"}, CORE]
    body = zone("1", depth=5, **{"@context": context})
    assert (await client.post(ENTITIES, json=body, headers=LD_JSON)).status_code == 201
    plain = (await client.get(path_of("1"), params={"format": "simplified"})).json()
    assert plain == zone("1", **{"https://snow.example/depth": 5})
    answer = await client.get(path_of("1"), headers={"Accept": "application/ld+json"})
    assert answer.json()["@context"] == [CORE_ADDRESS]
    assert "link" not in answer.headers


async def test_the_media_type_of_a_body_is_read_without_regard_to_case(client: httpx.AsyncClient) -> None:
    body = {**zone("1"), "@context": CORE}
    headers = {"Content-Type": "Application/LD+JSON; charset=utf-8"}
    assert (await client.post(ENTITIES, json=body, headers=headers)).status_code == 201


async def test_json_carries_its_context_in_a_link(client: httpx.AsyncClient) -> None:
    own = "http://hub.localhost/ngsi-ld/v1/jsonldContexts/cityos"
    link = {"Link": f'<{own}>; rel="http://www.w3.org/ns/json-ld#context"; type="application/ld+json"'}
    assert (await client.post(ENTITIES, json=zone("1", name="雪"), headers=link)).status_code == 201
    answer = await client.get(path_of("1"), params={"format": "simplified"}, headers=link)
    assert answer.json() == zone("1", name="雪")
    assert own in answer.headers["link"]
    answer = await client.get(path_of("1"), params={"format": "simplified"})
    assert answer.json() == zone("1", **{"https://smartdatamodels.org/name": "雪"})
    assert CORE_ADDRESS in answer.headers["link"]


@pytest.mark.parametrize(
    "address", ["https://there.example/c.jsonld", "https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context-nix.jsonld"]
)
async def test_a_context_that_is_not_known_is_504(client: httpx.AsyncClient, address: str) -> None:
    answer = await client.post(ENTITIES, json=zone("1", **{"@context": address}), headers=LD_JSON)
    assert_problem(answer, 504, "LdContextNotAvailable", address)
    link = {"Link": f'<{address}>; rel="http://www.w3.org/ns/json-ld#context"; type="application/ld+json"'}
    assert_problem(await client.get(f"{ENTITIES}?type=Zone", headers=link), 504, "LdContextNotAvailable")


async def test_ld_json_says_its_context_once(client: httpx.AsyncClient) -> None:
    assert_problem(await client.post(ENTITIES, json=zone("1"), headers=LD_JSON), 400, "BadRequestData", "@context")
    link = {"Link": f'<{CORE}>; rel="http://www.w3.org/ns/json-ld#context"', **LD_JSON}
    answer = await client.post(ENTITIES, json=zone("1", **{"@context": CORE}), headers=link)
    assert_problem(answer, 400, "BadRequestData", "Link")


async def test_in_a_batch_each_entity_answers_for_its_context(client: httpx.AsyncClient) -> None:
    said = [{**zone("1", a=1), "@context": {"a": "urn:a:a"}}, zone("2"), zone("3", **{"@context": "http://there/"})]
    answer = await client.post(UPSERT, json=said, headers=LD_JSON)
    assert (answer.status_code, answer.json()["success"]) == (207, ["urn:ngsi-ld:Zone:1"])
    assert [one["error"]["status"] for one in answer.json()["errors"]] == [400, 504]
    answer = await client.post(UPSERT, json=[zone("4", **{"@context": CORE})])
    assert answer.status_code == 207


async def test_unknown_parameters_are_refused_at_every_door(client: httpx.AsyncClient) -> None:
    await put(client, zone("1"))
    for method, path in (
        ("GET", ENTITIES),
        ("POST", ENTITIES),
        ("GET", path_of("1")),
        ("PATCH", path_of("1")),
        ("DELETE", path_of("1")),
        ("POST", UPSERT),
        ("GET", "/changes"),
        ("GET", "/feeds"),
    ):
        answer = await client.request(method, path, params={"typ": "Zone"})
        assert_problem(answer, 400, "InvalidRequest", "typ")


async def test_a_query_without_filter_is_refused(client: httpx.AsyncClient) -> None:
    assert_problem(await client.get(ENTITIES), 400, "BadRequestData", "type, attrs")


@pytest.mark.parametrize(
    "params",
    [
        {"type": "Zone", "limit": "0"},
        {"type": "Zone", "limit": "1001"},
        {"type": "Zone", "limit": "x"},
        {"type": "Zone", "limit": "٣"},
        {"type": "Zone", "cursor": "!"},
        {"type": "Zone", "cursor": "gICA"},
        {"id": "no uri"},
        {"bbox": "1,2,3"},
        {"georel": "within"},
        {"georel": "within", "geometry": "Point"},
        {"georel": "within", "geometry": "Feature", "coordinates": "[1]"},
        {"georel": "within", "geometry": "Circle", "coordinates": "[1,2]"},
        {"type": "Zone", "geometry": "Point", "coordinates": "[1,2]"},
        {"bbox": "1,2,3,4", "georel": "within", "geometry": "Point", "coordinates": "[1,2]"},
    ],
)
async def test_a_question_that_makes_no_sense_is_refused(client: httpx.AsyncClient, params: dict[str, str]) -> None:
    answer = await client.get(ENTITIES, params=params)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("path", [f"{ENTITIES}/nouri", f"{ENTITIES}/urn:x:%00"])
async def test_an_id_that_is_no_uri_is_refused(client: httpx.AsyncClient, path: str) -> None:
    assert_problem(await client.get(path), 400, "BadRequestData", "not a URI")


async def test_places_are_found_by_box_and_by_distance(client: httpx.AsyncClient) -> None:
    await put(client, zone("1", location=_point(140.75, 40.82)), zone("2", location=_point(140.90, 40.82)))
    assert ids(await client.get(ENTITIES, params={"bbox": "140.7,40.8,140.8,40.9"})) == ["1"]
    near = {"geometry": "Point", "coordinates": "[140.75,40.82]"}
    for relation, found in (("near;maxDistance==100", ["1"]), ("near;minDistance==100", ["2"])):
        assert ids(await client.get(ENTITIES, params={"georel": relation, **near})) == found
    assert ids(await client.get(ENTITIES, params={"bbox": "140,40,141,41", "geoproperty": "other"})) == []


async def test_pages_lead_to_the_end(client: httpx.AsyncClient) -> None:
    await put(client, *(zone(f"{number:02}", a=number, 長さ=1) for number in range(10)))
    url, seen = f"{ENTITIES}?type=Zone&limit=3&format=simplified&attrs=長さ,a", []
    for _ in range(4):
        answer = await client.get(url)
        seen += ids(answer)
        assert all(set(one) == {"id", "type", "a", "長さ"} for one in answer.json())
        url = answer.links.get("next", {}).get("url", "")
    assert (url, seen) == ("", [f"{number:02}" for number in range(10)])


# ---- tenants and keys


async def test_tenants_are_worlds_of_their_own(client: httpx.AsyncClient) -> None:
    await put(client, zone("1"), **{"NGSILD-Tenant": "north"})
    assert_problem(await client.get(path_of("1")), 404, "ResourceNotFound")
    assert (await client.get(path_of("1"), headers={"NGSILD-Tenant": "north"})).status_code == 200
    answer = await client.get(path_of("1"), headers={"NGSILD-Tenant": "south"})
    assert_problem(answer, 404, "NonexistentTenant", "south")
    answer = await client.get(path_of("1"), headers={"NGSILD-Tenant": "a/b"})
    assert_problem(answer, 400, "BadRequestData", "NGSILD-Tenant")


async def test_writing_needs_the_key_and_reading_does_not(guarded: httpx.AsyncClient) -> None:
    for wrong in ({}, {"X-API-Key": "wrong"}, {"Authorization": "Bearer wrong"}, {"X-API-Key": "雪".encode()}):
        headers = [
            (name.encode(), value if isinstance(value, bytes) else value.encode()) for name, value in wrong.items()
        ]
        for method, path in (("POST", ENTITIES), ("PATCH", path_of("1")), ("DELETE", path_of("1")), ("POST", UPSERT)):
            answer = await guarded.request(method, path, json=zone("1"), headers=headers)
            assert_problem(answer, 401, "Unauthorized", "X-API-Key")
            assert "X-API-Key" in answer.headers["www-authenticate"]
    await put(guarded, zone("1"), **{"X-API-Key": "key-of-sixteen-letters"})
    await put(guarded, zone("2"), Authorization="Bearer key-of-sixteen-letters")
    assert ids(await guarded.get(ENTITIES, params={"type": "Zone"})) == ["1", "2"]


async def test_an_internal_tenant_needs_the_key_to_be_read(guarded: httpx.AsyncClient) -> None:
    tenant, key = {"NGSILD-Tenant": "yukino-internal"}, {"X-API-Key": "key-of-sixteen-letters"}
    await put(guarded, zone("1"), **tenant, **key)
    for path in (path_of("1"), f"{ENTITIES}?type=Zone", "/changes"):
        assert_problem(await guarded.get(path, headers=tenant), 401, "Unauthorized", "internal")
        assert (await guarded.get(path, headers={**tenant, **key})).status_code == 200


async def test_an_internal_tenant_is_closed_where_there_is_no_key(client: httpx.AsyncClient) -> None:
    tenant = {"NGSILD-Tenant": "yukino-internal"}
    assert_problem(await client.post(ENTITIES, json=zone("1"), headers=tenant), 401, "Unauthorized", "CITYOS_API_KEY")
    assert_problem(await client.get(path_of("1"), headers=tenant), 401, "Unauthorized")


# ---- what there is not


async def test_an_unknown_door_and_a_wrong_method_are_problems_too(client: httpx.AsyncClient) -> None:
    assert_problem(await client.get("/nothing"), 404, "ResourceNotFound", "GET /nothing")
    answer = await client.put("/changes", json={})
    assert_problem(answer, 405, "InvalidRequest", "PUT")
    assert answer.headers["allow"]


async def test_if_match_holds_a_write_to_the_version_that_was_read(client: httpx.AsyncClient) -> None:
    """RFC 9110, 13.1.1: who writes what another has changed meanwhile is told, and nothing is lost."""
    await client.post(ENTITIES, json=zone("1", depth=1))
    etag = (await client.get(path_of("1"))).headers["etag"]
    assert (await client.patch(path_of("1"), json={"depth": 2}, headers={"If-Match": etag})).status_code == 204
    late = await client.patch(path_of("1"), json={"depth": 3}, headers={"If-Match": etag})
    assert_problem(late, 412, "PreconditionFailed", "read it anew")
    nonsense = await client.delete(path_of("1"), headers={"If-Match": '"zzz"'})
    assert_problem(nonsense, 412, "PreconditionFailed")
    assert (await client.get(path_of("1"), params={"format": "simplified"})).json()["depth"] == 2
    assert (await client.patch(path_of("1"), json={"depth": 4}, headers={"If-Match": "*"})).status_code == 204


async def test_a_version_that_is_known_is_not_sent_again(client: httpx.AsyncClient) -> None:
    await client.post(ENTITIES, json=zone("1", depth=1))
    etag = (await client.get(path_of("1"))).headers["etag"]
    assert (await client.get(path_of("1"), headers={"If-None-Match": etag})).status_code == 304
    assert (await client.get(path_of("1"), params={"format": "concise"})).headers["etag"] != etag
    await client.patch(path_of("1"), json={"depth": 2})
    assert (await client.get(path_of("1"), headers={"If-None-Match": etag})).status_code == 200


async def test_a_location_that_is_no_geometry_is_refused(client: httpx.AsyncClient) -> None:
    """It would be stored as a plain value, and no query by place would ever find it."""
    answer = await client.post(ENTITIES, json=zone("1", location={"lat": 40.82, "lon": 140.75}))
    assert_problem(answer, 400, "BadRequestData", "no GeoJSON geometry such as")
