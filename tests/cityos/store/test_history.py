"""The past read: spans, series, filters over what was so in the span, aggregates. On either database."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from cityos.ngsi.context import CORE
from cityos.ngsi.core_context import LOCATION
from cityos.ngsi.duration import Duration
from cityos.ngsi.entity import Entity, Instance
from cityos.ngsi.error import TooComplexQuery
from cityos.ngsi.evolution import SCOPE, Said, scope_instance
from cityos.ngsi.geo import parse_geo_query
from cityos.ngsi.instant import from_microseconds
from cityos.ngsi.provision import delete, upsert
from cityos.ngsi.q import parse_q
from cityos.ngsi.scope_query import parse_scope_query
from cityos.ngsi.selector import Selector, of_types
from cityos.ngsi.temporal_query import Aggregation, TemporalQuery
from cityos.ngsi.type_selection import TypeSelection
from cityos.ngsi.value import Json
from cityos.store import history_aggregate
from cityos.store.record import EvolutionPage, HistoryQuery
from cityos.store.store import Store
from tests.cityos.store.building import OTHER, TENANT, ZONE, entity, minutes, reader_of
from tests.fakes import START, FakeClock

_DEPTH = "urn:a:depth"
_ZONES = HistoryQuery(selectors=of_types(ZONE))


async def _add(store: Store, local: str, *values: tuple[Json, float], of: str = ZONE, name: str = _DEPTH) -> None:
    """Values with the minute each was observed."""
    instances = [Instance("Property", value, minutes(minute)) for value, minute in values]
    await store.add_instances(TENANT, Said(Entity(f"urn:e:{local}", (of,)), {name: instances}))


def _values(store: Store, local: str, asked: HistoryQuery) -> dict[str, list[Json]]:
    evolution = reader_of(store).history.retrieve(TENANT, f"urn:e:{local}", asked)
    assert evolution is not None
    return {one.attribute + one.dataset: [p.body["value"] for p in one.points] for one in evolution.series}


def _query(store: Store, asked: HistoryQuery) -> EvolutionPage:
    return reader_of(store).history.query(TENANT, asked)


def _hits(store: Store, asked: HistoryQuery) -> list[str]:
    return [one.id.rpartition(":")[2] for one in _query(store, asked).items]


def _span(since: float | None, until: float | None) -> TemporalQuery:
    begin, end = (None if minute is None else minutes(minute) for minute in (since, until))
    return TemporalQuery("between", begin, end, "observedAt")


async def test_a_span_takes_its_beginning_and_leaves_its_end(store: Store) -> None:
    """Clause 4.11."""
    await _add(store, "1", (1, 10), (2, 20), (3, 30))
    assert _values(store, "1", HistoryQuery(_span(10, 30))) == {_DEPTH: [1, 2]}
    assert _values(store, "1", HistoryQuery(_span(None, 20))) == {_DEPTH: [1]}
    assert _values(store, "1", HistoryQuery(_span(20, None))) == {_DEPTH: [2, 3]}
    assert _values(store, "1", HistoryQuery(_span(40, None))) == {}


async def test_the_last_are_the_newest_of_each_series(store: Store) -> None:
    await _add(store, "1", (1, 10), (2, 20), (3, 30))
    await _add(store, "1", (7, 5), (8, 6), name="urn:a:other")
    asked = HistoryQuery(TemporalQuery(last=2))
    assert _values(store, "1", asked) == {_DEPTH: [2, 3], "urn:a:other": [7, 8]}


async def test_no_more_is_read_of_a_series_than_a_portion(store: Store) -> None:
    await _add(store, "1", *((n, n) for n in range(20)))
    assert _values(store, "1", HistoryQuery(portion=3)) == {_DEPTH: [0, 1, 2]}
    assert _values(store, "1", HistoryQuery(TemporalQuery(last=10), portion=3)) == {_DEPTH: [17, 18, 19]}


async def test_every_time_property_asks_another_clock(store: Store, clock: FakeClock) -> None:
    """Clause 4.8: what was only written has no observedAt; deletedAt finds deletions alone."""
    await store.apply(TENANT, [upsert(entity("1", depth=1))])
    clock.at += timedelta(minutes=10)
    await _add(store, "1", (2, -60), name="urn:a:other")
    clock.at += timedelta(minutes=10)
    await store.apply(TENANT, [upsert(entity("1"))])
    after = {"since": START + timedelta(minutes=5)}
    for name, expected in (
        ("observedAt", {}),
        ("createdAt", {"urn:a:other": [2, "urn:ngsi-ld:null"], _DEPTH: ["urn:ngsi-ld:null"]}),
        ("modifiedAt", {"urn:a:other": [2, "urn:ngsi-ld:null"], _DEPTH: ["urn:ngsi-ld:null"]}),
        ("deletedAt", {"urn:a:other": ["urn:ngsi-ld:null"], _DEPTH: ["urn:ngsi-ld:null"]}),
    ):
        asked = HistoryQuery(TemporalQuery("after", after["since"], None, name))
        assert _values(store, "1", asked) == expected, name
    assert _values(store, "1", HistoryQuery(TemporalQuery(time_property="observedAt"))) == {"urn:a:other": [2]}


async def test_attributes_and_datasets_narrow_what_is_shown(store: Store) -> None:
    await _add(store, "1", (1, 10))
    await _add(store, "1", (2, 10), name="urn:a:other")
    said = Said(Entity("urn:e:1", (ZONE,)), {_DEPTH: [Instance("Property", 3, minutes(5), "urn:d:1")]})
    await store.add_instances(TENANT, said)
    assert _values(store, "1", HistoryQuery(attributes=frozenset((_DEPTH,)))) == {_DEPTH: [1], f"{_DEPTH}urn:d:1": [3]}
    assert _values(store, "1", HistoryQuery(datasets=frozenset(("",)))) == {_DEPTH: [1], "urn:a:other": [2]}
    assert _values(store, "1", HistoryQuery(shown=lambda iri: iri == "urn:a:other")) == {"urn:a:other": [2]}


async def test_a_query_finds_by_type_also_what_has_ended(store: Store, clock: FakeClock) -> None:
    for local in ("1", "2"):
        await _add(store, local, (1, 10))
    await _add(store, "3", (1, 10), of=OTHER)
    clock.at += timedelta(hours=1)
    await store.apply(TENANT, [delete("urn:e:2")])
    assert _hits(store, _ZONES) == ["1", "2"]
    assert _hits(store, replace(_ZONES, descending=True)) == ["2", "1"]
    assert _hits(store, HistoryQuery()) == ["1", "2", "3"]
    assert _hits(store, HistoryQuery(descending=True)) == ["3", "2", "1"]
    both = Selector(TypeSelection((frozenset((ZONE, OTHER)),)))
    assert _hits(store, HistoryQuery(selectors=(both,))) == []
    assert _hits(store, HistoryQuery(selectors=(Selector(ids=frozenset(("urn:e:3", "urn:e:9"))),))) == ["3"]
    assert _hits(store, HistoryQuery(selectors=(Selector(pattern="[23]$"),))) == ["2", "3"]


async def test_who_has_nothing_in_the_span_is_no_hit(store: Store) -> None:
    await _add(store, "1", (1, 10))
    await _add(store, "2", (1, 50))
    assert _hits(store, replace(_ZONES, temporal=_span(0, 20))) == ["1"]
    # Though pick leaves out all that lies in the span, the entity is a hit.
    assert _hits(store, replace(_ZONES, temporal=_span(0, 20), shown=lambda iri: False)) == ["1"]


async def test_q_is_asked_of_what_was_so_in_the_span(store: Store) -> None:
    """Clause 5.7.4.4: instances outside of the span never fulfil it."""
    await _add(store, "fast", (30, 10), (90, 99))
    await _add(store, "slow", (10, 10), (80, 99))
    condition = parse_q("urn:a:depth>25", CORE)
    asked = replace(_ZONES, temporal=_span(0, 20), condition=condition)
    assert _hits(store, asked) == ["fast"]
    assert _hits(store, replace(asked, temporal=_span(90, None))) == ["fast", "slow"]


async def test_a_place_is_asked_of_where_it_was_in_the_span(store: Store) -> None:
    near = parse_geo_query("near;maxDistance==1000", "Point", [140.0, 40.0])
    for local, lon, minute in (("in", 140.001, 10), ("far", 141.0, 10), ("later", 140.001, 50)):
        told = Instance("GeoProperty", {"type": "Point", "coordinates": [lon, 40.0]}, minutes(minute))
        await store.add_instances(TENANT, Said(Entity(f"urn:e:{local}", (ZONE,)), {LOCATION: [told]}))
        await _add(store, local, (1, 10))
    assert _hits(store, replace(_ZONES, temporal=_span(0, 20), place=near)) == ["in"]


async def test_a_scope_selects_while_it_holds(store: Store) -> None:
    """Clauses 4.18, 4.19 and annex C.5.16."""
    scopes = [scope_instance(("/R",), minutes(0)), scope_instance(("/S",), minutes(30))]
    instances = [Instance("Property", value, minutes(minute)) for value, minute in (("old", 15), ("new", 45))]
    await store.add_instances(TENANT, Said(Entity("urn:e:1", (ZONE,)), {SCOPE: scopes, _DEPTH: instances}))
    for scope, expected in (("/R", "old"), ("/S", "new")):
        asked = replace(_ZONES, temporal=_span(10, 60), scope=parse_scope_query(scope))
        (evolution,) = _query(store, asked).items
        told = {one.attribute: [p.body["value"] for p in one.points] for one in evolution.series}
        assert told[_DEPTH] == [expected]
        assert told[SCOPE][0] == "/R"  # it held when the span began
    assert _hits(store, replace(_ZONES, temporal=_span(0, 20), scope=parse_scope_query("/S"))) == []
    assert _hits(store, replace(_ZONES, scope=parse_scope_query("/X"))) == []


async def test_pages_of_entities_neither_repeat_nor_skip(store: Store) -> None:
    for local in "abcde":
        await _add(store, local, (1, 10))
    found = [_query(store, replace(_ZONES, offset=offset, limit=2, counted=True)) for offset in (0, 2, 4, 6)]
    assert [[one.id[-1] for one in page.items] for page in found] == [["a", "b"], ["c", "d"], ["e"], []]
    assert [page.more for page in found] == [True, True, False, False]
    assert {page.count for page in found} == {5}
    assert _query(store, replace(_ZONES, limit=0, counted=True)).count == 5


async def test_aggregates_begin_with_the_span_or_the_first_instance(store: Store) -> None:
    """Clause 4.5.19."""
    await _add(store, "1", (10, 3), (20, 8), (60, 13), ("text", 14))
    await _add(store, "1", (5, 8), name="urn:a:other")
    asked = HistoryQuery(TemporalQuery(aggregation=Aggregation(("avg", "totalCount"), Duration(0, 600_000_000))))

    def told(asked: HistoryQuery) -> dict[str, dict[str, list[tuple[Json, float]]]]:
        evolution = reader_of(store).history.retrieve(TENANT, "urn:e:1", asked)
        assert evolution is not None
        return {
            one.attribute: {
                method: [(value, (from_microseconds(begin) - START) / timedelta(minutes=1)) for value, begin, _ in rows]
                for method, rows in (one.summary or {}).items()
            }
            for one in evolution.series
        }

    assert told(asked) == {
        _DEPTH: {"avg": [(15, 3), (60, 13)], "totalCount": [(2, 3), (2, 13)]},
        "urn:a:other": {"avg": [(5, 3)], "totalCount": [(1, 3)]},
    }
    since = replace(asked, temporal=replace(asked.temporal, since=minutes(0), time_property="observedAt"))
    assert told(since)[_DEPTH]["avg"] == [(15, 0), (60, 10)]
    whole = replace(asked, temporal=replace(asked.temporal, aggregation=Aggregation(("max",))))
    assert told(whole)[_DEPTH] == {"max": [(60, 3)]}


async def test_too_many_periods_are_refused(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history_aggregate, "MOST_PERIODS", 2)
    await _add(store, "1", *((n, n) for n in range(3)))
    asked = HistoryQuery(TemporalQuery(aggregation=Aggregation(("avg",), Duration(0, 1_000_000))))
    with pytest.raises(TooComplexQuery, match="aggrPeriodDuration"):
        _values(store, "1", asked)


async def test_a_series_goes_on_where_a_portion_ended(store: Store) -> None:
    """Also within one instant: what was not observed is so from when it was written."""
    instances = [Instance("Property", n) for n in range(5)]
    await store.add_instances(TENANT, Said(Entity("urn:e:1", (ZONE,)), {_DEPTH: instances}))
    reader = reader_of(store).history
    found = reader.find(TENANT, "urn:e:1")
    assert found is not None
    asked = HistoryQuery(portion=2)
    ((key, iri),) = reader.series_shown(TENANT, found.no, asked)
    assert iri == _DEPTH
    portions = [reader.portion(TENANT, found.no, key, asked, 0, skip) for skip in (0, 2, 4)]
    assert sorted(p.no for portion in portions for p in portion) == sorted({p.no for one in portions for p in one})
    assert [len(portion) for portion in portions] == [2, 2, 1]


async def test_nobody_has_a_past_who_was_never_there(store: Store) -> None:
    assert reader_of(store).history.retrieve(TENANT, "urn:e:nobody", HistoryQuery()) is None
    assert _hits(store, HistoryQuery(selectors=of_types("urn:t:Never"))) == []


async def test_an_entity_that_came_back_and_ended_was_last_what_it_came_back_as(store: Store, clock: FakeClock) -> None:
    for of in (ZONE, OTHER):
        await store.apply(TENANT, [upsert(entity("1", of=of, depth=1))])
        clock.forward(minutes=1)
        await store.apply(TENANT, [delete("urn:e:1")])
        clock.forward(minutes=1)
    evolution = reader_of(store).history.retrieve(TENANT, "urn:e:1", HistoryQuery())
    assert evolution is not None
    assert (evolution.types, evolution.deleted_at) == ((OTHER,), minutes(3))
    assert _hits(store, HistoryQuery(selectors=of_types(OTHER))) == ["1"]
    assert _hits(store, _ZONES) == []
