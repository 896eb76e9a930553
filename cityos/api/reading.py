"""What every route reads from a request: tenant, key, @context, form, body. One way each (clause 6.3)."""

from __future__ import annotations

import functools
import re
from collections.abc import Collection
from datetime import datetime
from typing import cast

import orjson
from starlette.requests import Request

from cityos.api.accepting import JSON as JSON
from cityos.api.accepting import LD_JSON as LD_JSON
from cityos.api.errors import KeyRequired, LengthRequired, RequestTooLarge, UnsupportedMediaType
from cityos.api.link import linked_context
from cityos.api.rooms import Rooms
from cityos.auth.key import matches, may_read
from cityos.ngsi.context import Context
from cityos.ngsi.error import BadRequestData, InvalidRequest, NonexistentTenant
from cityos.ngsi.instant import parse_instant
from cityos.ngsi.representation import FORMS
from cityos.ngsi.value import Json, JsonObject
from cityos.settings import is_loopback

MERGE_PATCH = "application/merge-patch+json"
ENTITY_LIMIT = 1_000_000  # bytes
BATCH_LIMIT = 16_000_000  # bytes
_TENANT = re.compile(r"[A-Za-z0-9_\-]{1,64}\Z")


def rooms_of(request: Request) -> Rooms:
    """The rooms behind this application."""
    return cast(Rooms, request.app.state.rooms)


def given_key(request: Request) -> str | None:
    """The key a request carries, as X-API-Key or as a bearer token."""
    key = request.headers.get("x-api-key")
    bearer = request.headers.get("authorization", "")
    return key or (bearer[7:] if bearer[:7].lower() == "bearer " else None)


def writing_tenant(request: Request) -> str:
    """The tenant to write to. Raises KeyRequired where the key is missing."""
    rooms = rooms_of(request)
    is_listed = request.headers.get("origin") in rooms.cors_origins
    if request.headers.get("sec-fetch-site") == "cross-site" and not is_listed:
        raise KeyRequired("Pages of other sites cannot write here unless CITYOS_CORS_ORIGINS lists their origin")
    check_key(request)
    tenant = tenant_of(request)
    if not may_read(tenant, rooms.key, given_key(request)):
        raise KeyRequired(f"The tenant {tenant} is internal: the hub needs CITYOS_API_KEY to open it")
    return tenant


def check_key(request: Request) -> None:
    """Raises KeyRequired where the hub has a key and the request carries none, or another.

    Without a key the hub is asked by its own machine alone, and by that machine's names: a page whose name was made to
    lead here (DNS rebinding) would pass for the hub's own.
    """
    if rooms_of(request).key is None and not _is_own_name(request.headers.get("host", "localhost")):
        raise KeyRequired(
            "Without CITYOS_API_KEY the hub takes this only under http://localhost or http://127.0.0.1, not under"
            f" {request.headers['host'][:100]}"
        )
    given = given_key(request)
    if not matches(rooms_of(request).key, given):
        raise KeyRequired("The X-API-Key is not this hub's" if given else "This needs the key: send it as X-API-Key")


@functools.lru_cache(maxsize=64)
def _is_own_name(host: str) -> bool:
    """Whether a Host header, port included, names this machine to itself (RFC 6761, 6.3)."""
    name = host.rpartition(":")[0] if re.search(r":\d+\Z", host) else host
    name = name.strip("[]").lower()
    return name == "localhost" or name.endswith(".localhost") or is_loopback(name)


def reading_tenant(request: Request) -> str:
    """The tenant to read. Raises NonexistentTenant, or KeyRequired where it is internal."""
    rooms = rooms_of(request)
    tenant = named_tenant(request)
    if tenant != rooms.tenant and not rooms.store.has_tenant(tenant):
        raise NonexistentTenant(f"There is no tenant {tenant}")
    return tenant


def named_tenant(request: Request) -> str:
    """The tenant to read, whether it exists or not. Raises KeyRequired where it is internal."""
    tenant = tenant_of(request)
    if not may_read(tenant, rooms_of(request).key, given_key(request)):
        raise KeyRequired(f"The tenant {tenant} is internal: send the key as X-API-Key")
    return tenant


def tenant_of(request: Request) -> str:
    """The tenant that the request names, else the city's own. Raises BadRequestData."""
    tenant = request.headers.get("ngsild-tenant")
    if tenant is None:
        return rooms_of(request).tenant
    if not _TENANT.match(tenant):
        raise BadRequestData("NGSILD-Tenant is made of up to 64 letters, digits, _ and -")
    return tenant


def check_parameters(request: Request, known: Collection[str]) -> None:
    """Refuses unknown parameters: a mistyped filter must not answer everything."""
    for name in request.query_params:
        if name not in known:
            raise InvalidRequest(f"The parameter {name} is not known here; known are {', '.join(sorted(known))}")


async def read_json(request: Request, limit: int, types: Collection[str] = (JSON, LD_JSON)) -> Json:
    """The body as JSON, at most `limit` bytes.

    Raises LengthRequired, RequestTooLarge, UnsupportedMediaType, InvalidRequest; BadRequestData where JSON-LD has
    a Link header to another @context (6.3.5), for a batch as a whole.
    """
    check_length(request)
    media_type = media_type_of(request)
    if media_type not in types:
        raise UnsupportedMediaType(f"Content-Type is {media_type}; send {' or '.join(types)}")
    if media_type == LD_JSON and linked_context(request.headers.getlist("link")) is not None:
        raise BadRequestData("A body of application/ld+json carries its @context itself, not in a Link header")
    content = await read_body(request, limit)
    try:
        return cast(Json, orjson.loads(content))
    except orjson.JSONDecodeError as error:
        raise InvalidRequest(f"The body is not JSON: {error}") from None


def check_length(request: Request) -> None:
    """Clause 6.3.4: who sends says how much, also where it comes in chunks. Raises LengthRequired."""
    if "content-length" not in request.headers:
        raise LengthRequired


def media_type_of(request: Request) -> str:
    """The media type of the body, application/json if the request does not say."""
    return request.headers.get("content-type", JSON).split(";")[0].strip().lower()


async def read_body(request: Request, limit: int) -> bytes:
    """The body, read only as far as the limit."""
    declared = request.headers.get("content-length", "0")
    if declared.isascii() and declared.isdigit() and int(declared) > limit:
        raise RequestTooLarge(f"The body has {declared} bytes; at most {limit} are taken")
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > limit:
            raise RequestTooLarge(f"The body has more than {limit} bytes")
        parts.append(part)
    return b"".join(parts)


async def context_of(request: Request, body: Json = None) -> Context:
    """The @context of a request: from the body (application/ld+json), from a Link header, else the city's (6.3.5).

    Without an object only the Link header counts. Raises BadRequestData, InvalidRequest, LdContextNotAvailable.
    """
    linked = linked_context(request.headers.getlist("link"))
    said = body.get("@context") if isinstance(body, dict) else None
    if isinstance(body, dict) and media_type_of(request) == LD_JSON:
        if said is None:
            raise BadRequestData("A body of application/ld+json carries an @context")
        return await compiled(request, said)
    if said is not None:
        raise BadRequestData("A body with @context is sent as application/ld+json")
    return rooms_of(request).context if linked is None else await compiled(request, linked)


async def compiled(request: Request, said: Json) -> Context:
    """What an @context says, for the tenant of the request. Raises BadRequestData, LdContextNotAvailable."""
    return await rooms_of(request).library.compiled(said, tenant_of(request))


def form_of(request: Request) -> str:
    """normalized, concise or simplified, from `format` or `options` (clause 6.3.7)."""
    asked = [request.query_params.get("format", ""), *request.query_params.get("options", "").split(",")]
    names = {"keyValues": "simplified", **{form: form for form in FORMS}}
    forms = [names[name] for name in asked if name in names]
    for name in asked:
        if name and name not in names and name not in ("sysAttrs", "csv"):
            raise InvalidRequest(f"{name[:40]} is not one of {', '.join(FORMS)}, csv, sysAttrs")
    return forms[0] if forms else "normalized"


def wants_times(request: Request) -> bool:
    """Whether createdAt and modifiedAt are asked for (`options=sysAttrs`)."""
    return "sysAttrs" in request.query_params.get("options", "").split(",")


def flag_of(request: Request, parameter: str) -> bool:
    """A parameter that is true or false; false if not said. Raises BadRequestData."""
    text = request.query_params.get(parameter, "false")
    if text not in ("true", "false"):
        raise BadRequestData(f"{parameter} is {text[:40]!r}; it is true or false")
    return text == "true"


def names_of(request: Request, parameter: str) -> list[str]:
    """A comma-separated parameter as a list."""
    return [name for name in request.query_params.get(parameter, "").split(",") if name]


def number_of(request: Request, parameter: str, default: int, least: int, most: int) -> int:
    """A whole-number parameter within bounds. Raises BadRequestData."""
    text = request.query_params.get(parameter)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= 18 and least <= int(text) <= most):
        raise BadRequestData(f"{parameter} is {text[:40]!r}; it is a whole number from {least} to {most}")
    return int(text)


def instant_of(request: Request, parameter: str) -> datetime | None:
    """A parameter that is an ISO 8601 date-time. Raises BadRequestData."""
    text = request.query_params.get(parameter)
    if text is None:
        return None
    try:
        return parse_instant(text.replace(" ", "+"))  # a + of +09:00 that was not encoded arrives as a blank
    except ValueError as error:
        raise BadRequestData(f"{parameter}: {error}") from None


def as_object(body: Json) -> JsonObject:
    """The body, if it is a JSON object."""
    if not isinstance(body, dict):
        raise BadRequestData("The body is not a JSON object")
    return body
