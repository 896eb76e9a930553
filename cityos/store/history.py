"""History read: the evolutions of entities that are asked for, each with what is to be shown of its series."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import cast

from cityos.ngsi.error import TooComplexQuery
from cityos.ngsi.evolution import SCOPE, Evolution, Series, as_entity
from cityos.ngsi.q import attributes_of
from cityos.ngsi.q_match import Test, compile_condition
from cityos.store.history_aggregate import add_summaries
from cityos.store.history_entity import Found, begin_evolution, candidates, find_entity
from cityos.store.history_series import MOST_POINTS, Key, SeriesReader
from cityos.store.record import EvolutionPage, HistoryQuery

# With `History` comes what its `find` and `portion` give and take.


class History(SeriesReader):
    """Puts evolutions together from their series; on one connection, one thread at a time."""

    def find(self, tenant: str, entity_id: str) -> Found | None:
        """The entity with a past, ended or not."""
        return find_entity(self._connection, tenant, entity_id)

    def retrieve(self, tenant: str, entity_id: str, asked: HistoryQuery) -> Evolution | None:
        """The evolution of one entity, none of its series longer than `asked.portion`; None where it has no past."""
        found = self.find(tenant, entity_id)
        if found is None:
            return None
        evolution = begin_evolution(self._connection, self.names, tenant, found)
        self._add_all_series(tenant, found, self.series_of(tenant, found.no), asked, evolution)
        return evolution

    def has_any(self, tenant: str, entity_id: str, attributes: Collection[str]) -> bool:
        """Whether the entity has or ever had one of the attributes."""
        found = self.find(tenant, entity_id)
        return found is not None and any(
            self.names.iri_of(attribute) in attributes for attribute, _ in self.series_of(tenant, found.no)
        )

    def query(self, tenant: str, asked: HistoryQuery) -> EvolutionPage:
        """A page of evolutions in order of id, of those entities whose past is asked for."""
        page: list[Evolution] = []
        hits = 0
        test = None if asked.condition is None else compile_condition(asked.condition)
        tests = [one.compiled() for one in asked.selectors if not one.is_everything]
        selects = (lambda told: any(test(told) for test in tests)) if tests else None
        for found in candidates(self._connection, self.names, tenant, asked):
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

    def _matching(
        self, tenant: str, found: Found, asked: HistoryQuery, test: Test | None, selects: Test | None
    ) -> Evolution | None:
        """The evolution if it is asked for: it has instances in the span, and together they pass every filter."""
        evolution = begin_evolution(self._connection, self.names, tenant, found)
        if selects is not None and not selects({"id": evolution.id, "type": list(evolution.types)}):
            return None
        keys = self.series_of(tenant, found.no)
        if not self._passes(tenant, found, evolution, keys, asked, test):
            return None
        intervals = self.scope_spans(tenant, found.no, keys, asked)
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
        return any(self.points(tenant, found.no, key, everything) for key in keys if self.names.iri_of(key[0]) != SCOPE)

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
            iri = self.names.iri_of(key[0])
            if iri in wanted:
                points = self.points(tenant, found.no, key, whole)
                if len(points) > MOST_POINTS:
                    raise TooComplexQuery(
                        f"{found.id} has more than {MOST_POINTS} instances of {iri} in that time; ask for less of it"
                    )
                known.series.append(Series(iri, key[1], points))
        told = as_entity(known)
        return (test is None or test(told)) and (asked.place is None or asked.place.matches_entity(told))

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
        wanted = self.wanted(keys, asked)
        if asked.temporal.aggregation is not None:
            add_summaries(self, tenant, found.no, wanted, asked, evolution)
            return
        for key in wanted:
            iri = self.names.iri_of(key[0])
            if iri == SCOPE:
                points = self.scope_points(tenant, found.no, key, asked)
            else:
                points = self.points(tenant, found.no, key, asked)
                if intervals is not None:
                    points = [p for p in points if any(begin <= p.at < end for begin, end in intervals)]
            if points:
                evolution.series.append(Series(iri, key[1], points, cast(str, points[-1].body["type"])))
