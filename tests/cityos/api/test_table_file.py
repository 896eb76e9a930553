"""Entities as a table for spreadsheets."""

from __future__ import annotations

import csv
import io

import httpx

from cityos.ngsi.value import Json

ENTITIES = "/ngsi-ld/v1/entities"


async def _rows(client: httpx.AsyncClient, **params: str) -> list[list[str]]:
    answer = await client.get(ENTITIES, params={"type": "Zone", **params}, headers={"Accept": "text/csv"})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.content.startswith(b"\xef\xbb\xbf")
    return list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))


async def _put(client: httpx.AsyncClient, *said: Json) -> None:
    answer = await client.post("/ngsi-ld/v1/entityOperations/upsert", json=list(said))
    assert answer.status_code in (201, 204)


async def test_every_entity_is_a_line_with_places_in_two_columns_and_times_of_japan(client: httpx.AsyncClient) -> None:
    place: Json = {"type": "Point", "coordinates": [140.74, 40.82]}
    depth: Json = {"type": "Property", "value": 32, "observedAt": "2026-01-15T23:30:00Z"}
    await _put(
        client,
        {"id": "urn:x:1", "type": "Zone", "depth": depth, "location": {"type": "GeoProperty", "value": place}},
        {"id": "urn:x:2", "type": "Zone", "note": "=1+1"},
    )
    assert await _rows(client) == [
        ["ID", "種類", "日時（日本時間）", "depth", "位置 緯度", "位置 経度", "note"],
        ["urn:x:1", "Zone", "2026-01-16 08:30:00", "32", "40.82", "140.74", ""],
        ["urn:x:2", "Zone", "", "", "", "", "'=1+1"],
    ]


async def test_only_what_is_picked_has_a_column_and_datasets_have_their_own(client: httpx.AsyncClient) -> None:
    two: Json = [{"type": "Property", "value": 1}, {"type": "Property", "value": 2, "datasetId": "urn:d:b"}]
    await _put(client, {"id": "urn:x:1", "type": "Zone", "depth": two, "note": "雪"})
    rows = await _rows(client, pick="id,type,depth")
    assert rows[0][3:] == ["depth", "depth（urn:d:b）"]
    assert rows[1][3:] == ["1", "2"]


async def test_what_is_said_of_a_value_stands_behind_it_and_instants_are_japans(client: httpx.AsyncClient) -> None:
    since: Json = {"type": "Property", "value": "2026-01-14T15:00:00.25Z"}
    count: Json = {
        "type": "Property",
        "value": 12,
        "since": since,
        "quality": {"type": "Property", "value": "doubtful"},
    }
    await _put(client, {"id": "urn:x:1", "type": "Zone", "n": count}, {"id": "urn:x:2", "type": "Zone", "n": 0})
    rows = await _rows(client)
    assert rows[0][3:] == ["n", "n since", "n 品質"]
    assert [row[3:] for row in rows[1:]] == [["12", "2026-01-15 00:00:00.250", "doubtful"], ["0", "", ""]]


async def test_one_entity_is_no_table(client: httpx.AsyncClient) -> None:
    await _put(client, {"id": "urn:x:1", "type": "Zone"})
    answer = await client.get(f"{ENTITIES}/urn:x:1", params={"format": "csv"})
    assert answer.status_code == 400
    assert "format=csv is for queries" in answer.json()["detail"]


async def test_a_table_is_whole_unless_a_limit_is_said(client: httpx.AsyncClient) -> None:
    made: list[Json] = [{"id": f"urn:x:{number:04}", "type": "Zone", "n": number} for number in range(1_050)]
    await _put(client, *made)
    assert len(await _rows(client)) == 1_051
    ordered = await _rows(client, orderBy="n;desc")
    assert [row[3] for row in ordered[1:4]] == ["1049", "1048", "1047"]
    assert len(ordered) == 1_051
    assert len(await _rows(client, limit="5")) == 6
