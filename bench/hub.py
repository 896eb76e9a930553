"""Hubs to measure, and what they use."""

from __future__ import annotations

import contextlib
import http.client
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import orjson
import psutil

from bench.load import Order, Result, run_load
from tests.processes import HubProcess, Started

ENTITIES = "/ngsi-ld/v1/entities"
UPSERT = "/ngsi-ld/v1/entityOperations/upsert"
ONE = f"{ENTITIES}/urn:ngsi-ld:Bench:b:{{n}}"
STOCK = 1_000
TO_1_KB = 600  # characters more make an entity 1 KB of JSON
_FILLED_AT_ONCE = 500


@contextlib.contextmanager
def running(hub: HubProcess) -> Iterator[HubProcess]:
    """A hub that is ready, its broker included, and has the stock of entities."""
    hub.start()
    try:
        hub.await_ready()
        stock = orjson.dumps([entity(number) for number in range(STOCK)]).decode()
        run_load(Order(hub.port, "POST", UPSERT, stock)).check("201")
        time.sleep(1.0)  # the broker starts, and publishes the stock
        yield hub
    finally:
        hub.stop()


def entity(number: int, padding: int = 0) -> dict[str, object]:
    """A small entity such as a counter or a bus stop; `padding` characters more."""
    said: dict[str, object] = {
        "id": f"urn:ngsi-ld:Bench:b:{number}",
        "type": "Bench",
        "n": {"type": "Property", "value": 0},
        "name": {"type": "Property", "value": f"雪野市 {number}"},
        "location": {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [140.75, 40.8 + number / 1e5]}},
    }
    return said | ({"remark": {"type": "Property", "value": "雪" * (padding // 3)}} if padding else {})


def fill(hub: Started, count: int, padding: int) -> None:
    """Upserts so many entities, the stock among them."""
    for first in range(0, count, _FILLED_AT_ONCE):
        body = orjson.dumps([entity(first + n, padding) for n in range(_FILLED_AT_ONCE)]).decode()
        result = run_load(Order(hub.port, "POST", UPSERT, body))
        if not result.statuses.keys() <= {"201", "204"}:
            raise RuntimeError(f"the hub answers {result.statuses}")


def body_of(port: int, path: str) -> bytes:
    """The body of one answer. Raises RuntimeError where it is not 200."""
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        line.request("GET", path)
        answer = line.getresponse()
        content = answer.read()
    finally:
        line.close()
    if answer.status != 200:
        raise RuntimeError(f"{path} is answered {answer.status}: {content[:200]!r}")
    return content


def processes_of(hub: Started) -> dict[str, list[psutil.Process]]:
    """The processes a hub started, by what they are."""
    found: dict[str, list[psutil.Process]] = {}
    for process in hub.family():
        found.setdefault(_role(process), []).append(process)
    return found


def _role(process: psutil.Process) -> str:
    line = " ".join(process.cmdline())
    if process.name() == "nats-server":
        return "broker"
    if "leash.py" in line:
        return "leashes"
    if "cityos.ingest.worker" in line:
        return "workers"
    if "services.sample_city" in line:
        return "sources"
    if "services." in line:
        return "services"
    return "cityos up" if " up " in line else "hub"


@dataclass(slots=True)
class Cost:
    """CPU seconds of the hub and of its broker."""

    hub_s: float
    broker_s: float

    def per(self, count: int) -> str:
        """As the table tells it."""
        return f"hub {self.hub_s / count * 1e6:.0f} us, broker {self.broker_s / count * 1e6:.0f} us each"


def measured_load(hub: HubProcess, order: Order, status: str) -> tuple[Result, Cost]:
    """Carries out an order and takes the CPU time that the hub and its broker use for it."""
    before = _cpu(hub)
    result = run_load(order).check(status)
    after = _cpu(hub)
    return result, Cost(after.hub_s - before.hub_s, after.broker_s - before.broker_s)


def _cpu(hub: HubProcess) -> Cost:
    roles = processes_of(hub)
    return Cost(cpu_s_of(roles.get("hub", [])), cpu_s_of(roles.get("broker", [])))


def cpu_s_of(processes: Iterable[psutil.Process]) -> float:
    """User and system time of processes so far."""
    return sum(sum(process.cpu_times()[:2]) for process in processes)
