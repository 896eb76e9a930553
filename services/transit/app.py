"""The edge: routes over a mirror of the city and its timetables."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import AwareDatetime
from starlette.exceptions import HTTPException

from cityos.client import City, DatasetMirror, Held, Mirror, Shelf, contact_of
from cityos.vocabulary.alert import SERVICE_ALERT
from cityos.vocabulary.dataset import DATASET
from cityos.vocabulary.timetable import TIMETABLE
from cityos.vocabulary.vehicle import TRIP_UPDATE, VEHICLE
from services.transit.answer import Json, board_to_json, feed_to_json, stop_to_json
from services.transit.board import Asked, board_of
from services.transit.network import Feed, Loaded, Network, stops_of
from services.transit.stop import Place, nearest
from services.transit.words import NOTE

_CACHE = {"Cache-Control": "public, max-age=10"}
_NO_CACHE = {"Cache-Control": "no-store"}
_PROBLEM = "application/problem+json"
_MANY_STOPS = 5  # of one name: one in each of as many feeds
_EVERYWHERE_M = 50_000.0


class NothingKnown(Exception):
    """No timetable has arrived from the hub yet. An empty list would say that there are no stops."""


class Unknown(Exception):
    """There is no such stop. `like` are some with a similar name."""

    def __init__(self, asked: str, like: Sequence[Place]) -> None:
        super().__init__(f"No stop has the id or name {asked}; search with GET /stops?name=")
        self.like = like


class Unreadable(ValueError):
    """What was asked does not have the right form; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What the service is made of. `realtime`: timetable feed -> realtime feeds; `data`: where timetables are kept."""

    city: City
    realtime: Mapping[str, Sequence[str]] = field(default_factory=dict)
    data: Path | None = None


class Service:
    """The parts of the running service."""

    def __init__(self, plan: Plan) -> None:
        self.mirror = Mirror(plan.city, (DATASET, TRIP_UPDATE, VEHICLE, SERVICE_ALERT))
        shelf = None if plan.data is None else Shelf(plan.data / "timetables")
        self.timetables = DatasetMirror(plan.city, self.mirror, TIMETABLE, Loaded.read, shelf)
        self.network = Network(plan.realtime)

    def now(self) -> datetime:
        """The city's time."""
        return self.mirror.clock.now()

    def known(self) -> list[Held[Loaded]]:
        """All timetables, by feed. Raises NothingKnown."""
        held = self.timetables.held
        if not held:
            why = self.mirror.trouble or next(iter(self.timetables.troubles.values()), "the hub has no timetable yet")
            raise NothingKnown(f"No timetable has been received from the hub: {why}")
        return [held[name] for name in sorted(held)]

    def feed(self, held: Held[Loaded], now: datetime) -> Feed:
        """A timetable with what is told of its buses now."""
        return self.network.feed(held, self.mirror.entities, self.mirror.feeds, now)

    def find(self, asked: str) -> list[tuple[Place, Held[Loaded]]]:
        """The place of an id, or the stops of a name, one for each feed that has it. Raises Unknown, NothingKnown."""
        known = self.known()
        found = [(place, held) for held in known if (place := held.content.index.find(asked)) is not None]
        found = found or [(place, held) for held in known for place in held.content.index.named(asked)]
        if not found:
            raise Unknown(asked, self.search(asked, 5))
        return found[:_MANY_STOPS]

    def search(self, text: str, count: int) -> list[Place]:
        """Stops whose name, reading or English name contains a text, best first."""
        found = [one for held in self.known() for one in held.content.index.search(text)]
        return [stop for _, stop in sorted(found, key=lambda one: (one[0], len(one[1].name), one[1].id))[:count]]


def create_app(plan: Plan) -> FastAPI:
    """The service over one city, which it closes at the end. Starts whether or not the hub is there."""
    service = Service(plan)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncGenerator[None]:
        async with plan.city, service.mirror, service.timetables:
            yield

    app = FastAPI(
        title="バスの案内 (public transport)",
        version="1",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        dependencies=[Depends(_refuse_unknown)],
    )
    _add_welcome(app)
    _add_stop_routes(app, service)
    _add_feed_routes(app, service)
    _add_errors(app)
    return app


def _add_welcome(app: FastAPI) -> None:
    """In place of FastAPI's /docs, whose script lies on another server, which a closed network does not have."""

    @app.get("/", summary="Where to begin: the names of all routes")
    async def welcome(request: Request) -> Response:
        paths = app.openapi()["paths"]
        routes = [f"{method.upper()} {path}" for path, methods in paths.items() for method in methods]
        openapi = f"{str(request.base_url).rstrip('/')}/openapi.json"
        return JSONResponse({"name": app.title, "routes": routes, "openapi": openapi}, headers=_NO_CACHE)


def _answers(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The problems a route can answer with, for its description."""
    said = {
        400: "A parameter is missing or not readable",
        404: "There is no such stop",
        503: "No timetable is known yet",
    }
    schema = {"type": "object", "properties": {name: {} for name in ("type", "title", "status", "detail")}}
    content = {_PROBLEM: {"schema": schema}}
    told: dict[int | str, dict[str, Any]] = {
        status: {"description": said[status], "content": content} for status in statuses
    }
    return {**told, "default": {"description": "Any other problem (RFC 9457)", "content": content}}


Name = Annotated[str, Query(description="part of a name, in kanji, kana or English", max_length=100)]
Lon = Annotated[float | None, Query(description="WGS 84 degrees; give lon and lat together", ge=-180, le=180)]
Lat = Annotated[float | None, Query(description="WGS 84 degrees", ge=-90, le=90)]
Within = Annotated[float, Query(description="with lon and lat: no further than so many metres", gt=0, le=_EVERYWHERE_M)]
Count = Annotated[int, Query(description="at most so many", ge=1, le=100)]
Stop = Annotated[str, Query(description="a stop's or platform's id, or the whole name of a stop", max_length=300)]
At = Annotated[AwareDatetime | None, Query(description="from this instant on; now if not said")]
Hours = Annotated[float, Query(description="for so many hours ahead", gt=0, le=168)]


def _add_stop_routes(app: FastAPI, service: Service) -> None:
    @app.get("/stops", summary="Stops by part of a name, or the nearest to a place", responses=_answers(400, 503))
    async def list_stops(
        name: Name = "", lon: Lon = None, lat: Lat = None, within: Within = _EVERYWHERE_M, limit: Count = 10
    ) -> Response:
        if (lon is None) != (lat is None):
            raise Unreadable("lon and lat belong together: give both, or neither")
        if lon is not None and lat is not None:
            stops = [one for one in stops_of(service.known()) if not name or one in service.search(name, 1000)]
            found = [stop_to_json(stop, metres) for metres, stop in nearest(stops, lon, lat, limit, within)]
        elif name:
            found = [stop_to_json(stop) for stop in service.search(name, limit)]
        else:
            raise Unreadable("say part of a name (name=), or a place (lon= and lat=)")
        return JSONResponse({**_about(service), "stops": found}, headers=_CACHE)

    @app.get("/departures", summary="The next departures of a stop or platform", responses=_answers(400, 404, 503))
    async def list_departures(stop: Stop, at: At = None, hours: Hours = 24, limit: Count = 10) -> Response:
        now = service.now()
        asked = Asked(at or now, limit, timedelta(hours=hours))
        boards = [_board(service, place, held, asked, now) for place, held in service.find(stop)]
        told = {**_about(service), "note": NOTE, "boards": boards}
        return JSONResponse(told, headers=_CACHE)


def _board(service: Service, place: Place, held: Held[Loaded], asked: Asked, now: datetime) -> Json:
    feed = service.feed(held, now)
    board = board_of(place, feed.loaded.timetable, feed.picture, feed.alerts, asked, now)
    return board_to_json(place, feed, board, asked, now)


def _add_feed_routes(app: FastAPI, service: Service) -> None:
    @app.get("/feeds", summary="Every timetable: whose it is, how fresh, for which days", responses=_answers(503))
    async def list_feeds() -> Response:
        now = service.now()
        feeds = [feed_to_json(service.feed(held, now), now) for held in service.known()]
        return JSONResponse({**_about(service), "feeds": feeds}, headers=_CACHE)

    @app.get(
        "/health", summary="Whether the service lives, and whether what it tells is up to date", responses=_answers()
    )
    async def show_health() -> Response:
        mirror, held = service.mirror, service.timetables.held
        told = {
            "status": "waiting" if not held else "ok" if mirror.synced else "stale",
            "hub": contact_of(mirror).to_json(),
            "trouble": mirror.trouble,
            "timetables": {name: one.news.version for name, one in held.items()},
            "troubles": dict(service.timetables.troubles),
        }
        return JSONResponse(told, headers=_NO_CACHE)


def _about(service: Service) -> Json:
    """In which time this is told, and whether the hub is there."""
    mirror = service.mirror
    zone = service.known()[0].content.timetable.zone
    return {
        "now": service.now().astimezone(zone).isoformat(timespec="seconds"),
        "clockFromHub": mirror.clock.at is not None,
        "hub": contact_of(mirror).to_json(),
    }


async def _refuse_unknown(request: Request) -> None:
    """A misspelt parameter must not be taken for one left out."""
    known = {one.alias for one in request.scope["route"].dependant.query_params}
    unknown = sorted(set(request.query_params) - known)
    if unknown:
        raise Unreadable(f"{unknown[0]} is no parameter here; known are {', '.join(sorted(known)) or 'none'}")


def _add_errors(app: FastAPI) -> None:
    @app.exception_handler(NothingKnown)
    async def say_not_yet(_: Request, error: Exception) -> Response:
        return _problem(503, "No timetable is known yet", str(error), {"Retry-After": "10"})

    @app.exception_handler(Unknown)
    async def say_unknown(_: Request, error: Exception) -> Response:
        assert isinstance(error, Unknown)
        like = [{"id": stop.id, "name": stop.name} for stop in error.like]
        return _problem(404, "There is no such stop", str(error), more={"like": like})

    @app.exception_handler(Unreadable)
    async def say_unreadable(_: Request, error: Exception) -> Response:
        return _problem(400, "The request does not have the right form", str(error))

    @app.exception_handler(RequestValidationError)
    async def say_invalid(_: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        faults = [f"{one['loc'][-1]}: {one['msg']}" for one in error.errors()]
        return _problem(400, "The request does not have the right form", "; ".join(faults))

    @app.exception_handler(HTTPException)
    async def say_http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        where = f"{request.method} {request.url.path}; see GET /"
        return _problem(error.status_code, error.detail, where, error.headers or {})


def _problem(
    status: int, title: str, detail: str, headers: Mapping[str, str] | None = None, more: Json | None = None
) -> Response:
    told = {"type": "about:blank", "title": title, "status": status, "detail": detail, **(more or {})}
    return JSONResponse(told, status, {**_NO_CACHE, **(headers or {})}, _PROBLEM)
