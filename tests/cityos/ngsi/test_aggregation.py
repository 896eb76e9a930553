"""Aggregates of a series (clause 4.5.19)."""

from __future__ import annotations

import math
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cityos.ngsi.aggregation import METHODS, summarise, value_to_aggregate
from cityos.ngsi.duration import Duration, Periods
from cityos.ngsi.value import Json

_HOUR = 3_600_000_000


def _one(values: list[Json], method: str) -> Json:
    """What a method makes of values that all lie in one period; None where it makes nothing."""
    rows = summarise(enumerate(values), [method], Periods(0, Duration(0, _HOUR)))[method]
    return rows[0][0] if rows else None


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        ("totalCount", 4),
        ("distinctCount", 3),
        ("sum", 16),
        ("avg", 4),
        ("min", 2),
        ("max", 6),
        ("stddev", math.sqrt(2)),
        ("sumsq", 72),
    ],
)
def test_every_method_on_numbers(method: str, expected: float) -> None:
    assert _one([2, 4, 4, 6], method) == pytest.approx(expected)


def test_truth_counts_as_one_and_a_list_by_its_size() -> None:
    assert _one([True, False, True], "sum") == 2
    assert _one([["a"], ["a", "b", "c"]], "avg") == 2


def test_texts_have_an_order_but_no_sum() -> None:
    assert (_one(["b", "a"], "min"), _one(["b", "a"], "max")) == ("a", "b")
    assert _one(["b", "a"], "sum") is None


def test_what_is_no_property_is_only_counted() -> None:
    uris = [value_to_aggregate({"type": "Relationship", "object": f"urn:x:{n}"}) for n in (1, 2, 1)]
    assert (_one(uris, "totalCount"), _one(uris, "distinctCount")) == (3, 2)
    assert _one(uris, "min") is None


def test_periods_without_a_value_do_not_appear() -> None:
    points: list[tuple[int, Json]] = [(0, 1), (_HOUR - 1, 3), (5 * _HOUR, 10)]
    summary = summarise(points, ["avg"], Periods(0, Duration(0, _HOUR)))
    assert summary == {"avg": [(2, 0, _HOUR), (10, 5 * _HOUR, 6 * _HOUR)]}


def test_without_periods_all_is_one() -> None:
    assert summarise([(3, 1), (9, 3)], ["max"], None) == {"max": [(3, 3, 9)]}
    assert summarise([], ["max"], None) == {"max": []}


@given(st.lists(st.floats(-1e6, 1e6) | st.integers(-(10**6), 10**6), min_size=1, max_size=40))
def test_the_numbers_are_those_of_the_statistics_library(values: list[float]) -> None:
    said: list[Json] = [*values]
    assert _one(said, "avg") == pytest.approx(statistics.fmean(values), abs=1e-6)
    assert _one(said, "stddev") == pytest.approx(statistics.pstdev(values), abs=1e-3)
    assert _one(said, "distinctCount") is not None


@given(st.lists(st.integers(0, 40 * _HOUR), min_size=1, max_size=60).map(sorted))
def test_each_value_is_counted_in_exactly_one_period(times: list[int]) -> None:
    rows = summarise([(at, 1) for at in times], METHODS, Periods(0, Duration(0, 3 * _HOUR)))["totalCount"]
    assert sum(count for count, _, _ in rows if isinstance(count, int)) == len(times)
    assert all(begin < end for _, begin, end in rows)
