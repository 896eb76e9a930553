"""The service over HTTP, in process: with the real hub, without it, and with a key."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path

import httpx

from cityos.client import City, Clock
from cityos.clock import Clock as CityClock
from cityos.hub import Plan as HubPlan
from cityos.vocabulary.on_demand import ON_DEMAND_VEHICLE, OnDemandVehicle
from cityos.vocabulary.road_graph import ROAD_GRAPH, write_road_graph
from services.on_demand.app import Plan, create_app
from services.on_demand.city_time import CityTime
from services.on_demand.key import driver_key
from tests.cityos.client.running_hub import RunningHub, running_hub, without_broker
from tests.services.dataset import bring_dataset
from tests.services.on_demand.streets import street_grid, whole_town
from tests.services.on_demand.town import MORNING, YUKINO

_NOWHERE = "http://127.0.0.1:9"
_KEY = "a key of the operator's"


@asynccontextmanager
async def _service(city: City, data: Path, key: str | None = None) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(Plan(city, YUKINO, data, key))
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with app.router.lifespan_context(app), httpx.AsyncClient(transport=transport, base_url="http://od") as client:
        yield client


def _morning_hub(directory: Path) -> HubPlan:
    """A hub that plays the morning of a recorded winter day."""
    plan = without_broker(directory)
    return HubPlan(plan.data, bus=plan.bus, clock=CityClock(MORNING, 1.0, time.time()))


async def _until(client: httpx.AsyncClient, status: str) -> dict[str, object]:
    async with asyncio.timeout(15):
        while True:
            health: dict[str, object] = (await client.get("/health")).json()
            if health["status"] == status:
                return health
            await asyncio.sleep(0.02)


async def _quote(client: httpx.AsyncClient, **about: object) -> httpx.Response:
    return await client.post("/rides/quotes", json={"from": "station-west", "to": "hospital", **about})


async def test_quote_confirm_board_and_alight(tmp_path: Path) -> None:
    async with running_hub(tmp_path / "hub", _morning_hub) as hub, _service(hub.city(), tmp_path / "od") as client:
        await _until(client, "ok")
        quote = (await _quote(client, party={"adults": 1, "wheelchairs": 1}, contact="090-0000-0000")).json()
        assert "vehicle" not in quote
        assert quote["pickup"]["from"].startswith("2026-01-15T09:")
        confirmed = await client.post("/rides", json={"quote_id": quote["id"]}, headers={"Idempotency-Key": "k"})
        again = await client.post("/rides", json={"quote_id": quote["id"]}, headers={"Idempotency-Key": "k"})
        ride = confirmed.json()
        assert (confirmed.status_code, again.status_code) == (201, 201)
        assert again.json()["ride"] == ride["ride"]
        assert confirmed.headers["location"] == f"/rides/{ride['ride']}"
        vehicle = next(van.id for van in YUKINO.vans.values() if van.name == ride["vehicle"])
        board, alight = (await client.get(f"/vehicles/{vehicle}/stops")).json()["stops"]
        assert (board["what"], board["contact"], alight["what"]) == ("board", "090-0000-0000", "alight")
        for number, told in ((board["n"], "arrived"), (board["n"], "boarded"), (alight["n"], "alighted")):
            answer = await client.post(f"/vehicles/{vehicle}/stops/{number}/{told}")
            assert answer.status_code == 200, answer.text
        assert (await client.get(f"/rides/{ride['ride']}")).json()["state"] == "finished"
        assert (await client.delete(f"/rides/{ride['ride']}")).json()["reason"] == "too_late_to_cancel"


async def test_refusals_are_problem_details_in_two_languages(tmp_path: Path) -> None:
    async with _service(City(_NOWHERE), tmp_path) as client:
        answer = await _quote(client, to={"lon": 141.0, "lat": 40.8})
        told = answer.json()
        assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
        assert (told["reason"], told["status"]) == ("outside_area", 422)
        assert told["ja"] == "運行区域の外です。区域内の場所を選んでください"
        bodies: list[object] = [
            [], {"from": 1, "to": "x"}, {"from": "a", "to": "b", "party": {"adults": -1}}, {"form": "a"},
            {"from": "a", "to": "b", "depart_after": "9:00"}, {"from": {"lon": 1e999, "lat": 0}, "to": "b"},
            {"from": "a", "to": "b", "depart_after": "2026-01-15T09:00:00"},
            {"from": "a", "to": "b", "party": {"adults": 0}}, {"from": "a", "to": "b", "party": {"adults": True}},
            {"from": "a", "to": "b", "contact": "x" * 101},
        ]  # fmt: skip
        for body in bodies:
            content = str(body).replace("'", '"').replace("inf", "1e999").replace("True", "true")
            answer = await client.post("/rides/quotes", content=content)
            assert (answer.status_code, answer.json()["reason"]) == (400, "unreadable"), body
        endless = await client.post("/rides/quotes", content=b"[" * 1_000_000)
        assert endless.json()["detail"] == "the body is longer than 10000 bytes"
        unknown = [await client.get("/rides/none"), await client.get("/nothing"), await client.get("/vehicles/x/stops")]
        assert [one.status_code for one in unknown] == [404, 404, 404]
        assert (await client.post("/vehicles/van-1/stops/first/arrived")).status_code == 404
        assert (await client.post("/rides", json={"quote_id": "none"})).status_code == 404


async def test_drivers_need_a_key_and_a_drivers_key_opens_one_vehicle(tmp_path: Path) -> None:
    async with _service(City(_NOWHERE), tmp_path, _KEY) as client:
        paths = ("/vehicles/van-1/stops", "/vehicles/van-2/stops")
        keys = (None, "wrong", driver_key(_KEY, "van-1"), _KEY)
        headers = [{} if key is None else {"X-API-Key": key} for key in keys]
        statuses = [[(await client.get(path, headers=one)).status_code for path in paths] for one in headers]
        told = await client.post("/vehicles/van-1/stops/2/boarded")
    assert statuses == [[401, 401], [401, 401], [200, 401], [200, 200]]
    assert told.status_code == 401


async def test_meeting_points_are_public(tmp_path: Path) -> None:
    async with _service(City(_NOWHERE), tmp_path) as client:
        answer = await client.get("/meeting-points")
    assert len(answer.json()["meeting_points"]) == 20
    assert answer.json()["meeting_points"][0]["name"] == "雪野駅東口"


async def test_without_a_hub_it_serves_and_says_so_and_catches_up(tmp_path: Path) -> None:
    hub = RunningHub(tmp_path / "hub", _morning_hub)
    async with _service(hub.city(), tmp_path / "od") as client:
        health = await _until(client, "alone")
        assert health["clock"]["from_hub"] is False  # type: ignore[index]
        now = str(health["clock"]["now"])  # type: ignore[index]
        assert (await _quote(client, depart_after=_noon_after(now))).status_code == 201
        await hub.start()
        try:
            health = await _until(client, "ok")
            assert health["clock"]["now"].startswith("2026-01-15T00:")  # type: ignore[index]
            assert {one.local_id for one in await _published(hub)} == set(YUKINO.vans)
        finally:
            await hub.stop()
        await _until(client, "alone")
        assert (await _quote(client)).status_code == 201


def _noon_after(now: str) -> str:
    local = datetime.fromisoformat(now).astimezone(YUKINO.zone) + timedelta(days=1)
    return local.replace(hour=12).isoformat()


async def _published(hub: RunningHub) -> list[OnDemandVehicle]:
    async with hub.city() as city:
        return [OnDemandVehicle.from_entity(entity) async for entity in city.entities(ON_DEMAND_VEHICLE)]


async def test_what_drivers_tell_reaches_the_city(tmp_path: Path) -> None:
    async with running_hub(tmp_path / "hub", _morning_hub) as hub, _service(hub.city(), tmp_path / "od") as client:
        await _until(client, "ok")
        quote = (await _quote(client, party={"adults": 3}, contact="secret@example.jp")).json()
        ride = (await client.post("/rides", json={"quote_id": quote["id"]})).json()
        vehicle = next(van.id for van in YUKINO.vans.values() if van.name == ride["vehicle"])
        board = (await client.get(f"/vehicles/{vehicle}/stops")).json()["stops"][0]["n"]
        await client.post(f"/vehicles/{vehicle}/stops/{board}/boarded")
        async with asyncio.timeout(10):
            while not [one for one in await _published(hub) if one.free_seats == 5 and one.local_id == vehicle]:
                await asyncio.sleep(0.02)
        async with httpx.AsyncClient(base_url=hub.url) as http:
            told = (await http.get("/changes", params={"after": 0})).text
    assert "example.jp" not in told
    assert ride["ride"] not in told
    assert quote["id"] not in told


def test_the_hubs_clock_is_remembered_over_a_restart() -> None:
    told = Clock(MORNING, 60.0, 1_000_000.0)
    text = CityTime(lambda: told, None).to_remember()
    alone = CityTime(Clock, text)
    assert alone.clock() == told
    assert CityTime(lambda: told, text).to_remember() is None
    assert CityTime(Clock, None).to_remember() is None


def test_it_refuses_to_be_reached_from_outside_without_a_key(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "services.on_demand", "--host", "0.0.0.0", "--data", str(tmp_path)]
    environment = {name: value for name, value in os.environ.items() if name != "CITYOS_API_KEY"}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30, check=False)
    assert ended.returncode == 2
    assert "CITYOS_API_KEY" in ended.stderr


async def _until_roads(client: httpx.AsyncClient, source: str) -> dict[str, object]:
    async with asyncio.timeout(15):
        while True:
            roads: dict[str, object] = (await client.get("/health")).json()["roads"]
            if roads["source"] == source:
                return roads
            await asyncio.sleep(0.02)


async def _minutes(client: httpx.AsyncClient) -> float:
    """How long a ride across the town is expected to take, at noon of another day."""
    now = (await client.get("/health")).json()["clock"]["now"]
    wish = {"from": "gakuen-south", "to": "higashi-park", "depart_after": _noon_after(now)}
    quote = (await client.post("/rides/quotes", json=wish)).json()
    begins, ends = (datetime.fromisoformat(told) for told in (quote["pickup"]["from"], quote["drop_off_by"]))
    return (ends - begins).total_seconds() / 60


async def test_driving_times_are_those_of_the_hubs_road_graph_and_of_the_last_one_kept(tmp_path: Path) -> None:
    content = write_road_graph(whole_town())
    async with running_hub(tmp_path / "hub", _morning_hub) as hub, _service(hub.city(), tmp_path / "od") as client:
        assert (await _until_roads(client, "estimate"))["version"] is None
        await _until(client, "ok")
        estimated = await _minutes(client)
        version = await bring_dataset(hub, "roads", ROAD_GRAPH, content)
        assert (await _until_roads(client, "hub"))["version"] == version
        async with asyncio.timeout(10):
            while (by_road := await _minutes(client)) == estimated:
                await asyncio.sleep(0.05)
        await hub.stop()
        assert (await _until_roads(client, "kept"))["version"] == version
    async with _service(City(_NOWHERE), tmp_path / "od") as client:
        told = await _until_roads(client, "kept")
        assert told["version"] == version
        assert "最後に受け取った道路網" in str(told["ja"])
        assert await _minutes(client) == by_road
    assert by_road != estimated


async def test_another_citys_road_graph_is_not_taken(tmp_path: Path) -> None:
    async with running_hub(tmp_path / "hub", _morning_hub) as hub, _service(hub.city(), tmp_path / "od") as client:
        await bring_dataset(hub, "roads", ROAD_GRAPH, write_road_graph(street_grid(9, 139.7, 35.6)))
        async with asyncio.timeout(10):
            while (roads := (await client.get("/health")).json()["roads"])["trouble"] is None:
                await asyncio.sleep(0.02)
    assert roads["source"] == "estimate"
    assert "does not reach meeting point" in roads["trouble"]


async def test_outside_hours_the_refusal_says_when_vehicles_run_again(tmp_path: Path) -> None:
    async with running_hub(tmp_path / "hub", _morning_hub) as hub, _service(hub.city(), tmp_path / "od") as client:
        await _until(client, "ok")
        told = (await _quote(client, depart_after="2026-01-15T23:50:00+09:00")).json()
        assert (told["reason"], told["next_service_at"]) == ("outside_hours", "2026-01-16T06:30:00+09:00")
        assert told["ja"] == "運行時間の外です。次の運行は1月16日 6時30分からです"
        now = (await _quote(client, depart_after="next_service")).json()
        assert now["pickup"]["from"].startswith("2026-01-15T09:")
        both = await _quote(client, depart_after="next_service", arrive_by="2026-01-15T12:00:00+09:00")
        assert both.json()["detail"] == "depart_after and arrive_by cannot both be kept; give one"
