"""@contexts: kept for users, fetched from elsewhere, created on the way, built in (clause 5.13)."""

from __future__ import annotations

from typing import cast

from starlette.requests import Request
from starlette.responses import Response

from cityos.api import reading
from cityos.api.accepting import JSON, LD_JSON, accepted
from cityos.api.answering import json_response
from cityos.api.description import CHANGED, PROBLEM, TERMS, Body
from cityos.api.door import Door
from cityos.api.errors import OperationNotSupported
from cityos.contexts.library import CONTEXTS_PATH, local_id
from cityos.contexts.shelf import Entry, Kind
from cityos.ngsi.core_context import CORE_ADDRESSES, is_core_context
from cityos.ngsi.error import BadRequestData, InvalidRequest, ResourceNotFound
from cityos.ngsi.instant import format_instant
from cityos.ngsi.value import Json, JsonObject

_LIMIT = 1_000_000  # bytes


async def add_context(request: Request) -> Response:
    """POST /jsonldContexts"""
    reading.check_parameters(request, ())
    tenant = reading.writing_tenant(request)
    body = await reading.read_json(request, _LIMIT)
    if not isinstance(body, dict) or "@context" not in body:
        raise InvalidRequest("The body is not an object with the member @context")
    context_id = await reading.rooms_of(request).library.host(tenant, body)
    return Response(status_code=201, headers={"Location": CONTEXTS_PATH + context_id})


async def list_contexts(request: Request) -> Response:
    """GET /jsonldContexts"""
    reading.check_parameters(request, _LISTING)
    accepted(request, (JSON,))
    is_detailed, kind = reading.flag_of(request, "details"), _kind(request)
    library = reading.rooms_of(request).library
    told = [_built_in(request, Kind.HOSTED, name) for name in library.built_in]
    told += [_built_in(request, Kind.CACHED, address) for address in CORE_ADDRESSES]
    told += [_described(request, entry) for entry in await library.list_all(reading.named_tenant(request))]
    wanted = [one for one in told if kind in (None, one["kind"])]
    return json_response(wanted if is_detailed else [one["URL"] for one in wanted])


async def get_context(request: Request) -> Response:
    """GET /jsonldContexts/{id}"""
    reading.check_parameters(request, _SERVING)
    is_detailed, name = reading.flag_of(request, "details"), _name(request)
    library, tenant = reading.rooms_of(request).library, reading.named_tenant(request)
    if name in library.built_in or is_core_context(name):
        kind = Kind.CACHED if is_core_context(name) else Kind.HOSTED
        if is_detailed:
            return json_response(_built_in(request, kind, name))
        return _document(request, kind, name, library.built_in.get(name), LD_JSON)
    entry = await library.find(tenant, name)
    if entry is None:
        raise ResourceNotFound(f"There is no @context {name[:200]}")
    answer = (
        json_response(_described(request, entry))
        if is_detailed
        else _document(request, entry.kind, name, entry.document, accepted(request))
    )
    if entry.kind is not Kind.HOSTED:  # of what the hub keeps by itself, being asked for is use, too
        library.shelf.count(tenant, entry.kind, entry.id)
    return answer


async def delete_context(request: Request) -> Response:
    """DELETE /jsonldContexts/{id}"""
    reading.check_parameters(request, _DELETING)
    tenant, name = reading.writing_tenant(request), _name(request)
    library, is_reload = reading.rooms_of(request).library, reading.flag_of(request, "reload")
    entry = None if name in library.built_in or is_core_context(name) else await library.find(tenant, name)
    if entry is not None and not is_reload:
        await library.delete(tenant, entry)
    elif entry is not None and entry.kind is Kind.CACHED:
        await library.reload(entry)
    elif not (is_reload and is_core_context(name)):  # the core context is as new as the hub: nothing to fetch
        raise _refusal(name, is_known=entry is not None or name in library.built_in, is_reload=is_reload)
    return Response(status_code=204)


def _refusal(name: str, *, is_known: bool, is_reload: bool) -> BadRequestData | ResourceNotFound:
    if is_reload:
        return BadRequestData(f"{name[:200]} is not a @context fetched from elsewhere: it cannot be reloaded")
    if is_known or is_core_context(name):
        return BadRequestData(f"{name[:200]} is built in and cannot be deleted")
    return ResourceNotFound(f"There is no @context {name[:200]}")


def _name(request: Request) -> str:
    """A local id, or the address of a cached context, percent-encoded or not."""
    said = cast(str, request.path_params["id"])
    return local_id(said) or said


def _kind(request: Request) -> Kind | None:
    said = request.query_params.get("kind")
    try:
        return None if said is None else Kind(said)
    except ValueError:
        raise BadRequestData(f"kind is {said!r}; it is one of {', '.join(Kind)}") from None


def _document(request: Request, kind: Kind, name: str, document: Json, media_type: str) -> Response:
    if kind is Kind.CACHED:  # clause 5.13.4: it is not ours to publish
        raise OperationNotSupported(f"The @context {name[:200]} is served at that address, not here")
    return json_response(document, media_type=media_type)


def _described(request: Request, entry: Entry) -> JsonObject:
    """What is told of a context (clause 5.13.3.5)."""
    told: JsonObject = {
        "URL": _url(request, entry.kind, entry.id),
        "localId": entry.id,
        "kind": entry.kind.value,
        "createdAt": format_instant(entry.created_at),
        "numberOfHits": entry.usage.hits,
    }
    if entry.usage.used_at is not None:
        told["lastUsage"] = format_instant(entry.usage.used_at)
    return told


def _built_in(request: Request, kind: Kind, name: str) -> JsonObject:
    opened_at = format_instant(reading.rooms_of(request).library.opened_at)
    return {"URL": _url(request, kind, name), "localId": name, "kind": kind.value, "createdAt": opened_at}


def _url(request: Request, kind: Kind, context_id: str) -> str:
    return context_id if kind is Kind.CACHED else str(request.base_url).rstrip("/") + CONTEXTS_PATH + context_id


_DETAILS = "true: what is known of it: kind, times, number of uses"
_LISTING = {"details": _DETAILS, "kind": "Hosted, Cached or ImplicitlyCreated"}
_SERVING = {"details": _DETAILS}
_DELETING = {"reload": "true: fetch a cached one anew instead; the old one stays if that fails"}
_LIST_PATH = CONTEXTS_PATH.rstrip("/")

DOORS = (
    Door("POST", _LIST_PATH, add_context, "Have a @context kept here", body=Body("ContextDocument"), answers={201: ""}),
    Door("GET", _LIST_PATH, list_contexts, "List @contexts", _LISTING),
    Door(
        "GET",
        f"{CONTEXTS_PATH}{{id}}",
        get_context,
        "Read a @context by id or address; cityos is the city's",
        _SERVING,
        answers={200: TERMS, 422: PROBLEM},
    ),
    Door(
        "DELETE",
        f"{CONTEXTS_PATH}{{id}}",
        delete_context,
        "Forget a @context, or reload it",
        _DELETING,
        answers=CHANGED,
    ),
)
