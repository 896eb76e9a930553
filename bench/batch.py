"""Batch upserts of entities of 1 KB over HTTP, history kept: new ones, then other values for all of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import orjson

from bench.figure import Row, spread
from bench.hub import TO_1_KB, UPSERT, Cost, entity, measured_load, running
from bench.load import Order
from tests.processes import HubProcess

_BATCH = 500
_BATCHES = 8


def measure(directory: Path) -> Iterator[Row]:
    """Entities per second, created and replaced."""
    with running(HubProcess(directory / "data")) as hub:
        yield from upserts(hub)


def upserts(hub: HubProcess) -> Iterator[Row]:
    """Entities per second that a running hub takes."""
    yield _upserts(hub, "create", 0, "201")
    yield _upserts(hub, "replace", 1, "204")


def _upserts(hub: HubProcess, what: str, value: int, status: str) -> Row:
    rates: list[float] = []
    total = Cost(0.0, 0.0)
    size = 0
    for number in range(_BATCHES):
        body = orjson.dumps([_entity(number * _BATCH + n, value) for n in range(_BATCH)]).decode()
        size = len(body.encode()) // _BATCH
        result, cost = measured_load(hub, Order(hub.port, "POST", UPSERT, body), status)
        rates.append(_BATCH / result.wall_s)
        total = Cost(total.hub_s + cost.hub_s, total.broker_s + cost.broker_s)
    what = f"batch upsert, {what} {_BATCH} x {size} bytes"
    return Row(what, spread(rates, "entities/s", 0), ">= 5,000/s", total.per(_BATCH * _BATCHES))


def _entity(number: int, value: int) -> dict[str, object]:
    observed = {"type": "Property", "value": value, "observedAt": f"2026-01-15T08:0{value}:00Z"}
    return {**entity(number + 1_000_000, TO_1_KB), "n": observed}
