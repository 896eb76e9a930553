"""Where a page begins: at a cursor, opaque to callers so that what is inside may change, or after a number of hits."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from urllib.parse import urlencode

from starlette.requests import Request

from cityos.api import reading
from cityos.ngsi.error import BadRequestData

_FURTHEST = 1_000_000
_ORDERED = "#"  # begins the cursor of an answer in another order than that of ids: how many were shown before


@dataclass(frozen=True, slots=True)
class Position:
    """The id after which the page begins, and how many hits after it are left out."""

    after: str = ""
    offset: int = 0


def position_of(request: Request) -> Position:
    """The position that a request names; the beginning where it names none. Raises BadRequestData."""
    if "cursor" not in request.query_params:
        return Position(offset=reading.number_of(request, "offset", 0, 0, _FURTHEST))
    if "offset" in request.query_params:
        raise BadRequestData("cursor and offset cannot be asked for together")
    after = _decoded(request.query_params["cursor"])
    return Position(offset=int(after[1:])) if after.startswith(_ORDERED) else Position(after)


def _decoded(text: str) -> str:
    try:
        after = base64.b64decode(text.encode(), altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        after = _ORDERED
    if after.startswith(_ORDERED) and not after[1:].isdigit():
        raise BadRequestData("cursor is not one this hub gave; follow the Link header with rel=next")
    return after


def next_link(request: Request, position: Position, following: str, limit: int) -> str:
    """The Link header to the next page: the same query from there on."""
    is_ordered = "orderBy" in request.query_params
    where = {"cursor": _encoded(_ORDERED + following if is_ordered else following)}
    if "offset" in request.query_params:
        where = {"offset": str(position.offset + limit)}
    query = [(name, value) for name, value in request.query_params.multi_items() if name not in ("cursor", "offset")]
    return f'<{request.url.path}?{urlencode([*query, *where.items()])}>; rel="next"; type="application/ld+json"'


def _encoded(after: str) -> str:
    return base64.urlsafe_b64encode(after.encode()).decode()
