"""How entities leave: compacted, with their @context in the body (ld+json) or in a Link header (json), clause 6.3.5."""

from __future__ import annotations

from collections.abc import Mapping

import orjson
from starlette.requests import Request
from starlette.responses import Response

from cityos.api.accepting import LD_JSON, accepted
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
    status: int = 200,
) -> Response:
    """Whatever speaks in terms, as JSON or JSON-LD, as the request prefers."""
    media_type = accepted(request)
    answer = Response(status_code=status, media_type=media_type, headers=dict(headers or {}))
    if media_type == LD_JSON:
        said = context_said(request, context)
        for one in told if isinstance(told, list) else [told]:
            one["@context"] = said
    else:
        answer.headers.append("Link", context_link(request, context))
    answer.body = orjson.dumps(told)
    answer.headers["Content-Length"] = str(len(answer.body))
    return answer


def context_said(request: Request, context: Context) -> Json:
    """The @context of an answer: the user's own; the core context is implied wherever there is another (6.3.5)."""
    if context is CITY_CONTEXT:
        return _city_context(request)
    if not context.links:
        return [CORE_ADDRESS]
    return context.links[0] if len(context.links) == 1 else list(context.links)


def context_link(request: Request, context: Context) -> str:
    """The Link header to the @context of an answer; to the core context where it has no address of its own."""
    said = context_said(request, context)
    first = said[0] if isinstance(said, list) else said
    return _LINK.format(first if isinstance(first, str) else CORE_ADDRESS)


def _city_context(request: Request) -> str:
    return str(request.base_url).rstrip("/") + CONTEXT_PATH


def json_response(told: object, status: int = 200, media_type: str = "application/json") -> Response:
    """Any plain JSON."""
    return Response(orjson.dumps(told), status, media_type=media_type)
