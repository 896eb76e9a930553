"""The series of an entity's past: one attribute's one dataset each, read along their index.

A series is read from its end that is asked for and no further than the answer reaches, so that a month of it costs no
more than a day.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import cast

import orjson

from cityos.ngsi.evolution import SCOPE, Point, scope_intervals, tombstone
from cityos.ngsi.instant import to_microseconds
from cityos.ngsi.temporal_query import TemporalQuery
from cityos.store import history_statement as sql
from cityos.store.connection import Connection, Row
from cityos.store.instance_row import TYPE
from cityos.store.naming import Names
from cityos.store.record import HistoryQuery

MOST_POINTS = 100_000  # instances looked at for one entity's filter
FIRST, LAST = -(2**62), 2**62  # microseconds: before and after all times

Key = tuple[int, str]  # attribute number, dataset


def span_of(temporal: TemporalQuery) -> tuple[int, int]:
    """From (inclusive) and until (exclusive), in microseconds."""
    return (
        FIRST if temporal.since is None else to_microseconds(temporal.since),
        LAST if temporal.until is None else to_microseconds(temporal.until),
    )


class SeriesReader:
    """Reads on one connection; one thread at a time. An entity is given by its number."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.names = Names(connection)

    def series_of(self, tenant: str, no: int) -> list[Key]:
        """All series of an entity, the scope's among them."""
        found: list[Key] = []
        about = {"tenant": tenant, "entity": no}
        at: Key = (-1, "")
        while True:
            rows = self._connection.rows(sql.NEXT_DATASET, {**about, "attribute": at[0], "dataset": at[1]})
            if rows:
                at = (at[0], rows[0][0])
            else:
                rows = self._connection.rows(sql.NEXT_ATTRIBUTE, {**about, "attribute": at[0]})
                if not rows:
                    return [key for key in found if self.names.iri_of(key[0]) != TYPE]
                at = cast(Key, tuple(rows[0]))
            found.append(at)

    def wanted(self, keys: Iterable[Key], asked: HistoryQuery) -> list[Key]:
        """Those of the series that are asked for."""
        return [
            key
            for key in keys
            if (iri := self.names.iri_of(key[0])) and (asked.shown is None or asked.shown(iri))
            if iri == SCOPE
            or (
                (asked.attributes is None or iri in asked.attributes)
                and (asked.datasets is None or key[1] in asked.datasets)
            )
        ]

    def points(self, tenant: str, no: int, key: Key, asked: HistoryQuery) -> list[Point]:
        """The instances of a series in the span, oldest first, as many as asked for."""
        since, until = span_of(asked.temporal)
        newest = asked.temporal.last is not None
        count = min(asked.temporal.last or asked.portion, asked.portion)
        time_property = asked.temporal.time_property or ""
        rows = self._rows(tenant, no, key, time_property, since, until, count, newest=newest)
        points = [self._point(row, self.names.iri_of(key[0]), key[1]) for row in rows]
        return points[::-1] if newest else points

    def scope_points(self, tenant: str, no: int, key: Key, asked: HistoryQuery) -> list[Point]:
        """The scopes of the span. The one that held when it began was set before (annex C.5.16)."""
        # Set by the core API, a scope is taken as observed when it was set (clause 4.5.6).
        is_observed = asked.temporal.time_property == "observedAt"
        plain = replace(asked.temporal, time_property=None) if is_observed else asked.temporal
        points = self.points(tenant, no, key, replace(asked, temporal=plain))
        since, _ = span_of(asked.temporal)
        if is_observed and since > FIRST and not (points and points[0].at == since):
            rows = self._connection.rows(
                sql.SCOPE_BEFORE,
                {"tenant": tenant, "entity": no, "attribute": key[0], "dataset": key[1], "since": since},
            )
            points = [point for row in rows if not (point := self._point(row, SCOPE, "")).is_deleted] + points
        return points

    def portion(self, tenant: str, no: int, key: Key, asked: HistoryQuery, since: int, skip: int) -> list[Point]:
        """The next instances of a series from an instant on, after so many of that very instant; for downloads."""
        _, until = span_of(asked.temporal)
        time_property = asked.temporal.time_property or ""
        rows = self._rows(tenant, no, key, time_property, since, until, asked.portion, newest=False, skip=skip)
        return [self._point(row, self.names.iri_of(key[0]), key[1]) for row in rows]

    def series_shown(self, tenant: str, no: int, asked: HistoryQuery) -> list[tuple[Key, str]]:
        """The series that a download shows, each with its attribute's IRI."""
        return [
            (key, iri)
            for key in self.wanted(self.series_of(tenant, no), asked)
            if (iri := self.names.iri_of(key[0])) != SCOPE
        ]

    def scope_spans(self, tenant: str, no: int, keys: list[Key], asked: HistoryQuery) -> list[tuple[int, int]] | None:
        """When the scope was one that is asked for, within the span; None where no scope is asked for."""
        if asked.scope is None:
            return None
        number = self.names.find_number(SCOPE)
        if number is None or (number, "") not in keys:
            return []
        points = self._rows(tenant, no, (number, ""), "", FIRST, LAST, MOST_POINTS, newest=False)
        since, until = span_of(asked.temporal)
        return [
            (begin, end)
            for begin, end in scope_intervals([self._point(row, SCOPE, "") for row in points], asked.scope)
            if begin < until and end > since
        ]

    def values(self, tenant: str, no: int, key: Key, asked: HistoryQuery) -> list[Row]:
        """Time, number and, where the number does not say it all, body of each instance in the span."""
        since, until = span_of(asked.temporal)
        about = {"tenant": tenant, "entity": no, "attribute": key[0], "dataset": key[1]}
        statement = sql.VALUES[asked.temporal.time_property or ""]
        return self._connection.rows(statement, {**about, "since": since, "until": until})

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
    ) -> list[Row]:
        about = {"tenant": tenant, "entity": no, "attribute": key[0], "dataset": key[1]}
        span = {"since": since, "until": until, "count": count, "skip": skip}
        return self._connection.rows(sql.POINTS[time_property, newest], {**about, **span})

    def _point(self, row: Row, attribute: str, dataset: str) -> Point:
        no, at, created_at, modified_at, word, body = row
        if body is not None:
            return Point(no, at, orjson.loads(body), created_at, modified_at)
        return Point(no, at, tombstone(attribute, word or "Property", dataset, None), created_at, modified_at, True)
