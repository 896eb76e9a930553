"""The past of one entity: aggregates of 10,000 points, its newest page, and a month of it as a file.

Beside the hub's aggregates stands what the database alone takes to group the same rows, in the same run.
"""

from __future__ import annotations

import sqlite3
import time
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import psutil

from bench.figure import Row, spread
from bench.hub import Cost, measured_load, processes_of, running
from bench.load import Order
from tests.processes import HubProcess

_PAST = "/ngsi-ld/v1/temporal/entities"
_ID = "urn:ngsi-ld:Bench:past"
_POINTS = 10_000
_BATCH = 5_000
_REPEATS = 20
_AGGREGATE = f"{_PAST}/{_ID}?format=aggregatedValues&aggrMethods=avg,min,max,stddev&aggrPeriodDuration="
_MONTH = 172_800  # every 15 seconds for 30 days
_BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
_GROUPED = """
    SELECT (at - (SELECT min(at) FROM instance)) / 3600000000 AS period,
        avg(number), min(number), max(number), sum(number * number), count(*)
    FROM instance WHERE attribute = (SELECT no FROM name WHERE iri LIKE '%/depth') AND at < :until GROUP BY period
"""


def measure(directory: Path) -> Iterator[Row]:
    """Milliseconds per answer; rows per second of the file."""
    data = directory / "data"
    with running(HubProcess(data)) as hub:
        _add(hub, 0, _POINTS)
        for period in ("PT1H", "P1D", "P1M"):
            yield _asked(hub, f"aggregate of {_POINTS} points by {period}", f"{_AGGREGATE}{period}", "200", "<= 100 ms")
        yield Row(f"  the database alone groups {_POINTS} numbers by hour", spread(_grouped_ms(data), "ms"), "", "")
        yield _asked(hub, f"newest page of {_POINTS} points", f"{_PAST}/{_ID}?lastN=100", "206")
        _add(hub, _POINTS, _MONTH)
        yield _asked(hub, f"newest page of {_MONTH} points", f"{_PAST}/{_ID}?lastN=100", "206")
        yield from _file(hub)


def _add(hub: HubProcess, first: int, until: int) -> None:
    """Points every 15 seconds, so many at a time."""
    for start in range(first, until, _BATCH):
        depths = [
            {"type": "Property", "value": n % 97 + 0.5, "observedAt": _at(n)}
            for n in range(start, min(until, start + _BATCH))
        ]
        body = orjson.dumps({"id": _ID, "type": "Bench", "depth": depths}).decode()
        measured_load(hub, Order(hub.port, "POST", _PAST, body), "201" if start == 0 else "204")


def _at(number: int) -> str:
    return (_BEGIN + timedelta(seconds=15 * number)).strftime("%Y-%m-%dT%H:%M:%SZ")


def _asked(hub: HubProcess, what: str, path: str, status: str, target: str = "") -> Row:
    result, cost = measured_load(hub, Order(hub.port, "GET", path, "", _REPEATS), status)
    return Row(what, spread([1000 * one for one in result.latencies], "ms", 1), target, cost.per(_REPEATS))


def _grouped_ms(data: Path) -> list[float]:
    until = int((_BEGIN + timedelta(seconds=15 * _POINTS)).timestamp() * 1_000_000)
    took: list[float] = []
    connection = sqlite3.connect(data / "city.db")
    for _ in range(_REPEATS):
        began = time.perf_counter()
        connection.execute(_GROUPED, {"until": until}).fetchall()
        took.append(1000 * (time.perf_counter() - began))
    connection.close()
    return took


def _file(hub: HubProcess) -> Iterator[Row]:
    """The whole month as CSV, and how much larger the hub's memory grows meanwhile."""
    address = f"http://127.0.0.1:{hub.port}{_PAST}/{_ID}?format=csv"
    process = processes_of(hub)["hub"][0]
    before, largest, size = process.memory_info().rss, 0, 0
    cpu_before, began = sum(process.cpu_times()[:2]), time.perf_counter()
    with urllib.request.urlopen(address, timeout=120) as answer:
        while part := answer.read(65_536):
            size += len(part)
            largest = max(largest, psutil.Process(process.pid).memory_info().rss)
    took = time.perf_counter() - began
    cost = Cost(sum(process.cpu_times()[:2]) - cpu_before, 0.0)
    yield Row(
        f"file of {_MONTH} points, {size / 1e6:.1f} MB",
        f"{took:.1f} s, memory +{(largest - before) / 1e6:.0f} MB",
        "",
        cost.per(_MONTH),
    )
