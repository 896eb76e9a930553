"""Entities: create, read, query, merge, delete, batch upsert (clauses 6.4, 6.5, 6.14)."""

from __future__ import annotations

from typing import cast
from urllib.parse import quote

import orjson
from starlette.requests import Request
from starlette.responses import Response

from cityos.api import reading
from cityos.api.answering import entities_response, json_response
from cityos.api.door import Door
from cityos.api.errors import problem_body
from cityos.api.paging import cursor_of, next_link
from cityos.ngsi.context import Context
from cityos.ngsi.core_context import LOCATION
from cityos.ngsi.error import BadRequestData, InvalidRequest, NgsiError, ResourceNotFound
from cityos.ngsi.expansion import expand_entity, expand_fragment, is_uri
from cityos.ngsi.geo import GeoQuery, parse_bbox, parse_geo_query
from cityos.ngsi.representation import View, represent_canonical
from cityos.ngsi.value import Json
from cityos.store.record import Command, Create, Delete, Merge, Outcome, Query, Upsert

PREFIX = "/ngsi-ld/v1"
_LARGEST_PAGE = 1_000
_LARGEST_BATCH = 10_000


async def create(request: Request) -> Response:
    """POST /entities"""
    reading.check_parameters(request, ())
    tenant = reading.writing_tenant(request)
    body = await reading.read_json(request, reading.ENTITY_LIMIT)
    entity = expand_entity(body, reading.context_of(request, body))
    await _apply_one(request, tenant, Create(entity))
    return Response(status_code=201, headers={"Location": f"{PREFIX}/entities/{quote(entity.id, safe=':')}"})


async def retrieve(request: Request) -> Response:
    """GET /entities/{id}"""
    reading.check_parameters(request, _SHAPE_WORDS)
    tenant, entity_id = reading.reading_tenant(request), _id_of(request)
    stored = reading.rooms_of(request).store.find(tenant, entity_id)
    if stored is None:
        raise ResourceNotFound(f"{entity_id} is not found")
    context = reading.context_of(request)
    return entities_response(
        request, context, represent_canonical(orjson.loads(stored.content), _view(request, context))
    )


async def query(request: Request) -> Response:
    """GET /entities"""
    reading.check_parameters(request, _FILTER_WORDS)
    tenant, context = reading.reading_tenant(request), reading.context_of(request)
    page = await reading.rooms_of(request).store.query(tenant, _query(request, context))
    view = _view(request, context)
    headers = {} if page.next is None else {"Link": next_link(request, page.next)}
    return entities_response(
        request, context, [represent_canonical(orjson.loads(s.content), view) for s in page.items], headers
    )


async def merge(request: Request) -> Response:
    """PATCH /entities/{id}"""
    reading.check_parameters(request, ())
    tenant = reading.writing_tenant(request)
    types = (reading.JSON, reading.LD_JSON, reading.MERGE_PATCH)
    body = reading.as_object(await reading.read_json(request, reading.ENTITY_LIMIT, types))
    entity_id = _id_of(request)
    if body.get("id", entity_id) != entity_id:
        raise BadRequestData(f"The body's id {body['id']} is not the id of the address, {entity_id}")
    await _apply_one(request, tenant, Merge(entity_id, expand_fragment(body, reading.context_of(request, body))))
    return Response(status_code=204)


async def delete(request: Request) -> Response:
    """DELETE /entities/{id}"""
    reading.check_parameters(request, ())
    await _apply_one(request, reading.writing_tenant(request), Delete(_id_of(request)))
    return Response(status_code=204)


async def batch_upsert(request: Request) -> Response:
    """POST /entityOperations/upsert"""
    reading.check_parameters(request, ("options",))
    tenant = reading.writing_tenant(request)
    body = await reading.read_json(request, reading.BATCH_LIMIT)
    if not isinstance(body, list) or not 0 < len(body) <= _LARGEST_BATCH:
        raise BadRequestData(f"The body is not a list of 1 to {_LARGEST_BATCH} entities")
    commands, failed = _expand_all(request, body, update=_wants_update(request))
    outcomes = await reading.rooms_of(request).store.apply(tenant, commands) if commands else []
    return _batch_response(outcomes, failed)


def _wants_update(request: Request) -> bool:
    """`options=update`; a mistyped word must not replace whole entities."""
    said = request.query_params.get("options", "replace")
    if said not in ("update", "replace"):
        raise InvalidRequest(f"options is {said[:40]!r}; it is update or replace")
    return said == "update"


def _expand_all(request: Request, body: list[Json], *, update: bool) -> tuple[list[Command], list[Outcome]]:
    """The entities that can be read, and a failed outcome for each that cannot: good rows flow."""
    commands: list[Command] = []
    failed: list[Outcome] = []
    shared = None if _is_ld(request) else reading.context_of(request)
    for said in body:
        try:
            own = shared is None or (isinstance(said, dict) and "@context" in said)
            context = reading.context_of(request, said) if own or shared is None else shared
            commands.append(Upsert(expand_entity(said, context), update))
        except NgsiError as error:
            entity_id = said.get("id") if isinstance(said, dict) else None
            failed.append(Outcome(entity_id if isinstance(entity_id, str) else "", "failed", error=error))
    return commands, failed


def _is_ld(request: Request) -> bool:
    return reading.media_type_of(request) == reading.LD_JSON


def _batch_response(outcomes: list[Outcome], failed: list[Outcome]) -> Response:
    """201 with the ids created, 204 if all were there, 207 where some failed (clause 6.14.3.1)."""
    errors = [one for one in (*outcomes, *failed) if one.error is not None]
    if errors:
        told = {
            "success": [one.id for one in outcomes if one.error is None],
            "errors": [{"entityId": one.id, "error": problem_body(cast(NgsiError, one.error))} for one in errors],
        }
        return json_response(told, 207)
    created = [one.id for one in outcomes if one.done == "created"]
    return json_response(created, 201) if created else Response(status_code=204)


async def _apply_one(request: Request, tenant: str, command: Command) -> None:
    (outcome,) = await reading.rooms_of(request).store.apply(tenant, [command])
    if outcome.error is not None:
        raise outcome.error


def _id_of(request: Request) -> str:
    entity_id = cast(str, request.path_params["id"])
    if not is_uri(entity_id):
        raise BadRequestData(f"{entity_id!r} is not a URI")
    return entity_id


def _view(request: Request, context: Context) -> View:
    names = reading.names_of(request, "attrs")
    attributes = frozenset(context.expand(name) for name in names) if names else None
    return View(context, reading.form_of(request), attributes, reading.wants_times(request))


def _query(request: Request, context: Context) -> Query:
    ids = reading.names_of(request, "id")
    if bad := [one for one in ids if not is_uri(one)]:
        raise BadRequestData(f"id {bad[0]!r} is not a URI")
    asked = Query(
        types=frozenset(context.expand(name) for name in reading.names_of(request, "type")),
        ids=frozenset(ids),
        attributes=frozenset(context.expand(name) for name in reading.names_of(request, "attrs")),
        place=_place(request, context),
        after=cursor_of(request),
        limit=reading.number_of(request, "limit", 20, 1, _LARGEST_PAGE),
    )
    if not (asked.types or asked.ids or asked.attributes or asked.place):
        raise BadRequestData("Say which entities: type, id, attrs, bbox or georel")
    return asked


def _place(request: Request, context: Context) -> GeoQuery | None:
    said = request.query_params
    attribute = context.expand(said["geoproperty"]) if "geoproperty" in said else LOCATION
    if "bbox" in said:
        if "georel" in said:
            raise InvalidRequest("bbox and georel cannot be asked for together")
        return parse_bbox(said["bbox"], attribute)
    if "georel" not in said:
        if {"geometry", "coordinates"} & set(said):
            raise BadRequestData("geometry and coordinates need a georel")
        return None
    if missing := [name for name in ("geometry", "coordinates") if name not in said]:
        raise BadRequestData(f"georel needs {' and '.join(missing)}")
    return parse_geo_query(said["georel"], said["geometry"], said["coordinates"], attribute)


_FILTER_WORDS = {
    "type": "Type names, comma-separated",
    "id": "Entity ids, comma-separated",
    "attrs": "Attribute names: only these are shown, only entities that have one of them are found",
    "bbox": "minlon,minlat,maxlon,maxlat in degrees: what touches the box",
    "georel": "near;maxDistance==<metres>, near;minDistance==<metres>, within, intersects",
    "geometry": "GeoJSON geometry type of `coordinates`",
    "coordinates": "GeoJSON coordinates, [lon, lat] in degrees",
    "geoproperty": "The geo-property that bbox and georel mean; location if not said",
    "limit": "How many at most, 1 to 1000; 20 if not said",
    "cursor": "Where the page begins, as the Link header with rel=next gives it",
    "format": "normalized, concise or simplified",
    "options": "sysAttrs adds createdAt and modifiedAt; keyValues is an old word for simplified",
}
_SHAPE_WORDS = {name: _FILTER_WORDS[name] for name in ("attrs", "format", "options")}

DOORS = (
    Door("POST", f"{PREFIX}/entities", create, "Create an entity"),
    Door("GET", f"{PREFIX}/entities", query, "Query entities", _FILTER_WORDS),
    Door(
        "POST",
        f"{PREFIX}/entityOperations/upsert",
        batch_upsert,
        "Create or replace many entities",
        {
            "options": "update: only the attributes said are replaced",
        },
    ),
    Door("GET", f"{PREFIX}/entities/{{id}}", retrieve, "Read an entity", _SHAPE_WORDS),
    Door("PATCH", f"{PREFIX}/entities/{{id}}", merge, "Merge into an entity"),
    Door("DELETE", f"{PREFIX}/entities/{{id}}", delete, "Delete an entity"),
)
