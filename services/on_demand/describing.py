"""How the routes are described in OpenAPI: bodies, headers and answers that the routes read and give by hand."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]
Answers = dict[int | str, dict[str, Any]]

_PROBLEMS = {
    400: "The request is not readable; `detail` names what is wrong",
    401: "The driver's key is required",
    404: "There is no such thing here",
    409: "It was possible, or may be later, but not now; `reason` says why",
    422: "It is not possible; `reason` says why, `next_service_at` when vehicles run again",
}
_TEXT, _NUMBER, _COUNT = {"type": "string"}, {"type": "number"}, {"type": "integer", "minimum": 0}
_PROBLEM: Json = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        **dict.fromkeys(("type", "title", "detail", "reason", "ja", "en", "next_service_at"), _TEXT),
        "status": _COUNT,
    },
}
_PLACE: Json = {
    "description": "id of a meeting point, or a position (WGS 84 degrees), which is used and never kept",
    "oneOf": [_TEXT, {"type": "object", "required": ["lon", "lat"], "properties": {"lon": _NUMBER, "lat": _NUMBER}}],
}
_INSTANT = {"type": "string", "format": "date-time"}

WISH: Json = {
    "type": "object",
    "required": ["from", "to"],
    "additionalProperties": False,
    "properties": {
        "from": _PLACE,
        "to": _PLACE,
        "party": {
            "type": "object",
            "default": {"adults": 1},
            "additionalProperties": False,
            "properties": {"adults": _COUNT, "children": _COUNT, "wheelchairs": _COUNT},
        },
        "depart_after": {
            "description": "now if neither is said; `next_service`: now, or from when vehicles run again",
            "oneOf": [_INSTANT, {"const": "next_service"}],
        },
        "arrive_by": _INSTANT,
        "contact": {"type": "string", "maxLength": 100},
    },
}
CONFIRMATION: Json = {
    "type": "object",
    "required": ["quote_id"],
    "additionalProperties": False,
    "properties": {"quote_id": _TEXT},
}
IDEMPOTENCY_KEY: Json = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "a new one for each ride: asked again with it, the same ride is answered",
    "schema": {"type": "string", "minLength": 1, "maxLength": 200},
}
DRIVER_KEY: Json = {
    "name": "X-API-Key",
    "in": "header",
    "required": False,
    "description": "the vehicle's key or the operator's; needed where the service has one",
    "schema": _TEXT,
}


def problems(*statuses: int) -> Answers:
    """The problems (RFC 9457) with which a route may answer."""
    content = {"application/problem+json": {"schema": _PROBLEM}}
    told: Answers = {status: {"description": _PROBLEMS[status], "content": content} for status in statuses}
    other = "Any other problem, such as 503 while bookings cannot be written"
    return {**told, "default": {"description": other, "content": content}}


def reads(body: Json, *parameters: Json) -> Json:
    """A JSON body and headers, read by the route itself."""
    return {
        "requestBody": {"required": True, "content": {"application/json": {"schema": body}}},
        "parameters": list(parameters),
    }


def takes(*parameters: Json) -> Json:
    """Headers, read by the route itself."""
    return {"parameters": list(parameters)}
