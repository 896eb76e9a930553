"""Compares a service's OpenAPI document with what its routes really are, read and answer.

A test plays what the service can answer through a `Recorder`, which keeps what was seen; `differences` names whatever
stands only in the document or only in life.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, MutableMapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import parse_qsl

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

Operation = tuple[str, str]
"""Method and path."""


@dataclass
class Seen:
    """What was asked of an operation and how it answered."""

    statuses: set[int] = field(default_factory=set)
    content_types: set[tuple[int, str]] = field(default_factory=set)
    query: set[str] = field(default_factory=set)
    headers: set[str] = field(default_factory=set)
    had_body: bool = False


class Recorder:
    """An ASGI application that passes everything on and keeps what went by."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.seen: dict[Operation, Seen] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        answered: list[Message] = []
        bodies: list[bytes] = []

        async def hear() -> Message:
            message = await receive()
            bodies.append(message.get("body", b""))
            return message

        async def tell(message: Message) -> None:
            if message["type"] == "http.response.start":
                answered.append(message)
            await send(message)

        await self._app(scope, hear, tell)
        route = scope.get("route")
        if isinstance(route, APIRoute) and answered:
            self._note(scope, route, answered[0], any(bodies))

    def _note(self, scope: MutableMapping[str, Any], route: APIRoute, answer: Message, had_body: bool) -> None:
        if scope["method"] not in (route.methods or ()):
            return  # 405: of no operation
        seen = self.seen.setdefault((scope["method"], route.path_format), Seen())
        seen.statuses.add(answer["status"])
        kind = next((value for name, value in answer["headers"] if name == b"content-type"), b"").decode()
        seen.content_types.add((answer["status"], kind.split(";")[0]))
        if answer["status"] < 400:
            # A name that is refused is no parameter.
            seen.query |= {name for name, _ in parse_qsl(scope["query_string"].decode(), keep_blank_values=True)}
        seen.headers |= {name.decode().lower() for name, _ in scope["headers"]}
        seen.had_body |= had_body


def operations_of(app: FastAPI) -> dict[Operation, dict[str, Any]]:
    """What the document describes."""
    paths = app.openapi()["paths"]
    return {(method.upper(), path): told for path, by_method in paths.items() for method, told in by_method.items()}


def declared_statuses(operation: dict[str, Any]) -> set[int]:
    """Statuses that are described one by one."""
    return {int(status) for status in operation["responses"] if status != "default"}


def differences(app: FastAPI, recorder: Recorder, service: ModuleType) -> list[str]:
    """What is described and not so, or so and not described."""
    return [*_of_headers(app, service), *_of_operations(app, recorder)]


def _of_headers(app: FastAPI, service: ModuleType) -> Iterator[str]:
    """Headers that the service's code reads by name, against those described."""
    read = {name for path in Path(service.__path__[0]).glob("*.py") for name in _headers_read(path)}
    described = {
        one["name"].lower()
        for told in operations_of(app).values()
        for one in told.get("parameters", ())
        if one["in"] == "header"
    }
    yield from (f"header {name} is described or read, but not both" for name in sorted(read ^ described))


def _headers_read(path: Path) -> Iterator[str]:
    """The literals in `request.headers.get(...)`."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "request.headers.get":
            yield str(ast.literal_eval(node.args[0])).lower()


def _of_operations(app: FastAPI, recorder: Recorder) -> list[str]:
    described = operations_of(app)
    routes = [route for route in app.routes if isinstance(route, APIRoute)]
    real = {(method, route.path_format) for route in routes for method in route.methods or ()}
    found = [f"{operation}: only in the document" for operation in sorted(described.keys() - real)]
    found += [f"{operation}: only a route" for operation in sorted(real - described.keys())]
    for operation in sorted(described.keys() & real):
        seen = recorder.seen.get(operation, Seen())
        found += [f"{operation}: {text}" for text in _of_operation(operation[1], described[operation], seen)]
    return found


def _of_operation(path: str, told: dict[str, Any], seen: Seen) -> Iterator[str]:
    declared = declared_statuses(told)
    yield from (f"answers {status}, which is not described" for status in sorted(seen.statuses - declared))
    yield from (f"describes {status}, which was never answered" for status in sorted(declared - seen.statuses))
    yield from _of_parameters(path, told, seen)
    if seen.had_body != ("requestBody" in told):
        yield "the request body is described or taken, but not both"
    for status, kind in sorted(seen.content_types):
        kinds = told["responses"].get(str(status), {}).get("content", {})
        if kinds and kind not in kinds:
            yield f"answers {status} as {kind}, described as {', '.join(kinds)}"


def _of_parameters(path: str, told: dict[str, Any], seen: Seen) -> Iterator[str]:
    by_place: dict[str, set[str]] = {"query": set(), "header": set(), "path": set()}
    for one in told.get("parameters", ()):
        by_place[one["in"]].add(one["name"] if one["in"] != "header" else one["name"].lower())
    in_path = set(re.findall(r"{(\w+)}", path))
    if by_place["path"] != in_path:
        yield f"path parameters {by_place['path']} are not those of the path"
    for name in sorted(by_place["query"] ^ seen.query):
        yield f"query parameter {name} is described or used, but not both"
    for name in sorted(by_place["header"] - seen.headers):
        yield f"header {name} is described, but never sent"
