"""Whatever comes in, no answer is the hub's own fault."""

from __future__ import annotations

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cityos.ngsi.value import Json
from tests.cityos.api.asking import ENTITIES, UPSERT, path_of, put, zone
from tests.cityos.ngsi.wild import GEOMETRY, VALUE

_KIND = st.sampled_from(["Property", "GeoProperty", "Relationship", "LanguageProperty", "VocabProperty", "x", 1, None])
_MEMBER = st.sampled_from(
    ["type", "value", "object", "languageMap", "vocab", "json", "valueList", "objectList", "observedAt", "datasetId"]
)
_ODD: st.SearchStrategy[Json] = st.one_of(
    VALUE,
    GEOMETRY,
    st.none(),
    st.sampled_from(["urn:ngsi-ld:null", "2026-01-15T08:00:00Z", "urn:x:1", {"@none": "urn:ngsi-ld:null"}]),
    st.lists(st.floats(allow_nan=False, allow_infinity=False) | st.integers(), max_size=4).map(
        lambda numbers: {"type": "Polygon", "coordinates": [numbers]}
    ),
)
_ATTRIBUTE = _ODD | st.dictionaries(_MEMBER, _ODD | _KIND, max_size=4)
_NAME = st.sampled_from(
    ["a", "location", "type", "id", "scope", "@context", "@type", "値", "a:b", "http://x/y", "", "a b"]
)
_ENTITY = st.fixed_dictionaries(
    {}, optional={"id": st.just("urn:ngsi-ld:Zone:1") | _ODD, "type": st.just("Zone") | _ODD}
).flatmap(lambda head: st.dictionaries(_NAME, _ATTRIBUTE, max_size=4).map(lambda rest: {**rest, **head}))
_BODY = _ENTITY | st.lists(_ENTITY | _ODD, max_size=3) | _ODD
_FILTERS = ["type", "id", "attrs", "bbox", "georel", "geometry", "coordinates", "geoproperty"]
_OTHERS = ["limit", "cursor", "format", "options", "after", "epoch", "day", "x"]
_PARAMETER = st.sampled_from([*_FILTERS, *_OTHERS])
_TEXT = st.text(st.characters(codec="utf-8"), max_size=12) | st.sampled_from(
    [
        "Zone",
        "1,2,3,4",
        "near;maxDistance==1",
        "within",
        "Point",
        "Polygon",
        "[1,2]",
        "[[[0,0],[1,1],[0,0]]]",
        "%",
        "\x00",
    ]
)
_QUERY = st.dictionaries(_PARAMETER, _TEXT, max_size=4)
_CONTENT_TYPE = st.sampled_from(
    ["application/json", "application/ld+json", "application/merge-patch+json", "text/plain"]
)
_WRITES = st.sampled_from(
    [("POST", ENTITIES), ("PATCH", path_of("1")), ("POST", UPSERT), ("POST", f"{UPSERT}?options=update")]
)
_READS = st.sampled_from(
    [
        "/",
        ENTITIES,
        path_of("1"),
        "/changes",
        "/feeds",
        "/feeds/koku",
        "/health",
        f"{ENTITIES}/%ff",
        f"{ENTITIES}/a:%00",
    ]
)
_HEADER = st.dictionaries(
    st.sampled_from(
        ["accept", "ngsild-tenant", "link", "last-event-id", "content-length", "x-api-key", "content-type"]
    ),
    st.binary(max_size=12).map(lambda raw: raw.translate(None, b"\r\n\x00")),
    max_size=2,
)
_hostile = settings(max_examples=70, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@_hostile
@given(door=_WRITES, body=_BODY, content_type=_CONTENT_TYPE)
async def test_no_body_makes_the_hub_fail(
    client: httpx.AsyncClient, door: tuple[str, str], body: Json, content_type: str
) -> None:
    method, path = door
    answer = await client.request(method, path, json=body, headers={"Content-Type": content_type})
    assert answer.status_code < 500 or answer.status_code == 504, (body, answer.text)
    found = await client.get(ENTITIES, params={"type": "Zone", "options": "sysAttrs,concise"})
    assert found.status_code == 200


@_hostile
@given(path=_READS, query=_QUERY)
async def test_no_question_makes_the_hub_fail(client: httpx.AsyncClient, path: str, query: dict[str, str]) -> None:
    await put(client, zone("1", location={"type": "Point", "coordinates": [1, 2]}))
    answer = await client.get(path, params=query)
    assert answer.status_code < 500, (query, answer.text)


@_hostile
@given(path=_READS | st.just(UPSERT), headers=_HEADER)
async def test_no_header_makes_the_hub_fail(client: httpx.AsyncClient, path: str, headers: dict[str, bytes]) -> None:
    method = "POST" if path == UPSERT else "GET"
    raw = [(name.encode(), value) for name, value in headers.items()]
    answer = await client.request(method, path, headers=raw)
    assert answer.status_code < 500


@pytest.mark.parametrize("host", ["[", "a b", "x:99999", ""])
async def test_a_strange_host_makes_no_door_fail(client: httpx.AsyncClient, host: str) -> None:
    await put(client, zone("1"))
    for path in ("/", "/health", path_of("1")):
        answer = await client.get(path, headers={"Host": host, "Accept": "application/ld+json, */*;q=0.1"})
        assert answer.status_code < 500
