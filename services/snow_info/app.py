"""The edge of the service: routes over a mirror of the city."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse

from cityos.client import City, Mirror, contact_of
from cityos.vocabulary.snow import SNOW_REMOVAL_ZONE
from services.snow_info.answer import Report
from services.snow_info.zone import read_zones

# Short enough that an age in minutes stays true, long enough that a storm's readers do not all reach this process.
_CACHE = {"Cache-Control": "public, max-age=15"}
_NO_CACHE = {"Cache-Control": "no-store"}


class NothingKnown(Exception):
    """No state has arrived from the hub yet. An empty list would say that there are no zones."""


class GeoJsonResponse(JSONResponse):
    """GeoJSON (RFC 7946)."""

    media_type = "application/geo+json"


def _answers(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The problems (RFC 9457) a route can answer with, for its description."""
    said = {404: "There is no such zone", 503: "Nothing has been received from the hub yet"}
    content: dict[str, Any] = {"application/problem+json": {"schema": {"type": "object"}}}
    told: dict[int | str, dict[str, Any]] = {
        status: {"description": said[status], "content": content} for status in statuses
    }
    return {**told, "default": {"description": "Any other problem", "content": content}}


def create_app(city: City) -> FastAPI:
    """The service over one city, which it closes at the end. Starts whether or not the hub is there."""
    mirror = Mirror(city, SNOW_REMOVAL_ZONE)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncGenerator[None]:
        async with city, mirror:
            yield

    app = FastAPI(title="雪の情報 (snow information)", version="1", lifespan=lifespan, docs_url=None, redoc_url=None)
    _add_welcome(app)

    @app.get(
        "/zones",
        summary="Every zone: what the city claims, how old the claim is, what was seen",
        responses=_answers(503),
    )
    async def list_zones() -> Response:
        return JSONResponse(report(mirror).to_json(), headers=_CACHE)

    @app.get("/zones.geojson", summary="The same, for a map", responses=_answers(503), response_class=GeoJsonResponse)
    async def map_zones() -> Response:
        return GeoJsonResponse(report(mirror).to_geojson(), headers=_CACHE)

    @app.get("/zones/{zone_id:path}", summary="One zone", responses=_answers(404, 503))
    async def get_zone(zone_id: str) -> Response:
        zone = report(mirror).find(zone_id)
        if zone is None:
            return _problem(404, "The zone is not found", f"No zone has the id {zone_id}")
        return JSONResponse(zone, headers=_CACHE)

    @app.get("/health", summary="Whether the service lives, and whether what it shows is up to date")
    async def show_health() -> Response:
        return JSONResponse(_health(mirror), headers=_NO_CACHE)

    @app.exception_handler(NothingKnown)
    async def say_not_yet(_: Request, error: Exception) -> Response:
        return _problem(503, "The zones are not known yet", str(error), {**_NO_CACHE, "Retry-After": "10"})

    return app


def _add_welcome(app: FastAPI) -> None:
    """In place of FastAPI's /docs, whose script lies on another server, which a closed network does not have."""

    @app.get("/", summary="Where to begin: the names of all routes")
    async def welcome(request: Request) -> Response:
        paths = app.openapi()["paths"]
        routes = [f"{method.upper()} {path}" for path, methods in paths.items() for method in methods]
        openapi = f"{str(request.base_url).rstrip('/')}/openapi.json"
        return JSONResponse({"name": app.title, "routes": routes, "openapi": openapi}, headers=_NO_CACHE)


def report(mirror: Mirror) -> Report:
    """What is known now. Raises NothingKnown."""
    if not mirror.ready:
        raise NothingKnown(f"Nothing has been received from the hub: {mirror.trouble}")
    now = mirror.clock.now()
    zones = read_zones(mirror.entities.values(), now)
    return Report(now, zones, mirror.feeds, contact_of(mirror), unreadable=len(mirror.entities) - len(zones))


def _health(mirror: Mirror) -> dict[str, object]:
    return {
        "status": "ok" if mirror.synced else "stale" if mirror.ready else "waiting",
        "hub": contact_of(mirror).to_json(),
        "trouble": mirror.trouble,
        "zones": len(mirror.entities),
    }


def _problem(status: int, title: str, detail: str, headers: dict[str, str] = _NO_CACHE) -> Response:
    told = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    return JSONResponse(told, status, headers, "application/problem+json")
