"""The edge of the portal: one page over a mirror of the city."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Annotated, Any

from fastapi import FastAPI, Query, Response
from fastapi.responses import HTMLResponse, JSONResponse
from starlette.middleware.gzip import GZipMiddleware

from cityos.client import City, Mirror
from cityos.client.words import Language
from cityos.vocabulary.context import iri
from cityos.vocabulary.on_demand import ON_DEMAND_SERVICE, ON_DEMAND_VEHICLE
from cityos.vocabulary.snow import SNOW_REMOVAL_ZONE
from services.portal.bus import Heard, Unfit
from services.portal.page import Known, Page, compose, render, render_nothing_yet
from services.portal.transit import TransitDesk

log = logging.getLogger(__name__)

_LONGEST_STOP = 60
_HTML: dict[str, Any] = {"text/html": {"schema": {"type": "string"}}}
_ANSWERS: dict[int | str, dict[str, Any]] = {
    503: {"description": "Nothing has been received from the hub yet; the page says so", "content": _HTML},
    "default": {"description": "Any other answer"},
}

Lang = Annotated[str, Query(description="`en` for English; anything else is Japanese")]
Zone = Annotated[str, Query(description="part of a zone's name: only such zones are shown")]
Stop = Annotated[str, Query(description="a bus stop to be shown instead of the usual ones")]

# No script, nothing from elsewhere: whatever a source may smuggle into a text, a browser will not run or load it.
_SAFETY = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'self'; "
    "base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
# Half a minute in caches on the way keeps a storm's readers away from this process; ages are told in minutes.
_CACHE = {"Cache-Control": "public, max-age=30"}
_NO_CACHE = {"Cache-Control": "no-store"}


def create_app(city: City, transit: TransitDesk | None = None) -> FastAPI:
    """The portal over one city, which it closes at the end. Starts whether or not the hub is there.

    Without the transit service's desk the page says nothing of buses.
    """
    mirror = Mirror(city, (SNOW_REMOVAL_ZONE, ON_DEMAND_VEHICLE, ON_DEMAND_SERVICE))

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncGenerator[None]:
        async with city, mirror:
            yield

    app = FastAPI(title="市民向けページ (portal)", version="1", lifespan=lifespan, docs_url=None, redoc_url=None)
    app.add_middleware(GZipMiddleware, minimum_size=1000)

    @app.get("/", summary="The citizens' page", response_class=HTMLResponse, responses=_ANSWERS)
    async def show_page(lang: Lang = "ja", q: Zone = "", stop: Stop = "") -> Response:
        language: Language = "en" if lang == "en" else "ja"
        if not mirror.ready:
            retry = {**_SAFETY, **_NO_CACHE, "Retry-After": "30"}
            return HTMLResponse(render_nothing_yet(language), 503, retry)
        heard = None if transit is None else await transit.hear(stop.strip()[:_LONGEST_STOP])
        page = _compose(_known(mirror, heard), language, q)
        return HTMLResponse(render(page), headers={**_SAFETY, **_CACHE, "Content-Language": language})

    @app.get("/health", summary="Whether the page lives, and whether what it shows is up to date")
    async def show_health() -> Response:
        return JSONResponse(_health(mirror, transit), headers=_NO_CACHE)

    return app


def _compose(known: Known, language: Language, query: str) -> Page:
    try:
        return compose(known, language, query)
    except Unfit:
        # A transit service of another version: the page lives without its part, and says so.
        log.exception("what the transit service said cannot be shown")
        heard = None if known.heard is None else Heard(known.heard.stop, {}, 0.0)
        return compose(replace(known, heard=heard), language, query)


def _known(mirror: Mirror, heard: Heard | None) -> Known:
    lost_s = None if mirror.trouble is None else mirror.age_s
    return Known(mirror.clock.now(), tuple(mirror.entities.values()), mirror.feeds, lost_s, mirror.title, heard)


def _health(mirror: Mirror, transit: TransitDesk | None) -> dict[str, object]:
    return {
        "status": "ok" if mirror.synced else "stale" if mirror.ready else "waiting",
        "hubAgeSeconds": None if mirror.age_s is None else round(mirror.age_s),
        "trouble": mirror.trouble,
        "zones": sum(iri(SNOW_REMOVAL_ZONE) in entity.types for entity in mirror.entities.values()),
        "transit": None if transit is None else {"trouble": transit.trouble},
    }
