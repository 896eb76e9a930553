"""The city's web server: answers every source at the city's instant, and tells what goes wrong when."""

import time
from collections.abc import Callable
from datetime import date, datetime

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse

from . import mischief
from .address import WEATHER_MAP_JSON
from .answer import Answer, answer, answer_absent, answer_calmly, http_date, is_unchanged
from .clock import Clock
from .source import Source, find_weather_map, list_sources


def create_app(seed: int, clock: Clock, *, calm: bool = False, real_now: Callable[[], float] = time.time) -> FastAPI:
    """The ASGI application of one city; ``real_now`` gives Unix seconds."""
    app = FastAPI(title="雪野市", openapi_url=None)
    sources = list_sources(seed, calm=calm)

    def now() -> datetime:
        return clock.now(real_now())

    # Plain functions: building a file takes milliseconds, which belong on a worker thread, not in the loop.
    def index() -> PlainTextResponse:
        lines = ["雪野市（架空のまち）の公開データ", "", *(f"{source.path}  {source.title}" for source in sources)]
        shelf = WEATHER_MAP_JSON.format(stamp="<YYYYMMDDHHMMSS>")
        lines += [
            f"{shelf}  気象 2地点の観測値 JSON（10分ごと、直近10日）",
            "/mischief  この日に起こす不具合の予定 JSON",
        ]
        return PlainTextResponse("\n".join([*lines, ""]))

    def health() -> JSONResponse:
        return JSONResponse({"status": "ok", "now": now().isoformat()})

    def entries(on: date | None = None) -> JSONResponse:
        day = on or mischief.city_day(now())
        return JSONResponse([] if calm else [_told(entry) for entry in mischief.timetable(seed, day)])

    def weather_map(request: Request, stamp: str) -> Response:
        instant = now()
        source = find_weather_map(seed, stamp, instant)
        return _sent(request, instant, answer_calmly(source, instant) if source else answer_absent())

    for path, endpoint in (("/", index), ("/health", health), ("/mischief", entries)):
        app.add_api_route(path, endpoint, methods=["GET"], response_model=None)
    app.add_api_route(WEATHER_MAP_JSON, weather_map, methods=["GET", "HEAD"], response_model=None)
    for source in sources:
        app.add_api_route(
            source.path, _endpoint(seed, source, now, calm=calm), methods=["GET", "HEAD"], response_model=None
        )
    return app


def _endpoint(seed: int, source: Source, now: Callable[[], datetime], *, calm: bool) -> Callable[[Request], Response]:
    def serve(request: Request) -> Response:
        instant = now()
        return _sent(request, instant, answer_calmly(source, instant) if calm else answer(seed, source, instant))

    return serve


def _sent(request: Request, instant: datetime, given: Answer) -> Response:
    asked, headers = request.headers, given.headers | {"date": http_date(instant)}
    if is_unchanged(given, asked.get("if-none-match"), asked.get("if-modified-since")):
        return Response(status_code=304, headers=headers)
    return Response(given.body, given.status, headers)


def _told(entry: mischief.Entry) -> dict[str, str | None]:
    return {
        "kind": entry.kind,
        "path": entry.path,
        "from": entry.begins.isoformat(),
        "to": entry.ends.isoformat() if entry.ends else None,
        "detail": entry.detail,
    }
