"""Rows that refer to what another feed knows, does not know, or has not told yet."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from cityos.connector import Batch, Row
from cityos.ngsi.entity import Entity
from cityos.quality import Examined, Facts, Known, examine

BUS = "urn:t:Bus"
KNOWN = Known("bus", {"trip": {"t1", "t2"}, "route": {"r1"}})


def bus(number: int, *refers: tuple[str, str]) -> Row:
    return Row(Entity(f"urn:b:{number}", (BUS,)), f"m:{number}", refers)


def examined(*rows: Row, known: Known | None = KNOWN) -> Examined:
    return examine(Batch.of(rows), Facts(datetime(2026, 2, 1, tzinfo=UTC), frozenset({BUS}), known=known))


def test_known_trip_and_route_are_accepted() -> None:
    assert examined(bus(1, ("trip", "t1")), bus(2, ("route", "r1")), bus(3)).held == ()


@pytest.mark.parametrize("refers", [("trip", "臨時"), ("route", "t1"), ("stop", "s1")])
def test_what_is_unknown_is_held_and_named(refers: tuple[str, str]) -> None:
    told = examined(bus(1, ("trip", "t1")), bus(2, refers))
    ((row, notice),) = told.held
    assert (row.entity.id, notice.code, notice.where) == ("urn:b:2", "reference_unknown", "m:2")
    assert f"{refers[0]} {refers[1]!r}" in notice.detail
    assert "feed bus" in notice.detail
    assert told.notices == ()


def test_without_a_timetable_nothing_is_held_and_that_is_said_once() -> None:
    told = examined(*(bus(number, ("trip", f"x{number}")) for number in range(20)), known=Known("bus"))
    assert (len(told.accepted), told.held) == (20, ())
    assert [(notice.code, notice.subject) for notice in told.notices] == [("references_unchecked", "bus")]


def test_rows_that_refer_to_nothing_need_no_timetable() -> None:
    assert examined(bus(1), known=Known("bus")).notices == ()
    assert examined(bus(1, ("trip", "x")), known=None) == Examined((bus(1, ("trip", "x")),), ())


def test_on_the_night_the_timetable_changes_the_buses_stay_on_the_map() -> None:
    told = examined(bus(0, ("trip", "t1")), *(bus(number, ("trip", f"新{number}")) for number in range(1, 20)))
    assert (len(told.accepted), told.held) == (20, ())
    (notice,) = told.notices
    assert (notice.code, notice.severity) == ("references_outdated", "error")
    assert "19 of 20 rows" in notice.detail
    assert "'新1'" in notice.detail


def test_a_few_unknown_of_many_are_held_alone() -> None:
    told = examined(*(bus(number, ("trip", "t1" if number % 3 else "x")) for number in range(12)))
    assert (len(told.accepted), len(told.held), told.notices) == (8, 4, ())
