"""Reads of single entities: in the loop where a look-up costs microseconds, gathered in a thread where it travels."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

from cityos.store.reading import Reader
from cityos.store.record import Stored

_Key = tuple[str, str]  # tenant, id


class PointReads:
    """Owns a reader. A local database is asked at once, a server once for all who ask in one turn of the loop."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._thread = None if reader.is_local else ThreadPoolExecutor(1, "store-points")
        self._waiting: dict[_Key, asyncio.Future[Stored | None]] = {}

    async def find(self, tenant: str, entity_id: str) -> Stored | None:
        """The entity, if it is there."""
        if self._thread is None:
            return self._reader.find(tenant, entity_id)
        key = (tenant, entity_id)
        found = self._waiting.get(key)
        if found is None:
            loop = asyncio.get_running_loop()
            if not self._waiting:
                loop.call_soon(self._ask)
            found = self._waiting[key] = loop.create_future()
        return await asyncio.shield(found)

    def _ask(self) -> None:
        assert self._thread is not None
        waiting, self._waiting = self._waiting, {}
        asked = asyncio.get_running_loop().run_in_executor(self._thread, self._read, list(waiting))
        asked.add_done_callback(lambda done: _settle(done, waiting))

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


def _settle(done: asyncio.Future[dict[_Key, Stored]], waiting: dict[_Key, asyncio.Future[Stored | None]]) -> None:
    error = done.exception()
    for key, future in waiting.items():
        if future.done():
            continue
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(done.result().get(key))
