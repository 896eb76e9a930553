"""Entities, asked for, read, merged or deleted: by far the most frequent requests, answered before routing begins.

Finding the route and passing the framework's layers costs as much as the work itself. The doors stay in the router too:
it is they that the OpenAPI document describes. A read that is like an earlier one, but of another entity, is not read
again: its rendition is remembered by the bytes of its query and headers. The version always comes from the store.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from cityos.api.door import Door, Handler
from cityos.api.rendition import Rendition, rendition_of
from cityos.api.rooms import Rooms
from cityos.ngsi.expansion import is_uri
from cityos.vocabulary.tenant import is_internal

# A path that goes on to an entity's attributes belongs to the router.
_ATTRIBUTES = "/attrs"
# Headers that change what is answered; of others the answer does not depend.
_TELLING = frozenset((b"accept", b"prefer", b"host"))
# Pages of other sites and named tenants are told more than the entity: the layers beneath do that.
_LAYERED = frozenset((b"origin", b"ngsild-tenant"))
_MOST_RENDITIONS = 1_000
_Key = tuple[bytes, tuple[bytes, ...]]


class EntityFirst:
    """Around an application: takes the doors of `prefix`, alone and with an id, and passes everything else on."""

    def __init__(self, app: Starlette, prefix: str, doors: Iterable[Door], rooms: Rooms) -> None:
        self._app = app
        self._prefix = prefix
        self._of_one = {door.method: door.handler for door in doors if door.path == f"{prefix}{{id}}"}
        self._of_all = {door.method: door.handler for door in doors if f"{door.path}/" == prefix}
        self._rooms = rooms
        self._epoch = rooms.store.epoch
        self._renditions: dict[_Key, Rendition] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        handler, entity_id = self._asked(scope["method"], scope["path"])
        if handler is None or not _LAYERED.isdisjoint(dict(scope["headers"])):
            await self._app(scope, receive, send)
            return
        scope["app"], scope["path_params"] = self._app, {"id": entity_id}
        try:
            if scope["method"] == "GET" and entity_id and await self._read(scope, receive, send, entity_id):
                return
            response = await handler(Request(scope, receive))
        except Exception as error:  # noqa: BLE001 - given to the one error door, or raised on
            response = await _answer(Request(scope, receive), error)
        await response(scope, receive, send)

    def _asked(self, method: str, path: str) -> tuple[Handler | None, str]:
        """Who answers, and the id in the path; nobody where the path belongs to the router."""
        if path == self._prefix[:-1]:
            return self._of_all.get(method), ""
        is_one = path.startswith(self._prefix) and path[-1] != "/" and _ATTRIBUTES not in path
        return (self._of_one.get(method), path[len(self._prefix) :]) if is_one else (None, "")

    async def _read(self, scope: Scope, receive: Receive, send: Send, entity_id: str) -> bool:
        """Answers a read that succeeds; False where it must be read whole, also to say what is wrong with it."""
        key, known = _key_of(scope)
        if key is None:
            return False
        rendition = self._renditions.get(key)
        if rendition is None:
            rendition = await self._remember(key, Request(scope, receive))
        if rendition is None or not is_uri(entity_id):
            return False
        stored = await self._rooms.store.find(rendition.tenant, entity_id)
        body = b"" if stored is None else rendition.body(stored, self._rooms.rendered)
        if stored is None or not body:
            return False
        etag = rendition.etag(self._epoch, stored).encode()
        if known is not None and etag in known:
            await send({"type": "http.response.start", "status": 304, "headers": [(b"etag", etag)]})
            await send({"type": "http.response.body", "body": b""})
            return True
        body = rendition.alone(body)
        headers = [(b"etag", etag), (b"content-length", b"%d" % len(body)), *rendition.sent]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})
        return True

    async def _remember(self, key: _Key, request: Request) -> Rendition | None:
        try:
            rendition = await rendition_of(request)
        except Exception:  # noqa: BLE001 - told by whoever reads it whole
            return None
        if rendition.join is not None or is_internal(rendition.tenant):
            return None
        if len(self._renditions) >= _MOST_RENDITIONS:
            self._renditions.clear()
        self._renditions[key] = rendition
        return rendition


def _key_of(scope: Scope) -> tuple[_Key | None, bytes | None]:
    """What the answer depends on besides the entity, and If-None-Match; no key for what is read whole."""
    telling: list[bytes] = []
    known = None
    for name, value in scope["headers"]:
        if name in _TELLING:
            telling += (name, value)
        elif name == b"link":  # a @context of its own counts its uses
            return None, None
        elif name == b"if-none-match":
            known = value
    return (scope["query_string"], tuple(telling)), known


async def _answer(request: Request, error: Exception) -> Response:
    """What the application's error door makes of a failure; what it does not know is raised on."""
    handlers = cast(Starlette, request.app).exception_handlers
    for kind in type(error).__mro__:
        if kind in handlers:
            return cast(Response, await handlers[kind](request, error))
    raise error
