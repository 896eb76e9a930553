"""A figure: what was measured, what it should be, what it cost, and how quiet the machine was meanwhile."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass

_SPIN_TURNS = 300_000
_SPINS = 7


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table. `target` is empty where none is set; `cpu` says whose CPU time, per what."""

    what: str
    measured: str
    target: str = ""
    cpu: str = ""


def spread(values: Sequence[float], unit: str, digits: int = 2) -> str:
    """Minimum, median and maximum of repeated measurements."""
    low, middle, high = min(values), statistics.median(values), max(values)
    return f"{middle:.{digits}f} {unit} ({low:.{digits}f} to {high:.{digits}f}, n={len(values)})"


def percentiles(values: Sequence[float], unit: str, digits: int = 1) -> str:
    """The 50th, 95th and 99th percentile."""
    ordered = sorted(values)
    told = (
        f"p{share} {ordered[min(len(ordered) - 1, len(ordered) * share // 100)]:.{digits}f}" for share in (50, 95, 99)
    )
    return f"{'  '.join(told)} {unit} (n={len(ordered)})"


def spin_ms() -> list[float]:
    """Wall time of the same pure Python work, again and again: what else the machine does shows in its spread."""
    took: list[float] = []
    for _ in range(_SPINS):
        began = time.perf_counter()
        total = 0
        for number in range(_SPIN_TURNS):
            total += number & 7
        took.append((time.perf_counter() - began) * 1000)
    return took
