"""The heaviest hours of the sample city's snowy day at 60 times the speed, all feeds running, one client following.

`CITYOS_BENCH_HOURS=24` plays the whole day (24 minutes).
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import orjson

from bench.city import SampleCity
from bench.figure import Row, percentiles
from bench.hub import cpu_s_of, processes_of
from tests.processes import Started

_SPEED = 60.0
_HOURS = float(os.environ.get("CITYOS_BENCH_HOURS", "2.5"))
# The morning rush: most buses on the road, counters and snow reports besides.
_FROM = "2026-01-15T06:45:00+09:00" if _HOURS < 20 else "2026-01-15T05:00:00+09:00"


def measure(directory: Path) -> Iterator[Row]:
    """How far the client and the sources' own clocks are behind, what was lost, what it cost."""
    up = SampleCity(directory).up("--speed", str(_SPEED), "--at", _FROM)
    up.start()
    try:
        up.await_ready()
        before, began = _cpu(up), time.monotonic()
        follower = subprocess.Popen(
            [sys.executable, "-m", "bench.follower", up.url], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert follower.stdin is not None
        assert follower.stdout is not None
        ages = list(_ages(up, began + timedelta(hours=_HOURS).total_seconds() / _SPEED))
        after, wall_s = _cpu(up), time.monotonic() - began
        follower.stdin.close()
        told: dict[str, Any] = orjson.loads(follower.stdout.readline())
        follower.wait(10)
    finally:
        up.stop()
    cpu = ", ".join(f"{role} {(after[role] - before[role]) / wall_s:.0%}" for role in ("hub", "workers", "broker"))
    what = (
        f"heavy day, {_HOURS:g} h at {_SPEED:.0f}x, {told['changes'] / wall_s:.0f} changes/s: client behind at the end"
    )
    yield Row(what, f"{told['last_lag_s'] * 1000:.0f} ms", "<= 1 s", f"of one core: {cpu}")
    yield Row("  all the while, asked once a second", percentiles([1000 * lag for lag in told["lags_s"]], "ms"))
    yield Row("  changes heard of those made, gaps, resyncs", _losses(told), "nothing lost")
    yield Row("  age of the newest bus position, asked once a second", percentiles(ages, "s real", 2))


def _cpu(up: Started) -> dict[str, float]:
    roles = processes_of(up)
    return {role: cpu_s_of(roles.get(role, [])) for role in ("hub", "workers", "broker")}


def _losses(told: dict[str, Any]) -> str:
    return f"{told['changes']} of {told['head']}, {told['gaps']} gaps, {told['resyncs']} resyncs"


def _ages(up: Started, until: float) -> Iterator[float]:
    """By the data's own clock, in real seconds: made every 0.25 s, asked for as often, and sent up to 0.23 s late."""
    while time.monotonic() < until:
        told: Any = up.get("/feeds")
        (at,) = [feed["dataAt"] for feed in told["feeds"] if feed["name"] == "bus-vehicles"]
        if at is not None:
            yield (datetime.fromisoformat(told["now"]) - datetime.fromisoformat(at)).total_seconds() / _SPEED
        time.sleep(1.0)
