"""The edge of the portal: one page over a mirror of the city."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Response
from fastapi.responses import HTMLResponse, JSONResponse
from starlette.middleware.gzip import GZipMiddleware

from cityos.client import City, Mirror
from cityos.client.words import Language
from cityos.vocabulary.snow import SNOW_REMOVAL_ZONE
from services.portal.page import Known, compose, render, render_nothing_yet

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


def create_app(city: City) -> FastAPI:
    """The portal over one city, which it closes at the end. Starts whether or not the hub is there."""
    mirror = Mirror(city, SNOW_REMOVAL_ZONE)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncGenerator[None]:
        async with city, mirror:
            yield

    app = FastAPI(title="Portal", version="1", lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(GZipMiddleware, minimum_size=1000)

    @app.get("/")
    async def show_page(lang: str = "ja", q: str = "") -> Response:
        language: Language = "en" if lang == "en" else "ja"
        if not mirror.ready:
            retry = {**_SAFETY, **_NO_CACHE, "Retry-After": "30"}
            return HTMLResponse(render_nothing_yet(language), 503, retry)
        page = compose(_known(mirror), language, q)
        return HTMLResponse(render(page), headers={**_SAFETY, **_CACHE, "Content-Language": language})

    @app.get("/health")
    async def show_health() -> Response:
        return JSONResponse(_health(mirror), headers=_NO_CACHE)

    return app


def _known(mirror: Mirror) -> Known:
    lost_s = None if mirror.trouble is None else mirror.age_s
    return Known(mirror.clock.now(), tuple(mirror.entities.values()), mirror.feeds, lost_s, mirror.title)


def _health(mirror: Mirror) -> dict[str, object]:
    return {
        "status": "ok" if mirror.synced else "stale" if mirror.ready else "waiting",
        "hubAgeSeconds": None if mirror.age_s is None else round(mirror.age_s),
        "trouble": mirror.trouble,
        "zones": len(mirror.entities),
    }
