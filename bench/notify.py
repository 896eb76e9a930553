"""From the acknowledged write to the MQTT subscriber, at 100 writes a second."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import orjson

from bench.figure import Row, percentiles
from bench.hub import ONE, STOCK, measured_load, running
from bench.load import Order
from tests.processes import HubProcess

_RATE = 100.0
_COUNT = 2_000
_BODY = '{"n":{"type":"Property","value":{value}}}'


def measure(directory: Path) -> Iterator[Row]:
    """The latency, by both processes' monotonic clocks, which are one on one machine."""
    with running(HubProcess(directory / "data")) as hub:
        health = hub.get("/health")
        assert isinstance(health, dict)
        command = [sys.executable, "-m", "bench.subscriber", health["broker"]["url"], str(_COUNT)]
        root = Path(__file__).parents[1]
        with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=root) as subscriber:
            assert subscriber.stdout is not None
            subscriber.stdout.readline()  # it is subscribed
            order = Order(hub.port, "PATCH", ONE, _BODY, _COUNT, 8, STOCK, rate=_RATE, longest_s=40.0)
            result, cost = measured_load(hub, order, "204")
            heard_at: dict[str, float] = orjson.loads(subscriber.stdout.readline())
    took = [
        1000 * (heard_at[str(value)] - at)
        for value, at in zip(result.values, result.answered_at, strict=True)
        if str(value) in heard_at
    ]
    what = f"acknowledged write to MQTT subscriber, {_RATE:.0f}/s"
    yield Row(what, percentiles(took, "ms"), "p95 <= 50 ms", cost.per(_COUNT))
    yield Row("  writes heard of those acknowledged", f"{len(took)} of {len(result.values)}")
