"""Each service's OpenAPI document says what its routes are: paths, methods, parameters, bodies, status codes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import httpx
from fastapi import FastAPI

from cityos.client import City
from cityos.vocabulary.timetable import TIMETABLE
from services import on_demand, portal, sample_city, snow_info, transit
from services.on_demand.app import Plan as OnDemandPlan
from services.on_demand.app import create_app as create_on_demand
from services.portal.app import create_app as create_portal
from services.portal.transit import TransitDesk
from services.sample_city.app import create_app as create_sample_city
from services.sample_city.clock import JST, Clock
from services.sample_city.source import list_sources
from services.snow_info.app import create_app as create_snow_info
from services.transit.app import Plan as TransitPlan
from services.transit.app import create_app as create_transit
from tests.cityos.client.running_hub import RunningHub, running_hub, zone
from tests.services.dataset import bring_dataset
from tests.services.on_demand.test_app import _morning_hub as morning_hub
from tests.services.on_demand.town import YUKINO
from tests.services.openapi import Recorder, declared_statuses, differences, operations_of
from tests.services.transit.test_app import CONTENT, at_eight

NOWHERE = "http://127.0.0.1:9"
KEY = "a key of the operator's"


@asynccontextmanager
async def asked(app: FastAPI, recorder: Recorder) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an application that lives, through a recorder."""
    transport = httpx.ASGITransport(recorder, raise_app_exceptions=False)
    async with app.router.lifespan_context(app), httpx.AsyncClient(transport=transport, base_url="http://s") as client:
        yield client


async def until_ok(client: httpx.AsyncClient) -> None:
    async with asyncio.timeout(15):
        while (await client.get("/health")).json()["status"] != "ok":
            await asyncio.sleep(0.02)


async def get_all(client: httpx.AsyncClient, paths: Sequence[str]) -> None:
    for path in paths:
        await client.get(path)


async def test_snow_info(tmp_path: Path) -> None:
    app = create_snow_info(City(NOWHERE))
    recorder = Recorder(app)
    paths = ["/", "/zones", "/zones.geojson", f"/zones/{quote(zone('A').id)}", "/zones/none", "/health"]
    async with asked(app, recorder) as client:
        await get_all(client, paths)
    async with running_hub(tmp_path) as hub:
        await hub.put([zone("A")])
        living = create_snow_info(hub.city())
        second = Recorder(living)
        second.seen = recorder.seen
        async with asked(living, second) as client:
            await until_ok(client)
            await get_all(client, paths)
    assert differences(living, second, snow_info) == []


async def test_a_service_names_its_routes_and_loads_nothing_from_elsewhere(tmp_path: Path) -> None:
    """A city hall's closed network has no server but its own: FastAPI's /docs would be blank there."""
    on_demand_plan = OnDemandPlan(City(NOWHERE), YUKINO, tmp_path, KEY)
    apps = [
        create_snow_info(City(NOWHERE)),
        create_transit(TransitPlan(City(NOWHERE))),
        create_on_demand(on_demand_plan),
    ]
    for app in apps:
        async with asked(app, Recorder(app)) as client:
            told = (await client.get("/")).json()
            routes = (await client.get(told["openapi"])).json()["paths"]
            assert (await client.get("/docs")).status_code == 404
        assert {name.split(" ", 1)[1] for name in told["routes"]} == routes.keys()


async def test_portal(tmp_path: Path) -> None:
    async with running_hub(tmp_path) as hub:
        app = create_portal(hub.city(), TransitDesk(NOWHERE, []))
        recorder = Recorder(app)
        async with asked(app, recorder) as client:
            early = await client.get("/")
            await until_ok(client)
            await get_all(client, ["/?lang=en&q=A&stop=x", "/health"])
    assert early.status_code == 503
    assert differences(app, recorder, portal) == []


async def test_transit(tmp_path: Path) -> None:
    hub = RunningHub(tmp_path, at_eight)
    app = create_transit(TransitPlan(hub.city()))
    recorder = Recorder(app)
    every = ["/stops?name=駅&lon=140.7&lat=40.8&within=9000&limit=3", "/feeds"]
    every += ["/departures?stop=雪野駅前&limit=1&hours=2&at=2026-01-15T09:00:00%2B09:00"]
    async with asked(app, recorder) as client:
        await get_all(client, every)
        await hub.start()
        try:
            await bring_dataset(hub, "bus", TIMETABLE, CONTENT)
            await until_ok(client)
            await get_all(client, [*every, "/", "/stops", "/departures?stop=nowhere", "/departures"])
        finally:
            await hub.stop()
    assert differences(app, recorder, transit) == []


async def test_on_demand(tmp_path: Path) -> None:
    async with running_hub(tmp_path / "hub", morning_hub) as hub:
        app = create_on_demand(OnDemandPlan(hub.city(), YUKINO, tmp_path / "od", KEY))
        recorder = Recorder(app)
        async with asked(app, recorder) as client:
            async with asyncio.timeout(15):
                while not (await client.get("/health")).json()["clock"]["from_hub"]:
                    await asyncio.sleep(0.02)
            await _ride(client)
    assert differences(app, recorder, on_demand) == []


async def _ride(client: httpx.AsyncClient) -> None:
    """Rides that are quoted, refused, booked, cancelled and driven."""
    wish = {"from": "station-west", "to": "hospital"}
    quotes = [(await client.post("/rides/quotes", json=wish)).json() for _ in range(2)]
    soon = datetime.fromisoformat(quotes[0]["pickup"]["from"]) + timedelta(minutes=1)
    refused = [{**wish, "arrive_by": soon.isoformat()}, {**wish, "to": "nowhere"}, {**wish, "too": "x"}]
    for body in refused:
        await client.post("/rides/quotes", json=body)
    headers = {"Idempotency-Key": "k"}
    ride = (await client.post("/rides", json={"quote_id": quotes[0]["id"]}, headers=headers)).json()["ride"]
    await client.post("/rides", json={"quote_id": quotes[1]["id"]}, headers=headers)  # 422: the key is another's
    for body in ({"quote_id": quotes[0]["id"]}, {"quote_id": "none"}, {}):
        await client.post("/rides", json=body)
    await get_all(client, [f"/rides/{ride}", "/rides/none", "/meeting-points", "/health", "/"])
    await _drive(client, ride)
    other = (await client.post("/rides", json={"quote_id": quotes[1]["id"]})).json()["ride"]
    for token in (other, ride, "none"):
        await client.delete(f"/rides/{token}")


async def _drive(client: httpx.AsyncClient, ride: str) -> None:
    key = {"X-API-Key": KEY}
    name = (await client.get(f"/rides/{ride}")).json()["vehicle"]
    stops = f"/vehicles/{next(van.id for van in YUKINO.vans.values() if van.name == name)}/stops"
    await client.get(stops)
    await client.get("/vehicles/none/stops", headers=key)
    board, alight = (await client.get(stops, headers=key)).json()["stops"]
    await client.post(f"{stops}/{board['n']}/boarded")
    for told in (f"{alight['n']}/alighted", "999/boarded", f"{board['n']}/boarded", f"{alight['n']}/alighted"):
        await client.post(f"{stops}/{told}", headers=key)


async def test_sample_city() -> None:
    """Its files all have the same answers; that every one of them fails is not to be waited for."""
    noon = datetime(2026, 1, 15, 12, tzinfo=JST)
    recorders = []
    for hours in range(-7, 17):
        app = create_sample_city(1, Clock(noon + timedelta(hours=hours), 0.0, 1.0), real_now=lambda: 0.0)
        recorders.append(Recorder(app))
        await _read_everything(app, recorders[-1], is_first=hours == -7)
    operations = operations_of(app)
    seen: dict[tuple[str, str], set[int]] = {operation: set() for operation in operations}
    for recorder in recorders:
        for operation, one in recorder.seen.items():
            seen[operation] |= one.statuses
    files = {source.path for source in list_sources(1, calm=False)}
    for operation, told in operations.items():
        if operation[1] in files:
            assert seen[operation] <= declared_statuses(told), operation
        else:
            assert seen[operation] == declared_statuses(told), operation
    over_all = set().union(*(statuses for (_, path), statuses in seen.items() if path in files))
    assert over_all == {200, 304, 503}
    known = recorders[0]
    known.seen = {operation: one for operation, one in known.seen.items() if operation[1] not in files}
    rest = [text for text in differences(app, known, sample_city) if not any(f"'{path}'" in text for path in files)]
    assert rest == []


async def _read_everything(app: FastAPI, recorder: Recorder, *, is_first: bool) -> None:
    async with asked(app, recorder) as client:
        for source in list_sources(1, calm=False):
            given = await client.head(source.path)
            if is_first:
                await client.get(source.path, headers=_conditions(given))
        if is_first:
            await get_all(client, ["/", "/health", "/mischief?on=2026-01-15", "/mischief?on=x"])
            for stamp in ("20260115045000", "x"):
                for method in ("GET", "HEAD"):
                    path = f"/amedas/data/map/{stamp}.json"
                    given = await client.request(method, path)
                    await client.request(method, path, headers=_conditions(given))


def _conditions(given: httpx.Response) -> dict[str, str]:
    return {
        "If-None-Match": given.headers.get("etag", "x"),
        "If-Modified-Since": given.headers.get("last-modified", "x"),
    }
