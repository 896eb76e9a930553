"""A few workers, started before they are needed, each ended when it takes too long or has grown."""

from __future__ import annotations

import asyncio
import contextlib
import sys

import orjson

from cityos.connector.batch import Batch, batch_from_bytes
from cityos.connector.document import Document
from cityos.connector.error import SourceChanged
from cityos.connector.feed import Feed
from cityos.ingest.worker import LENGTH
from cityos.ngsi.instant import format_instant

DEADLINE_S = 60.0
MEMORY = 2_000_000_000  # bytes of address space; what is resident stays far below


class NormaliseFailed(Exception):
    """A worker did not give a batch: a fault of the connector, or a document that is too much for it."""


class Workers:
    """Hands documents to worker processes, at most `count` at once."""

    def __init__(self, count: int = 1, deadline_s: float = DEADLINE_S, memory: int = MEMORY) -> None:
        self._count = count
        self._deadline_s = deadline_s
        self._memory = memory
        self._idle: asyncio.Queue[asyncio.subprocess.Process | None] = asyncio.Queue()
        self._all: set[asyncio.subprocess.Process] = set()

    async def start(self) -> None:
        """Starts the first worker; more start when they are needed."""
        self._idle.put_nowait(await self._launch())
        for _ in range(self._count - 1):
            self._idle.put_nowait(None)

    async def close(self) -> None:
        """Ends all workers."""
        for process in list(self._all):
            await self._end(process)

    async def normalise(self, feed: Feed, document: Document) -> Batch:
        """Normalises a document in a worker. Raises SourceChanged (the connector says so) or NormaliseFailed."""
        process = await self._idle.get()
        keep: asyncio.subprocess.Process | None = None
        try:
            if process is None or process.returncode is not None:
                process = await self._launch()
            async with asyncio.timeout(self._deadline_s):
                answer = await self._ask(process, feed, document)
            if answer[1:2] == b"K":
                keep = process
        except TimeoutError:
            raise NormaliseFailed(f"normalising took longer than {self._deadline_s:g} s") from None
        except (asyncio.IncompleteReadError, OSError):
            raise NormaliseFailed("the worker died: the document is too much for it") from None
        finally:
            # First of all the place goes back to the queue: a place lost here would be lost for good.
            self._idle.put_nowait(keep)
            if keep is None and process is not None:
                await self._end(process)
        return await asyncio.to_thread(_read_answer, answer)  # large answers must not hold the loop

    async def _launch(self) -> asyncio.subprocess.Process:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "cityos.ingest.worker",
            str(self._memory),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is the hub's business
        )
        self._all.add(process)
        return process

    async def _end(self, process: asyncio.subprocess.Process) -> None:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        self._all.discard(process)

    async def _ask(self, process: asyncio.subprocess.Process, feed: Feed, document: Document) -> bytes:
        assert process.stdin is not None
        assert process.stdout is not None
        head = orjson.dumps(
            {
                "connector": feed.connector.manifest.name,
                "config": feed.config.model_dump(mode="json"),
                "name": document.name,
                "url": document.url,
                "media_type": document.media_type,
                "fetched_at": format_instant(document.fetched_at),
                "modified_at": format_instant(document.modified_at) if document.modified_at else None,
            }
        )
        for frame in (head, document.content):
            process.stdin.write(LENGTH.pack(len(frame)) + frame)
        await process.stdin.drain()
        (length,) = LENGTH.unpack(await process.stdout.readexactly(LENGTH.size))
        return await process.stdout.readexactly(length)


def _read_answer(answer: bytes) -> Batch:
    letter, body = answer[:1], answer[2:]
    if letter == b"B":
        return batch_from_bytes(body)
    if letter == b"C":
        raise SourceChanged(body.decode())
    raise NormaliseFailed(body.decode(errors="replace"))
