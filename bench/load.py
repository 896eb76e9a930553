"""A cheap load generator in a process of its own: HTTP/1.1 keep-alive in raw asyncio, bounded in count and time.

Reads one JSON order from standard input and writes one JSON result: `python -m bench.load`.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import cast

import orjson


@dataclass(slots=True)
class Order:
    """What to ask: `method path` with `{n}` replaced by a running number below `cycle`, from so many clients.

    `rate` is requests per second in all (0: as fast as answers come); `bodies` are sent one after the other.
    """

    port: int
    method: str
    path: str
    bodies: list[str] = field(default_factory=list)
    clients: int = 1
    count: int = 1000
    longest_s: float = 30.0
    cycle: int = 1
    content_type: str = "application/json"


@dataclass(slots=True)
class Result:
    """What came: answers by status, seconds in all, latencies in seconds, CPU seconds of the generator itself."""

    statuses: dict[str, int]
    wall_s: float
    latencies: list[float]
    cpu_s: float

    @property
    def answered(self) -> int:
        """How many answers came."""
        return sum(self.statuses.values())


class _Line(asyncio.Protocol):
    """One connection with one request on the way: it sends the next as soon as an answer is complete."""

    def __init__(self, requests: Iterator[bytes], tell: Callable[[str, float], None], ended: Callable[[], None]):
        self._requests, self._tell, self._ended = requests, tell, ended
        self._received = bytearray()
        self._asked_at = 0.0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by its class
        self._ask()

    def _ask(self) -> None:
        assert self._transport is not None
        request = next(self._requests, None)
        if request is None:
            self._transport.close()
            return
        self._asked_at = time.perf_counter()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._received += data
        end = self._received.find(b"\r\n\r\n")
        if end < 0 or len(self._received) < end + 4 + _length(bytes(self._received[:end])):
            return
        self._tell(self._received[9:12].decode(), time.perf_counter() - self._asked_at)
        self._received.clear()
        self._ask()

    def connection_lost(self, exc: Exception | None) -> None:
        self._ended()


def _length(head: bytes) -> int:
    at = head.lower().find(b"content-length:")
    return 0 if at < 0 else int(head[at + 15 :].split(b"\r\n", 1)[0])


def _requests(order: Order) -> Iterator[bytes]:
    deadline = time.perf_counter() + order.longest_s
    bodies = [body.encode() for body in order.bodies] or [b""]
    for number in range(order.count):
        if time.perf_counter() > deadline:
            return
        body = bodies[number % len(bodies)].replace(b"{value}", str(number).encode())
        head = f"{order.method} {order.path.replace('{n}', str(number % order.cycle))} HTTP/1.1\r\nHost: bench\r\n"
        if body:
            head += f"Content-Type: {order.content_type}\r\nContent-Length: {len(body)}\r\n"
        yield head.encode() + b"\r\n" + body


async def _run(order: Order) -> Result:
    statuses: dict[str, int] = {}
    latencies: list[float] = []
    loop = asyncio.get_running_loop()
    finished = asyncio.Event()
    open_lines = order.clients

    def tell(status: str, latency_s: float) -> None:
        statuses[status] = statuses.get(status, 0) + 1
        latencies.append(latency_s)

    def ended() -> None:
        nonlocal open_lines
        open_lines -= 1
        if open_lines == 0:
            finished.set()

    requests = _requests(order)
    began, began_cpu = time.perf_counter(), time.process_time()
    for _ in range(order.clients):
        await loop.create_connection(lambda: _Line(requests, tell, ended), "127.0.0.1", order.port)
    await asyncio.wait_for(finished.wait(), order.longest_s + 30.0)
    return Result(statuses, time.perf_counter() - began, latencies, time.process_time() - began_cpu)


def main() -> None:
    """Carries out one order."""
    order = Order(**orjson.loads(sys.stdin.buffer.read()))
    try:
        import uvloop

        runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
    except ImportError:
        runner = asyncio.Runner()
    with runner:
        result = runner.run(_run(order))
    sys.stdout.buffer.write(orjson.dumps(result))


if __name__ == "__main__":
    main()
