"""When feeds run: by their rhythm, with back-off when a source fails, one attempt of a feed at a time."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import Sequence
from datetime import datetime, timedelta

from cityos.connector.document import Document
from cityos.connector.feed import Feed
from cityos.ingest.pipeline import Pipeline
from cityos.store.error import StoreError
from cityos.store.record import SUCCESSFUL, Run, RunResult

log = logging.getLogger(__name__)

_FIRST_RETRY = timedelta(seconds=10)
_REFUSED = timedelta(hours=1)  # asking again cannot help until somebody has acted
_OFF_SEASON = timedelta(hours=1)
_FIRST_WAIT_S = 10.0  # real seconds: a source that hangs must not keep others from speaking


class Runner:
    """Runs the feeds of one city in this process."""

    def __init__(self, feeds: Sequence[Feed], pipeline: Pipeline, seed: int | None = None) -> None:
        self.feeds = {feed.name: feed for feed in feeds}
        self.next_run_at: dict[str, datetime] = {}
        self._pipeline = pipeline
        self._busy = {feed.name: asyncio.Lock() for feed in feeds}
        self._failures = dict.fromkeys(self.feeds, 0)
        self._tried = {feed.name: asyncio.Event() for feed in feeds}
        self._random = random.Random(seed)
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begins; every feed is asked at once (after the one it refers to), then by its rhythm."""
        asked = [feed for feed in self.feeds.values() if not feed.is_pushed]
        self._tasks = [asyncio.create_task(self._keep_running(feed), name=f"feed {feed.name}") for feed in asked]

    async def close(self) -> None:
        """Stops asking."""
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def run_now(self, name: str, *, accept_endings: bool = False) -> RunResult:
        """Runs one feed at once. KeyError where there is none."""
        _, result = await self._run(self.feeds[name], accept_endings=accept_endings)
        return result

    def forget(self, documents: Sequence[tuple[str, str]]) -> None:
        """Removes expired files from their feeds' folders, so that they are not read again; feed and name of each."""
        for feed, name in documents:
            folder = self.feeds[feed].folder if feed in self.feeds else None
            if folder is not None:
                (folder / name).unlink(missing_ok=True)

    async def take(self, name: str, document: Document) -> RunResult:
        """Takes a document that somebody brought. KeyError where there is no such feed; SourceChanged."""
        feed = self.feeds[name]
        async with self._busy[name]:
            run, result = await self._pipeline.take(feed, document)
        self._log(feed, run, result)
        return result

    async def replay(self, name: str, since: datetime, until: datetime) -> RunResult:
        """Normalises archived documents again. KeyError where there is no such feed."""
        async with self._busy[name]:
            return await self._pipeline.replay(self.feeds[name], since, until)

    async def _keep_running(self, feed: Feed) -> None:
        await self._await_referred(feed)
        while True:
            pause = await self._attempt(feed)
            self._tried[feed.name].set()
            self.next_run_at[feed.name] = feed.clock.now() + pause
            await feed.clock.sleep(pause)

    async def _await_referred(self, feed: Feed) -> None:
        """At a first start the timetable is read before anybody speaks of its trips."""
        referred = self.feeds.get(feed.refers_to)
        if referred is not None and not referred.is_pushed:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._tried[referred.name].wait(), _FIRST_WAIT_S)

    async def _attempt(self, feed: Feed) -> timedelta:
        """One attempt, and how long to wait until the next."""
        if feed.cadence.is_off_season(feed.clock.now()):
            return _OFF_SEASON
        try:
            run, _ = await self._run(feed)
        except (StoreError, OSError) as error:  # the disk, not the source
            log.warning("Feed %s is not written: %s", feed.name, error)
            return _FIRST_RETRY
        except Exception:
            # Whatever it is, the next document may be free of it: one fault must not end the feed for good.
            log.exception("Feed %s fails", feed.name)
            return feed.cadence.poll
        return self._pause_after(feed, run)

    def _pause_after(self, feed: Feed, run: Run) -> timedelta:
        poll = feed.cadence.poll
        if run.outcome in SUCCESSFUL:
            return poll
        if run.outcome == "source_refused":
            return max(poll, _REFUSED)
        # Twice as long each time, with a tenth of chance so that sources that fell together are not asked together.
        doublings = min(self._failures[feed.name] - 1, 16)
        return min(_FIRST_RETRY * 2.0**doublings, poll) * self._random.uniform(0.9, 1.1)

    async def _run(self, feed: Feed, *, accept_endings: bool = False) -> tuple[Run, RunResult]:
        async with self._busy[feed.name]:
            run, result = await self._pipeline.run(feed, accept_endings=accept_endings)
        self._log(feed, run, result)
        return run, result

    def _log(self, feed: Feed, run: Run, result: RunResult) -> None:
        """One line when a source goes and one when it is back, one for each notice that is new."""
        failed_before = self._failures[feed.name] > 0
        if run.outcome in SUCCESSFUL:
            self._failures[feed.name] = 0
            if failed_before:
                log.info("Feed %s is back", feed.name)
        else:
            self._failures[feed.name] += 1
        for notice in result.opened:
            log.warning("Feed %s: %s at %s: %s", feed.name, notice.code, notice.where, notice.detail)
