"""What many values come to, period by period (clause 4.5.19): one pass over a series that is in order of time."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import cast

import orjson

from cityos.ngsi.duration import Periods
from cityos.ngsi.value import Json, JsonObject

# (value, beginning, end) of each period, microseconds since 1970, by method.
Summary = dict[str, list[tuple[Json, int, int]]]
Point = tuple[int, Json]  # when, what


def summarise(points: Iterable[Point], methods: Sequence[str], periods: Periods | None) -> Summary:
    """The aggregates of a series of (instant, value), in order of time. Periods without a value do not appear.

    Without `periods` all is one, from the first instant to the last.
    """
    summary: Summary = {method: [] for method in methods}
    if periods is None:
        rows = list(points)
        if rows:
            _add(summary, [value for _, value in rows], rows[0][0], rows[-1][0])
        return summary
    values: list[Json] = []
    begin = end = 0
    for at, value in points:
        if at >= end or not values:
            if values:
                _add(summary, values, begin, end)
            values = []
            begin, end = periods.around(at)
        values.append(value)
    if values:
        _add(summary, values, begin, end)
    return summary


def _add(summary: Summary, values: list[Json], begin: int, end: int) -> None:
    numbers: list[float] | None = None
    for method, told in summary.items():
        count = _COUNTS.get(method)
        if count is not None:
            told.append((count(values), begin, end))
            continue
        if numbers is None:
            numbers = _numbers(values)
        if numbers:
            told.append((_OF_NUMBERS[method](numbers), begin, end))
        elif method in _OF_TEXTS and (texts := [value for value in values if isinstance(value, str)]):
            told.append((_OF_TEXTS[method](texts), begin, end))


def _numbers(values: list[Json]) -> list[float]:
    """What can be reckoned with: numbers; true and false as 1 and 0; of a list, how many it holds."""
    return [
        value if isinstance(value, int | float) else len(value)
        for value in values
        if isinstance(value, int | float | list)
    ]


def _distinct(values: list[Json]) -> int:
    return len({orjson.dumps(value, option=orjson.OPT_SORT_KEYS) for value in values})


def _sum_of_squares(numbers: list[float]) -> float:
    return math.fsum(number * number for number in numbers)


def _mean(numbers: list[float]) -> float:
    return math.fsum(numbers) / len(numbers)


def _deviation(numbers: list[float]) -> float:
    """The standard deviation of just these values: they are the whole population of their period."""
    mean = _mean(numbers)
    return math.sqrt(math.fsum((number - mean) ** 2 for number in numbers) / len(numbers))


_COUNTS: dict[str, Callable[[list[Json]], int]] = {"totalCount": len, "distinctCount": _distinct}
_OF_NUMBERS: dict[str, Callable[[list[float]], float]] = {
    "sum": math.fsum,
    "avg": _mean,
    "min": min,
    "max": max,
    "stddev": _deviation,
    "sumsq": _sum_of_squares,
}
_OF_TEXTS: dict[str, Callable[[list[str]], str]] = {"min": min, "max": max}
METHODS = (*_COUNTS, *_OF_NUMBERS)


def value_to_aggregate(instance: JsonObject) -> Json:
    """What counts of an instance in canonical JSON: its value; of anything but a Property only that it is there."""
    if instance["type"] == "Property":
        return instance["value"]
    if instance["type"] == "ListProperty":
        return instance["valueList"]
    # Wrapped, so that a URI is not taken for a text to be ordered.
    return {"": cast(Json, {key: value for key, value in instance.items() if key != "observedAt"})}
