"""Keeps the entity of every feed true: looks now and then, writes only where something changed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Sequence

from cityos.monitor.health import LABELS, FeedReport, as_health
from cityos.ngsi.provision import delete, upsert_attributes
from cityos.ngsi.selector import of_types
from cityos.store.error import StoreError
from cityos.store.record import Query
from cityos.store.store import Store
from cityos.vocabulary.context import iri
from cityos.vocabulary.feed import FEED, FeedState
from cityos.vocabulary.identifier import local_id_of

log = logging.getLogger(__name__)


class FeedWatch:
    """Looks at all feeds every `every_s` real seconds."""

    def __init__(
        self, store: Store, tenant: str, reports: Callable[[], Awaitable[Sequence[FeedReport]]], every_s: float = 1.0
    ) -> None:
        self._store = store
        self._tenant = tenant
        self._reports = reports
        self._every_s = every_s
        self._states: dict[str, FeedState] = {}

    async def forget_all_but(self, names: Collection[str]) -> None:
        """Ends the entities of feeds that the city no longer has: nobody would keep them true."""
        known = await self._store.query(self._tenant, Query(of_types(iri(FEED)), limit=1_000))
        gone = [one.id for one in known.items if local_id_of(one.id) not in names]
        await self._store.apply(self._tenant, [delete(entity_id) for entity_id in gone])

    async def run(self) -> None:
        """Looks until cancelled."""
        while True:
            try:
                await self.look()
            except StoreError as error:
                log.warning("Feed health is not written: %s", error)
            await asyncio.sleep(self._every_s)

    async def look(self) -> None:
        """Writes the feeds' entities; equal ones write nothing."""
        rows = await self._reports()
        if rows:
            await self._store.apply(self._tenant, [upsert_attributes(as_health(row).to_entity()) for row in rows])
        for row in rows:
            self._log(row)

    def _log(self, row: FeedReport) -> None:
        """One line per change of state; the first state is told only if it is not good."""
        before, self._states[row.feed.name] = self._states.get(row.feed.name), row.state
        if before == row.state or (before is None and row.state in (FeedState.FRESH, FeedState.WAITING)):
            return
        log.info("Feed %s is %s", row.feed.name, LABELS[row.state][1])
