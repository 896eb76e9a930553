"""A cheap load generator in a process of its own: HTTP/1.1 keep-alive in raw asyncio, bounded in count and time.

`python -m bench.load` reads one JSON order from standard input and writes one JSON result.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import orjson


@dataclass(slots=True)
class Order:
    """What to ask, how often, by how many clients at once.

    In `path` and `body`, `{n}` becomes the request's number below `cycle`, `{value}` its number plus `first`; in
    `path`, `{turn}` the next of `turns`. `rate` is requests per second in all; 0: each client asks again as soon as it
    is answered.
    """

    port: int
    method: str
    path: str
    body: str = ""
    count: int = 1
    clients: int = 1
    cycle: int = 1
    first: int = 1
    rate: float = 0.0
    longest_s: float = 30.0
    turns: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Result:
    """What came: how many answers by status; per request its `{value}`, seconds until the answer, instant of it
    (monotonic); seconds in all; CPU seconds of the generator itself."""

    statuses: dict[str, int]
    values: list[int]
    latencies: list[float]
    answered_at: list[float]
    wall_s: float
    cpu_s: float

    @property
    def per_s(self) -> float:
        """Answers per second."""
        return len(self.latencies) / self.wall_s

    def check(self, status: str) -> Result:
        """Refuses to be a figure where anything but this status was answered."""
        if self.statuses.keys() != {status}:
            raise RuntimeError(f"the hub answers {self.statuses}")
        return self


def run_load(order: Order) -> Result:
    """Carries out an order in a process of its own."""
    root = Path(__file__).parents[1]
    command = [sys.executable, "-m", "bench.load"]
    done = subprocess.run(command, input=orjson.dumps(order), stdout=subprocess.PIPE, check=True, cwd=root)
    return Result(**orjson.loads(done.stdout))


@dataclass(slots=True)
class _Log:
    statuses: dict[str, int] = field(default_factory=dict)
    values: list[int] = field(default_factory=list)
    latencies: list[float] = field(default_factory=list)
    answered_at: list[float] = field(default_factory=list)


class _Requests:
    """What is still to be asked: number, instant from which on, bytes."""

    def __init__(self, order: Order) -> None:
        self._order = order
        self._began = time.monotonic()
        self._all = self._make()

    def next(self) -> tuple[int, float, bytes] | None:
        return next(self._all, None)

    def _make(self) -> Iterator[tuple[int, float, bytes]]:
        order = self._order
        for number in range(order.count):
            if time.monotonic() - self._began > order.longest_s:
                return
            due = self._began + number / order.rate if order.rate else 0.0
            yield order.first + number, due, self._bytes(number)

    def _bytes(self, number: int) -> bytes:
        order, turn = self._order, str(number % self._order.cycle)
        path = order.path.replace("{n}", turn)
        if order.turns:
            path = path.replace("{turn}", order.turns[number % len(order.turns)])
        body = order.body.replace("{n}", turn).replace("{value}", str(order.first + number)).encode()
        head = f"{order.method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n"
        return f"{head}Content-Type: application/json\r\n\r\n".encode() + body


class _Client(asyncio.Protocol):
    """One connection with one request on the way."""

    def __init__(self, requests: _Requests, log: _Log, ended: asyncio.Event) -> None:
        self._requests, self._log, self.ended = requests, log, ended
        self._received = bytearray()
        self._value, self._asked_at = 0, 0.0
        self._loop = asyncio.get_running_loop()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by its class
        self._ask()

    def _ask(self) -> None:
        request = self._requests.next()
        if request is None:
            self._transport.close()
            return
        self._value, due, content = request
        pause_s = due - time.monotonic()
        if pause_s > 0:
            self._loop.call_later(pause_s, self._send, content)
        else:
            self._send(content)

    def _send(self, content: bytes) -> None:
        self._asked_at = time.monotonic()
        self._transport.write(content)

    def data_received(self, data: bytes) -> None:
        self._received += data
        end = self._received.find(b"\r\n\r\n")
        if end < 0 or len(self._received) < end + 4 + _length(bytes(self._received[: end + 2])):
            return
        now, status = time.monotonic(), self._received[9:12].decode()
        self._log.statuses[status] = self._log.statuses.get(status, 0) + 1
        self._log.values.append(self._value)
        self._log.latencies.append(now - self._asked_at)
        self._log.answered_at.append(now)
        self._received.clear()
        self._ask()

    def connection_lost(self, exc: Exception | None) -> None:
        self.ended.set()


def _length(head: bytes) -> int:
    at = head.lower().find(b"content-length:")
    return 0 if at < 0 else int(head[at + 15 :].split(b"\r\n", 1)[0])


async def _run(order: Order) -> Result:
    log, requests = _Log(), _Requests(order)
    ends = [asyncio.Event() for _ in range(order.clients)]
    began, began_cpu = time.monotonic(), time.process_time()
    for end in ends:
        await asyncio.get_running_loop().create_connection(
            lambda end=end: _Client(requests, log, end),  # type: ignore[misc]
            "127.0.0.1",
            order.port,
        )
    async with asyncio.timeout(order.longest_s + 60.0):
        for end in ends:
            await end.wait()
    wall_s, cpu_s = time.monotonic() - began, time.process_time() - began_cpu
    return Result(log.statuses, log.values, log.latencies, log.answered_at, wall_s, cpu_s)


def main() -> None:
    """Carries out one order."""
    order = Order(**orjson.loads(sys.stdin.buffer.read()))
    try:
        import uvloop

        runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
    except ImportError:
        runner = asyncio.Runner()
    with runner:
        sys.stdout.buffer.write(orjson.dumps(runner.run(_run(order))))


if __name__ == "__main__":
    main()
