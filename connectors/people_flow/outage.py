"""Zeros that may be a dead camera: a source writes 0 both when nobody passes and when nothing is seen."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from connectors.people_flow.layout import Count

# A counter is busy where nine of ten days on which it counted anybody had at least this many passages. At Fukui's
# station the quietest tenth is 5,672; a counter that often has a handful may well have none.
BUSY_DAY = 100
# Fewer days than this say nothing about what is usual.
_LEAST_DAYS = 5
# A run of zeros of a day. A local day has 23 hours in spring, and a counter's ticks leave minutes over.
_SUSPICIOUS = timedelta(hours=23)


def suspect_outages(counts: Sequence[Count], zone: ZoneInfo) -> set[int]:
    """The positions of counts in runs of zero, a day or longer, at a counter that is busy by what this list shows.

    Counts of one counter must be in ascending time.
    """
    by_counter: dict[str, list[int]] = defaultdict(list)
    for position, one in enumerate(counts):
        by_counter[one.counter].append(position)
    return {
        position
        for positions in by_counter.values()
        for run in _long_zero_runs(counts, positions)
        if _is_busy((counts[position] for position in positions), zone)
        for position in run
    }


def _long_zero_runs(counts: Sequence[Count], positions: Iterable[int]) -> list[list[int]]:
    runs: list[list[int]] = []
    run: list[int] = []
    for position in positions:
        if counts[position].count == 0:
            run.append(position)
        elif run:
            runs.append(run)
            run = []
    runs.append(run)
    return [run for run in runs if _counted_time(counts, run) >= _SUSPICIOUS]


def _counted_time(counts: Sequence[Count], run: Iterable[int]) -> timedelta:
    """How long was counted; time without any row is missing, not zero."""
    return sum((counts[position].until - counts[position].since for position in run), timedelta())


def _is_busy(counts: Iterable[Count], zone: ZoneInfo) -> bool:
    days: dict[date, int] = defaultdict(int)
    for one in counts:
        days[one.since.astimezone(zone).date()] += one.count
    counted = sorted(total for total in days.values() if total > 0)
    return len(counted) >= _LEAST_DAYS and counted[len(counted) // 10] >= BUSY_DAY
