"""The portal over the real hub: with it, without it, and after it died."""

from __future__ import annotations

import asyncio
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import uvicorn

from cityos.vocabulary.timetable import TIMETABLE
from services.portal.app import create_app
from services.portal.text import JA
from services.portal.transit import TransitDesk
from services.transit.app import Plan as TransitPlan
from services.transit.app import create_app as create_transit
from tests.cityos.client.running_hub import RunningHub, running_hub, zone
from tests.processes import free_port
from tests.services.dataset import bring_dataset
from tests.services.portal.test_ride import SERVICE, VAN
from tests.services.transit.test_app import CONTENT, at_eight
from tests.services.transit.town import EIGHT


@asynccontextmanager
async def _portal(hub: RunningHub, transit: TransitDesk | None = None) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(hub.city(), transit)
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


@asynccontextmanager
async def _transit(hub: RunningHub, port: int) -> AsyncIterator[None]:
    """The real transit service on a port."""
    app = create_transit(TransitPlan(hub.city()))
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="critical"))
    serving = asyncio.create_task(server.serve())
    async with asyncio.timeout(10):
        while not server.started:
            await asyncio.sleep(0.01)
    yield
    server.should_exit = server.force_exit = True
    await serving


async def _text_until(client: httpx.AsyncClient, says: str, path: str = "/") -> str:
    async with asyncio.timeout(20):
        while says not in (text := (await client.get(path)).text):
            await asyncio.sleep(0.1)
    return text


async def test_departures_and_rides_stand_beside_the_snow(tmp_path: Path) -> None:
    port = free_port()
    desk = TransitDesk(f"http://127.0.0.1:{port}", ["雪野駅前"])
    async with running_hub(tmp_path, at_eight) as hub, _portal(hub, desk) as client:
        await hub.put([zone("A-1"), SERVICE.to_entity(), VAN.to_entity(EIGHT)])
        await _text_until(client, JA.transit_lost)
        assert (await client.get("/health")).json()["transit"]["trouble"]
        await bring_dataset(hub, "bus", TIMETABLE, CONTENT)
        async with _transit(hub, port):
            text = await _text_until(client, "雪野駅前：これから出るバス")
            assert "桐ヶ森行き" in text
            assert "9:00" in text
            assert "雪野市デマンド交通" in text
            assert "空席7" in text
            assert "A-1" in text
            found = await _text_until(client, "市民病院：これから出るバス", "/?stop=しみんびょういん")
            assert "雪野駅前：" not in found
            text = await _text_until(client, "名前の近い「市民病院」を表示しています", "/?stop=病院")
            assert "市民病院：これから出るバス" in text
        text = await _text_until(client, "に受け取ったものです。")
        assert "桐ヶ森行き" in text


async def test_a_transit_service_that_hangs_keeps_nobody_waiting_for_long(tmp_path: Path) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        desk = TransitDesk(f"http://127.0.0.1:{silent.getsockname()[1]}", ["雪野駅前"])
        async with running_hub(tmp_path) as hub, _portal(hub, desk) as client:
            await hub.put([zone("A-1")])
            await _until(client, "ok", 1)
            begun = time.monotonic()
            pages = await asyncio.gather(*(client.get("/") for _ in range(20)))
            first = time.monotonic() - begun
            again = await client.get("/")
            second = time.monotonic() - begun - first
    assert all(page.status_code == 200 and JA.transit_lost in page.text for page in (*pages, again))
    assert first < 4, "all wait for one question"
    assert second < 1, "and the next for none"


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
