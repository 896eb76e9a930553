"""One entity, read, merged or deleted: by far the most frequent requests, answered before routing begins.

Finding the route and passing the framework's layers costs as much as the work itself. The doors stay in the router too:
it is they that the OpenAPI document describes.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from cityos.api.door import Door

# A path that goes on to an entity's attributes belongs to the router.
_ATTRIBUTES = "/attrs"


class EntityFirst:
    """ASGI middleware: takes the doors whose path is `prefix` and an id, passes everything else on."""

    def __init__(self, app: ASGIApp, prefix: str, doors: Iterable[Door]) -> None:
        self._app = app
        self._prefix = prefix
        self._handlers = {door.method: door.handler for door in doors if door.path == f"{prefix}{{id}}"}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        handler = self._handlers.get(scope["method"]) if scope["type"] == "http" else None
        path = scope.get("path", "")
        if (
            handler is None
            or not path.startswith(self._prefix)
            or len(path) == len(self._prefix)
            or _ATTRIBUTES in path
        ):
            await self._app(scope, receive, send)
            return
        scope["path_params"] = {"id": path[len(self._prefix) :]}
        request = Request(scope, receive)
        try:
            response = await handler(request)
        except Exception as error:  # noqa: BLE001 - given to the one error door, or raised on
            response = await _answer(request, error)
        await response(scope, receive, send)


async def _answer(request: Request, error: Exception) -> Response:
    """What the application's error door makes of a failure; what it does not know is raised on."""
    handlers = cast(Starlette, request.app).exception_handlers
    for kind in type(error).__mro__:
        if kind in handlers:
            return cast(Response, await handlers[kind](request, error))
    raise error
