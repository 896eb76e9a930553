"""Queries for entities: candidates by an index, each examined exactly, a page at a time in order of id.

Two ways lead to candidates. Where a box or a comparison leaves few, the index lists them and they are sorted; else the
keys are walked from the cursor on, and a page is full long before the end: the keys of a type's places, where there is
a box. Both let through what SQL cannot exclude; `ngsi` tells which of them are hits. The text of a statement depends on
a query's shape alone and is compiled once.
"""

from __future__ import annotations

import heapq
import itertools
import operator
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, cast

from cityos.ngsi.error import TooComplexQuery
from cityos.ngsi.geo import Box, GeoQuery
from cityos.ngsi.ordering import Ordering
from cityos.ngsi.q_match import compile_condition
from cityos.ngsi.scope_query import ScopeQuery
from cityos.ngsi.value import JsonObject
from cityos.store import query_statement as sql
from cityos.store.connection import Connection, Row
from cityos.store.filtering import Filter, Shape
from cityos.store.record import Page, Query, Stored
from cityos.store.statement import Statement

Test = Callable[[JsonObject], bool]
Find = Callable[[str], JsonObject | None]

# Up to so many hits of an index are listed and sorted; beyond, walking meets a page of hits sooner. Listing a place
# costs five times as much as passing over one, so that of 100,000 a page of 20 is met sooner from about 600 hits on.
_FEW = 600
_LARGEST_STEP = 2_000
_FIRST_STEP = 100  # documents read at first for a page: all of them may be large, and then the clock is looked at
_LOOK_AT_CLOCK = 20  # candidates between two looks: a long condition takes a millisecond of each
_MOST_SORTED = 100_000  # entities sorted for one answer: each is read


class Finder:
    """Answers one query on one reader's connection. `number_of` knows the numbers of IRIs, `find` linked entities."""

    def __init__(
        self, connection: Connection, tenant: str, query: Query, number_of: Callable[[str], int], find: Find
    ) -> None:
        self._connection = connection
        self._list_of = connection.list_of
        self._query = query
        self._types = _driving_types(query, number_of)
        self._filter = None if query.condition is None else Filter(query.condition, number_of)
        self._shape = None if self._filter is None else self._filter.shape
        self._box = query.place.box if query.place is not None and query.place.is_narrowed else None
        self._layers = [] if self._box is None else self._find_layers(tenant, number_of)
        self._exact = _exact_tests(query, find)
        self._at_place = None if query.place is None else query.place.matches_entity
        self._selected = _selection_tests(query)
        self._about: dict[str, Any] = {"tenant": tenant}
        if self._filter is not None:
            self._about |= self._filter.parameters
        if query.attributes:
            self._about["attributes"] = self._list_of(map(number_of, query.attributes))
        if self._box is not None:
            self._about |= _sides(self._box)

    def page(self) -> Page:
        """The page asked for, with the count of all hits where that is asked for."""
        query = self._query
        if query.ordering is not None:
            return self._ordered_page(query.ordering)
        count = self._count() if query.counted else None
        if query.limit == 0:
            return Page((), None, count)
        step = min(query.offset + query.limit + 1, _FIRST_STEP)
        hits = itertools.islice(self._hits(query.after, step), query.offset, None)
        items = list(itertools.islice(hits, query.limit + 1))
        following = items[query.limit - 1].id if len(items) > query.limit else None
        return Page(tuple(items[: query.limit]), following, count)

    def _ordered_page(self, ordering: Ordering) -> Page:
        """Sorted by attributes: all hits are read, and a cursor is how many were shown before."""
        query = self._query
        key = ordering.sort_key()
        found = itertools.islice(self._hits("", _LARGEST_STEP), _MOST_SORTED + 1)
        # As bytes: read, each takes many times the room.
        hits = [(key(stored.entity()), replace(stored, parsed=None)) for stored in found]
        if len(hits) > _MOST_SORTED:
            raise TooComplexQuery(f"More than {_MOST_SORTED} entities would have to be ordered; ask for fewer")
        hits.sort(key=operator.itemgetter(0))
        end = query.offset + query.limit
        following = str(end) if len(hits) > end else None
        items = tuple(stored for _, stored in hits[query.offset : end])
        return Page(items, following, len(hits) if query.counted else None)

    def _count(self) -> int:
        tests = _all_of(self._exact, self._at_place, self._selected)
        is_simple = tests is None and not self._query.attributes
        if is_simple and (self._types is None or len(self._types) == 1):
            about = self._about | {"type": self._types[0] if self._types else None}
            return cast(int, self._connection.rows(sql.counting(typed=self._types is not None), about)[0][0])
        return sum(1 for _ in self._hits("", _LARGEST_STEP))

    # ---- candidates, examined

    def _hits(self, after: str, step: int) -> Iterator[Stored]:
        """Every hit after a cursor, in order of id; read from `step` rows at a time on."""
        candidates, test = self._candidates(after, step)
        for number, row in enumerate(candidates):
            if number % _LOOK_AT_CLOCK == 0:
                self._connection.check_time()
            stored = Stored(*row)
            if test is None:
                yield stored
            elif test(parsed := stored.entity()):
                yield Stored(row[0], row[1], row[2], row[3], parsed)

    def _candidates(self, after: str, step: int) -> tuple[Iterator[Row], Test | None]:
        """Rows in order of id, and what is still to be tested of them."""
        is_exact = _walks_exactly(self._query)
        listed = _all_of(self._selected, self._exact, self._at_place)
        placed = _all_of(None if is_exact else self._selected, self._exact)
        if (ids := self._ids_named()) is not None:
            return self._rows(sql.listed("ids"), {"ids": self._list_of(ids)}, after, step), listed
        if (places := self._few_places(after)) is not None:
            return self._placed(places, step), placed
        if (numbers := self._few_having()) is not None:
            return self._rows(sql.listed("nos"), {"nos": self._list_of(numbers)}, after, step), listed
        if self._box is not None:
            layers = [self._rows(sql.PLACES_IN_ORDER, {"layer": no}, after, step) for no in self._layers]
            return self._placed(_merged(layers), step), placed
        statement = sql.walking(sql.Walk(self._types is not None, bool(self._query.attributes), self._shape))
        walked = _all_of(placed, self._at_place)
        if self._types is None:
            return self._rows(statement, {}, after, step), walked
        return _merged([self._rows(statement, {"type": no}, after, step) for no in self._types]), walked

    def _rows(self, statement: Statement, about: dict[str, Any], after: str, step: int) -> Iterator[Row]:
        """The rows of a statement page by page; the more must be passed over, the larger the pages."""
        while True:
            self._connection.check_time()
            rows = self._connection.rows(statement, {**self._about, **about, "after": after, "count": step})
            yield from rows
            if len(rows) < step:
                return
            after = rows[-1][0]
            step = min(_LARGEST_STEP, step * 2)

    def _placed(self, places: Iterator[Row], step: int) -> Iterator[Row]:
        """The entities at places in order that are at the place asked for: documents are read of those alone that a
        page needs, and not looked into where a point in a box says enough."""
        asked = cast(GeoQuery, self._query.place)
        statement = sql.numbered(bool(self._query.attributes), self._shape)
        while found := list(itertools.islice(places, step)):
            certain = {entity_id for entity_id, _, is_point in found if is_point} if asked.is_box else ()
            about = {**self._about, "nos": self._list_of([no for _, no, _ in found])}
            for number, row in enumerate(self._connection.rows(statement, about)):
                if number % _LOOK_AT_CLOCK == 0:
                    self._connection.check_time()
                if row[0] in certain or asked.matches_entity(Stored(*row).entity()):
                    yield row
            step = min(_LARGEST_STEP, step * 2)

    # ---- lists: what was named, and what an index leaves

    def _ids_named(self) -> set[str] | None:
        """The ids, where every selector names some."""
        selectors = self._query.selectors
        if not all(selector.ids for selector in selectors):
            return None
        return {one for selector in selectors for one in selector.ids}

    def _few_places(self, after: str) -> Iterator[Row] | None:
        """The places whose boxes touch the box, as `_PLACE` tells them, in order, where they are few."""
        if self._box is None:
            return None
        count = 0
        for no in self._layers:  # counting to the limit costs a twentieth of listing to it
            about = {**self._about, "layer": no, "few": _FEW + 1}
            count += cast(int, self._connection.rows(sql.COUNT_INSIDE, about)[0][0])
            if count > _FEW:
                return None
        layers = [{**self._about, "layer": no, "after": after} for no in self._layers]
        return _merged([iter(self._connection.rows(sql.INSIDE, about)) for about in layers])

    def _few_having(self) -> set[int] | None:
        """The numbers of the entities that a comparison leaves, where they are few."""
        if self._filter is None:
            return None
        lists = (self._having(shape, number) for shape, number in self._filter.leaves)
        return next((one for one in lists if one is not None), None)

    def _having(self, shape: Shape, number: int) -> set[int] | None:
        if shape[0] not in ("number", "numbers", "word"):
            return None
        statement = sql.having(shape, number)
        nos = [row[0] for row in self._connection.rows(statement, {**self._about, "few": _FEW + 1})]
        return None if len(nos) > _FEW else set(nos)

    def _find_layers(self, tenant: str, number_of: Callable[[str], int]) -> list[int]:
        assert self._query.place is not None
        about = {"tenant": tenant, "attribute": number_of(self._query.place.attribute)}
        rows = self._connection.rows(sql.LAYERS, about)
        return [no for no, of_type in rows if self._types is None or of_type in self._types]


def _driving_types(query: Query, number_of: Callable[[str], int]) -> list[int] | None:
    """Numbers of types of which every hit has one; None where any type will do."""
    iris: set[str] = set()
    for selector in query.selectors:
        if selector.types is None or selector.types.is_everything:
            return None
        iris |= {min(alternative) for alternative in selector.types.any_of}
    return [number_of(iri) for iri in sorted(iris)]


def _walks_exactly(query: Query) -> bool:
    """Whether walking the keys of each alternative's one type finds just what the selectors mean."""
    return all(
        selector.pattern is None
        and not selector.ids
        and (selector.types is None or all(len(alternative) <= 1 for alternative in selector.types.any_of))
        for selector in query.selectors
    )


def _selection_tests(query: Query) -> Test | None:
    """What the selectors and `attrs` mean."""
    tests: list[Test] = []
    if not any(selector.is_everything for selector in query.selectors):
        selectors = [selector.compiled() for selector in query.selectors]
        tests.append(selectors[0] if len(selectors) == 1 else lambda one: any(test(one) for test in selectors))
    if query.attributes:
        attributes = query.attributes
        tests.append(lambda one: not attributes.isdisjoint(one))
    return _all_of(*tests)


def _exact_tests(query: Query, find: Find) -> Test | None:
    """What SQL does not tell exactly: conditions, scopes."""
    condition = None if query.condition is None else compile_condition(query.condition, find)
    return _all_of(condition, None if query.scope is None else _scope_test(query.scope))


def _scope_test(scope: ScopeQuery) -> Test:
    return lambda one: scope.matches(cast(list[str], one.get("scope", [])))


def _all_of(*tests: Test | None) -> Test | None:
    given = [test for test in tests if test is not None]
    if len(given) > 1:
        return lambda one: all(test(one) for test in given)
    return given[0] if given else None


def _merged(ways: list[Iterator[Row]]) -> Iterator[Row]:
    """The rows of several types or layers in order of id, each entity once."""
    last = ""
    for row in heapq.merge(*ways, key=operator.itemgetter(0)):
        if row[0] != last:
            yield row
            last = row[0]


def _sides(box: Box) -> dict[str, float]:
    return dict(zip(("box_west", "box_south", "box_east", "box_north"), box, strict=True))
