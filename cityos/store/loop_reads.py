"""Reads in the loop: of single entities, gathered in a thread where a look-up travels, and of what may be short.

To pass a read to another thread and to have its answer back costs more than most reads take, since both threads want
the one interpreter: a page of twenty entities took 1,600 us of CPU by way of a thread, and 950 without.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from cityos.store.reading import Reader
from cityos.store.record import Stored

T = TypeVar("T")
# So long may a read hold up everybody in the loop: a page of 500 small entities takes 3 ms, 5 on a slow machine.
_SHORT_S = 0.006

_Key = tuple[str, str]  # tenant, id


class LoopReads:
    """Owns a reader. A local database is asked at once, a server for all together who ask while it is on its way."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._thread = None if reader.is_local else ThreadPoolExecutor(1, "store-points")
        self._waiting: dict[_Key, asyncio.Future[Stored | None]] = {}
        self._is_asking = False

    async def find(self, tenant: str, entity_id: str) -> Stored | None:
        """The entity, if it is there."""
        if self._thread is None:
            return self._reader.find(tenant, entity_id)
        key = (tenant, entity_id)
        found = self._waiting.get(key)
        if found is None:
            loop = asyncio.get_running_loop()
            if not self._is_asking:
                self._is_asking = True
                loop.call_soon(self._ask)  # once all who came in this turn of the loop stand in line
            found = self._waiting[key] = loop.create_future()
        return await asyncio.shield(found)

    @property
    def is_local(self) -> bool:
        """Whether a read may be waited for in the loop."""
        return self._reader.is_local

    def read(self, work: Callable[[Reader], T]) -> T:
        """Runs a read here. Raises QueryTooLong where it is none that the loop can wait for."""
        try:
            self._reader.begin(_SHORT_S)
            return work(self._reader)
        finally:
            self._reader.end()

    def _ask(self) -> None:
        assert self._thread is not None
        waiting, self._waiting = self._waiting, {}
        asked = asyncio.get_running_loop().run_in_executor(self._thread, self._read, list(waiting))
        asked.add_done_callback(lambda done: self._settle(done, waiting))

    def _settle(
        self, done: asyncio.Future[dict[_Key, Stored]], waiting: dict[_Key, asyncio.Future[Stored | None]]
    ) -> None:
        if self._waiting:
            self._ask()
        else:
            self._is_asking = False
        error = done.exception()
        for key, future in waiting.items():
            if future.done():
                continue
            if error is not None:
                future.set_exception(error)
            else:
                future.set_result(done.result().get(key))

    def _read(self, keys: list[_Key]) -> dict[_Key, Stored]:
        tenants: dict[str, list[str]] = {}
        for tenant, entity_id in keys:
            tenants.setdefault(tenant, []).append(entity_id)
        return {
            (tenant, entity_id): stored
            for tenant, ids in tenants.items()
            for entity_id, stored in self._reader.find_many(tenant, ids).items()
        }

    def close(self) -> None:
        """Ends the thread and closes the reader."""
        if self._thread is not None:
            self._thread.shutdown()
        self._reader.close()
