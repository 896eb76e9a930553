"""A query finds what asking every entity would find: SQL leaves out no hit, on either database, whatever is asked."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cityos.ngsi.core_context import LOCATION
from cityos.ngsi.entity import Entity, Instance
from cityos.ngsi.geo import GeoQuery, parse_bbox, parse_geo_query
from cityos.ngsi.provision import upsert
from cityos.ngsi.q import And, Between, Compare, Condition, Exists, Like, Or, Path, Value, Word
from cityos.ngsi.q_match import compile_condition
from cityos.ngsi.scope_query import parse_scope_query
from cityos.ngsi.selector import Selector, of_types
from cityos.ngsi.type_selection import TypeSelection
from cityos.ngsi.value import Json, JsonObject
from cityos.store.record import Query
from cityos.store.store import Store
from tests.cityos.store.building import TENANT, ZONE, entity, placed

_TYPES = ("urn:t:A", "urn:t:B", "urn:t:C")
_NAMES = ("urn:a:a", "urn:a:b", "urn:a:c")
_SUBS = ("urn:a:s", "urn:a:a")
_LONG = "雪" * 199
_TEXTS = (
    "",
    "x",
    "y",
    "true",
    "5",
    "2026-01-15",
    "2026-01-15T08:00:00Z",
    "08:00:00",
    _LONG,
    _LONG + "ab",
    _LONG + "ac",
)
_NUMBERS = (0, 1, -1, 5, 5.0, 5.5, 2**53, 2**53 + 1, 2**63 - 1, -(2**63), 1e300, 0.1)
_TIMES = (datetime(2026, 1, 15, 8, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC))
_IDS = tuple(f"urn:e:{number}" for number in range(30))
_PLACES = ("140,40", "140.5,40.5", "180,0", "-180,10", "0,90")

_scalars: st.SearchStrategy[Json] = st.one_of(st.sampled_from(_NUMBERS), st.sampled_from(_TEXTS), st.booleans())
_jsons: st.SearchStrategy[Json] = st.one_of(
    _scalars,
    st.lists(_scalars, max_size=3).map(list),
    st.dictionaries(st.sampled_from(("k", "l", "@value")), _scalars, max_size=2).map(dict),
)
_uris = st.sampled_from(_IDS)
_KINDS = (*["Property"] * 3, "Relationship", "LanguageProperty", "VocabProperty", "JsonProperty", "ListProperty")
_LANGUAGES = st.dictionaries(st.sampled_from(("ja", "en")), st.sampled_from(_TEXTS), min_size=1, max_size=2)


@st.composite
def _instances(draw: st.DrawFn, *, depth: int = 0) -> Instance:
    kind = draw(st.sampled_from(_KINDS))
    values: dict[str, st.SearchStrategy[Json]] = {
        "Property": _jsons,
        "Relationship": st.one_of(_uris, st.lists(_uris, min_size=1, max_size=2).map(list)),
        "LanguageProperty": _LANGUAGES.map(dict),
        "VocabProperty": st.sampled_from(("urn:v:x", "urn:v:y")),
        "JsonProperty": _jsons,
        "ListProperty": st.lists(_scalars, max_size=3).map(list),
    }
    made = Instance(kind, draw(values[kind]), draw(st.sampled_from((None, *_TIMES))))
    if draw(st.booleans()):
        made.notes["unitCode"] = draw(st.sampled_from(("CMT", "MTR")))
    if depth < 1 and draw(st.booleans()):
        made.attributes[draw(st.sampled_from(_SUBS))] = {"": draw(_instances(depth=depth + 1))}
    return made


@st.composite
def _entities(draw: st.DrawFn, entity_id: str) -> Entity:
    made = Entity(entity_id, tuple(draw(st.lists(st.sampled_from(_TYPES), min_size=1, max_size=2, unique=True))))
    made.scopes = tuple(draw(st.lists(st.sampled_from(("/x", "/x/y", "/z")), max_size=2, unique=True)))
    for name in draw(st.lists(st.sampled_from(_NAMES), max_size=3, unique=True)):
        for dataset in draw(st.sampled_from((("",), ("",), ("urn:d:1",), ("", "urn:d:1")))):
            one = draw(_instances())
            one.dataset = dataset
            made.set(name, one)
    if draw(st.booleans()):
        lon, lat = map(float, draw(st.sampled_from(_PLACES)).split(","))
        made.set(LOCATION, Instance("GeoProperty", {"type": "Point", "coordinates": [lon, lat]}))
    return made


_cities = st.tuples(*map(_entities, _IDS))


# ---- questions

_paths = st.one_of(
    st.sampled_from(_NAMES).map(lambda name: Path((name,))),
    st.sampled_from(_NAMES).map(lambda name: Path((name,))),
    st.tuples(st.sampled_from(_NAMES), st.sampled_from(("observedAt", "unitCode", "modifiedAt", *_SUBS))).map(Path),
    st.tuples(st.sampled_from(_NAMES), st.sampled_from(("k", "0", "ja", "*"))).map(lambda p: Path((p[0],), (p[1],))),
    st.sampled_from((Path(("createdAt",)), Path(("expiresAt",)), Path((LOCATION,)))),
)
_texts = st.sampled_from(_TEXTS)
_words = st.sampled_from((*_IDS[:3], "urn:v:x", "x", "5")).map(Word)
_moments = st.sampled_from((*_TIMES, date(2026, 1, 15), time(8)))
_ordered: st.SearchStrategy[Value] = st.one_of(st.sampled_from(_NUMBERS), _texts, _moments)
_values: st.SearchStrategy[Value] = st.one_of(_ordered, st.booleans(), _words)


@st.composite
def _comparisons(draw: st.DrawFn) -> Condition:
    path = draw(_paths)
    if draw(st.booleans()):
        return Compare(path, draw(st.sampled_from(("<", "<=", ">", ">="))), (draw(_ordered),))
    return Compare(path, draw(st.sampled_from(("==", "!="))), tuple(draw(st.lists(_values, min_size=1, max_size=2))))


@st.composite
def _ranges(draw: st.DrawFn) -> Condition:
    ends = draw(st.sampled_from((_NUMBERS, _TEXTS, _TIMES)))
    return Between(draw(_paths), draw(st.sampled_from(ends)), draw(st.sampled_from(ends)), draw(st.booleans()))


_leaves: st.SearchStrategy[Condition] = st.one_of(
    _comparisons(),
    _comparisons(),
    _ranges(),
    st.builds(Exists, _paths, st.booleans()),
    st.builds(Like, _paths, st.sampled_from(("^x", "5", "")), st.booleans()),
)
_conditions = st.recursive(
    _leaves,
    lambda inner: st.one_of(
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: And(tuple(parts))),
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: Or(tuple(parts))),
    ),
    max_leaves=6,
)
_alternatives = st.sets(st.sampled_from((*_TYPES, "urn:t:Never")), min_size=1, max_size=2).map(frozenset)
_selections = st.lists(_alternatives, min_size=1, max_size=3).map(lambda any_of: TypeSelection(tuple(any_of)))
_selectors = st.builds(
    Selector,
    st.one_of(st.none(), _selections),
    st.one_of(st.just(frozenset[str]()), st.frozensets(_uris, min_size=1, max_size=9)),
    st.one_of(st.none(), st.none(), st.sampled_from(("1", "[02468]$", "e:2"))),
)
_RELATIONS = ("near;maxDistance==2000000", "near;minDistance==2000000", "within", "intersects", "disjoint", "equals")
_AREA = "[[[139,39],[141,39],[141,41],[139,41],[139,39]]]"
_places: st.SearchStrategy[GeoQuery] = st.one_of(
    st.sampled_from(("139,39,140,41", "140.1,40,141,41", "-180,-90,180,90", "1,1,2,2")).map(parse_bbox),
    st.tuples(st.sampled_from(_RELATIONS), st.sampled_from(_PLACES)).map(
        lambda asked: parse_geo_query(asked[0], "Point", f"[{asked[1]}]")
    ),
    st.sampled_from(_RELATIONS).map(lambda relation: parse_geo_query(relation, "Polygon", _AREA)),
)
_queries = st.builds(
    Query,
    selectors=st.one_of(st.just((Selector(),)), st.lists(_selectors, min_size=1, max_size=2).map(tuple)),
    attributes=st.one_of(
        st.just(frozenset[str]()), st.frozensets(st.sampled_from((*_NAMES, "urn:a:never")), max_size=2)
    ),
    condition=st.one_of(st.none(), _conditions, _conditions),
    scope=st.one_of(st.none(), st.none(), st.sampled_from(("/x", "/x/#", "/+", "/z,/x/y")).map(parse_scope_query)),
    place=st.one_of(st.none(), st.none(), _places),
    limit=st.sampled_from((1, 3, 100)),
    counted=st.booleans(),
)


def _is_hit(query: Query, one: JsonObject) -> bool:
    """What a query means, said without the store."""
    return (
        any(selector.compiled()(one) for selector in query.selectors)
        and (not query.attributes or not query.attributes.isdisjoint(one))
        and (query.condition is None or compile_condition(query.condition)(one))
        and (query.scope is None or query.scope.matches([str(scope) for scope in _listed(one.get("scope", []))]))
        and (query.place is None or query.place.matches_entity(one))
    )


def _listed(value: Json) -> list[Json]:
    return value if isinstance(value, list) else [value]


async def _all_pages(store: Store, query: Query) -> tuple[list[str], set[int | None]]:
    found: list[str] = []
    counts: set[int | None] = set()
    after = ""
    while True:
        page = await store.query(TENANT, replace(query, after=after))
        assert len(page.items) <= query.limit
        found += [one.id for one in page.items]
        counts.add(page.count)
        if page.next is None:
            return found, counts
        after = page.next


@settings(
    max_examples=8,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(city=_cities, queries=st.lists(_queries, min_size=10, max_size=30))
async def test_a_query_finds_what_asking_every_entity_would_find(
    store: Store, city: tuple[Entity, ...], queries: list[Query]
) -> None:
    await store.apply(TENANT, [upsert(one) for one in city])  # over what an earlier example left
    page = await store.query(TENANT, Query(limit=len(city)))
    known = [stored.entity() for stored in page.items]
    assert len(known) == len(city)
    for query in queries:
        wanted = [str(one["id"]) for one in known if _is_hit(query, one)]
        found, counts = await _all_pages(store, query)
        assert found == wanted
        assert counts == {len(wanted) if query.counted else None}


async def test_a_condition_of_a_thousand_terms_is_answered_in_time(store: Store) -> None:
    await store.apply(TENANT, [upsert(entity(str(number), a=number)) for number in range(30)])
    terms = tuple(Compare(Path(("urn:a:a",)), "==", (number,)) for number in range(25, 1_025))
    page = await store.query(TENANT, Query(of_types(ZONE), condition=Or(terms)))
    assert [one.id for one in page.items] == [f"urn:e:{number}" for number in range(25, 30)]
    both = And((Compare(Path(("urn:a:a",)), "==", (28,)), *(Exists(Path(("urn:a:a",))) for _ in range(1_000))))
    page = await store.query(TENANT, Query(of_types(ZONE), condition=both))
    assert [one.id for one in page.items] == ["urn:e:28"]


@pytest.mark.parametrize("few", [0, 600])
async def test_a_point_just_outside_a_box_is_no_hit(store: Store, monkeypatch: pytest.MonkeyPatch, few: int) -> None:
    """Whether the places are listed or walked: the spatial indexes round, or take what is near for a touch."""
    monkeypatch.setattr("cityos.store.querying._FEW", few)
    longitudes = {"in": 140.9999995, "on": 141.0, "out": 141.0000005}
    await store.apply(TENANT, [upsert(placed(name, lon, 43.0)) for name, lon in longitudes.items()])
    page = await store.query(TENANT, Query(place=parse_bbox("140.5,42.5,141.0,43.5"), counted=True))
    assert ([one.id for one in page.items], page.count) == (["urn:e:in", "urn:e:on"], 2)
