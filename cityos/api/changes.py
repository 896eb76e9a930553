"""The change feed: as pages, and as a stream of server-sent events with the same cursor."""

from __future__ import annotations

from collections.abc import AsyncIterator

import orjson
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from cityos.api import reading
from cityos.api.answering import json_response
from cityos.api.description import JSON, PROBLEM
from cityos.api.door import Door
from cityos.api.rooms import Rooms
from cityos.ngsi.context import Context
from cityos.ngsi.error import BadRequestData
from cityos.ngsi.instant import format_instant
from cityos.notify.wording import change_to_json
from cityos.store.error import StoreError
from cityos.store.record import ChangeItem, ChangePage

_PARAMETERS = {
    "after": "The cursor: changes with a greater seq; 0 starts at the oldest kept",
    "epoch": "The epoch the cursor belongs to; another database answers 410",
    "type": "Type names, comma-separated: only changes of entities of these types",
    "id": "Entity ids, comma-separated",
    "limit": "How many at most, 1 to 1000; 100 if not said",
}
_HEARTBEAT_S = 15.0
_MOST = 2**62


async def changes(request: Request) -> Response:
    """GET /changes"""
    reading.check_parameters(request, _PARAMETERS)
    tenant, asked = reading.reading_tenant(request), await _Asked.of(request)
    rooms = reading.rooms_of(request)
    page = await asked.page(rooms, tenant)
    if "text/event-stream" in request.headers.get("accept", ""):
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        stream = _stream(rooms, tenant, asked, page)
        return StreamingResponse(stream, headers=headers, media_type="text/event-stream")
    return json_response(
        {
            "epoch": page.epoch,
            "items": [change_to_json(item, asked.context) for item in page.items],
            "next": page.next,
            "head": page.head,
            "now": format_instant(rooms.clock.now()),
        }
    )


class _Asked:
    """What a request wants of the feed; `after` and `epoch` move on while it streams."""

    def __init__(self, context: Context, after: int, epoch: str | None, types: list[str], ids: list[str], limit: int):
        self.context = context
        self.after = after
        self.epoch = epoch
        self.types = frozenset(context.expand(name) for name in types)
        self.ids = frozenset(ids)
        self.limit = limit

    @classmethod
    async def of(cls, request: Request) -> _Asked:
        after, epoch = reading.number_of(request, "after", 0, 0, _MOST), request.query_params.get("epoch")
        resumed = request.headers.get("last-event-id")
        if resumed:
            epoch, after = _parse_event_id(resumed)
        return cls(
            await reading.context_of(request),
            after,
            epoch,
            reading.names_of(request, "type"),
            reading.names_of(request, "id"),
            reading.number_of(request, "limit", 100, 1, 1_000),
        )

    async def page(self, rooms: Rooms, tenant: str) -> ChangePage:
        """The next page; raises CursorGone."""
        return await rooms.store.read(
            lambda reader: reader.changes(
                tenant, self.after, epoch=self.epoch, types=self.types, ids=self.ids, limit=self.limit
            )
        )


def _parse_event_id(text: str) -> tuple[str, int]:
    epoch, _, seq = text.partition(":")
    if not (epoch and seq.isascii() and seq.isdigit() and len(seq) <= 18):
        raise BadRequestData(f"Last-Event-ID is {text[:60]!r}; it is <epoch>:<seq>, as the stream gave it")
    return epoch, int(seq)


async def _stream(rooms: Rooms, tenant: str, asked: _Asked, page: ChangePage) -> AsyncIterator[bytes]:
    """Events as fast as the reader takes them: a slow one holds only its own cursor back."""
    yield b"retry: 1000\n\n"
    while True:
        asked.after, asked.epoch = page.next, page.epoch
        yield b"".join([*(_change_event(page, item, asked.context) for item in page.items), _head_event(page)])
        if page.next >= page.head:
            is_news = await rooms.heads.beyond(tenant, page.next, _HEARTBEAT_S, rooms.stopping)
            yield b"" if is_news else b": still here\n\n"
        if rooms.stopping():
            return
        try:
            page = await asked.page(rooms, tenant)
        except StoreError:  # the reader comes back with its cursor and is told what is wrong with it
            return


def _change_event(page: ChangePage, item: ChangeItem, context: Context) -> bytes:
    data = orjson.dumps(change_to_json(item, context)).decode()
    return f"event: change\nid: {page.epoch}:{item.seq}\ndata: {data}\n\n".encode()


def _head_event(page: ChangePage) -> bytes:
    """Moves the reader's cursor past what its filter left out."""
    data = orjson.dumps({"seq": page.next, "head": page.head}).decode()
    return f"event: head\nid: {page.epoch}:{page.next}\ndata: {data}\n\n".encode()


DOORS = (
    Door(
        "GET",
        "/changes",
        changes,
        "Follow what changes, as pages or as server-sent events",
        _PARAMETERS,
        answers={200: f"{JSON} text/event-stream", 410: PROBLEM},
    ),
)
