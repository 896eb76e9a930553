"""Point reads: GET of one entity of 1 KB, beside the least that a route of the same framework costs."""

from __future__ import annotations

import random
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.figure import Row, percentiles, spread
from bench.hub import ONE, TO_1_KB, body_of, cpu_s_of, fill, running
from bench.load import Order, Result, run_load
from tests.processes import HubProcess, Started

_ENTITIES = 5_000
_COUNT = 6_000
_CLIENTS = 8
_REPEATS = 15


@dataclass(frozen=True, slots=True)
class Asked:
    """What came of one round, and the server's CPU time per request."""

    result: Result
    cpu_us: float


def measure(directory: Path) -> Iterator[Row]:
    """CPU time per request of a bare route and of the hub, in turns, and the share of the one in the other."""
    with running(HubProcess(directory / "data")) as hub:
        fill_entities(hub)
        length = len(body_of(hub.port, ONE.replace("{n}", "0")))
        bare = Started("bench.bare", ["--length", str(length)], directory / "bare.log")
        bare.start()
        try:
            bare.await_ready()
            yield from _compared(hub, bare, length)
        finally:
            bare.stop()


def fill_entities(hub: HubProcess) -> None:
    """The entities that are read."""
    fill(hub, _ENTITIES, TO_1_KB)


def _compared(hub: HubProcess, bare: Started, length: int) -> Iterator[Row]:
    theirs, ours = in_turns([bare, hub], _REPEATS)
    latencies = [1000 * latency for one in ours for latency in one.result.latencies]
    shares = [them.cpu_us / us.cpu_us for them, us in zip(theirs, ours, strict=True)]
    yield Row(f"a bare Starlette route, {length} bytes", rates(theirs), "", costs(theirs))
    yield Row(f"GET of one entity, random among {_ENTITIES:,}", rates(ours), "", costs(ours))
    yield Row("  until answered", percentiles(latencies, "ms"))
    yield Row("  CPU per request, the bare route's / ours", spread(shares, "", 2), ">= 0.6")


def in_turns(servers: Sequence[Started], repeats: int) -> list[list[Asked]]:
    """The same random reads asked of each server, one after the other, again and again."""
    ids = [str(number) for number in random.Random(4).choices(range(_ENTITIES), k=_COUNT)]
    asked: list[list[Asked]] = [[] for _ in servers]
    for _ in range(repeats):
        for server, so_far in zip(servers, asked, strict=True):
            so_far.append(_ask(server, ids))
    return asked


def _ask(server: Started, ids: list[str]) -> Asked:
    order = Order(server.port, "GET", ONE.replace("{n}", "{turn}"), "", _COUNT, _CLIENTS, turns=ids)
    before = cpu_s_of(server.family()[:1])
    result = run_load(order).check("200")
    return Asked(result, (cpu_s_of(server.family()[:1]) - before) / len(result.latencies) * 1e6)


def rates(asked: Sequence[Asked]) -> str:
    """As the table tells them."""
    return spread([one.result.per_s for one in asked], "/s", 0)


def costs(asked: Sequence[Asked]) -> str:
    """As the table tells them."""
    cpu_us = [one.cpu_us for one in asked]
    return f"{statistics.median(cpu_us):.0f} us ({min(cpu_us):.0f} to {max(cpu_us):.0f})"
