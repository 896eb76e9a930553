"""The one write path: a thread that gathers what is waiting, writes it in one transaction, and then acknowledges.

While one group is being made durable the next gathers, so the cost of an fsync is shared by all who wait for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import queue
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from cityos.store.error import StoreError, StoreUnavailable
from cityos.store.session import Session

log = logging.getLogger(__name__)

T = TypeVar("T")
_LARGEST_GROUP = 512


@dataclass(slots=True)
class _Job(Generic[T]):
    work: Callable[[Session], T]
    done: asyncio.Future[T]
    direct: bool = False
    result: T | None = None
    error: Exception | None = None


class Writer:
    """Owns the write connection. `on_commit` is called in the writer's thread with the new head of each tenant."""

    def __init__(
        self,
        session: Session,
        now: Callable[[], datetime],
        on_commit: Callable[[Mapping[str, int]], None],
    ) -> None:
        self._session = session
        self._now = now
        self._on_commit = on_commit
        self._jobs: queue.SimpleQueue[_Job[Any] | None] = queue.SimpleQueue()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="store-writer", daemon=True)
        self._thread.start()

    async def write(self, work: Callable[[Session], T], *, direct: bool = False) -> T:
        """Runs `work` in the next group; returns once it is on disk. Raises StoreUnavailable, or what `work` raised.

        `direct` work runs statements of its own beside writing entities.
        """
        if self._closed:
            raise StoreUnavailable("the store is closed")
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._jobs.put(_Job(work, done, direct))
        return await done

    def close(self) -> None:
        """Finishes what waits, then ends the thread."""
        self._closed = True
        self._jobs.put(None)
        self._thread.join()

    def _run(self) -> None:
        while True:
            group, more = self._gather()
            if group:
                self._write_group(group)
            if not more:
                return

    def _gather(self) -> tuple[list[_Job[Any]], bool]:
        first = self._jobs.get()
        if first is None:
            return [], False
        group = [first]
        while len(group) < _LARGEST_GROUP:
            try:
                job = self._jobs.get_nowait()
            except queue.Empty:
                break
            if job is None:
                return group, False
            group.append(job)
        return group, True

    def _write_group(self, group: list[_Job[Any]]) -> None:
        try:
            self._session.begin(self._now())
            for job in group:
                self._run_job(job)
            heads = dict(self._session.told)
            self._commit()
        except Exception as error:  # noqa: BLE001 - whatever it is: a dead writer would leave every caller waiting
            self._fail(group, error)
        else:
            if heads:
                self._on_commit(heads)
        _answer(group)

    def _commit(self) -> None:
        self._session.commit()

    def _run_job(self, job: _Job[Any]) -> None:
        if job.done.cancelled():
            return
        self._session.begin_job(direct=job.direct)
        try:
            job.result = job.work(self._session)
        except StoreUnavailable:
            raise  # the disk, not the job: the whole group is off
        except Exception as error:  # noqa: BLE001 - handed to the caller, whose job it is
            self._session.undo_job()
            job.error = error
        else:
            self._session.end_job()

    def _fail(self, group: list[_Job[Any]], error: Exception) -> None:
        """Nothing of the group is on disk, so nothing of it is acknowledged."""
        log.error("The store cannot write: %s", error)
        try:
            self._session.rollback()
        except StoreError as again:
            log.error("The store cannot roll back: %s", again)  # noqa: TRY400 - one line, no trace
        for job in group:
            job.error = job.error or StoreUnavailable(f"the database cannot be written: {error}")


def _answer(group: list[_Job[Any]]) -> None:
    """Wakes each loop once for all who wait in it: a wake-up per job would have loop and writer contend for the GIL."""
    for loop in {job.done.get_loop() for job in group}:
        with contextlib.suppress(RuntimeError):  # the loop has closed: nobody waits any more
            loop.call_soon_threadsafe(_settle, [job for job in group if job.done.get_loop() is loop])


def _settle(group: list[_Job[Any]]) -> None:
    for job in group:
        if job.done.done():
            continue  # who waited has gone
        if job.error is not None:
            job.done.set_exception(job.error)
        else:
            job.done.set_result(job.result)
