"""15,000 subscriptions on one type and attribute, each with another `q`; a write is met by 1 % of them."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import orjson

from bench.figure import Row, percentiles, spread
from bench.hub import ONE, Cost, measured_load, running
from bench.load import Order, Result, run_load
from tests.processes import HubProcess

_COUNT = 15_000
_WRITES = 60
_RATE = 3.0  # writes a second: each is told whole before the next
_SUBSCRIPTIONS = "/ngsi-ld/v1/subscriptions"
_BODY = '{"n":{"type":"Property","value":{value}}}'
_ALLOWED = {"CITYOS_EGRESS_ALLOW": "127.0.0.0/8"}


def measure(directory: Path) -> Iterator[Row]:
    """With one subscription, then with all of them: the write's answer, and the first notification after it."""
    with running(HubProcess(directory / "data", "--no-broker", environment=_ALLOWED)) as hub:
        alone = _told(hub, 1)
        yield from alone.rows("one subscription", "")
        began = time.monotonic()
        with _receiver() as receiver:
            _subscribe(hub, receiver, _COUNT)
            took_s = time.monotonic() - began
            many = _written(hub, receiver)
        yield Row(f"{_COUNT:,} subscriptions made, one by one", f"{_COUNT / took_s:.0f}/s")
        yield from many.rows(f"{_COUNT:,} subscriptions, 1 % matching", "<= 5 ms")


@dataclass(slots=True)
class _Told:
    """Writes and what was heard of them: per value, the instants of its notifications."""

    result: Result
    cost: Cost
    heard: dict[str, list[float]]

    def rows(self, what: str, target: str) -> Iterator[Row]:
        answered = dict(zip(map(str, self.result.values), self.result.answered_at, strict=True))
        first = [1000 * (min(times) - answered[value]) for value, times in self.heard.items() if value in answered]
        last = [1000 * (max(times) - answered[value]) for value, times in self.heard.items() if value in answered]
        counts = [float(len(times)) for value, times in self.heard.items() if value in answered]
        answers = percentiles([1000 * latency for latency in self.result.latencies], "ms")
        yield Row(f"{what}: write until answered", answers, "" if not target else "as with one", self.cost.per(_WRITES))
        yield Row("  answer until first notification", percentiles(first, "ms"), target)
        yield Row("  answer until last notification", percentiles(last, "ms"))
        yield Row("  notifications of one write", spread(counts, "", 0))
        yield Row("  writes told of those made", f"{len(first)} of {len(answered)}")


class _Receiver:
    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None
        self._process = process
        self._out = process.stdout
        self.port = int(self._out.readline())

    def heard(self) -> dict[str, list[float]]:
        """Ends it; returns what it heard."""
        assert self._process.stdin is not None
        self._process.stdin.write(b"\n")
        self._process.stdin.flush()
        told: dict[str, list[float]] = orjson.loads(self._out.readline())
        return told


@contextlib.contextmanager
def _receiver() -> Iterator[_Receiver]:
    command = [sys.executable, "-m", "bench.receiver"]
    root = Path(__file__).parents[1]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=root) as process:
        try:
            yield _Receiver(process)
        finally:
            process.terminate()


def _subscribe(hub: HubProcess, receiver: _Receiver, count: int) -> None:
    said = {
        "id": "urn:ngsi-ld:Subscription:b{n}",
        "type": "Subscription",
        "entities": [{"type": "Bench"}],
        "watchedAttributes": ["n"],
        "q": "n>{n}",
        "notification": {
            "attributes": ["n"],
            "format": "keyValues",
            "endpoint": {"uri": f"http://127.0.0.1:{receiver.port}/"},
        },
    }
    order = Order(hub.port, "POST", _SUBSCRIPTIONS, orjson.dumps(said).decode(), count, 32, count, longest_s=120.0)
    run_load(order).check("201")


def _told(hub: HubProcess, count: int) -> _Told:
    with _receiver() as receiver:
        _subscribe(hub, receiver, count)
        told = _written(hub, receiver)
    for number in range(count):
        path = f"{_SUBSCRIPTIONS}/urn:ngsi-ld:Subscription:b{number}"
        run_load(Order(hub.port, "DELETE", path)).check("204")
    return told


def _written(hub: HubProcess, receiver: _Receiver) -> _Told:
    """Values from 1 % of the count on, so that about so many thresholds lie below each."""
    first = _COUNT // 100
    order = Order(hub.port, "PATCH", ONE, _BODY, _WRITES, 1, 1, first, rate=_RATE, longest_s=60.0)
    result, cost = measured_load(hub, order, "204")
    time.sleep(1.0)
    return _Told(result, cost, receiver.heard())
