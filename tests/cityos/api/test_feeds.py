"""Feeds through the door: their health, a run on demand, a day replayed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from cityos.bus.memory import MemoryBus
from cityos.city_file import CityFile
from cityos.connector.cadence import JST
from cityos.hub import Plan, open_hub
from cityos.ingest.fetching import Recording
from cityos.settings import Settings
from tests.cityos.api.asking import assert_problem, client_of

_URL = "http://source.example/hiroba.csv"
_CITY = f"""
[city]
name = "yukino"
title = "雪野市"
[[feeds]]
name = "hiroba"
connector = "people_flow"
title = "広場"
poll = "1h"
config = {{ url = "{_URL}", counter = "ekimae" }}
"""
_KEY = {"X-API-Key": "key-of-sixteen-letters"}


@pytest.fixture
async def city(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a hub with one feed, played from a recording; its first run is over."""
    (tmp_path / "city.toml").write_text(_CITY, "utf-8")
    now = datetime.now(JST).replace(microsecond=0, tzinfo=None)
    times = [now - timedelta(minutes=minutes) for minutes in (20, 15, 10)]
    rows = [f"{at.isoformat()},{count}" for at, count in zip(times, (50, 60, 70), strict=True)]
    (tmp_path / "hiroba.csv").write_text("\n".join(["dt,n", *rows, "?,?", ""]))
    recording = Recording(_URL, datetime(2020, 1, 1, tzinfo=UTC), tmp_path / "hiroba.csv")
    plan = Plan(
        tmp_path / "data",
        Settings(api_key=_KEY["X-API-Key"]),
        city=CityFile.read(tmp_path / "city.toml", {}),
        recordings=[recording],
        bus=MemoryBus(),
    )
    async with open_hub(plan) as hub, client_of(hub) as client:
        async with asyncio.timeout(15):
            while (await client.get("/feeds")).json()["feeds"][0]["state"] == "waiting":
                await asyncio.sleep(0.02)
        yield client


async def test_a_feed_tells_its_health_and_whom_to_thank(city: httpx.AsyncClient) -> None:
    (row,) = (await city.get("/feeds")).json()["feeds"]
    assert (row["name"], row["title"], row["state"], row["lastOutcome"]) == ("hiroba", "広場", "fresh", "applied")
    assert row["stateLabel"] == {"ja": "正常", "en": "fresh"}
    assert (row["accepted"], row["failures"]) == (3, 0)
    assert 600 <= row["ageSeconds"] < 700
    assert row["provider"]
    assert row["licence"]


async def test_a_feeds_notices_and_runs_are_told(city: httpx.AsyncClient) -> None:
    told = (await city.get("/feeds/hiroba")).json()
    assert {one["code"] for one in told["notices"]} == {"time_unreadable"}
    assert [one["outcome"] for one in told["runs"]] == ["applied"]
    assert told["openNotices"] == len(told["notices"])


async def test_a_run_on_demand_needs_the_key_and_tells_what_it_did(city: httpx.AsyncClient) -> None:
    assert_problem(await city.post("/feeds/hiroba/run"), 401, "Unauthorized")
    answer = await city.post("/feeds/hiroba/run", headers=_KEY)
    assert answer.json() == {"outcome": "unchanged", "detail": "", "accepted": 0, "held": 0, "changed": 0, "ended": 0}
    answer = await city.post("/feeds/hiroba/run", params={"acceptEndings": "true"}, headers=_KEY)
    assert answer.json()["accepted"] == 3
    answer = await city.post("/feeds/hiroba/run", params={"acceptEnding": "true"}, headers=_KEY)
    assert_problem(answer, 400, "InvalidRequest", "acceptEnding")


async def test_a_day_is_replayed(city: httpx.AsyncClient) -> None:
    assert_problem(await city.post("/feeds/hiroba/replay"), 401, "Unauthorized")
    today = datetime.now(JST).date().isoformat()
    answer = await city.post("/feeds/hiroba/replay", params={"day": today}, headers=_KEY)
    assert answer.json() == {"accepted": 3, "held": 0, "changed": 0, "ended": 0}
    for day in ("", "today", "2026-02-30", "9999-12-31"):
        answer = await city.post("/feeds/hiroba/replay", params={"day": day}, headers=_KEY)
        assert_problem(answer, 400, "BadRequestData", "day is a date")


async def test_a_feed_that_is_not_there_is_not_found(city: httpx.AsyncClient) -> None:
    assert_problem(await city.get("/feeds/none"), 404, "ResourceNotFound", "none")
    assert_problem(await city.post("/feeds/none/run", headers=_KEY), 404, "ResourceNotFound")


async def test_the_feeds_entity_is_in_the_data_api(city: httpx.AsyncClient) -> None:
    async with asyncio.timeout(5):
        while not (found := (await city.get("/ngsi-ld/v1/entities?type=Feed&format=simplified")).json()):
            await asyncio.sleep(0.05)
    assert found[0]["id"] == "urn:ngsi-ld:Feed:hub:hiroba"
