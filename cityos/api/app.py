"""The application: all doors, one error door."""

from __future__ import annotations

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

from cityos.api import (
    about,
    batch,
    changes,
    contexts,
    datasets,
    discovery,
    entities,
    errors,
    federation,
    feeds,
    provision,
    subscriptions,
    temporal,
    temporal_provision,
)
from cityos.api.description import describe
from cityos.api.documentation import door_to_docs
from cityos.api.hot_path import EntityFirst
from cityos.api.protocol import Protocol
from cityos.api.rooms import Rooms

# In this order they are tried.
DOORS = (
    *provision.DOORS,
    *batch.DOORS,
    *entities.DOORS,
    *discovery.DOORS,
    *temporal_provision.DOORS,
    *temporal.DOORS,
    *federation.DOORS,
    *changes.DOORS,
    *feeds.DOORS,
    *datasets.DOORS,
    *contexts.DOORS,
    *subscriptions.DOORS,
    *about.DOORS,
)


def install(app: FastAPI) -> None:
    """Puts all doors and their description into an application."""
    for door in (*DOORS, door_to_docs(DOORS)):
        door.install(app)
    plain = app.openapi
    app.openapi = lambda: describe(plain())  # type: ignore[method-assign]


def create_app(rooms: Rooms) -> ASGIApp:
    """The hub's ASGI application over these rooms."""
    app = FastAPI(
        title="CityOS 都市OS",
        summary="A snowy city's data in one API: NGSI-LD entities, a resumable change feed, feed health",
        version="0.1.0",
        redirect_slashes=False,
        docs_url=None,  # its pages come from other servers; ours work without internet
        redoc_url=None,
    )
    app.state.rooms = rooms
    install(app)
    errors.install(app)
    # The last one added is the first one asked.
    app.add_middleware(Protocol)
    if rooms.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=rooms.cors_origins,
            allow_methods=["GET", "POST", "PATCH", "PUT", "DELETE"],
            allow_headers=["*"],
            expose_headers=["Link", "ETag", "Location", "NGSILD-Results-Count", "NGSILD-Tenant", "Content-Range"],
        )
    entity_doors = (*entities.DOORS, *provision.DOORS)
    return EntityFirst(app, f"{provision.PREFIX}/entities/", entity_doors, rooms)
