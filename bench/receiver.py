"""`python -m bench.receiver`: takes notifications over HTTP; tells, per value of `n`, when each was heard.

Prints its port, then waits for a line on standard input, then prints {value: [instants]} (monotonic) as JSON.
"""

from __future__ import annotations

import asyncio
import re
import sys
import time

import orjson

_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_VALUE = re.compile(rb'"n":(?:\{"type":"Property","value":)?(\d+)')
_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


class _Receiver(asyncio.Protocol):
    def __init__(self, heard: dict[str, list[float]]) -> None:
        self._heard = heard
        self._received = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        now = time.monotonic()
        self._received += data
        while (end := self._received.find(b"\r\n\r\n")) >= 0:
            length = _LENGTH.search(self._received, 0, end)
            whole = end + 4 + (int(length[1]) if length else 0)
            if len(self._received) < whole:
                return
            value = _VALUE.search(self._received, end, whole)
            if value is not None:
                self._heard.setdefault(value[1].decode(), []).append(now)
            del self._received[:whole]
            self._transport.write(_ANSWER)


async def _serve() -> None:
    heard: dict[str, list[float]] = {}
    server = await asyncio.get_running_loop().create_server(lambda: _Receiver(heard), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    print(orjson.dumps(heard).decode(), flush=True)
    server.close()


if __name__ == "__main__":
    asyncio.run(_serve())
