"""A real HTTP endpoint on loopback that takes notifications, or refuses them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import orjson


@dataclass
class Endpoint:
    """`heard` are the notifications, `headers` theirs. `status` is answered; while `mute`, nothing is."""

    url: str = ""
    status: int = 200
    mute: bool = False
    heard: list[Any] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    connections: int = 0

    async def until(self, holds: Callable[[], bool], timeout_s: float = 5.0) -> None:
        """Waits until something holds."""
        async with asyncio.timeout(timeout_s):
            while not holds():
                await asyncio.sleep(0.01)

    async def until_heard(self, count: int) -> None:
        """Waits for so many notifications, and that no more come for a moment."""
        await self.until(lambda: len(self.heard) >= count)
        await asyncio.sleep(0.05)
        assert len(self.heard) == count


@contextlib.asynccontextmanager
async def endpoint(port: int = 0) -> AsyncIterator[Endpoint]:
    """Listens while it is open."""
    told = Endpoint()
    talking: set[asyncio.Task[None]] = set()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        told.connections += 1
        with contextlib.closing(writer), contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
                headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:-2])}
                body = await reader.readexactly(int(headers["content-length"]))
                if told.mute:
                    await asyncio.sleep(60)
                if told.status < 300:
                    told.heard.append(orjson.loads(body))
                    told.headers.append(headers)
                writer.write(f"HTTP/1.1 {told.status} Said\r\nContent-Length: 0\r\n\r\n".encode())

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talking.add(asyncio.create_task(talk(reader, writer)))

    listening = await asyncio.start_server(accept, "127.0.0.1", port)
    told.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/notify"
    yield told
    listening.close()
    for task in talking:
        task.cancel()
    await asyncio.gather(*talking, return_exceptions=True)
