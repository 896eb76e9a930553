"""The past through the door: read, queried, paged, and as a file."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import httpx
import pytest

from cityos.bus.memory import MemoryBus
from cityos.hub import Hub, Plan, open_hub
from cityos.ngsi.value import Json
from cityos.settings import Settings
from cityos.vocabulary.context import CITY_CONTEXT
from tests.cityos.api.asking import ENTITIES, assert_problem, client_of, ids, put, zone

TEMPORAL = "/ngsi-ld/v1/temporal/entities"
QUERY = "/ngsi-ld/v1/temporal/entityOperations/query"


def past_of(local: str) -> str:
    return f"{TEMPORAL}/urn:ngsi-ld:Zone:{local}"


def minute(count: int) -> str:
    return f"2026-01-15T{8 + count // 60:02}:{count % 60:02}:00Z"


def seen(*values: Json, start: int = 0, step: int = 1) -> Json:
    """Instances observed minute by minute."""
    return [
        {"type": "Property", "value": value, "observedAt": minute(start + step * n)} for n, value in enumerate(values)
    ]


async def add(client: httpx.AsyncClient, local: str, **attributes: Json) -> None:
    answer = await client.post(TEMPORAL, json=zone(local, **attributes))
    assert answer.status_code in (201, 204), answer.text


def values(answer: httpx.Response, attribute: str = "depth") -> list[Any]:
    assert answer.status_code in (200, 206), answer.text
    return [one["value"] for one in answer.json()[attribute]]


async def test_the_past_of_what_the_core_api_wrote_is_there(client: httpx.AsyncClient) -> None:
    for depth in (30, 35):
        await put(client, zone("1", depth={"type": "Property", "value": depth}))
    assert values(await client.get(past_of("1"))) == [30, 35]


async def test_one_answer_holds_about_thirty_instances_and_says_of_which_time(client: httpx.AsyncClient) -> None:
    """Clause 6.3.10: 206 and Content-Range."""
    await add(client, "1", depth=seen(*range(40)), other=seen(*range(40), start=200))
    answer = await client.get(past_of("1"))
    assert answer.status_code == 206
    assert answer.headers["content-range"] == f"date-time {minute(0)}-{minute(29)}/*"
    assert (values(answer), values(answer, "other")) == ([*range(30)], [])
    further = await client.get(past_of("1"), params={"timerel": "after", "timeAt": minute(30)})
    assert further.headers["content-range"] == f"date-time {minute(30)}-{minute(219)}/*"
    assert (values(further), values(further, "other")) == ([*range(30, 40)], [*range(20)])


async def test_the_last_instances_are_told_backwards(client: httpx.AsyncClient) -> None:
    await add(client, "1", depth=seen(*range(40)))
    answer = await client.get(past_of("1"), params={"lastN": 35, "timerel": "before", "timeAt": minute(50)})
    assert answer.headers["content-range"] == f"date-time {minute(50)}-{minute(10)}/35"
    assert values(answer) == [*range(10, 40)]
    assert (await client.get(past_of("1"), params={"lastN": 5})).status_code == 200


async def test_how_much_one_answer_holds_is_a_setting(tmp_path: Path) -> None:
    plan = Plan(tmp_path / "own", Settings(history_page=100), bus=MemoryBus())
    async with open_hub(plan) as hub, client_of(hub) as client:
        await add(client, "1", depth=seen(*range(40)))
        assert (await client.get(past_of("1"))).status_code == 200


async def test_aggregates_by_hour(client: httpx.AsyncClient) -> None:
    """Clause 4.5.19."""
    await add(client, "1", depth=seen(10, 20, 60, step=40))
    words = {"format": "aggregatedValues", "aggrMethods": "avg,max", "aggrPeriodDuration": "PT1H"}
    answer = await client.get(past_of("1"), params=words)
    assert answer.json()["depth"] == {
        "type": "Property",
        "avg": [[15.0, minute(0), minute(60)], [60.0, minute(60), minute(120)]],
        "max": [[20.0, minute(0), minute(60)], [60.0, minute(60), minute(120)]],
    }
    assert_problem(await client.get(past_of("1"), params={"format": "aggregatedValues"}), 400, "BadRequestData", "aggr")


@pytest.mark.parametrize(
    ("words", "status", "kind", "told"),
    [
        ({"timerel": "after"}, 400, "BadRequestData", "timeAt"),
        ({"format": "rows"}, 400, "InvalidRequest", "rows"),
        ({"options": "temporalValues,rows"}, 400, "InvalidRequest", "rows"),
        ({"seenAt": "x"}, 400, "InvalidRequest", "seenAt"),
        ({"pick": "depth", "omit": "depth"}, 400, "BadRequestData", "depth"),
        ({"pick": "depth", "attrs": "depth"}, 400, "BadRequestData", "attrs"),
        ({"pick": "road{name}"}, 400, "BadRequestData", "linked"),
        ({"pick": "nothing"}, 404, "ResourceNotFound", "pick"),
        ({"omit": "id,type,depth"}, 404, "ResourceNotFound", "omit"),
        ({"attrs": "nothing"}, 404, "ResourceNotFound", "attributes"),
        ({"datasetId": "no uri"}, 400, "BadRequestData", "datasetId"),
        ({"lang": "!"}, 400, "BadRequestData", "lang"),
        ({"format": "csv", "lastN": "3"}, 400, "BadRequestData", "lastN"),
    ],
)
async def test_what_cannot_be_answered_is_told(
    client: httpx.AsyncClient, words: dict[str, str], status: int, kind: str, told: str
) -> None:
    """Clauses 5.7.3.4, 6.3.12, 6.3.20."""
    await add(client, "1", depth=seen(1))
    assert_problem(await client.get(past_of("1"), params=words), status, kind, told)


async def test_who_has_no_past_is_not_found(client: httpx.AsyncClient) -> None:
    assert_problem(await client.get(past_of("1")), 404, "ResourceNotFound")
    assert_problem(await client.get(f"{TEMPORAL}/nouri"), 400, "BadRequestData")


async def test_an_attribute_without_instances_in_the_span_is_not_told(client: httpx.AsyncClient) -> None:
    await add(client, "1", depth=seen(1))
    words = {"timerel": "after", "timeAt": minute(5), "attrs": "depth"}
    assert (await client.get(past_of("1"), params=words)).json() == {"id": "urn:ngsi-ld:Zone:1", "type": "Zone"}


async def test_an_answer_names_its_context(client: httpx.AsyncClient) -> None:
    await add(client, "1", depth=seen(1))
    answer = await client.get(past_of("1"), headers={"Accept": "application/ld+json"})
    assert "@context" in answer.json()
    assert "link" in (await client.get(past_of("1"))).headers
    assert (await client.get(past_of("1"), headers={"Accept": "application/geo+json"})).status_code == 406


# ---- queries


async def test_queries_say_whose_past_and_of_which_time(client: httpx.AsyncClient) -> None:
    await add(client, "1", depth=seen(30, 90))
    await add(client, "2", depth=seen(10, 80))
    span = {"timerel": "before", "timeAt": minute(1)}
    assert ids(await client.get(TEMPORAL, params={"type": "Zone", **span})) == ["1", "2"]
    assert ids(await client.get(TEMPORAL, params={"q": "depth>20", **span})) == ["1"]
    assert ids(await client.get(TEMPORAL, params={"type": "Zone", "idPattern": "2$"})) == ["2"]
    assert ids(await client.get(TEMPORAL, params={"attrs": "depth", "id": "urn:ngsi-ld:Zone:2"})) == ["2"]
    assert ids(await client.get(TEMPORAL, params={"local": "true", "orderBy": "id;desc"})) == ["2", "1"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ({}, "whose past"),
        ({"id": "urn:ngsi-ld:Zone:1"}, "whose past"),
        ({"attrs": "createdAt"}, "whose past"),
        ({"type": "Zone", "orderBy": "depth"}, "orderBy"),
        ({"type": "Zone", "q": 'road{name}=="x"'}, "linked"),
        ({"type": "Zone", "id": "no uri"}, "id"),
        ({"type": "Zone", "csf": "))"}, "q"),
        ({"type": "Zone", "idPattern": "("}, "idPattern"),
        ({"type": "Zone", "limit": "1001"}, "limit"),
        ({"type": "Zone", "georel": "near"}, "geo"),
    ],
)
async def test_queries_too_wide_or_without_sense_are_refused(
    client: httpx.AsyncClient, words: dict[str, str], told: str
) -> None:
    """Clause 5.7.4.4."""
    assert_problem(await client.get(TEMPORAL, params=words), 400, "BadRequestData", told)


async def test_pages_of_entities_are_linked_and_counted(client: httpx.AsyncClient) -> None:
    """Clauses 6.3.10, 6.3.13."""
    for local in "abc":
        await add(client, local, depth=seen(1))
    seen_: list[str] = []
    address = f"{TEMPORAL}?type=Zone&limit=1&count=true"
    while address:
        answer = await client.get(address)
        assert answer.headers["ngsild-results-count"] == "3"
        seen_ += ids(answer)
        links = answer.headers.get_list("link", split_commas=True)
        address = next((link.split(">")[0].strip("< ") for link in links if 'rel="next"' in link), "")
    assert seen_ == ["a", "b", "c"]


async def test_a_query_may_come_in_a_body(client: httpx.AsyncClient) -> None:
    """Clauses 5.2.21, 5.2.23, 5.2.44."""
    await add(client, "1", depth=seen(30, 90))
    await add(client, "2", depth=seen(10, 80))
    body: dict[str, Any] = {
        "type": "Query",
        "entities": [{"type": "Zone", "idPattern": "1$"}, {"type": "Zone", "id": "urn:ngsi-ld:Zone:9"}],
        "temporalQ": {"timerel": "after", "timeAt": minute(0), "lastN": 1},
    }
    answer = await client.post(QUERY, json=body)
    assert ids(answer) == ["1"]
    assert values(httpx.Response(200, json=answer.json()[0])) == [90]
    body = {"entities": [{"type": "Zone"}], "aggrParams": {"aggrMethods": ["max"]}, "q": "depth%3E85"}
    answer = await client.post(QUERY, json=body)
    assert [one["depth"]["max"][0][0] for one in answer.json()] == [90]


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"type": "Entity"}, "Query"),
        ({"type": "Query", "entities": []}, "entities"),
        ({"type": "Query", "entities": [{"id": "urn:x:1"}]}, "type"),
        ({"type": "Query", "entities": [{"type": "Zone", "id": 5}]}, "id"),
        ({"type": "Query", "entities": [{"type": "Zone", "idPattern": "("}]}, "idPattern"),
        ({"type": "Query", "temporalQ": []}, "temporalQ"),
        ({"type": "Query", "temporalQ": {"timeRel": "after"}}, "timeRel"),
        ({"type": "Query", "aggrParams": 5}, "aggrParams"),
        ({"type": "Query", "geoQ": 5}, "geoQ"),
        ({"type": "Query", "q": 5}, "q"),
        ({"type": "Query", "attrs": [5]}, "attrs"),
        ({"type": "Query"}, "whose past"),
    ],
)
async def test_a_body_that_is_no_query_is_refused(client: httpx.AsyncClient, body: dict[str, Any], told: str) -> None:
    assert_problem(await client.post(QUERY, json=body), 400, "BadRequestData", told)


# ---- a file


async def test_a_month_is_one_file_in_japans_time(tmp_path: Path) -> None:
    """For spreadsheets: UTF-8 with BOM, a column for each attribute, the city's words in Japanese."""
    location: Json = {
        "type": "GeoProperty",
        "value": {"type": "Point", "coordinates": [140.7, 40.8]},
        "observedAt": minute(0),
    }
    days = [f"2026-01-{15 + n // 1440:02}T{n // 60 % 24:02}:{n % 60:02}:00Z" for n in range(3000)]
    snow: Json = [{"type": "Property", "value": n, "observedAt": at} for n, at in enumerate(days)]
    async with open_hub(Plan(tmp_path / "city", bus=MemoryBus())) as hub:
        hub.context = CITY_CONTEXT
        async with client_of(hub) as client:
            await add(client, "1", snowHeight=snow, location=[location], note=seen("=1+1", start=1))
            answer = await client.get(past_of("1"), headers={"Accept": "text/csv"})
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert "urn%3Angsi-ld%3AZone%3A1.csv" in answer.headers["content-disposition"]
    assert answer.content.startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(answer.content.decode("utf-8-sig").splitlines()))
    assert rows[0][0] == "日時（日本時間）"
    assert "積雪深（cm）" in rows[0]
    depth, latitude, note = (rows[0].index(name) for name in ("積雪深（cm）", "位置 緯度", "note"))
    assert len(rows) == 3001
    assert [rows[1][0], rows[1][depth]] == ["2026-01-15 09:00:00", "0"]
    assert [row[depth] for row in rows[1:]] == [str(n) for n in range(3000)]
    at_eight = rows[1 + 480]
    assert (at_eight[0], at_eight[latitude], at_eight[latitude + 1]) == ("2026-01-15 17:00:00", "40.8", "140.7")
    assert rows[1 + 481][note] == "'=1+1"


async def test_a_file_holds_the_span_and_the_attributes_asked_for(client: httpx.AsyncClient) -> None:
    await add(client, "1", depth=seen(1, 2, 3), other=seen(7))
    words = {"format": "csv", "attrs": "depth", "timerel": "after", "timeAt": minute(1)}
    answer = await client.get(past_of("1"), params=words)
    assert answer.text.splitlines()[1:] == ["2026-01-15 17:01:00,2", "2026-01-15 17:02:00,3"]
    assert_problem(await client.get(past_of("9"), params={"format": "csv"}), 404, "ResourceNotFound")
    assert_problem(await client.get(TEMPORAL, params={"format": "csv", "type": "Zone"}), 400, "InvalidRequest", "csv")


async def test_what_is_said_of_a_value_stands_behind_it_in_a_file(client: httpx.AsyncClient) -> None:
    counts: Json = [
        {"type": "Property", "value": 7, "observedAt": minute(1), "since": {"type": "Property", "value": minute(0)}},
        {"type": "Property", "value": 8, "observedAt": minute(2)},
    ]
    await add(client, "1", n=counts)
    lines = (await client.get(past_of("1"), params={"format": "csv"})).content.decode("utf-8-sig").splitlines()
    assert lines == [
        "日時（日本時間）,n,n since",
        "2026-01-15 17:01:00,7,2026-01-15 17:00:00",
        "2026-01-15 17:02:00,8,",
    ]


async def test_an_entity_that_ended_still_answers(hub: Hub, client: httpx.AsyncClient) -> None:
    await add(client, "1", depth=seen(1))
    assert (await client.delete(f"{ENTITIES}/urn:ngsi-ld:Zone:1")).status_code == 204
    told = (await client.get(past_of("1"))).json()
    assert told["type"] == "Zone"
    assert "deletedAt" in told
    assert [one["value"] for one in told["depth"]] == [1, "urn:ngsi-ld:null"]
    assert (await client.get(past_of("1"), params={"format": "csv"})).text.splitlines()[-1].endswith(",削除")


@pytest.mark.parametrize("at", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"])
async def test_the_ends_of_time_can_be_told_in_every_form(client: httpx.AsyncClient, at: str) -> None:
    await add(client, "1", depth=[{"type": "Property", "value": 1, "observedAt": at}])
    span = {"timerel": "after", "timeAt": "0001-01-01T00:00:00Z"}
    for words in (
        {},
        {"format": "temporalValues"},
        {"format": "csv"},
        {"format": "aggregatedValues", "aggrMethods": "avg", "aggrPeriodDuration": "P1M"},
        {"format": "aggregatedValues", "aggrMethods": "avg", "aggrPeriodDuration": "P999999999Y"},
        {"format": "aggregatedValues", "aggrMethods": "avg"},
    ):
        answer = await client.get(past_of("1"), params={**span, **words})
        assert answer.status_code == 200, answer.text
        assert "depth" in answer.text
