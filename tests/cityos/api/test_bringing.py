"""Documents that people and devices bring: to a feed's folder or by push, with a key, an author and an expiry."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from cityos.bus.memory import MemoryBus
from cityos.city_file import CityFile
from cityos.connector.cadence import JST
from cityos.hub import Hub, Plan, open_hub
from cityos.settings import Settings
from tests.cityos.api.asking import client_of

KEY, PARTNER = "the-hubs-own-long-key", "the-partners-long-key"
HEAD, ROW = "取得日時,工区,ステータス", "2026-01-15 17:00:00,{zone},作業中"
CITY = f"""
[city]
name = "yukino"
title = "雪野市"

[[feeds]]
name = "folder"
connector = "snow_removal"
folder = "drop/zones"
poll = "1s"
season = ["01-01", "12-31"]
config = {{ url = "none" }}

[[feeds]]
name = "partner"
connector = "snow_removal"
pushed = true
push_key = "{PARTNER}"
config = {{ url = "none" }}

[[feeds]]
name = "asking"
connector = "snow_removal"
season = ["06-01", "06-02"]
config = {{ url = "http://127.0.0.1:9/none" }}
"""


def zones(*names: str) -> bytes:
    return "\n".join([HEAD, *(ROW.format(zone=name) for name in names), ""]).encode()


@pytest.fixture
async def hub(tmp_path: Path) -> AsyncIterator[Hub]:
    (tmp_path / "city.toml").write_text(CITY)
    plan = Plan(tmp_path / "data", Settings(api_key=KEY), city=CityFile.read(tmp_path / "city.toml"), bus=MemoryBus())
    async with open_hub(plan) as opened:
        yield opened


@pytest.fixture
async def client(hub: Hub) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(hub) as opened:
        yield opened


async def bring(client: httpx.AsyncClient, feed: str, content: bytes, key: str = KEY, **query: str) -> httpx.Response:
    return await client.post(f"/feeds/{feed}/documents", params=query, content=content, headers={"X-API-Key": key})


async def names(client: httpx.AsyncClient) -> list[str]:
    asked = await client.get("/ngsi-ld/v1/entities?type=SnowRemovalZone&format=simplified")
    return [entity["name"] for entity in asked.json()]


async def test_a_pushed_document_is_in_the_city_when_it_is_acknowledged(client: httpx.AsyncClient) -> None:
    answer = await bring(client, "partner", zones("A-1", "A-2"), PARTNER)
    assert (answer.status_code, answer.json()["accepted"], answer.json()["changed"]) == (200, 2, 2)
    assert await names(client) == ["A-1", "A-2"]
    again = await bring(client, "partner", zones("A-1", "A-2"), PARTNER)
    assert again.json()["changed"] == 0, "a repeated delivery changes nothing"


@pytest.mark.parametrize(
    ("feed", "key", "status"), [("partner", "wrong", 401), ("folder", PARTNER, 401), ("asking", KEY, 400)]
)
async def test_a_key_opens_its_own_feed_only(client: httpx.AsyncClient, feed: str, key: str, status: int) -> None:
    assert (await bring(client, feed, zones("A-1"), key)).status_code == status


async def test_an_uploaded_file_lies_in_the_folder_with_its_name(hub: Hub, client: httpx.AsyncClient) -> None:
    await bring(client, "folder", zones("B-1"), name="朝の一覧.csv", author="道路維持課")
    assert (hub.plan.data / "drop/zones/朝の一覧.csv").read_bytes() == zones("B-1")


async def test_a_file_put_into_the_folder_is_read(hub: Hub, client: httpx.AsyncClient) -> None:
    folder = hub.plan.data / "drop/zones"
    folder.mkdir(parents=True)
    (folder / "zones.csv").write_bytes(zones("C-1"))
    async with asyncio.timeout(20):
        while await names(client) != ["C-1"]:
            await asyncio.sleep(0.1)


@pytest.mark.parametrize("name", ["../x.csv", "a/b.csv", ".hidden", "", "x\x00y"])
async def test_a_name_cannot_leave_the_folder(client: httpx.AsyncClient, name: str) -> None:
    answer = await bring(client, "folder", zones("D-1"), name=name)
    assert (answer.status_code, await names(client)) == (400, [])


async def test_what_a_document_said_ends_when_it_expires(hub: Hub, client: httpx.AsyncClient) -> None:
    await bring(client, "partner", zones("E-1"), PARTNER, expiresAt="2026-12-24T00:00:00Z")
    await hub.store.expire(hub.tenant, datetime(2026, 12, 23, tzinfo=UTC))
    assert await names(client) == ["E-1"]
    assert await hub.store.expire(hub.tenant, datetime(2026, 12, 25, tzinfo=UTC)) == [("partner", "document")]
    assert await names(client) == []
    again = await bring(client, "partner", zones("E-1"), PARTNER)
    assert (again.json()["changed"], await names(client)) == (1, ["E-1"]), "brought anew, it begins anew"


async def test_a_newer_document_does_not_end_when_the_older_one_would_have(hub: Hub, client: httpx.AsyncClient) -> None:
    await bring(client, "partner", zones("E-1"), PARTNER, expiresAt="2026-12-24T00:00:00Z")
    await bring(client, "partner", zones("E-1", "E-2"), PARTNER, expiresAt="2026-12-30T00:00:00Z")
    assert await hub.store.expire(hub.tenant, datetime(2026, 12, 25, tzinfo=UTC)) == []
    assert await names(client) == ["E-1", "E-2"]


async def test_the_same_document_brought_again_may_hold_longer(hub: Hub, client: httpx.AsyncClient) -> None:
    for until in ("2026-12-24T00:00:00Z", "2026-12-30T00:00:00Z"):
        await bring(client, "partner", zones("E-1"), PARTNER, expiresAt=until)
    assert await hub.store.expire(hub.tenant, datetime(2026, 12, 25, tzinfo=UTC)) == []


async def test_held_endings_of_a_pushed_feed_can_be_released(client: httpx.AsyncClient) -> None:
    await bring(client, "partner", zones("G-1", "G-2", "G-3"), PARTNER)
    await bring(client, "partner", zones("G-1"), PARTNER)
    assert await names(client) == ["G-1", "G-2", "G-3"]
    answer = await client.post("/feeds/partner/run?acceptEndings=true", headers={"X-API-Key": KEY})
    assert (answer.json()["ended"], await names(client)) == (2, ["G-1"])


async def test_a_refused_document_is_told_to_the_operator(client: httpx.AsyncClient) -> None:
    await bring(client, "partner", b"<html></html>", PARTNER)
    feed = (await client.get("/feeds/partner")).json()
    assert (feed["lastOutcome"], [notice["code"] for notice in feed["notices"]]) == (
        "source_changed",
        ["source_changed"],
    )


async def test_a_replay_of_the_past_brings_nothing_back(client: httpx.AsyncClient) -> None:
    await bring(client, "partner", zones("H-1", "H-2", "H-3", "H-4"), PARTNER)
    await bring(client, "partner", zones("H-1", "H-2", "H-3"), PARTNER)
    today = datetime.now(UTC).astimezone(JST).date().isoformat()
    answer = await client.post(f"/feeds/partner/replay?day={today}", headers={"X-API-Key": KEY})
    assert answer.status_code == 200
    assert await names(client) == ["H-1", "H-2", "H-3"]


async def test_a_page_of_another_site_cannot_write(client: httpx.AsyncClient) -> None:
    headers = {"X-API-Key": KEY, "Sec-Fetch-Site": "cross-site"}
    assert (await client.post("/feeds/asking/run", headers=headers)).status_code == 401


async def test_a_document_that_cannot_be_read_is_refused_and_the_last_state_stays(client: httpx.AsyncClient) -> None:
    await bring(client, "partner", zones("F-1"), PARTNER)
    answer = await bring(client, "partner", b"<html><body>404</body></html>", PARTNER)
    assert answer.status_code == 422
    assert "web page" in answer.json()["detail"]
    assert await names(client) == ["F-1"]
