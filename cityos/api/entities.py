"""Entities read: one by its id, many by a query in the URL or in the body (clauses 6.4, 6.5, 6.23); and purged."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import orjson
from starlette.requests import Request
from starlette.responses import Response

from cityos.api import description, reading
from cityos.api.accepting import ENTITY_OFFERS, accepted
from cityos.api.asking import (
    FILTER_WORDS,
    LARGEST_PAGE,
    PAGE_WORDS,
    SHAPE_WORDS,
    Asked,
    asked_by_body,
    asked_by_url,
)
from cityos.api.door import Door
from cityos.api.paging import Position, next_link, position_of
from cityos.api.provision import PREFIX, id_of
from cityos.api.rendition import Rendition, rendition_of, settled, show_of
from cityos.api.spreadsheet import CSV
from cityos.api.table_file import table_of
from cityos.ngsi.context import Context
from cityos.ngsi.error import BadRequestData, ResourceNotFound, TooComplexQuery
from cityos.ngsi.linked import Gathering
from cityos.ngsi.projection import parse_attrs
from cityos.ngsi.provision import Command, delete, drop_attributes, keep_attributes
from cityos.ngsi.representation import shown_of
from cityos.ngsi.value import JsonObject
from cityos.store.record import Stored

_PURGED_AT_ONCE = 1_000
_LARGEST_TABLE = 50_000
_QUERY_OFFERS = (*ENTITY_OFFERS, CSV)


async def retrieve(request: Request) -> Response:
    """GET /entities/{id}"""
    rendition = await rendition_of(request)
    entity_id = id_of(request)
    store = reading.rooms_of(request).store
    stored = await store.find(rendition.tenant, entity_id)
    if stored is None:
        raise ResourceNotFound(f"{entity_id} is not found")
    body = rendition.body(stored, reading.rooms_of(request).rendered)
    if not body:
        raise ResourceNotFound(f"{entity_id} has none of the members asked for")
    if rendition.join is not None:
        bodies = await _bodies(request, rendition, [stored])
        body = bodies[0] if len(bodies) == 1 else b""
        return _answer(rendition, rendition.alone(body) if body else rendition.together(bodies))
    headers = {"ETag": rendition.etag(store.epoch, stored), **dict(rendition.headers)}
    if headers["ETag"] in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(rendition.alone(body), headers=headers, media_type=rendition.media_type)


async def query(request: Request) -> Response:
    """GET /entities"""
    reading.check_parameters(request, _QUERY_WORDS)
    media_type = accepted(request, _QUERY_OFFERS)
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
    # In order of id: what only loses attributes is met again by any other order, for ever.
    wanted = replace(asked.query, limit=_PURGED_AT_ONCE, ordering=None)
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
    store = reading.rooms_of(request).store
    if media_type == CSV or request.query_params.get("format") == "csv":
        return await _table(request, tenant, asked)
    page = await store.query(tenant, asked.query)
    rendition = settled(request, tenant, asked.view, asked.join, media_type, asked.geometry_property)
    answer = _answer(rendition, rendition.together(await _bodies(request, rendition, page.items)))
    if page.next is not None:
        answer.headers.append("Link", next_link(request, position, page.next, asked.query.limit))
    if page.count is not None:
        answer.headers["NGSILD-Results-Count"] = str(page.count)
    return answer


async def _table(request: Request, tenant: str, asked: Asked) -> Response:
    """All hits as one file, unless a limit is said: who opens a spreadsheet does not follow a Link header."""
    store = reading.rooms_of(request).store
    if "limit" in request.query_params:
        page = await store.query(tenant, asked.query)
        return table_of([stored.entity() for stored in page.items], asked.view)
    found: list[JsonObject] = []
    query = replace(asked.query, limit=LARGEST_PAGE)
    while True:
        page = await store.query(tenant, query)
        found += [stored.entity() for stored in page.items]
        if page.next is None:
            return table_of(found, asked.view)
        if len(found) >= _LARGEST_TABLE:
            raise TooComplexQuery(f"The table would have more than {_LARGEST_TABLE} lines; ask for fewer, or set limit")
        is_ordered = query.ordering is not None
        query = replace(query, offset=int(page.next)) if is_ordered else replace(query, after=page.next)


async def _bodies(request: Request, rendition: Rendition, found: Sequence[Stored]) -> list[bytes]:
    """The entities found as they are shown, and those joined; what is left empty by pick and omit is left out."""
    rooms = reading.rooms_of(request)
    if rendition.join is None:
        return [body for stored in found if (body := rendition.body(stored, rooms.rendered))]
    entities = [stored.entity() for stored in found]
    gathering = Gathering(rendition.join, entities, shown_of(rendition.view))
    while ids := gathering.wanted():
        gathering.add(stored.entity() for stored in (await rooms.store.find_many(rendition.tenant, ids)).values())
    kind, geometry_property = rendition.media_type, rendition.geometry_property
    inline = gathering.inline() if rendition.join.form == "inline" else None
    told = [*map(show_of(rendition.view, kind, geometry_property, inline), entities)]
    if rendition.join.form == "flat":
        for entity, projection in gathering.flat():
            shown = replace(rendition.view, projection=projection, attributes=None)
            told.append(show_of(shown, kind, geometry_property)(entity))
    return [orjson.dumps(one) for one in told if one]


def _answer(rendition: Rendition, body: bytes) -> Response:
    """A body with its @context inside (ld+json, and geo+json that prefers it), or with a Link header (6.3.5, 6.3.6)."""
    return Response(body, headers=dict(rendition.headers), media_type=rendition.media_type)


_QUERY_WORDS = {**FILTER_WORDS, **SHAPE_WORDS, **PAGE_WORDS}
_BODY_QUERY_WORDS = {**PAGE_WORDS, **{name: SHAPE_WORDS[name] for name in ("format", "options", "local")}}
_PURGE_WORDS = {
    **FILTER_WORDS,
    **{name: SHAPE_WORDS[name] for name in ("attrs", "local")},
    "drop": "Only these attributes are deleted, the entities stay",
    "keep": "All but these attributes are deleted, the entities stay",
}
_FOUND = {200: description.ENTITIES}

DOORS = (
    Door("GET", f"{PREFIX}/entities", query, "Query entities", _QUERY_WORDS, answers=_FOUND),
    Door(
        "DELETE",
        f"{PREFIX}/entities",
        purge,
        "Delete all entities that a query finds",
        _PURGE_WORDS,
        answers=description.CHANGED,
    ),
    Door(
        "POST",
        f"{PREFIX}/entityOperations/query",
        query_by_body,
        "Query entities by a body",
        _BODY_QUERY_WORDS,
        body=description.Body("Query"),
        answers=_FOUND,
    ),
    Door(
        "GET",
        f"{PREFIX}/entities/{{id}}",
        retrieve,
        "Read an entity",
        SHAPE_WORDS,
        answers={200: description.ENTITY, 304: ""},
    ),
)
