"""The past of entities read: of one by its id, or of many by a query (clauses 6.18, 6.19, 6.24)."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from cityos.api import history_file, reading
from cityos.api.answering import entities_response
from cityos.api.description import TERMS, Body
from cityos.api.door import Door
from cityos.api.provision import PREFIX, id_of
from cityos.api.spreadsheet import CSV
from cityos.api.temporal_asking import (
    TemporalAsked,
    read_posted_query,
    read_query,
    read_retrieval,
)
from cityos.ngsi.context import Context
from cityos.ngsi.error import ResourceNotFound
from cityos.ngsi.evolution import Evolution, content_range, cut
from cityos.ngsi.instant import to_microseconds
from cityos.ngsi.temporal_query import TemporalQuery
from cityos.ngsi.temporal_representation import represent_evolution
from cityos.ngsi.value import JsonObject
from cityos.store.record import EvolutionPage


async def retrieve(request: Request) -> Response:
    """GET /temporal/entities/{id}"""
    reading.check_parameters(request, _RETRIEVAL_WORDS)
    rooms = reading.rooms_of(request)
    tenant, entity_id = reading.reading_tenant(request), id_of(request)
    context = await reading.context_of(request)
    asked = read_retrieval(request, context, rooms.history_page + 1)
    if asked.media_type == CSV:
        return await history_file.download(request, tenant, entity_id, asked)
    query = asked.query
    evolution = await rooms.store.read(lambda reader: reader.history.retrieve(tenant, entity_id, query))
    if evolution is None:
        raise ResourceNotFound(f"{entity_id} is not found")
    attributes = query.attributes
    if attributes is not None and not await rooms.store.read(
        lambda reader: reader.history.has_any(tenant, entity_id, attributes)
    ):
        raise ResourceNotFound(f"{entity_id} has none of the attributes asked for")
    (told,), headers, status = _shown(request, [evolution], asked)
    if not told:
        raise ResourceNotFound(f"{entity_id} has nothing of what pick and omit leave")
    return entities_response(request, context, told, headers, status)


async def query(request: Request) -> Response:
    """GET /temporal/entities"""
    reading.check_parameters(request, _QUERY_WORDS)
    tenant, context = reading.reading_tenant(request), await reading.context_of(request)
    asked = read_query(request, context, reading.rooms_of(request).history_page + 1)
    return await _answer(request, tenant, context, asked)


async def query_by_body(request: Request) -> Response:
    """POST /temporal/entityOperations/query"""
    reading.check_parameters(request, _BODY_QUERY_WORDS)
    tenant = reading.reading_tenant(request)
    body = reading.as_object(await reading.read_json(request, reading.ENTITY_LIMIT))
    context = await reading.context_of(request, body)
    asked = await read_posted_query(request, body, context, reading.rooms_of(request).history_page + 1)
    return await _answer(request, tenant, context, asked)


async def _answer(request: Request, tenant: str, context: Context, asked: TemporalAsked) -> Response:
    page = await reading.rooms_of(request).store.read(lambda reader: reader.history.query(tenant, asked.query))
    told, headers, status = _shown(request, page.items, asked)
    headers |= _paging(request, page, asked)
    return entities_response(request, context, [one for one in told if one], headers, status)


def _shown(
    request: Request, evolutions: Sequence[Evolution], asked: TemporalAsked
) -> tuple[list[JsonObject], dict[str, str], int]:
    """What is shown, its headers and the status: 206 where more instances lie in the span than one answer holds."""
    temporal = asked.query.temporal
    kept = None
    if temporal.aggregation is None:
        kept = cut(evolutions, reading.rooms_of(request).history_page, newest=temporal.last is not None)
    told = [represent_evolution(one, asked.view) for one in evolutions]
    if kept is None:
        return told, {}, 200
    return told, {"Content-Range": _range(temporal, kept)}, 206


def _range(temporal: TemporalQuery, kept: tuple[int, int]) -> str:
    since, until = (None if at is None else to_microseconds(at) for at in (temporal.since, temporal.until))
    return content_range(since, until, kept, temporal.last)


def _paging(request: Request, page: EvolutionPage, asked: TemporalAsked) -> dict[str, str]:
    """Links to the neighbouring pages of entities, and how many there are in all where that was asked for."""
    offset, limit = asked.query.offset, asked.query.limit
    links: list[str] = []
    if offset and limit:
        links.append(_link(request, "prev", max(0, offset - limit)))
    if page.more and limit:
        links.append(_link(request, "next", offset + limit))
    headers = {"Link": ", ".join(links)} if links else {}
    if page.count is not None:
        headers["NGSILD-Results-Count"] = str(page.count)
    return headers


def _link(request: Request, relation: str, offset: int) -> str:
    words = [(name, value) for name, value in request.query_params.multi_items() if name != "offset"]
    address = f"{request.url.path}?{urlencode([*words, ('offset', offset)])}"
    return f'<{address}>; rel="{relation}"; type="application/json"'


_SHAPE_WORDS = {
    "format": "normalized, concise, temporalValues (or simplified), aggregatedValues",
    "options": "As format; sysAttrs adds createdAt and modifiedAt",
    "lang": "The languages of texts, most wanted first: ja,en;q=0.8",
    "local": "true: this hub only; federation is not built yet, so it is always so",
}
_INSTANCE_WORDS = {
    "timerel": "before, after (inclusive) or between timeAt (inclusive) and endTimeAt (exclusive)",
    "timeAt": "An instant such as 2026-01-15T00:00:00Z",
    "endTimeAt": "The end of between",
    "timeproperty": "By which time: observedAt, createdAt, modifiedAt, or deletedAt; observedAt if not said",
    "lastN": "So many instances of each attribute at most, the newest",
    "attrs": "Attribute names: only these are shown, only entities that have one of them are found",
    "pick": "Members to show",
    "omit": "Members to leave out",
    "datasetId": "Instances of these datasets only; @none for those without",
    "aggrMethods": "With aggregatedValues: totalCount, distinctCount, sum, avg, min, max, stddev, sumsq",
    "aggrPeriodDuration": "Length of each period: PT10M, PT1H, P1D, P1M; the whole time if not said",
}
_PAGE_WORDS = {
    "limit": "How many entities at most, 0 to 1000; 20 if not said",
    "offset": "How many entities to pass over",
    "count": "true: NGSILD-Results-Count tells how many entities there are in all",
}
_RETRIEVAL_WORDS = {
    **_INSTANCE_WORDS,
    **_SHAPE_WORDS,
    "format": "normalized, concise, temporalValues (or simplified), aggregatedValues, csv (a file for spreadsheets)",
}
_QUERY_WORDS = {
    "type": "Types: A,B for either, A;B for both, parentheses, * for every type",
    "id": "Entity ids, comma-separated",
    "idPattern": "A regular expression that the id holds",
    "q": 'A condition on the instances of the time asked for, such as speed>50;street=="雪野"',
    "expandValues": "Attributes whose values in q are terms of the @context",
    "scopeQ": "Scopes such as /Aomori/# that held in the time asked for",
    "georel": "near;maxDistance==<metres>, near;minDistance==<metres>, within, contains, intersects, equals, ...",
    "geometry": "GeoJSON geometry type of `coordinates`",
    "coordinates": "GeoJSON coordinates, [lon, lat] in degrees",
    "geoproperty": "The geo-property that georel means; location if not said",
    "csf": "A condition on context sources; there are none yet",
    "orderBy": "id, id;asc or id;desc",
    **_INSTANCE_WORDS,
    **_SHAPE_WORDS,
    **_PAGE_WORDS,
}
_BODY_QUERY_WORDS = {**_SHAPE_WORDS, **_PAGE_WORDS}
_MANY = f"{PREFIX}/temporal/entities"
_TOLD = {200: f"{TERMS} {CSV}", 206: TERMS}

DOORS = (
    Door("GET", _MANY, query, "Query the past of entities", _QUERY_WORDS, answers=_TOLD),
    Door(
        "POST",
        f"{PREFIX}/temporal/entityOperations/query",
        query_by_body,
        "Query the past of entities, the question in the body",
        _BODY_QUERY_WORDS,
        body=Body("TemporalQuery"),
        answers=_TOLD,
    ),
    Door("GET", f"{_MANY}/{{id}}", retrieve, "Read the past of an entity", _RETRIEVAL_WORDS, answers=_TOLD),
)
