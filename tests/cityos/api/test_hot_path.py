"""What is answered before routing is what the router would answer, also where something is wrong."""

from __future__ import annotations

import sqlite3
import zlib
from pathlib import Path

import httpx

_PATH = "/ngsi-ld/v1/entities"


async def test_a_query_made_to_look_like_another_gets_an_answer_of_its_own(client: httpx.AsyncClient) -> None:
    one, other = "ckvdpyjfm", "jmuzvgsyz"
    assert zlib.crc32(one.encode()) == zlib.crc32(other.encode())
    await client.post(_PATH, json={"id": "urn:e:1", "type": "T", one: 1, other: 2})
    for name, value in ((one, 1), (other, 2)):
        answer = await client.get(f"{_PATH}/urn:e:1", params={"pick": name, "format": "simplified"})
        assert answer.json() == {name: value}


async def test_a_store_that_cannot_be_read_is_told_at_the_first_door_too(
    client: httpx.AsyncClient, tmp_path: Path
) -> None:
    await client.post(_PATH, json={"id": "urn:e:1", "type": "T", "a": 1})
    with sqlite3.connect(tmp_path / "city.db") as connection:
        connection.execute("ALTER TABLE entity RENAME TO gone")
    connection.close()
    answer = await client.get(f"{_PATH}/urn:e:1")
    assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json")


async def test_an_id_with_a_control_character_is_refused(client: httpx.AsyncClient) -> None:
    assert (await client.get(f"{_PATH}/urn:e:%00")).status_code == 400
