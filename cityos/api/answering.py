"""How entities leave: compacted, with their @context in the body (ld+json) or in a Link header (json), clause 6.3.5."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import orjson
from starlette.requests import Request
from starlette.responses import Response

from cityos.api.reading import LD_JSON, accepted
from cityos.ngsi.context import Context
from cityos.ngsi.core_context import CORE_ADDRESS
from cityos.ngsi.value import Json, JsonObject
from cityos.vocabulary.context import CITY_CONTEXT, CONTEXT_PATH

_LINK = '<{}>; rel="http://www.w3.org/ns/json-ld#context"; type="application/ld+json"'


def entities_response(
    request: Request,
    context: Context,
    told: JsonObject | list[JsonObject],
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Entities as JSON or JSON-LD, as the request prefers."""
    media_type = accepted(request)
    answer = Response(media_type=media_type, headers=dict(headers or {}))
    if media_type == LD_JSON:
        links = _links(request, context)
        for one in told if isinstance(told, list) else [told]:
            one["@context"] = links
    else:
        answer.headers.append("Link", _LINK.format(_first_address(request, context)))
    answer.body = orjson.dumps(told)
    answer.headers["Content-Length"] = str(len(answer.body))
    return answer


def _links(request: Request, context: Context) -> Json:
    own = [_city_context(request)] if context is CITY_CONTEXT else list(context.links)
    return cast(Json, [*own, CORE_ADDRESS] if own else CORE_ADDRESS)


def _first_address(request: Request, context: Context) -> str:
    links = _links(request, context)
    first = links[0] if isinstance(links, list) else links
    return first if isinstance(first, str) else CORE_ADDRESS


def _city_context(request: Request) -> str:
    return str(request.base_url).rstrip("/") + CONTEXT_PATH


def json_response(told: object, status: int = 200, media_type: str = "application/json") -> Response:
    """Any plain JSON."""
    return Response(orjson.dumps(told), status, media_type=media_type)
