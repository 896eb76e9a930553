"""The service over the real hub: with it, without it, and after it died."""

from __future__ import annotations

import asyncio
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import quote

import httpx

from services.snow_info.app import create_app
from tests.cityos.client.running_hub import RunningHub, running_hub, zone


@asynccontextmanager
async def _service(hub: RunningHub) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(hub.city())
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://snow") as client,
    ):
        yield client


async def _until(client: httpx.AsyncClient, status: str, zones: int) -> None:
    async with asyncio.timeout(15):
        while True:
            health = (await client.get("/health")).json()
            if (health["status"], health["zones"]) == (status, zones):
                return
            await asyncio.sleep(0.02)


async def test_zones_are_those_of_the_hub(tmp_path: Path) -> None:
    async with running_hub(tmp_path) as hub, _service(hub) as client:
        await hub.put([zone("A-1"), zone("湯ﾉ沢/工区")])
        await _until(client, "ok", 2)
        listed = await client.get("/zones")
        one = await client.get(f"/zones/{quote(zone('湯ﾉ沢/工区').id, safe='')}")
        mapped = await client.get("/zones.geojson")
    assert [told["name"] for told in listed.json()["zones"]] == ["A-1", "湯ﾉ沢/工区"]
    assert (one.status_code, one.json()["claim"]["word"]) == (200, "作業中")
    assert mapped.headers["content-type"] == "application/geo+json"
    assert len(mapped.json()["features"]) == 2
    assert listed.headers["cache-control"] == "public, max-age=15"


async def test_an_unknown_zone_is_not_found(tmp_path: Path) -> None:
    async with running_hub(tmp_path) as hub, _service(hub) as client:
        await _until(client, "ok", 0)
        answer = await client.get("/zones/urn:ngsi-ld:SnowRemovalZone:f:none")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


async def test_without_a_hub_the_service_lives_and_says_that_nothing_is_known(tmp_path: Path) -> None:
    hub = RunningHub(tmp_path)
    async with _service(hub) as client:
        await _until(client, "waiting", 0)
        answer = await client.get("/zones")
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "10")
        await hub.start()
        try:
            await hub.put([zone("A-1")])
            await _until(client, "ok", 1)
            assert len((await client.get("/zones")).json()["zones"]) == 1
        finally:
            await hub.stop()


async def test_the_last_good_state_is_served_and_marked_when_the_hub_died(tmp_path: Path) -> None:
    async with running_hub(tmp_path) as hub, _service(hub) as client:
        await hub.put([zone("A-1")])
        await _until(client, "ok", 1)
        await hub.stop()
        await _until(client, "stale", 1)
        told = (await client.get("/zones")).json()
    assert [one["name"] for one in told["zones"]] == ["A-1"]
    assert told["hub"]["reachable"] is False
    assert told["hub"]["ja"].startswith("市のデータ基盤につながりません。")


async def test_the_process_starts_without_a_hub_and_ends_at_sigterm() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "services.snow_info", "--port", str(port), "--city-url", "http://127.0.0.1:9"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        async with httpx.AsyncClient() as client, asyncio.timeout(20):
            while True:
                try:
                    health = (await client.get(f"http://127.0.0.1:{port}/health")).json()
                    break
                except httpx.ConnectError:
                    await asyncio.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        _, log = await asyncio.to_thread(process.communicate, timeout=5)
    assert health["status"] == "waiting"
    assert log.count("not reachable") == 1
    assert len(log.splitlines()) < 15
