"""The service over the real hub: with it, without it, after it died, and over a restart."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from cityos.clock import Clock
from cityos.hub import Plan as HubPlan
from cityos.vocabulary.timetable import TIMETABLE, write_tables
from services.transit.app import Plan, create_app
from tests.cityos.client.running_hub import RunningHub, running_hub, without_broker
from tests.processes import free_port
from tests.services.dataset import bring_dataset
from tests.services.transit.town import EIGHT, timetable, update

CONTENT = write_tables(timetable().tables)
STATION = "urn:ngsi-ld:GtfsStation:bus:100"


def at_eight(directory: Path) -> HubPlan:
    plan = without_broker(directory)
    return HubPlan(plan.data, bus=plan.bus, clock=Clock(EIGHT, 1.0, time.time()))


@asynccontextmanager
async def _service(
    hub: RunningHub, realtime: Mapping[str, Sequence[str]] | None = None, data: Path | None = None
) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(Plan(hub.city(), realtime or {}, data))
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://transit") as client,
    ):
        yield client


async def _until(client: httpx.AsyncClient, status: str, *feeds: str) -> None:
    async with asyncio.timeout(15):
        while True:
            health = (await client.get("/health")).json()
            if health["status"] == status and set(health["timetables"]) == set(feeds):
                return
            await asyncio.sleep(0.02)


async def _departures(client: httpx.AsyncClient, stop: str = STATION, **more: str | int) -> list[dict[str, Any]]:
    answer = await client.get("/departures", params={"stop": stop, **more})
    assert answer.status_code == 200, answer.text
    boards: list[dict[str, Any]] = answer.json()["boards"]
    return boards


async def test_departures_come_from_the_hubs_timetable(tmp_path: Path) -> None:
    async with running_hub(tmp_path, at_eight) as hub, _service(hub) as client:
        version = await bring_dataset(hub, "bus", TIMETABLE, CONTENT)
        await _until(client, "ok", "bus")
        (board,) = await _departures(client, limit=2)
        (by_name,) = await _departures(client, "ゆきのえきまえ", limit=2)
        (platform,) = await _departures(client, "urn:ngsi-ld:GtfsStop:bus:100_2")
        feeds = (await client.get("/feeds")).json()["feeds"]
    first, second = board["departures"]
    assert (first["tripId"], first["scheduledTime"], first["platform"]["code"]) == ("t2", "9:00", "1")
    assert (second["scheduledTime"], second["scheduledAt"]) == ("25:30", "2026-01-16T01:30:00+09:00")
    assert first["basis"] == "scheduled"
    assert by_name["departures"][0]["tripId"] == "t2"
    assert platform["departures"] == []
    assert (feeds[0]["version"], feeds[0]["realtime"]["state"]) == (version, "notConnected")


async def test_two_feeds_with_the_same_ids_do_not_mix(tmp_path: Path) -> None:
    realtime = {"bus": ["bus-rt"], "other": ["other-rt"]}
    async with running_hub(tmp_path, at_eight) as hub, _service(hub, realtime) as client:
        for feed in ("bus", "other"):
            await bring_dataset(hub, feed, TIMETABLE, CONTENT)
        await hub.put([update(delay_s=300).to_entity("bus-rt")])
        await _until(client, "ok", "bus", "other")
        await asyncio.sleep(0.3)
        async with asyncio.timeout(10):
            while True:
                boards = await _departures(client, "雪野駅前", limit=1)
                if boards[0]["departures"][0]["basis"] == "live":
                    break
                await asyncio.sleep(0.05)
    assert [board["stop"]["id"] for board in boards] == [
        "urn:ngsi-ld:GtfsStation:bus:100",
        "urn:ngsi-ld:GtfsStation:other:100",
    ]
    live, other = (board["departures"][0] for board in boards)
    assert (live["tripId"], live["delaySeconds"]) == ("t1", 300)
    assert live["said"]["ja"].startswith("約5分遅れ")
    assert (other["tripId"], other["basis"]) == ("t2", "scheduled"), "t1 has left there by its timetable"
    states = [board["feed"]["realtime"]["state"] for board in boards]
    assert states == ["live", "unknownFeed"]


async def test_without_a_hub_it_lives_says_so_and_catches_up(tmp_path: Path) -> None:
    hub = RunningHub(tmp_path, at_eight)
    async with _service(hub) as client:
        await _until(client, "waiting")
        answer = await client.get("/departures", params={"stop": "雪野駅前"})
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "10")
        await hub.start()
        try:
            await bring_dataset(hub, "bus", TIMETABLE, CONTENT)
            await _until(client, "ok", "bus")
            assert (await _departures(client))[0]["departures"]
        finally:
            await hub.stop()
        await _until(client, "stale", "bus")
        answer = await client.get("/departures", params={"stop": STATION})
        assert answer.json()["hub"]["ja"].startswith("市のデータ基盤につながりません。")
        assert answer.json()["boards"][0]["departures"]


async def test_a_timetable_that_was_kept_is_there_without_the_hub(tmp_path: Path) -> None:
    async with running_hub(tmp_path / "hub", at_eight) as hub, _service(hub, data=tmp_path / "kept") as client:
        await bring_dataset(hub, "bus", TIMETABLE, CONTENT)
        await _until(client, "ok", "bus")
    async with _service(RunningHub(tmp_path / "none"), data=tmp_path / "kept") as client:
        await _until(client, "stale", "bus")
        answer = (await client.get("/departures", params={"stop": STATION, "at": EIGHT.isoformat()})).json()
    assert answer["clockFromHub"] is False
    assert [one["tripId"] for one in answer["boards"][0]["departures"]][:2] == ["t1", "t2"]


@pytest.mark.parametrize(
    ("path", "status", "says"),
    [
        ("/departures", 400, "stop: Field required"),
        ("/departures?stop=雪野駅前&limit=0", 400, "limit: "),
        ("/departures?stop=雪野駅前&limt=1", 400, "limt is no parameter here"),
        ("/departures?stop=雪野駅前&at=9:00", 400, "at: "),
        ("/departures?stop=雪野駅前&at=2026-01-15T09:00:00", 400, "at: "),
        ("/departures?stop=雪野駅前&hours=1e999", 400, "hours: "),
        ("/departures?stop=病院", 404, "No stop has the id or name 病院"),
        ("/stops", 400, "say part of a name"),
        ("/stops?lon=140", 400, "lon and lat belong together"),
        ("/stops?lon=nan&lat=1", 400, "lon: "),
        ("/stops?lon=140&lat=95", 400, "lat: "),
        ("/nothing", 404, "GET /nothing"),
    ],
)
async def test_what_cannot_be_answered_says_why(tmp_path: Path, path: str, status: int, says: str) -> None:
    async with running_hub(tmp_path, at_eight) as hub, _service(hub) as client:
        await bring_dataset(hub, "bus", TIMETABLE, CONTENT)
        await _until(client, "ok", "bus")
        answer = await client.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert says in answer.json()["detail"]
    if "病院" in path:
        assert [one["name"] for one in answer.json()["like"]] == ["市民病院"]


async def test_stops_by_name_and_place(tmp_path: Path) -> None:
    async with running_hub(tmp_path, at_eight) as hub, _service(hub) as client:
        await bring_dataset(hub, "bus", TIMETABLE, CONTENT)
        await _until(client, "ok", "bus")
        named = (await client.get("/stops?name=びょういん")).json()["stops"]
        near = (await client.get("/stops?lon=140.751&lat=40.82&limit=2")).json()["stops"]
        both = (await client.get("/stops?lon=140.751&lat=40.82&name=病院")).json()["stops"]
        none = (await client.get("/stops?lon=141.5&lat=40.82")).json()["stops"]
    assert [(one["id"], one["kana"]) for one in named] == [("urn:ngsi-ld:GtfsStation:bus:200", "しみんびょういん")]
    assert [(one["name"], one["metres"]) for one in near] == [("雪野駅前", 84), ("市民病院", 757)]
    assert [one["name"] for one in both] == ["市民病院"]
    assert none == []


async def test_a_timetable_that_cannot_be_read_leaves_the_last_and_says_so(tmp_path: Path) -> None:
    async with running_hub(tmp_path, at_eight) as hub, _service(hub) as client:
        await bring_dataset(hub, "bus", TIMETABLE, CONTENT)
        await _until(client, "ok", "bus")
        await bring_dataset(hub, "bus", TIMETABLE, b"no timetable")
        async with asyncio.timeout(10):
            while not (await client.get("/health")).json()["troubles"]:
                await asyncio.sleep(0.02)
        health = (await client.get("/health")).json()
        assert "content is no timetable" in health["troubles"]["bus"]
        assert (await _departures(client))[0]["departures"]


async def test_the_process_starts_without_a_hub_and_ends_at_sigterm(tmp_path: Path) -> None:
    port = free_port()
    command = [sys.executable, "-m", "services.transit", "--port", str(port), "--city-url", "http://127.0.0.1:9"]
    command += ["--data", str(tmp_path / "kept"), "--realtime", "bus=bus-rt"]
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


def test_a_pair_that_is_none_is_refused_at_the_start() -> None:
    command = [sys.executable, "-m", "services.transit", "--realtime", "bus"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    assert ended.returncode == 2
    assert "'bus' is not such as bus=bus-trip-updates,bus-vehicles" in ended.stderr
