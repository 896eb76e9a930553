"""Entities read: one by its id, or many by a query (clauses 6.4, 6.5)."""

from __future__ import annotations

import orjson
from starlette.requests import Request
from starlette.responses import Response

from cityos.api import reading
from cityos.api.accepting import accepted
from cityos.api.answering import entities_response
from cityos.api.door import Door
from cityos.api.paging import cursor_of, next_link
from cityos.api.provision import PREFIX, id_of
from cityos.ngsi.context import Context
from cityos.ngsi.core_context import LOCATION
from cityos.ngsi.error import BadRequestData, InvalidRequest, ResourceNotFound
from cityos.ngsi.expansion import is_uri
from cityos.ngsi.geo import GeoQuery, parse_bbox, parse_geo_query
from cityos.ngsi.representation import View, represent_canonical
from cityos.ngsi.selector import Selector
from cityos.ngsi.type_selection import parse_type_selection
from cityos.store.record import Query

_LARGEST_PAGE = 1_000


async def retrieve(request: Request) -> Response:
    """GET /entities/{id}"""
    reading.check_parameters(request, _SHAPE_WORDS)
    accepted(request)
    tenant, entity_id = reading.reading_tenant(request), id_of(request)
    stored = await reading.rooms_of(request).store.find(tenant, entity_id)
    if stored is None:
        raise ResourceNotFound(f"{entity_id} is not found")
    context = await reading.context_of(request)
    return entities_response(
        request, context, represent_canonical(orjson.loads(stored.content), _view(request, context))
    )


async def query(request: Request) -> Response:
    """GET /entities"""
    reading.check_parameters(request, _FILTER_WORDS)
    accepted(request)
    tenant, context = reading.reading_tenant(request), await reading.context_of(request)
    page = await reading.rooms_of(request).store.query(tenant, _query(request, context))
    view = _view(request, context)
    headers = {} if page.next is None else {"Link": next_link(request, page.next)}
    return entities_response(
        request, context, [represent_canonical(orjson.loads(s.content), view) for s in page.items], headers
    )


def _view(request: Request, context: Context) -> View:
    names = reading.names_of(request, "attrs")
    attributes = frozenset(context.expand(name) for name in names) if names else None
    return View(context, reading.form_of(request), attributes, reading.wants_times(request))


def _query(request: Request, context: Context) -> Query:
    types = request.query_params.get("type")
    ids = reading.names_of(request, "id")
    if bad := [one for one in ids if not is_uri(one)]:
        raise BadRequestData(f"id {bad[0]!r} is not a URI")
    asked = Query(
        selectors=(Selector(parse_type_selection(types, context) if types else None, frozenset(ids)),),
        attributes=frozenset(context.expand(name) for name in reading.names_of(request, "attrs")),
        place=_place(request, context),
        after=cursor_of(request),
        limit=reading.number_of(request, "limit", 20, 1, _LARGEST_PAGE),
    )
    if asked.selectors[0].is_everything and not (asked.attributes or asked.place):
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
    Door("GET", f"{PREFIX}/entities", query, "Query entities", _FILTER_WORDS),
    Door("GET", f"{PREFIX}/entities/{{id}}", retrieve, "Read an entity", _SHAPE_WORDS),
)
