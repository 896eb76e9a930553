"""A real HTTP server on loopback that answers what it is told, byte for byte."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field


@dataclass
class Server:
    """`asked` are the requests' heads, in order."""

    url: str = ""
    asked: list[bytes] = field(default_factory=list)


def answer(status: int, content: bytes = b"", **headers: str) -> bytes:
    """A whole answer; `Content_Type` becomes Content-Type."""
    said = {"Content-Length": str(len(content)), "Connection": "close", **headers}
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in said.items()]
    return "\r\n".join([f"HTTP/1.1 {status} Said", *lines, "", ""]).encode() + content


@contextlib.asynccontextmanager
async def serve(*answers: bytes, trickle_s: float | None = None) -> AsyncIterator[Server]:
    """Answers each request with the next answer, the last one over and over; `trickle_s` waits after every byte."""
    server = Server()
    talking: set[asyncio.Task[None]] = set()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer), contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            server.asked.append(await reader.readuntil(b"\r\n\r\n"))
            content = answers[min(len(server.asked), len(answers)) - 1]
            for part in [content] if trickle_s is None else [content[n : n + 1] for n in range(len(content))]:
                writer.write(part)
                await writer.drain()
                await asyncio.sleep(trickle_s or 0)

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talking.add(asyncio.create_task(talk(reader, writer)))

    listening = await asyncio.start_server(accept, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    server.url = f"http://127.0.0.1:{port}/data/a.csv"
    yield server
    listening.close()
    for task in talking:
        task.cancel()
    await asyncio.gather(*talking, return_exceptions=True)
