"""Cursors: opaque to callers, so that what is inside may change."""

from __future__ import annotations

import base64
import binascii
from urllib.parse import urlencode

from starlette.requests import Request

from cityos.ngsi.error import BadRequestData


def cursor_of(request: Request) -> str:
    """The id after which the page begins; empty for the first page. Raises BadRequestData."""
    text = request.query_params.get("cursor", "")
    try:
        return base64.b64decode(text.encode(), altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        raise BadRequestData("cursor is not one this hub gave; follow the Link header with rel=next") from None


def next_link(request: Request, after: str) -> str:
    """The Link header to the next page: the same query after this id."""
    cursor = base64.urlsafe_b64encode(after.encode()).decode()
    query = [(name, value) for name, value in request.query_params.multi_items() if name != "cursor"]
    return f'<{request.url.path}?{urlencode([*query, ("cursor", cursor)])}>; rel="next"; type="application/json"'
