"""The hub about itself: its health, its @context, and the way in for newcomers."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from cityos.api import reading
from cityos.api.answering import json_response
from cityos.api.door import Door
from cityos.ngsi.instant import format_instant
from cityos.vocabulary.context import CONTEXT_PATH


async def welcome(request: Request) -> Response:
    """GET /"""
    base = str(request.base_url).rstrip("/")
    return json_response(
        {
            "name": "CityOS 都市OS",
            "try": {
                "entities": f"{base}/ngsi-ld/v1/entities?type=SnowRemovalZone&format=simplified",
                "changes": f"{base}/changes?after=0",
                "feeds": f"{base}/feeds",
                "documentation": f"{base}/docs",
                "openapi": f"{base}/openapi.json",
            },
        }
    )


async def health(request: Request) -> Response:
    """GET /health"""
    rooms = reading.rooms_of(request)
    return json_response(
        {
            "status": "ok",
            "epoch": rooms.store.epoch,
            "tenant": rooms.tenant,
            "title": rooms.title,
            "head": rooms.heads.of(rooms.tenant),
            "now": format_instant(rooms.clock.now()),
            "speed": rooms.clock.speed,
            "broker": rooms.broker(),
        }
    )


async def city_context(request: Request) -> Response:
    """GET the city's @context"""
    terms = reading.rooms_of(request).context_terms
    return json_response({"@context": terms}, media_type=reading.LD_JSON)


DOORS = (
    Door("GET", "/", welcome, "Where to begin"),
    Door("GET", "/health", health, "Whether the hub is well, its clock and its broker"),
    Door("GET", CONTEXT_PATH, city_context, "The city's @context"),
)
