"""The past summed up: of each series the aggregates asked for, period by period."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import cast

import orjson

from cityos.ngsi.aggregation import summarise, value_to_aggregate
from cityos.ngsi.duration import Periods
from cityos.ngsi.error import TooComplexQuery
from cityos.ngsi.evolution import SCOPE, Evolution, Series
from cityos.store.history_series import FIRST, LAST, Key, SeriesReader, span_of
from cityos.store.record import HistoryQuery

MOST_PERIODS = 20_000  # of an aggregation, in one answer


def add_summaries(
    reader: SeriesReader, tenant: str, no: int, keys: list[Key], asked: HistoryQuery, evolution: Evolution
) -> None:
    """Adds to an evolution its series' values summed up, period by period. Raises TooComplexQuery."""
    aggregation = asked.temporal.aggregation
    assert aggregation is not None
    keys = [key for key in keys if reader.names.iri_of(key[0]) != SCOPE]
    first = replace(asked, portion=1, temporal=replace(asked.temporal, last=None))
    firsts = {key: points[0].at for key in keys if (points := reader.points(tenant, no, key, first))}
    if not firsts:
        return
    since, until = span_of(asked.temporal)
    # Periods begin where the span does; where it has no beginning, with the entity's first instance.
    anchor = since if since > FIRST else min(firsts.values())
    offset = aggregation.offset // timedelta(microseconds=1)
    periods = None if aggregation.period.is_whole else Periods(anchor, aggregation.period, offset)
    count = 0
    for key in firsts:
        series = _summary(reader, tenant, no, key, asked, periods)
        if series is None or series.summary is None:
            continue
        if periods is None:
            end = None if until == LAST else until
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
    reader: SeriesReader, tenant: str, no: int, key: Key, asked: HistoryQuery, periods: Periods | None
) -> Series | None:
    rows = reader.values(tenant, no, key, asked)
    if not rows or asked.temporal.aggregation is None:
        return None
    kind = "Property" if rows[-1][2] is None else cast(str, orjson.loads(rows[-1][2])["type"])
    points = ((at, number if body is None else value_to_aggregate(orjson.loads(body))) for at, number, body in rows)
    summary = summarise(points, asked.temporal.aggregation.methods, periods)
    return Series(reader.names.iri_of(key[0]), key[1], [], kind, summary)
