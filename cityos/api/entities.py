"""Entities read: one by its id, many by a query in the URL or in the body (clauses 6.4, 6.5, 6.23); and purged."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import orjson
from starlette.requests import Request
from starlette.responses import Response

from cityos.api import reading
from cityos.api.accepting import ENTITY_OFFERS, GEO_JSON, LD_JSON, accepted
from cityos.api.answering import context_link, context_said
from cityos.api.asking import (
    FILTER_WORDS,
    PAGE_WORDS,
    SHAPE_WORDS,
    Asked,
    asked_by_body,
    asked_by_url,
    geometry_property_of,
    join_of,
    view_of,
)
from cityos.api.door import Door
from cityos.api.paging import Position, next_link, position_of
from cityos.api.provision import PREFIX, id_of
from cityos.ngsi.context import Context
from cityos.ngsi.error import BadRequestData, ResourceNotFound
from cityos.ngsi.geojson import compile_feature, feature_collection
from cityos.ngsi.linked import Gathering, Inline, Join
from cityos.ngsi.projection import parse_attrs
from cityos.ngsi.provision import Command, delete, drop_attributes, keep_attributes
from cityos.ngsi.representation import View, compile_view, shown_of
from cityos.ngsi.value import JsonObject

_PURGED_AT_ONCE = 1_000


async def retrieve(request: Request) -> Response:
    """GET /entities/{id}"""
    reading.check_parameters(request, SHAPE_WORDS)
    media_type = accepted(request, ENTITY_OFFERS)
    tenant, entity_id = reading.reading_tenant(request), id_of(request)
    context = await reading.context_of(request)
    said = dict(request.query_params)
    view = view_of(request, said, context)
    join, geometry_property = join_of(said, view), geometry_property_of(said, context)
    stored = await reading.rooms_of(request).store.find(tenant, entity_id)
    if stored is None:
        raise ResourceNotFound(f"{entity_id} is not found")
    told = await _told(request, tenant, [stored.entity()], view, join, media_type, geometry_property)
    if not told or (view.attributes is not None and view.attributes.isdisjoint(stored.entity())):
        raise ResourceNotFound(f"{entity_id} has none of the members asked for")
    return _answer(request, told if len(told) > 1 else told[0], view, media_type)


async def query(request: Request) -> Response:
    """GET /entities"""
    reading.check_parameters(request, _QUERY_WORDS)
    media_type = accepted(request, ENTITY_OFFERS)
    tenant = reading.reading_tenant(request)
    position = position_of(request)
    asked = asked_by_url(request, await reading.context_of(request), after=position.after, offset=position.offset)
    return await _page(request, tenant, asked, position, media_type)


async def query_by_body(request: Request) -> Response:
    """POST /entityOperations/query"""
    reading.check_parameters(request, _BODY_QUERY_WORDS)
    media_type = accepted(request, ENTITY_OFFERS)
    body = reading.as_object(await reading.read_json(request, reading.ENTITY_LIMIT))
    tenant = reading.reading_tenant(request)
    position, context = position_of(request), await reading.context_of(request, body)
    asked = asked_by_body(request, body, context, after=position.after, offset=position.offset)
    return await _page(request, tenant, asked, position, media_type)


async def purge(request: Request) -> Response:
    """DELETE /entities"""
    reading.check_parameters(request, _PURGE_WORDS)
    tenant = reading.writing_tenant(request)
    context = await reading.context_of(request)
    purged = _purged(request, context)
    asked = asked_by_url(request, context, after="", offset=0)
    wanted = replace(asked.query, limit=_PURGED_AT_ONCE)
    store = reading.rooms_of(request).store
    while True:
        page = await store.query(tenant, wanted)
        await store.apply(tenant, [purged(one.id) for one in page.items])
        if page.next is None:
            return Response(status_code=204)
        wanted = replace(wanted, after=page.next)


def _purged(request: Request, context: Context) -> Callable[[str], Command]:
    """What is done to each entity found: deleted, or only of attributes (`drop`, or all but `keep`)."""
    words = [word for word in ("drop", "keep") if word in request.query_params]
    if len(words) == 2:
        raise BadRequestData("drop and keep cannot be asked for together")
    if not words:
        return delete
    names = parse_attrs(request.query_params[words[0]], context)
    step = drop_attributes if words[0] == "drop" else keep_attributes
    return lambda entity_id: step(entity_id, names)


async def _page(request: Request, tenant: str, asked: Asked, position: Position, media_type: str) -> Response:
    page = await reading.rooms_of(request).store.query(tenant, asked.query)
    found = [stored.entity() for stored in page.items]
    told = await _told(request, tenant, found, asked.view, asked.join, media_type, asked.geometry_property)
    answer = _answer(request, told, asked.view, media_type)
    if page.next is not None:
        answer.headers.append("Link", next_link(request, position, page.next, asked.query.limit))
    if page.count is not None:
        answer.headers["NGSILD-Results-Count"] = str(page.count)
    return answer


async def _told(
    request: Request,
    tenant: str,
    found: Sequence[JsonObject],
    view: View,
    join: Join | None,
    media_type: str,
    geometry_property: str,
) -> list[JsonObject]:
    """The entities found as they are shown, and those joined; what is left empty by pick and omit is left out."""
    if join is None:
        return _shown(_renderer(view, media_type, geometry_property, None), found)
    gathering = Gathering(join, found, shown_of(view))
    store = reading.rooms_of(request).store
    while ids := gathering.wanted():
        gathering.add(stored.entity() for stored in (await store.find_many(tenant, ids)).values())
    inline = gathering.inline() if join.form == "inline" else None
    told = _shown(_renderer(view, media_type, geometry_property, inline), found)
    if join.form == "flat":
        for entity, projection in gathering.flat():
            shown = replace(view, projection=projection, attributes=None)
            told += _shown(_renderer(shown, media_type, geometry_property, None), [entity])
    return told


def _shown(show: Callable[[JsonObject], JsonObject], found: Sequence[JsonObject]) -> list[JsonObject]:
    return [one for one in map(show, found) if one]


def _renderer(
    view: View, media_type: str, geometry_property: str, inline: Inline | None
) -> Callable[[JsonObject], JsonObject]:
    if media_type == GEO_JSON:
        return compile_feature(view, geometry_property, inline)
    return compile_view(view, inline)


def _answer(request: Request, told: JsonObject | list[JsonObject], view: View, media_type: str) -> Response:
    """The body with its @context inside (ld+json, and geo+json that prefers it) or in a Link header (6.3.5, 6.3.6)."""
    body = feature_collection(told) if media_type == GEO_JSON and isinstance(told, list) else told
    answer = Response(media_type=media_type)
    if media_type == LD_JSON or (media_type == GEO_JSON and _wants_context(request)):
        said = context_said(request, view.context)
        for one in body if isinstance(body, list) else [body]:
            one["@context"] = said
    else:
        answer.headers.append("Link", context_link(request, view.context))
    answer.body = orjson.dumps(body)
    answer.headers["Content-Length"] = str(len(answer.body))
    return answer


def _wants_context(request: Request) -> bool:
    """GeoJSON carries its @context unless `Prefer: body=json` asks otherwise (clause 6.3.6)."""
    return "body=json" not in request.headers.get("prefer", "").replace(" ", "")


_QUERY_WORDS = {**FILTER_WORDS, **SHAPE_WORDS, **PAGE_WORDS}
_BODY_QUERY_WORDS = {**PAGE_WORDS, **{name: SHAPE_WORDS[name] for name in ("format", "options", "local")}}
_PURGE_WORDS = {
    **FILTER_WORDS,
    **{name: SHAPE_WORDS[name] for name in ("attrs", "local")},
    "drop": "Only these attributes are deleted, the entities stay",
    "keep": "All but these attributes are deleted, the entities stay",
}

DOORS = (
    Door("GET", f"{PREFIX}/entities", query, "Query entities", _QUERY_WORDS),
    Door("DELETE", f"{PREFIX}/entities", purge, "Delete all entities that a query finds", _PURGE_WORDS),
    Door("POST", f"{PREFIX}/entityOperations/query", query_by_body, "Query entities by a body", _BODY_QUERY_WORDS),
    Door("GET", f"{PREFIX}/entities/{{id}}", retrieve, "Read an entity", SHAPE_WORDS),
)
