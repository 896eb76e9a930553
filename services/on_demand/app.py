"""The edge: routes that read, ask the desk in its own thread, and answer."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from zoneinfo import ZoneInfo

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from cityos.client import City, Mirror, format_instant
from cityos.vocabulary.context import iri
from cityos.vocabulary.dataset import DATASET
from cityos.vocabulary.on_demand import OnDemandVehicle
from cityos.vocabulary.snow import SNOW_REMOVAL_ZONE
from services.on_demand import asking, key
from services.on_demand.booking import Desk
from services.on_demand.city_time import CityTime
from services.on_demand.config import Area
from services.on_demand.describing import CONFIRMATION, DRIVER_KEY, IDEMPOTENCY_KEY, WISH, problems, reads, takes
from services.on_demand.driving import Told
from services.on_demand.public_vehicle import public_service, public_vehicle
from services.on_demand.publishing import Publisher
from services.on_demand.refusal import Reason, Refused
from services.on_demand.ride import Booking
from services.on_demand.road_source import RoadSource
from services.on_demand.roads import slowness_of
from services.on_demand.store import Store, StoreError
from services.on_demand.telling import Teller, listed, problem

log = logging.getLogger(__name__)

T = TypeVar("T")
_NO_CACHE = {"Cache-Control": "no-store"}
_CHORES_S = 60.0  # what is to be forgotten, the clock
_ROADS_S = 1.0


@dataclass(frozen=True, slots=True)
class Plan:
    """What a service is made of. `key` opens what drivers do; None opens it to all, for loopback only."""

    city: City
    area: Area
    data: Path
    key: str | None = None


class Service:
    """The parts of the running service. The desk and its store live in one thread, which is what makes them safe."""

    def __init__(self, plan: Plan) -> None:
        self.plan, self.teller = plan, Teller(plan.area)
        self.mirror = Mirror(plan.city, (SNOW_REMOVAL_ZONE, DATASET))
        self._thread = ThreadPoolExecutor(1, "desk")
        self._store = self._thread.submit(Store, plan.data).result()
        try:
            self.time = CityTime(lambda: self.mirror.clock, self._thread.submit(self._store.recall, "clock").result())
            self.roads = RoadSource(plan.city, self.mirror, plan.area, plan.data)
            self._times = self.roads.current()
            self.desk = self._thread.submit(self._open_desk).result()
        except Exception:
            self.close()
            raise
        self.publisher = Publisher(plan.city, self._look, public_service(plan.area))

    def _open_desk(self) -> Desk:
        return Desk(self.plan.area, self._store, self._drive_times(), self.time.now)

    def _drive_times(self) -> list[list[float]]:
        return self._times.matrix(self.plan.area.positions, self.time.clock().now())

    async def ask(self, work: Callable[..., T], *about: object) -> T:
        """Lets the desk do something, after all that was asked before."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, *about)

    async def change(self, work: Callable[..., T], *about: object) -> T:
        """As `ask`, for what the public may see of vehicles afterwards."""
        done = await self.ask(work, *about)
        self.publisher.nudge()
        return done

    async def run(self) -> None:
        """Publishes, watches the roads and does the chores until cancelled."""
        try:
            async with self.plan.city, self.mirror, self.roads.datasets, asyncio.TaskGroup() as tasks:
                tasks.create_task(self.publisher.run())
                tasks.create_task(self._do_chores())
                tasks.create_task(self._watch_roads())
        except Exception:
            # Booking goes on, but nobody may take what has stopped for alive.
            log.exception("publishing and chores have stopped")
            self.publisher.trouble = "publishing has stopped; see the log"
            raise

    async def _watch_roads(self) -> None:
        """New quotes follow the snow within seconds. Searches take their time beside the desk, not in it."""
        while True:
            times = await asyncio.to_thread(self.roads.current)
            is_other, self._times = times is not self._times, times
            if times.change(self._slowness()) or is_other:
                await self.change(self.desk.take_roads, await asyncio.to_thread(self._drive_times))
            await asyncio.sleep(_ROADS_S)

    def _slowness(self) -> dict[str, float]:
        zone = iri(SNOW_REMOVAL_ZONE)
        return slowness_of(one for one in self.mirror.entities.values() if zone in one.types)

    async def _do_chores(self) -> None:
        while True:
            try:
                await self.ask(self._chores)
            except StoreError:
                log.exception("what should be tidied up could not be")
            await asyncio.sleep(_CHORES_S / max(1.0, self.time.clock().speed))

    def _chores(self) -> None:
        self._remember_clock()
        self.desk.tidy()

    def confirm(self, quote_id: str, key_given: str | None) -> Booking:
        """Confirms a quote; the clock its instants were told by is on disk before it. For the desk's thread."""
        self._remember_clock()
        return self.desk.confirm(quote_id, key_given)

    def _remember_clock(self) -> None:
        clock = self.time.to_remember()
        if clock is not None:
            self._store.remember("clock", clock)

    async def _look(self) -> list[OnDemandVehicle]:
        area = self.plan.area
        return [public_vehicle(seen, area.vans, area.points) for seen in await self.ask(self.desk.seen)]

    def close(self) -> None:
        """Ends the thread and lets the database go."""
        self._thread.submit(self._store.close).result()
        self._thread.shutdown()


def create_app(plan: Plan) -> FastAPI:
    """The service. Starts whether or not the hub is there. Raises StoreError, ConfigError, OSError."""
    service = Service(plan)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncGenerator[None]:
        running = asyncio.create_task(service.run())
        try:
            yield
        finally:
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running
            service.close()

    app = FastAPI(
        title="オンデマンド交通 (on-demand transit)", version="1", lifespan=lifespan, docs_url=None, redoc_url=None
    )
    _add_welcome(app)
    _add_rider_routes(app, service)
    _add_driver_routes(app, service)
    _add_public_routes(app, service)
    _add_errors(app, plan.area.zone)
    return app


def _add_welcome(app: FastAPI) -> None:
    """In place of FastAPI's /docs, whose script lies on another server, which a closed network does not have."""

    @app.get("/", summary="Where to begin: the names of all routes")
    async def welcome(request: Request) -> Response:
        paths = app.openapi()["paths"]
        routes = [f"{method.upper()} {path}" for path, methods in paths.items() for method in methods]
        openapi = f"{str(request.base_url).rstrip('/')}/openapi.json"
        return JSONResponse({"name": app.title, "routes": routes, "openapi": openapi}, headers=_NO_CACHE)


def _add_rider_routes(app: FastAPI, service: Service) -> None:
    desk, teller = service.desk, service.teller

    @app.post(
        "/rides/quotes",
        summary="What can be offered: pick-up window, latest drop-off, walking, fare",
        status_code=201,
        responses=problems(400, 409, 422),
        openapi_extra=reads(WISH),
    )
    async def quote(request: Request) -> Response:
        wish = asking.read_wish(asking.read_object(await _body_of(request)))
        return _answer(teller.quote(await service.ask(desk.quote, wish)), 201)

    @app.post(
        "/rides",
        summary="Confirms a quote; the same Idempotency-Key answers with the same ride",
        status_code=201,
        responses=problems(400, 404, 409, 422),
        openapi_extra=reads(CONFIRMATION, IDEMPOTENCY_KEY),
    )
    async def confirm(request: Request) -> Response:
        quote_id = asking.read_quote_id(asking.read_object(await _body_of(request)))
        key_given = asking.read_key(request.headers.get("idempotency-key"))
        booking = await service.change(service.confirm, quote_id, key_given)
        headers = {"Location": f"/rides/{booking.token}"}
        return _answer(teller.ride(await service.ask(desk.ride, booking.token)), 201, headers)

    @app.get("/rides/{token}", summary="A ride as it is planned now", responses=problems(404))
    async def show(token: str) -> Response:
        return _answer(teller.ride(await service.ask(desk.ride, token)))

    @app.delete("/rides/{token}", summary="Cancels a ride", responses=problems(404, 409))
    async def cancel(token: str) -> Response:
        return _answer(teller.ride(await service.change(desk.cancel, token)))


def _add_driver_routes(app: FastAPI, service: Service) -> None:
    desk, teller = service.desk, service.teller

    def check_key(request: Request, vehicle: str) -> None:
        if not key.opens(service.plan.key, request.headers.get("x-api-key"), vehicle):
            raise Refused(Reason.KEY_REQUIRED)

    @app.get(
        "/vehicles/{vehicle}/stops",
        summary="What the driver has to do, in order (key required)",
        responses=problems(401, 404),
        openapi_extra=takes(DRIVER_KEY),
    )
    async def list_stops(request: Request, vehicle: str) -> Response:
        check_key(request, vehicle)
        return _answer(listed("stops", map(teller.stop, await service.ask(desk.stops, vehicle))))

    @app.post(
        "/vehicles/{vehicle}/stops/{number}/{told}",
        summary="Tells arrived, boarded, no_show or alighted",
        responses=problems(401, 404, 409),
        openapi_extra=takes(DRIVER_KEY),
    )
    async def tell(request: Request, vehicle: str, number: int, told: Told) -> Response:
        check_key(request, vehicle)
        booking = await service.change(desk.tell, vehicle, number, told)
        return _answer({"n": number, "told": told.value, "state": booking.state.value})


def _add_public_routes(app: FastAPI, service: Service) -> None:
    @app.get("/meeting-points", summary="乗降場所: where vehicles stop")
    async def list_points() -> Response:
        return JSONResponse(service.teller.points(), headers={"Cache-Control": "public, max-age=300"})

    @app.get("/health", summary="Whether the service lives, and whether the city hears of it")
    async def show_health() -> Response:
        counts = await service.ask(service.desk.counts)
        clock, publisher = service.time.clock(), service.publisher
        hub = {"reachable": service.mirror.trouble is None, "trouble": service.mirror.trouble}
        told = {"published": publisher.trouble is None, "trouble": publisher.trouble}
        now = {
            "now": format_instant(clock.now()),
            "speed": clock.speed,
            "from_hub": service.mirror.clock.at is not None,
        }
        status = "ok" if service.mirror.trouble is None and publisher.trouble is None else "alone"
        roads = service.roads.to_json()
        return _answer({"status": status, "hub": hub, "publishing": told, "clock": now, "roads": roads, **counts})


def _add_errors(app: FastAPI, zone: ZoneInfo) -> None:
    @app.exception_handler(Refused)
    async def refuse(_: Request, error: Exception) -> Response:
        assert isinstance(error, Refused)
        status, told = problem(error, zone)
        return JSONResponse(told, status, _NO_CACHE, "application/problem+json")

    @app.exception_handler(StoreError)
    async def say_later(_: Request, error: Exception) -> Response:
        told = {
            "type": "about:blank",
            "title": "The booking desk is not available",
            "status": 503,
            "detail": str(error),
        }
        return JSONResponse(told, 503, {**_NO_CACHE, "Retry-After": "5"}, "application/problem+json")

    @app.exception_handler(RequestValidationError)
    async def say_unknown(request: Request, _: Exception) -> Response:
        return await refuse(request, Refused(Reason.NOT_FOUND, f"{request.url.path} is no address of this service"))

    @app.exception_handler(HTTPException)
    async def say_http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return _problem(error.status_code, error.detail, f"{request.method} {request.url.path}", error.headers or {})


async def _body_of(request: Request) -> bytes:
    """The body, read no further than it takes to see that it is too long."""
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > asking.LONGEST_BODY:
            break
    return body


def _problem(status: int, title: str, detail: str, headers: Mapping[str, str]) -> Response:
    told = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    return JSONResponse(told, status, {**_NO_CACHE, **headers}, "application/problem+json")


def _answer(told: Mapping[str, object], status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return JSONResponse(told, status, {**_NO_CACHE, **(headers or {})})
