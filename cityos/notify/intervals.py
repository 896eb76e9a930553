"""Subscriptions that are told at regular times whether or not anything changed (`timeInterval`, clause 5.2.12)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import orjson

from cityos.ngsi.selector import Selector
from cityos.ngsi.value import JsonObject
from cityos.notify.desk import Desk
from cityos.notify.linking import Neighbours
from cityos.notify.matching import Watcher
from cityos.notify.notifier import Notifier
from cityos.store.error import QueryTooLong
from cityos.store.reading import Reader
from cityos.store.record import Query
from cityos.store.store import Store

_LOOK_S = 0.5
MOST_ENTITIES = 1_000  # in one notification

Found = list[tuple[JsonObject, Mapping[str, JsonObject | None]]]


class Intervals:
    """Lives in the event loop."""

    def __init__(self, store: Store, desk: Desk, notifier: Notifier) -> None:
        self._store = store
        self._desk = desk
        self._notifier = notifier
        self._due: dict[Watcher, float] = {}

    async def run(self) -> None:
        """Tells until cancelled."""
        while True:
            await asyncio.sleep(_LOOK_S)
            now = asyncio.get_running_loop().time()
            watchers = [(tenant, one) for tenant in self._desk.tenants() for one in self._desk.of(tenant).timed()]
            self._due = {one: self._due.get(one, now + one.subscription.interval_s) for _, one in watchers}
            for tenant, watcher in watchers:
                if self._due[watcher] <= now:
                    self._due[watcher] = max(now, self._due[watcher] + watcher.subscription.interval_s)
                    await self._tell(tenant, watcher)

    async def _tell(self, tenant: str, watcher: Watcher) -> None:
        if not self._desk.is_told(watcher):
            return
        try:
            found = await self._store.read(lambda reader: _selected(reader, tenant, watcher))
        except QueryTooLong:  # the next time may be quieter
            self._desk.failed(tenant, watcher.id)
            return
        self._notifier.tell_states(tenant, watcher, found)


def _selected(reader: Reader, tenant: str, watcher: Watcher) -> Found:
    """The entities subscribed to as they are now, at most MOST_ENTITIES. Runs in a reader thread."""
    subscription, neighbours = watcher.subscription, Neighbours(reader, tenant)
    query = Query(
        subscription.selectors or (Selector(),),
        subscription.watched,
        subscription.q,
        subscription.scope,
        subscription.place,
        limit=MOST_ENTITIES,
    )
    entities = [orjson.loads(stored.content) for stored in reader.query(tenant, query).items]
    return [(entity, neighbours.of_join(entity, subscription)) for entity in entities]
