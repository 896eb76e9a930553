"""History read: the instances of an entity's attributes through time, series by series along their index.

A series is one attribute's one dataset. Each is read from its end that is asked for and no further than the answer
reaches, so that a month of it costs no more than a day.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, cast

import orjson
from sqlalchemy import ColumnElement, and_, bindparam, case, literal_column, select

from cityos.ngsi.aggregation import summarise, value_to_aggregate
from cityos.ngsi.duration import Periods
from cityos.ngsi.entity import Entity, from_bytes
from cityos.ngsi.error import TooComplexQuery
from cityos.ngsi.evolution import SCOPE, Evolution, Point, Series, as_entity, scope_intervals, tombstone
from cityos.ngsi.instant import from_microseconds, to_microseconds
from cityos.ngsi.q import attributes_of
from cityos.ngsi.q_match import Test, compile_condition
from cityos.ngsi.temporal_query import TemporalQuery
from cityos.ngsi.type_selection import TypeSelection
from cityos.store import entity_statement as sql
from cityos.store.connection import Connection
from cityos.store.instance_row import TYPE
from cityos.store.record import EvolutionPage, HistoryQuery
from cityos.store.schema import IS_CURRENT, WORD_LENGTH, entity, entity_type, instance, name
from cityos.store.statement import AnyOf, Statement, compiled

MOST_POINTS = 100_000  # instances looked at for one entity's filter
MOST_PERIODS = 20_000  # of an aggregation, in one answer
_CANDIDATES = 200  # entities looked at between two statements
_FIRST, _LAST = -(2**62), 2**62  # microseconds: before and after all times

_ONE: ColumnElement[int] = literal_column("1")
_ZERO: ColumnElement[int] = literal_column("0")


def _p(key: str) -> Any:
    return bindparam(key)


_OF_ENTITY = and_(instance.c.tenant == _p("tenant"), instance.c.entity == _p("entity"))
_OF_SERIES = and_(_OF_ENTITY, instance.c.attribute == _p("attribute"), instance.c.dataset == _p("dataset"))

NAME_OF = compiled(select(name.c.iri).where(name.c.no == _p("no")))
NUMBER_OF = compiled(select(name.c.no).where(name.c.iri == _p("iri")))

# The next series of an entity, of the same attribute or of the next: one step along the index each. DISTINCT would walk
# all instances, and so does SQLite where both are compared as a pair.
NEXT_DATASET = compiled(
    select(instance.c.dataset)
    .where(_OF_ENTITY, instance.c.attribute == _p("attribute"), instance.c.dataset > _p("dataset"))
    .order_by(instance.c.dataset)
    .limit(_ONE)
    .offset(_ZERO)
)
NEXT_ATTRIBUTE = compiled(
    select(instance.c.attribute, instance.c.dataset)
    .where(_OF_ENTITY, instance.c.attribute > _p("attribute"))
    .order_by(instance.c.attribute, instance.c.dataset)
    .limit(_ONE)
    .offset(_ZERO)
)

# Which column is the time of an instance, and which instances have one, by time property; "" where none is asked for.
_TIMES: dict[str, tuple[ColumnElement[int], tuple[ColumnElement[bool], ...]]] = {
    "": (instance.c.at, ()),
    "observedAt": (instance.c.at, (instance.c.observed,)),
    "createdAt": (instance.c.created_at, ()),
    "modifiedAt": (instance.c.modified_at, ()),
    "deletedAt": (instance.c.modified_at, (instance.c.body.is_(None),)),
}


def _points_of(time_property: str, *, newest: bool) -> Statement:
    time, conditions = _TIMES[time_property]
    columns = (instance.c.no, time, instance.c.created_at, instance.c.modified_at, instance.c.word, instance.c.body)
    order = (time.desc(), instance.c.no.desc()) if newest else (time, instance.c.no)
    # After a number of the same instant goes on where a portion ended.
    return compiled(
        select(*columns)
        .where(_OF_SERIES, *conditions, time >= _p("since"), time < _p("until"))
        .order_by(*order)
        .limit(_p("count"))
        .offset(_p("skip"))
    )


POINTS = {(key, newest): _points_of(key, newest=newest) for key in _TIMES for newest in (False, True)}


def _values_of(time_property: str) -> Statement:
    time, conditions = _TIMES[time_property]
    # The body only where the number does not say it all: reading bodies is most of the cost.
    body = case((instance.c.number.is_(None), instance.c.body), else_=None)
    return compiled(
        select(time, instance.c.number, body)
        .where(_OF_SERIES, *conditions, instance.c.body.is_not(None), time >= _p("since"), time < _p("until"))
        .order_by(time, instance.c.no)
    )


VALUES = {key: _values_of(key) for key in _TIMES}

_POINT = (instance.c.no, instance.c.at, instance.c.created_at, instance.c.modified_at, instance.c.word, instance.c.body)
SCOPE_BEFORE = compiled(
    select(
        instance.c.no, instance.c.at, instance.c.created_at, instance.c.modified_at, instance.c.word, instance.c.body
    )
    .where(_OF_SERIES, instance.c.at <= _p("since"))
    .order_by(instance.c.at.desc(), instance.c.no.desc())
    .limit(_ONE)
    .offset(_ZERO)
)
# What an entity was when it ended, and when that was.
LAST_TYPES = compiled(
    select(instance.c.dataset, instance.c.at).where(_OF_ENTITY, instance.c.attribute == _p("attribute"), IS_CURRENT)
)

_ROW = (entity.c.id, entity.c.no, entity.c.topic, entity.c.seq, entity.c.document)
ENTITIES_AFTER = compiled(
    select(*_ROW)
    .where(entity.c.tenant == _p("tenant"), entity.c.id > _p("after"))
    .order_by(entity.c.id)
    .limit(_p("count"))
    .offset(_ZERO)
)
ENTITIES_BEFORE = compiled(
    select(*_ROW)
    .where(entity.c.tenant == _p("tenant"), entity.c.id < _p("before"))
    .order_by(entity.c.id.desc())
    .limit(_p("count"))
    .offset(_ZERO)
)
ENTITIES_NAMED = compiled(select(*_ROW).where(entity.c.tenant == _p("tenant"), AnyOf(entity.c.id, "ids")))
# Candidates by type: those that are there, and those that have ended.
IDS_OF_TYPE = compiled(
    select(entity_type.c.id).where(entity_type.c.tenant == _p("tenant"), AnyOf(entity_type.c.type, "types"))
)
ENDED_IDS_OF_TYPE = compiled(
    select(entity.c.id)
    .select_from(instance.join(entity, entity.c.no == instance.c.entity))
    .where(
        instance.c.tenant == _p("tenant"),
        instance.c.attribute == _p("attribute"),
        instance.c.number.is_(None),
        AnyOf(instance.c.word, "words"),
        IS_CURRENT,
        entity.c.document.is_(None),
    )
)

_Row = tuple[Any, ...]
Key = tuple[int, str]  # attribute number, dataset


@dataclass(slots=True)
class Found:
    """An entity with a past: `state` None where it has ended."""

    no: int
    id: str
    state: Entity | None


class History:
    """Reads on one connection; one thread at a time."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._iris: dict[int, str] = {}
        self._numbers: dict[str, int] = {}

    # ---- whole answers

    def retrieve(self, tenant: str, entity_id: str, asked: HistoryQuery) -> Evolution | None:
        """The evolution of one entity, none of its series longer than `asked.portion`; None where it has no past."""
        found = self.find(tenant, entity_id)
        if found is None:
            return None
        evolution = self._about(tenant, found)
        self._add_all_series(tenant, found, self.series_of(tenant, found.no), asked, evolution)
        return evolution

    def has_any(self, tenant: str, entity_id: str, attributes: Collection[str]) -> bool:
        """Whether the entity has or ever had one of the attributes."""
        found = self.find(tenant, entity_id)
        return found is not None and any(
            self._iri(attribute) in attributes for attribute, _ in self.series_of(tenant, found.no)
        )

    def query(self, tenant: str, asked: HistoryQuery) -> EvolutionPage:
        """A page of evolutions in order of id, of those entities whose past is asked for."""
        page: list[Evolution] = []
        hits = 0
        test = None if asked.condition is None else compile_condition(asked.condition)
        tests = [one.compiled() for one in asked.selectors if not one.is_everything]
        selects = (lambda told: any(test(told) for test in tests)) if tests else None
        for found in self._candidates(tenant, asked):
            self._connection.check_time()  # each candidate costs little, but there may be many
            evolution = self._matching(tenant, found, asked, test, selects)
            if evolution is None:
                continue
            hits += 1
            if asked.offset < hits <= asked.offset + asked.limit:
                page.append(evolution)
            elif hits > asked.offset + asked.limit and not asked.counted:
                break
        return EvolutionPage(tuple(page), hits > asked.offset + asked.limit, hits if asked.counted else None)

    # ---- entities

    def find(self, tenant: str, entity_id: str) -> Found | None:
        """The entity with a past, ended or not."""
        rows = self._connection.rows(sql.GET_ENTITY, {"tenant": tenant, "id": entity_id})
        return _found(rows[0]) if rows else None

    def _candidates(self, tenant: str, asked: HistoryQuery) -> Iterator[Found]:
        """In order of id: all that are named, or of the types, or simply all."""
        ids: set[str] = set()
        for one in asked.selectors:
            if one.ids:
                ids |= one.ids
            elif one.types is not None and not one.types.is_everything:
                ids |= self._ids_of_types(tenant, one.types)
            else:
                return self._all(tenant, newest_first=asked.descending)
        if not asked.selectors:
            return self._all(tenant, newest_first=asked.descending)
        return self._named(tenant, sorted(ids, reverse=asked.descending))

    def _ids_of_types(self, tenant: str, types: TypeSelection) -> set[str]:
        """Of each alternative one type is looked for; whether the others are there, too, is seen later."""
        wanted = {min(alternative) for alternative in types.any_of}
        numbers = [no for iri in wanted if (no := self._number(iri)) is not None]
        rows = self._connection.rows(IDS_OF_TYPE, {"tenant": tenant, "types": self._connection.list_of(numbers)})
        ended_type = self._number(TYPE)
        if ended_type is not None:
            words = self._connection.list_of(iri[:WORD_LENGTH] for iri in wanted)
            rows += self._connection.rows(
                ENDED_IDS_OF_TYPE, {"tenant": tenant, "attribute": ended_type, "words": words}
            )
        return {row[0] for row in rows}

    def _all(self, tenant: str, *, newest_first: bool) -> Iterator[Found]:
        key, edge = ("before", "\U0010ffff") if newest_first else ("after", "")
        statement = ENTITIES_BEFORE if newest_first else ENTITIES_AFTER
        while True:
            rows = self._connection.rows(statement, {"tenant": tenant, key: edge, "count": _CANDIDATES})
            yield from map(_found, rows)
            if len(rows) < _CANDIDATES:
                return
            edge = rows[-1][0]

    def _named(self, tenant: str, ids: list[str]) -> Iterator[Found]:
        for start in range(0, len(ids), _CANDIDATES):
            portion = ids[start : start + _CANDIDATES]
            rows = self._connection.rows(ENTITIES_NAMED, {"tenant": tenant, "ids": self._connection.list_of(portion)})
            by_id = {row[0]: row for row in rows}
            yield from (_found(by_id[one]) for one in portion if one in by_id)

    def _about(self, tenant: str, found: Found) -> Evolution:
        """An evolution without series yet."""
        state = found.state
        if state is not None:
            return Evolution(found.id, state.types, [], state.created_at, state.modified_at, state.expires_at)
        ended = self._connection.rows(
            LAST_TYPES, {"tenant": tenant, "entity": found.no, "attribute": self._number(TYPE) or 0}
        )
        ended_at = max((at for _, at in ended), default=None)
        last = None if ended_at is None else from_microseconds(ended_at)
        return Evolution(
            found.id,
            tuple(iri for iri, at in ended if at == ended_at),  # of an earlier life it may have had others
            [],
            modified_at=last,
            deleted_at=last,
        )

    # ---- series

    def series_of(self, tenant: str, no: int) -> list[Key]:
        """All series of an entity, the scope's among them."""
        found: list[Key] = []
        about = {"tenant": tenant, "entity": no}
        at: Key = (-1, "")
        while True:
            rows = self._connection.rows(NEXT_DATASET, {**about, "attribute": at[0], "dataset": at[1]})
            if rows:
                at = (at[0], rows[0][0])
            else:
                rows = self._connection.rows(NEXT_ATTRIBUTE, {**about, "attribute": at[0]})
                if not rows:
                    return [key for key in found if self._iri(key[0]) != TYPE]
                at = cast(Key, tuple(rows[0]))
            found.append(at)

    def _wanted(self, keys: Iterable[Key], asked: HistoryQuery) -> list[Key]:
        return [
            key
            for key in keys
            if (iri := self._iri(key[0])) and (asked.shown is None or asked.shown(iri))
            if iri == SCOPE
            or (
                (asked.attributes is None or iri in asked.attributes)
                and (asked.datasets is None or key[1] in asked.datasets)
            )
        ]

    def _matching(
        self, tenant: str, found: Found, asked: HistoryQuery, test: Test | None, selects: Test | None
    ) -> Evolution | None:
        """The evolution if it is asked for: it has instances in the span, and together they pass every filter."""
        evolution = self._about(tenant, found)
        if selects is not None and not selects({"id": evolution.id, "type": list(evolution.types)}):
            return None
        keys = self.series_of(tenant, found.no)
        if not self._passes(tenant, found, evolution, keys, asked, test):
            return None
        intervals = self._scope_intervals(tenant, found, keys, asked)
        if intervals is not None and not intervals:
            return None
        self._add_all_series(tenant, found, keys, asked, evolution, intervals)
        has_instances = any(one.attribute != SCOPE for one in evolution.series)
        if has_instances or self._has_hidden(tenant, found, keys, asked):
            return evolution
        return None

    def _has_hidden(self, tenant: str, found: Found, keys: list[Key], asked: HistoryQuery) -> bool:
        """Whether what pick and omit leave out has instances: then the entity is a hit, though little of it shows."""
        if asked.shown is None or asked.attributes is not None:
            return False
        everything = replace(asked, shown=None, portion=1)
        return any(self._points(tenant, found, key, everything) for key in keys if self._iri(key[0]) != SCOPE)

    def _passes(
        self, tenant: str, found: Found, evolution: Evolution, keys: list[Key], asked: HistoryQuery, test: Test | None
    ) -> bool:
        """Whether the instances of the span fulfil q and the geo-query (clause 5.7.4.4)."""
        if test is None and asked.place is None:
            return True
        wanted: set[str] = set()
        if asked.condition is not None:
            wanted |= attributes_of(asked.condition)
        if asked.place is not None:
            wanted.add(asked.place.attribute)
        whole = replace(asked, portion=MOST_POINTS + 1, datasets=None, temporal=replace(asked.temporal, last=None))
        known = replace(evolution, series=[])
        for key in keys:
            iri = self._iri(key[0])
            if iri in wanted:
                points = self._points(tenant, found, key, whole)
                if len(points) > MOST_POINTS:
                    raise TooComplexQuery(
                        f"{found.id} has more than {MOST_POINTS} instances of {iri} in that time; ask for less of it"
                    )
                known.series.append(Series(iri, key[1], points))
        told = as_entity(known)
        return (test is None or test(told)) and (asked.place is None or asked.place.matches_entity(told))

    def _scope_intervals(
        self, tenant: str, found: Found, keys: list[Key], asked: HistoryQuery
    ) -> list[tuple[int, int]] | None:
        """When the scope was one that is asked for, within the span; None where no scope is asked for."""
        if asked.scope is None:
            return None
        number = self._number(SCOPE)
        if number is None or (number, "") not in keys:
            return []
        points = self._rows(tenant, found.no, (number, ""), "", _FIRST, _LAST, MOST_POINTS, newest=False)
        since, until = span_of(asked.temporal)
        return [
            (begin, end)
            for begin, end in scope_intervals([self._point(row, SCOPE, "") for row in points], asked.scope)
            if begin < until and end > since
        ]

    def _add_all_series(
        self,
        tenant: str,
        found: Found,
        keys: list[Key],
        asked: HistoryQuery,
        evolution: Evolution,
        intervals: list[tuple[int, int]] | None = None,
    ) -> None:
        """Adds what is to be shown; of the instances only those that lie in one of the intervals."""
        wanted = self._wanted(keys, asked)
        if asked.temporal.aggregation is not None:
            self._add_summaries(tenant, found, wanted, asked, evolution)
            return
        for key in wanted:
            iri = self._iri(key[0])
            if iri == SCOPE:
                points = self._scope_points(tenant, found, key, asked)
            else:
                points = self._points(tenant, found, key, asked)
                if intervals is not None:
                    points = [p for p in points if any(begin <= p.at < end for begin, end in intervals)]
            if points:
                evolution.series.append(Series(iri, key[1], points, cast(str, points[-1].body["type"])))

    def _points(self, tenant: str, found: Found, key: Key, asked: HistoryQuery) -> list[Point]:
        """The instances of a series in the span, oldest first, as many as asked for."""
        since, until = span_of(asked.temporal)
        newest = asked.temporal.last is not None
        count = min(asked.temporal.last or asked.portion, asked.portion)
        time_property = asked.temporal.time_property or ""
        rows = self._rows(tenant, found.no, key, time_property, since, until, count, newest=newest)
        points = [self._point(row, self._iri(key[0]), key[1]) for row in rows]
        return points[::-1] if newest else points

    def _scope_points(self, tenant: str, found: Found, key: Key, asked: HistoryQuery) -> list[Point]:
        """The scopes of the span. The one that held when it began was set before (annex C.5.16)."""
        # Set by the core API, a scope is taken as observed when it was set (clause 4.5.6).
        is_observed = asked.temporal.time_property == "observedAt"
        plain = replace(asked.temporal, time_property=None) if is_observed else asked.temporal
        points = self._points(tenant, found, key, replace(asked, temporal=plain))
        since, _ = span_of(asked.temporal)
        if is_observed and since > _FIRST and not (points and points[0].at == since):
            rows = self._connection.rows(
                SCOPE_BEFORE,
                {"tenant": tenant, "entity": found.no, "attribute": key[0], "dataset": key[1], "since": since},
            )
            points = [point for row in rows if not (point := self._point(row, SCOPE, "")).is_deleted] + points
        return points

    def _rows(
        self,
        tenant: str,
        no: int,
        key: Key,
        time_property: str,
        since: int,
        until: int,
        count: int,
        *,
        newest: bool,
        skip: int = 0,
    ) -> list[_Row]:
        about = {"tenant": tenant, "entity": no, "attribute": key[0], "dataset": key[1]}
        span = {"since": since, "until": until, "count": count, "skip": skip}
        return self._connection.rows(POINTS[time_property, newest], {**about, **span})

    def _point(self, row: _Row, attribute: str, dataset: str) -> Point:
        no, at, created_at, modified_at, word, body = row
        if body is not None:
            return Point(no, at, orjson.loads(body), created_at, modified_at)
        return Point(no, at, tombstone(attribute, word or "Property", dataset, None), created_at, modified_at, True)

    def portion(self, tenant: str, no: int, key: Key, asked: HistoryQuery, since: int, skip: int) -> list[Point]:
        """The next instances of a series from an instant on, after so many of that very instant; for downloads."""
        _, until = span_of(asked.temporal)
        time_property = asked.temporal.time_property or ""
        rows = self._rows(tenant, no, key, time_property, since, until, asked.portion, newest=False, skip=skip)
        return [self._point(row, self._iri(key[0]), key[1]) for row in rows]

    def series_shown(self, tenant: str, no: int, asked: HistoryQuery) -> list[tuple[Key, str]]:
        """The series that a download shows, each with its attribute's IRI."""
        return [
            (key, iri) for key in self._wanted(self.series_of(tenant, no), asked) if (iri := self._iri(key[0])) != SCOPE
        ]

    # ---- aggregates

    def _add_summaries(
        self, tenant: str, found: Found, keys: list[Key], asked: HistoryQuery, evolution: Evolution
    ) -> None:
        aggregation = asked.temporal.aggregation
        assert aggregation is not None
        keys = [key for key in keys if self._iri(key[0]) != SCOPE]
        first = replace(asked, portion=1, temporal=replace(asked.temporal, last=None))
        firsts = {key: points[0].at for key in keys if (points := self._points(tenant, found, key, first))}
        if not firsts:
            return
        since, until = span_of(asked.temporal)
        # Periods begin where the span does; where it has no beginning, with the entity's first instance.
        anchor = since if since > _FIRST else min(firsts.values())
        periods = None if aggregation.period.is_whole else Periods(anchor, aggregation.period)
        count = 0
        for key in firsts:
            series = self._summary(tenant, found, key, asked, periods)
            if series is None or series.summary is None:
                continue
            if periods is None:
                end = None if until == _LAST else until
                series.summary = {
                    method: [(value, anchor, end or last) for value, _, last in told]
                    for method, told in series.summary.items()
                }
            if asked.temporal.last is not None:
                series.summary = {m: told[-asked.temporal.last :] for m, told in series.summary.items()}
            count += sum(map(len, series.summary.values()))
            if count > MOST_PERIODS:
                raise TooComplexQuery(f"That is more than {MOST_PERIODS} periods; choose a longer aggrPeriodDuration")
            if any(series.summary.values()):
                evolution.series.append(series)

    def _summary(
        self, tenant: str, found: Found, key: Key, asked: HistoryQuery, periods: Periods | None
    ) -> Series | None:
        since, until = span_of(asked.temporal)
        about = {"tenant": tenant, "entity": found.no, "attribute": key[0], "dataset": key[1]}
        statement = VALUES[asked.temporal.time_property or ""]
        rows = self._connection.rows(statement, {**about, "since": since, "until": until})
        if not rows or asked.temporal.aggregation is None:
            return None
        kind = "Property" if rows[-1][2] is None else cast(str, orjson.loads(rows[-1][2])["type"])
        points = ((at, number if body is None else value_to_aggregate(orjson.loads(body))) for at, number, body in rows)
        summary = summarise(points, asked.temporal.aggregation.methods, periods)
        return Series(self._iri(key[0]), key[1], [], kind, summary)

    # ---- names

    def _iri(self, no: int) -> str:
        """The IRI of a number that stands in a row."""
        if no not in self._iris:
            self._iris[no] = cast(str, self._connection.rows(NAME_OF, {"no": no})[0][0])
        return self._iris[no]

    def _number(self, iri: str) -> int | None:
        """The number of an IRI; None where nothing has this name."""
        if iri not in self._numbers:
            rows = self._connection.rows(NUMBER_OF, {"iri": iri})
            if not rows:
                return None
            self._numbers[iri] = cast(int, rows[0][0])
        return self._numbers[iri]


def span_of(temporal: TemporalQuery) -> tuple[int, int]:
    """From (inclusive) and until (exclusive), in microseconds."""
    return (
        _FIRST if temporal.since is None else to_microseconds(temporal.since),
        _LAST if temporal.until is None else to_microseconds(temporal.until),
    )


def _found(row: _Row) -> Found:
    entity_id, no, _, _, content = row
    return Found(no, entity_id, None if content is None else from_bytes(content))
