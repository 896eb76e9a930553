"""Durable single writes: PATCH from 32 clients, on this disk and on one whose every commit takes 5 ms more."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

from bench.figure import Row, percentiles, spread
from bench.hub import ONE, STOCK, Cost, measured_load, running
from bench.load import Order
from tests.processes import HubProcess

_CLIENTS = 32
_COUNT = 20_000
_LONGEST_S = 8.0
_REPEATS = 3
_BODY = '{"n":{"type":"Property","value":{value}}}'


def measure(directory: Path) -> Iterator[Row]:
    """The rate with the broker, without it, and with slow commits."""
    yield _fsync(directory)
    yield from _rate("durable PATCH, 32 clients", ">= 1,500/s", HubProcess(directory / "plain"))
    yield from _rate("the same without a broker", "", HubProcess(directory / "silent", "--no-broker"))
    slow = HubProcess(directory / "slow", module="bench.slow_commit")
    yield from _rate("the same, each commit 5 ms slower", ">= 800/s", slow)


def _rate(what: str, target: str, hub: HubProcess) -> Iterator[Row]:
    rates: list[float] = []
    latencies: list[float] = []
    cost = Cost(0.0, 0.0)
    answered = 0
    with running(hub):
        for turn in range(_REPEATS):
            first = 1 + turn * _COUNT
            order = Order(hub.port, "PATCH", ONE, _BODY, _COUNT, _CLIENTS, STOCK, first, longest_s=_LONGEST_S)
            result, spent = measured_load(hub, order, "204")
            rates.append(result.per_s)
            latencies += result.latencies
            cost = Cost(cost.hub_s + spent.hub_s, cost.broker_s + spent.broker_s)
            answered += len(result.latencies)
    yield Row(what, spread(rates, "/s", 0), target, cost.per(answered))
    yield Row("  until acknowledged", percentiles([1000 * latency for latency in latencies], "ms"), "p99 <= 60 ms")


def _fsync(directory: Path) -> Row:
    """What this disk takes to make 4 KB durable."""
    took: list[float] = []
    with (directory / "fsync").open("wb") as file:
        for _ in range(200):
            file.write(b"x" * 4096)
            file.flush()
            began = time.perf_counter()
            os.fsync(file.fileno())
            took.append((time.perf_counter() - began) * 1000)
    return Row("fsync of 4 KB on this disk", f"p50 {statistics.median(took):.2f} ms, p99 {sorted(took)[197]:.2f} ms")
