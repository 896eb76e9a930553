"""The portal over the real hub: with it, without it, and after it died."""

from __future__ import annotations

import asyncio
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

from services.portal.app import create_app
from tests.cityos.client.running_hub import RunningHub, running_hub, zone


@asynccontextmanager
async def _portal(hub: RunningHub) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(hub.city())
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://portal") as client,
    ):
        yield client


async def _until(client: httpx.AsyncClient, status: str, zones: int) -> None:
    async with asyncio.timeout(15):
        while True:
            health = (await client.get("/health")).json()
            if (health["status"], health["zones"]) == (status, zones):
                return
            await asyncio.sleep(0.02)


async def test_the_page_shows_the_hubs_zones_and_may_be_cached_for_a_moment(tmp_path: Path) -> None:
    async with running_hub(tmp_path) as hub, _portal(hub) as client:
        await hub.put([zone("A-1"), zone("<b>", remark="<script>x</script>")])
        await _until(client, "ok", 2)
        ja, en = await client.get("/"), await client.get("/?lang=en&q=a")
    assert "A-1" in ja.text
    assert "&lt;script&gt;" in ja.text
    assert ja.headers["cache-control"] == "public, max-age=30"
    assert ja.headers["content-encoding"] == "gzip"
    assert "default-src 'none'" in ja.headers["content-security-policy"]
    assert "Zones with “a” in their name: 1 of 2" in en.text
    assert en.headers["content-language"] == "en"


async def test_without_a_hub_the_page_apologises_and_is_not_cached(tmp_path: Path) -> None:
    async with _portal(RunningHub(tmp_path)) as client:
        await _until(client, "waiting", 0)
        page = await client.get("/")
    assert (page.status_code, page.headers["cache-control"]) == (503, "no-store")
    assert "まだ情報を受け取れていません" in page.text


async def test_when_the_hub_died_the_last_good_state_stays_and_says_so(tmp_path: Path) -> None:
    async with running_hub(tmp_path) as hub, _portal(hub) as client:
        await hub.put([zone("A-1")])
        await _until(client, "ok", 1)
        await hub.stop()
        await _until(client, "stale", 1)
        page = await client.get("/")
        assert page.status_code == 200
        assert "いま、市のデータ基盤につながりません。" in page.text
        assert "A-1" in page.text
        await hub.start()
        await _until(client, "ok", 1)
        assert "つながりません" not in (await client.get("/")).text


async def test_a_very_long_search_is_a_search_without_result(tmp_path: Path) -> None:
    async with running_hub(tmp_path) as hub, _portal(hub) as client:
        await hub.put([zone("A-1")])
        await _until(client, "ok", 1)
        page = await client.get("/", params={"q": "雪" * 5000, "lang": "xx"})
    assert page.status_code == 200
    assert len(page.content) < 20_000


async def test_the_process_starts_without_a_hub_and_ends_at_sigterm() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "services.portal", "--port", str(port), "--city-url", "http://127.0.0.1:9"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        async with httpx.AsyncClient() as client, asyncio.timeout(20):
            while True:
                try:
                    page = await client.get(f"http://127.0.0.1:{port}/")
                    break
                except httpx.ConnectError:
                    await asyncio.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        _, log = await asyncio.to_thread(process.communicate, timeout=5)
    assert page.status_code == 503
    assert len(log.splitlines()) < 15
