"""Resident memory after a day of the sample city, played fast."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psutil

from bench.city import SampleCity
from bench.figure import Row
from bench.hub import cpu_s_of, processes_of

_HOURS, _SPEED = 19.0, 720.0
_TARGETS = {"hub": "<= 150 MB"}


def measure(directory: Path) -> Iterator[Row]:
    """One line for each kind of process."""
    with SampleCity(directory).lived(_HOURS, _SPEED) as up:
        for role, processes in sorted(processes_of(up).items()):
            sizes = [process.memory_info().rss / 1e6 for process in processes]
            own = " + ".join(f"{size:.0f}" for size in sizes) if len(sizes) > 1 else ""
            cpu = f"{cpu_s_of(processes):.1f} s in {_HOURS / _SPEED * 3600:.0f} s"
            told = f"{sum(sizes):.0f} MB{f' ({own})' if own else ''}, private {_private(processes):.0f} MB"
            yield Row(f"memory after {_HOURS:.0f} h at {_SPEED:.0f}x: {role}", told, _TARGETS.get(role, ""), cpu)


def _private(processes: list[psutil.Process]) -> float:
    """What would be free again without them: pages shared with others are left out."""
    return sum(process.memory_full_info().uss for process in processes) / 1e6
