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

_OTHER = {"description": "Any other answer"}
_CONDITIONS = [
    {"name": name, "in": "header", "required": False, "schema": {"type": "string"}}
    for name in ("If-None-Match", "If-Modified-Since")
]


def create_app(seed: int, clock: Clock, *, calm: bool = False, real_now: Callable[[], float] = time.time) -> FastAPI:
    """The ASGI application of one city; ``real_now`` gives Unix seconds."""
    app = FastAPI(title="雪野市の公開データ (sample city)", version="1", docs_url=None, redoc_url=None)
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

    app.add_api_route("/", index, response_class=PlainTextResponse, summary="What there is")
    for path, endpoint, summary in (
        ("/health", health, "Whether the city lives, and its time"),
        ("/mischief", entries, "What goes wrong on a city day, and when"),
    ):
        app.add_api_route(path, endpoint, response_model=None, summary=summary)
    # A city day's maps: one that is not there, or not yet, is 404.
    _add_file(app, WEATHER_MAP_JSON, weather_map, "気象 ある時刻の観測値", 404)
    for source in sources:
        _add_file(app, source.path, _endpoint(seed, source, now, calm=calm), source.title, 503)
    return app


def _add_file(app: FastAPI, path: str, endpoint: Callable[..., Response], title: str, failure: int) -> None:
    """A file as a web server has it: conditional requests, and HEAD beside GET."""
    responses = {304: "Not changed since", failure: "It is out of order" if failure == 503 else "Not there"}
    for method in ("GET", "HEAD"):
        app.add_api_route(
            path,
            endpoint,
            methods=[method],
            response_class=Response,
            summary=title,
            operation_id=f"{method.lower()} {path}",
            responses={**{code: {"description": said} for code, said in responses.items()}, "default": _OTHER},
            openapi_extra={"parameters": _CONDITIONS},
        )


def _endpoint(seed: int, source: Source, now: Callable[[], datetime], *, calm: bool) -> Callable[[Request], Response]:
    def serve(request: Request) -> Response:
        instant = now()
        return _sent(request, instant, answer_calmly(source, instant) if calm else answer(seed, source, instant))

    return serve


def _sent(request: Request, instant: datetime, given: Answer) -> Response:
    headers = given.headers | {"date": http_date(instant)}
    if is_unchanged(given, request.headers.get("if-none-match"), request.headers.get("if-modified-since")):
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
