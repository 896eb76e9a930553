"""The hub about itself: its health, and the way in for newcomers."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from cityos.api import reading
from cityos.api.answering import json_response
from cityos.api.door import Door
from cityos.ngsi.instant import format_instant


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


DOORS = (
    Door("GET", "/", welcome, "Where to begin"),
    Door("GET", "/health", health, "Whether the hub is well, its clock and its broker"),
)
