"""What a request asks of entities, from its URL or from the Query in its body (clauses 5.2.23, 6.4.3.2, 6.23)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from starlette.requests import Request

from cityos.api import reading
from cityos.ngsi.context import Context
from cityos.ngsi.core_context import LOCATION
from cityos.ngsi.error import BadRequestData, InvalidRequest
from cityos.ngsi.expansion import is_uri
from cityos.ngsi.geo import GeoQuery, parse_bbox, read_geo_query
from cityos.ngsi.language import parse_languages
from cityos.ngsi.linked import Join, parse_join
from cityos.ngsi.ordering import Ordering, parse_ordering
from cityos.ngsi.pattern import compile_pattern
from cityos.ngsi.projection import EVERYTHING, parse_attrs, parse_projection
from cityos.ngsi.q import hops_of, parse_q
from cityos.ngsi.representation import View
from cityos.ngsi.scope_query import parse_scope_query
from cityos.ngsi.selector import Selector
from cityos.ngsi.type_selection import parse_type_selection
from cityos.ngsi.value import Json
from cityos.store.record import Query

LARGEST_PAGE = 1_000
_DEFAULT_PAGE = 20
_GEO_WORDS = ("georel", "geometry", "coordinates", "geoproperty")


@dataclass(frozen=True, slots=True)
class Asked:
    """Which entities, how they are shown, what is joined, and the geo-property of a GeoJSON answer."""

    query: Query
    view: View
    join: Join | None
    geometry_property: str


def asked_by_url(request: Request, context: Context, *, after: str, offset: int) -> Asked:
    """What the parameters of a query say. Raises BadRequestData, InvalidRequest."""
    said: dict[str, Json] = dict(request.query_params)
    selectors = (selector_of(said, context),)
    geo = {word: said[word] for word in _GEO_WORDS if word in said}
    return _asked(request, said, geo, selectors, context, after=after, offset=offset)


def asked_by_body(request: Request, body: Mapping[str, Json], context: Context, *, after: str, offset: int) -> Asked:
    """What a Query says (5.2.23). Raises BadRequestData, InvalidRequest."""
    if body.get("type") != "Query":
        raise BadRequestData("The body's type is not Query")
    said = {key: value for key, value in body.items() if key not in ("type", "id", "@context")}
    if unknown := said.keys() - _BODY_WORDS:
        raise BadRequestData(f"{min(unknown)} is no member of a Query")
    entities = said.get("entities", [{}])
    if not isinstance(entities, list) or not entities or not all(isinstance(one, dict) for one in entities):
        raise BadRequestData("entities is not a list of selectors with type, id or idPattern")
    selectors = tuple(selector_of(cast(dict[str, Json], one), context) for one in entities)
    geo = said.get("geoQ", {})
    if not isinstance(geo, dict):
        raise BadRequestData("geoQ is not an object")
    return _asked(request, said, geo, selectors, context, after=after, offset=offset)


def _asked(
    request: Request,
    said: Mapping[str, Json],
    geo: Mapping[str, Json],
    selectors: tuple[Selector, ...],
    context: Context,
    *,
    after: str,
    offset: int,
) -> Asked:
    shown = view_of(request, said, context)
    join = join_of(said, shown)
    q = text_in(said, "q")
    condition = None if q is None else parse_q(q, context, names_in(said, "expandValues"))
    if condition is not None and hops_of(condition) > (join.level if join else 0):
        raise BadRequestData("q reaches into linked entities beyond joinLevel; ask with join and joinLevel")
    scope = text_in(said, "scopeQ")
    query = Query(
        selectors=selectors,
        attributes=frozenset(shown.attributes or ()),
        condition=condition,
        scope=None if scope is None else parse_scope_query(scope),
        place=_place(said, geo, context),
        ordering=_ordering(said, context),
        after=after,
        offset=offset,
        limit=reading.number_of(request, "limit", _DEFAULT_PAGE, 0, LARGEST_PAGE),
        counted=reading.flag_of(request, "count"),
    )
    if query.limit == 0 and not query.counted:
        raise BadRequestData("limit=0 asks for nothing without count=true")
    if _asks_everything(query) and said.get("local") != "true":
        raise BadRequestData("Say which entities: type, attrs, q, georel or bbox, or local=true for all")
    return Asked(query, shown, join, geometry_property_of(said, context))


def _asks_everything(query: Query) -> bool:
    """Clause 5.7.2.4: a query without type, attributes, q and place is too wide, also with ids or a scope."""
    is_typed = all(selector.types is not None for selector in query.selectors)
    return not (is_typed or query.attributes or query.condition or query.place)


def view_of(request: Request, said: Mapping[str, Json], context: Context) -> View:
    """How entities are to be shown. Raises BadRequestData, InvalidRequest."""
    attributes = listed_in(said, "attrs")
    pick, omit = listed_in(said, "pick"), listed_in(said, "omit")
    if attributes and (pick or omit):
        raise BadRequestData("attrs cannot be combined with pick or omit")
    languages = text_in(said, "lang")
    datasets = names_in(said, "datasetId")
    return View(
        context,
        reading.form_of(request),
        parse_attrs(attributes, context) if attributes else None,
        reading.wants_times(request),
        parse_projection(pick, omit, context) if pick or omit else EVERYTHING,
        parse_languages(languages) if languages else (),
        frozenset(datasets) if datasets else None,
    )


def join_of(said: Mapping[str, Json], shown: View) -> Join | None:
    """Which linked entities come along. Raises BadRequestData."""
    join = parse_join(said.get("join"), said.get("joinLevel"), said.get("containedBy"))
    if shown.projection.hops() > (join.level if join else 0):
        raise BadRequestData("pick and omit reach into linked entities beyond joinLevel; ask with join and joinLevel")
    return join


def geometry_property_of(said: Mapping[str, Json], context: Context) -> str:
    """The IRI of the geo-property that a GeoJSON answer shows."""
    name = text_in(said, "geometryProperty")
    return LOCATION if name is None else context.expand(name)


def selector_of(said: Mapping[str, Json], context: Context) -> Selector:
    """The selector of a request's parameters, or one of a body's entities. Raises BadRequestData."""
    types, pattern = text_in(said, "type"), text_in(said, "idPattern")
    ids = names_in(said, "id")
    if bad := [one for one in ids if not is_uri(one)]:
        raise BadRequestData(f"id {bad[0][:200]!r} is not a URI")
    if pattern is not None:
        compile_pattern(pattern, "idPattern")
    return Selector(None if types is None else parse_type_selection(types, context), frozenset(ids), pattern)


def _place(said: Mapping[str, Json], geo: Mapping[str, Json], context: Context) -> GeoQuery | None:
    bbox = text_in(said, "bbox")
    if bbox is None:
        return read_geo_query(geo, context)
    if "georel" in geo:
        raise InvalidRequest("bbox and georel cannot be asked for together")
    attribute = text_in(geo, "geoproperty")
    return parse_bbox(bbox, LOCATION if attribute is None else context.expand(attribute))


def _ordering(said: Mapping[str, Json], context: Context) -> Ordering | None:
    order_by = said.get("orderBy")
    if order_by is None:
        return None
    if not isinstance(order_by, str | list):
        raise BadRequestData("orderBy is not a list of attributes")
    return parse_ordering(
        cast("str | list[str]", order_by),
        context,
        geometry=said.get("orderFromGeometry"),
        coordinates=said.get("orderFrom"),
        collation=said.get("collation"),
    )


def text_in(said: Mapping[str, Json], name: str) -> str | None:
    """A text that is not empty, if it is said. Raises BadRequestData."""
    value = said.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or not value:
        raise BadRequestData(f"{name} is empty or not a text")
    return value


def listed_in(said: Mapping[str, Json], name: str) -> str | list[str]:
    """A list of names: comma-separated in a URL, a list in a body."""
    value = said.get(name)
    if value is None:
        return ""
    if isinstance(value, str) and value:
        return value
    if isinstance(value, list) and value and all(isinstance(one, str) and one for one in value):
        return cast(list[str], value)
    raise BadRequestData(f"{name} is not a list of one or more names")


def names_in(said: Mapping[str, Json], name: str) -> list[str]:
    listed = listed_in(said, name)
    return [one for one in listed.split(",") if one] if isinstance(listed, str) else listed


SHAPE_WORDS = {
    "attrs": "Attribute names: only these are shown, only entities that have one of them are found",
    "pick": "Names of the members to show, attributes or id, type, scope; rel{name} for linked entities",
    "omit": "Names of the members to leave out",
    "lang": "Languages wanted, as Accept-Language: texts of LanguageProperties become one text",
    "datasetId": "Only attribute instances of these datasets; @none for those without",
    "geometryProperty": "The geo-property that is the geometry of a GeoJSON answer; location if not said",
    "join": "inline or flat: the entities that relationships point to come along",
    "joinLevel": "How far relationships are followed, 1 if not said",
    "containedBy": "Ids of entities that are not to be embedded again",
    "format": "normalized, concise, simplified, or csv for a spreadsheet",
    "options": "sysAttrs adds createdAt and modifiedAt; keyValues is an old word for simplified",
    "local": "true: this hub only; federation is not built yet, so it is always so",
}
PAGE_WORDS = {
    "limit": "How many at most, 0 to 1000; 20 if not said",
    "cursor": "Where the page begins, as the Link header with rel=next gives it",
    "offset": "How many to leave out; cursor neither repeats nor skips while data changes, offset may",
    "count": "true: the number of all hits stands in the header NGSILD-Results-Count",
}
FILTER_WORDS = {
    "type": "Type names: A,B for either, A;B for both, parentheses",
    "id": "Entity ids, comma-separated",
    "idPattern": "A regular expression (RE2) that ids match",
    "q": 'Conditions on attributes: depth>20;status=="open"|!checked',
    "expandValues": "Attributes whose values in q are terms of the @context",
    "scopeQ": "Scopes: /Aomori/# or /Aomori/+/Snow",
    "bbox": "minlon,minlat,maxlon,maxlat in degrees: what touches the box",
    "georel": "near;maxDistance==<metres>, near;minDistance==<metres>, within, contains, intersects, disjoint, ...",
    "geometry": "GeoJSON geometry type of `coordinates`",
    "coordinates": "GeoJSON coordinates, [lon, lat] in degrees",
    "geoproperty": "The geo-property that bbox and georel mean; location if not said",
    "orderBy": "Attributes to sort by: name, name;desc, location;dist-asc",
    "orderFrom": "GeoJSON coordinates from which distances are measured",
    "orderFromGeometry": "GeoJSON geometry type of orderFrom; Point if not said",
    "collation": "A language tag: texts are ordered by letter, accent and case",
}
_BODY_WORDS = {*SHAPE_WORDS, *FILTER_WORDS, "entities", "geoQ", "jsonldContext"}
