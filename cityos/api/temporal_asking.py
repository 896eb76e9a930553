"""What a temporal request asks for, from its parameters or from the Query of its body (clauses 5.2.23, 6.18-6.24)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from starlette.requests import Request

from cityos.api import reading
from cityos.api.accepting import accepted
from cityos.api.asking import LARGEST_PAGE, listed_in, names_in, selector_of, text_in
from cityos.api.spreadsheet import CSV
from cityos.ngsi.context import Context
from cityos.ngsi.error import BadRequestData, InvalidRequest
from cityos.ngsi.expansion import is_uri
from cityos.ngsi.geo import read_geo_query
from cityos.ngsi.language import parse_languages
from cityos.ngsi.projection import EVERYTHING, Projection, parse_attrs, parse_projection
from cityos.ngsi.q import SYSTEM_MEMBERS, Condition, attributes_of, hops_of, parse_q
from cityos.ngsi.representation import View
from cityos.ngsi.scope_query import parse_scope_query
from cityos.ngsi.selector import Selector
from cityos.ngsi.temporal_query import check_words, read_aggregation, read_form, read_temporal_query
from cityos.ngsi.temporal_representation import TemporalView
from cityos.ngsi.value import Json, JsonObject
from cityos.store.record import HistoryQuery

OFFERS = ("application/json", "application/ld+json", CSV)

# A request's words, whether they stand in its address or in the body of a POST query.
Said = Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class TemporalAsked:
    """Whose past, and how it is shown; `media_type` is what the answer will be."""

    query: HistoryQuery
    view: TemporalView
    media_type: str


def read_retrieval(request: Request, context: Context, portion: int) -> TemporalAsked:
    """What GET /temporal/entities/{id} asks for. Raises BadRequestData, InvalidRequest, NotAcceptable."""
    return _read(_parameters(request), request, context, portion, OFFERS)


def read_query(request: Request, context: Context, portion: int) -> TemporalAsked:
    """What GET /temporal/entities asks for. Raises BadRequestData, InvalidRequest, NotAcceptable."""
    said = _parameters(request)
    asked = _read(said, request, context, portion, OFFERS[:2])
    selector = selector_of(said, context)
    query = asked.query if selector.is_everything else replace(asked.query, selectors=(selector,))
    return replace(asked, query=_narrowed(query, said, request, context, encoded=False))


async def read_posted_query(request: Request, body: JsonObject, context: Context, portion: int) -> TemporalAsked:
    """What POST /temporal/entityOperations/query asks for (clause 5.2.23). Raises as `read_query`."""
    if body.get("type", "Query") != "Query":
        raise BadRequestData("The body is not of the type Query")
    temporal = body.get("temporalQ", {})
    if not isinstance(temporal, dict):
        raise BadRequestData("temporalQ is not an object")
    check_words(temporal, "temporalQ")
    aggregation = body.get("aggrParams", {})
    if not isinstance(aggregation, dict):
        raise BadRequestData("aggrParams is not an object")
    said = {**_parameters(request), **body, **temporal, **aggregation}
    asked = _read(said, request, context, portion, OFFERS[:2])
    if asked.query.temporal.aggregation is None and (found := read_aggregation(said)) is not None:
        # Aggregates asked for in a body need no word more (clauses 5.2.21, 5.2.44).
        asked = replace(
            asked,
            query=replace(asked.query, temporal=replace(asked.query.temporal, aggregation=found)),
            view=replace(asked.view, form="aggregatedValues"),
        )
    geo = body.get("geoQ", {})
    if not isinstance(geo, dict):
        raise BadRequestData("geoQ is not an object")
    query = _with_selectors(asked.query, body.get("entities"), context)
    return replace(asked, query=_narrowed(query, {**said, **geo}, request, context, encoded=True))


def _parameters(request: Request) -> dict[str, Json]:
    return dict(request.query_params)


def _read(said: Said, request: Request, context: Context, portion: int, offers: tuple[str, ...]) -> TemporalAsked:
    """The part that a retrieval and a query have in common."""
    media_type = accepted(request, offers)
    form, system = read_form(text_in(said, "format") or "", text_in(said, "options") or "")
    if form == "csv":
        if CSV not in offers:
            raise InvalidRequest("format=csv is for one entity: GET /temporal/entities/{id}")
        media_type = CSV
    temporal = read_temporal_query(said)
    if form != "aggregatedValues":
        temporal = replace(temporal, aggregation=None)
    elif temporal.aggregation is None:
        raise BadRequestData("aggregatedValues need aggrMethods")
    projection, attributes = _projection(said, context)
    languages = text_in(said, "lang")
    query = HistoryQuery(
        temporal,
        attributes=attributes,
        datasets=_datasets(said),
        shown=None if projection is EVERYTHING else projection.shows,
        portion=portion,
    )
    view = View(context, "normalized", None, system, projection, parse_languages(languages) if languages else ())
    return TemporalAsked(query, TemporalView(view, form), media_type)


def _projection(said: Said, context: Context) -> tuple[Projection, frozenset[str] | None]:
    pick, omit, attrs = (listed_in(said, name) for name in ("pick", "omit", "attrs"))
    if attrs and (pick or omit):
        raise BadRequestData("attrs goes with neither pick nor omit")
    projection = EVERYTHING
    if pick or omit:
        projection = parse_projection(pick, omit, context)
        if projection.hops():
            raise BadRequestData("The past of linked entities is not shown: pick and omit take no braces here")
    return projection, parse_attrs(attrs, context) if attrs else None


def _datasets(said: Said) -> frozenset[str] | None:
    names = names_in(said, "datasetId")
    for name in names:
        if name != "@none" and not is_uri(name):
            raise BadRequestData(f"datasetId {name[:80]!r} is neither a URI nor @none")
    return frozenset("" if name == "@none" else name for name in names) or None


def _narrowed(query: HistoryQuery, said: Said, request: Request, context: Context, *, encoded: bool) -> HistoryQuery:
    """Adds q, geo-query, scopeQ, order and page; refuses what would ask for everything (clause 5.7.4.4)."""
    condition = _condition(said, context, encoded=encoded)
    place = read_geo_query({key: said[key] for key in _GEO if key in said}, context)
    order = said.get("orderBy", "id")
    if order not in ("id", "id;asc", "id;desc", ["id"], ["id;asc"], ["id;desc"]):
        raise BadRequestData("The past is ordered by id only: orderBy is id, id;asc or id;desc")
    if (sources := text_in(said, "csf")) is not None:
        parse_q(sources, context, encoded=encoded)
    named = condition is not None and any(name not in SYSTEM_MEMBERS for name in attributes_of(condition))
    typed = any(one.types is not None for one in query.selectors)
    if not (typed or query.attributes or named or place or said.get("local") == "true"):
        raise BadRequestData("Say whose past: type, attrs, q or a geo-query; or local=true for all of this hub")
    scope = text_in(said, "scopeQ")
    return replace(
        query,
        condition=condition,
        place=place,
        scope=None if scope is None else parse_scope_query(scope),
        offset=reading.number_of(request, "offset", 0, 0, 10**9),
        limit=reading.number_of(request, "limit", 20, 0, LARGEST_PAGE),
        counted=reading.flag_of(request, "count"),
        descending=str(order).strip("[']").endswith("desc"),
    )


_GEO = ("georel", "geometry", "coordinates", "geoproperty")


def _condition(said: Said, context: Context, *, encoded: bool) -> Condition | None:
    text = text_in(said, "q")
    if text is None:
        return None
    condition = parse_q(text, context, names_in(said, "expandValues"), encoded=encoded)
    if hops_of(condition):
        raise BadRequestData("q does not reach the past of linked entities")
    return condition


def _with_selectors(query: HistoryQuery, said: Json, context: Context) -> HistoryQuery:
    """Any of the selectors of a Query (EntitySelector, 5.2.33)."""
    if said is None:
        return query
    if not isinstance(said, list) or not said:
        raise BadRequestData("entities is not a list of one or more selectors")
    selectors: list[Selector] = []
    for index, one in enumerate(said):
        if not isinstance(one, dict) or not one.get("type"):
            raise BadRequestData(f"entities[{index}] is no selector with a type")
        selectors.append(selector_of(one, context))
    return replace(query, selectors=tuple(selectors))
