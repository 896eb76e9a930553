"""Point reads: GET of one entity."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from bench.figure import Row, percentiles, spread
from bench.hub import ONE, STOCK, Cost, measured_load, running
from bench.load import Order
from tests.processes import HubProcess

_COUNT = 6_000
_CLIENTS = 8
_REPEATS = 3


def measure(directory: Path) -> Iterator[Row]:
    """The rate and its cost."""
    rates: list[float] = []
    latencies: list[float] = []
    spent_s = 0.0
    with running(HubProcess(directory / "data")) as hub:
        for _ in range(_REPEATS):
            result, cost = measured_load(hub, Order(hub.port, "GET", ONE, "", _COUNT, _CLIENTS, STOCK), "200")
            rates.append(result.per_s)
            latencies += result.latencies
            spent_s += cost.hub_s
    yield Row("GET of one entity, 8 clients", spread(rates, "/s", 0), "", Cost(spent_s, 0.0).per(_COUNT * _REPEATS))
    yield Row("  until answered", percentiles([1000 * latency for latency in latencies], "ms"))
