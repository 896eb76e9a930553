"""From the change feed to subscribers (clause 5.8.6): which change concerns whom, told once they may be told again.

Up to where everything was told is kept in the store, a moment late: after a kill some notifications come twice, none is
lost. What an endpoint has not taken yet is kept as the seq its subscription is behind at, so that a dead endpoint makes
nobody else hear old news.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import cast

import orjson

from cityos.ngsi.instant import format_instant
from cityos.ngsi.value import JsonObject
from cityos.notify.change import Change, Portion, read_portion
from cityos.notify.delivery import Delivery
from cityos.notify.desk import Desk, since_of
from cityos.notify.heads import Heads
from cityos.notify.linking import Pair, with_linked
from cityos.notify.matching import Watcher
from cityos.notify.notification import compose, render, told_of
from cityos.notify.throttle import Throttle
from cityos.store.error import CursorGone, QueryTooLong
from cityos.store.store import Store

log = logging.getLogger(__name__)

_PAGE = 500  # changes read at once
_FEW = 20  # changes that are read in the loop: in a thread a reading takes a millisecond more
_LOOK_S = 1.0
_SAVE_EVERY_S = 1.0
_COUNT_EVERY_S = 5.0
_SLICE_S = 0.002  # work done before others of the loop get their turn
_MOST_PAIRS = 2_000  # of changes and subscriptions held at once, but for those of one change
_MOST_ENTITIES = 100  # in one notification
_CURSOR_KIND, _CURSOR_ID = "notifier", "cursor"
_AGAIN_S = 0.5


# What was rendered, by change and shape of the subscription.
_Rendered = dict[tuple[int, tuple[object, ...]], tuple[bytes, ...]]


@dataclass(slots=True)
class _Open:
    """A notification being put together."""

    watcher: Watcher
    seq: int
    entities: dict[str, tuple[bytes, ...]] = field(default_factory=dict)


class Notifier:
    """Follows every tenant that has subscriptions."""

    def __init__(self, store: Store, heads: Heads, desk: Desk, delivery: Delivery, now: Callable[[], datetime]) -> None:
        self._store = store
        self._heads = heads
        self._desk = desk
        self._delivery = delivery
        self._now = now
        self._throttle = Throttle(self._send, desk)
        self._cursors: dict[str, int] = {}
        self._saved: dict[str, bytes] = {}
        self._saved_at = self._counted_at = 0.0
        self._is_loaded = False
        self._yielded_at = 0.0
        desk.on_gone = self._forget

    async def run(self) -> None:
        """Tells until cancelled."""
        if not self._is_loaded:
            await self._desk.load()
            for tenant in self._desk.tenants():
                await self._resume(tenant)
            self._is_loaded = True
        while True:
            for tenant in self._desk.tenants():
                await self._catch_up(tenant)
            await self._save_now_and_then()
            await self._heads.any_beyond(self._cursors, _LOOK_S, self._has_subscriptions)

    async def close(self) -> None:
        """Keeps how far everybody was told."""
        self._throttle.close()
        if self._is_loaded:
            await self._save_cursors()
            await self._desk.write_counters()

    def _has_subscriptions(self, tenant: str) -> bool:
        if len(self._desk.of(tenant)):
            return True
        self._cursors.pop(tenant, None)  # whoever subscribes next is told from then on
        return False

    def _forget(self, tenant: str, subscription_id: str) -> None:
        self._throttle.forget(tenant, subscription_id)
        self._delivery.forget(tenant, subscription_id)

    # ---- how far everybody was told

    async def _resume(self, tenant: str) -> None:
        kept = await self._store.read(lambda reader: reader.find_resource(tenant, _CURSOR_KIND, _CURSOR_ID))
        if kept is None:
            return
        told = orjson.loads(kept.body)
        if told["epoch"] != self._store.epoch:  # a restored database: its changes were told, or are no more
            cursor, behind = self._heads.of(tenant), {}
        else:
            cursor, behind = told["seq"], told["behind"]
        head = self._heads.of(tenant)  # a database that was set back has fewer changes than were told of it
        for watcher in self._desk.of(tenant):
            watcher.since = min(since_of(behind, watcher, cursor), head)
        self._cursors[tenant] = min([cursor, head, *(seq - 1 for seq in behind.values())])

    def _cursor(self, tenant: str) -> int:
        """Where to read on; a tenant whose first subscription is new begins where that does."""
        cursor = self._cursors.get(tenant)
        if cursor is None:
            cursor = self._cursors[tenant] = min(watcher.since for watcher in self._desk.of(tenant))
        return cursor

    async def _save_now_and_then(self) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._saved_at >= _SAVE_EVERY_S:
            self._saved_at = now
            await self._save_cursors()
        if now - self._counted_at >= _COUNT_EVERY_S:
            self._counted_at = now
            await self._desk.write_counters()

    async def _save_cursors(self) -> None:
        behind: dict[str, dict[str, int]] = {}
        for waiting in (self._delivery.oldest(), self._throttle.oldest()):
            for (tenant, subscription_id), seq in waiting.items():
                known = behind.setdefault(tenant, {})
                if seq:
                    known[subscription_id] = min(seq, known.get(subscription_id, seq))
        for tenant, cursor in list(self._cursors.items()):
            told = {"epoch": self._store.epoch, "seq": cursor, "behind": behind.get(tenant, {})}
            body = orjson.dumps(told)
            if self._saved.get(tenant) != body:
                self._saved[tenant] = body
                await self._store.put_resource(tenant, _CURSOR_KIND, _CURSOR_ID, body)

    # ---- following

    async def _catch_up(self, tenant: str) -> None:
        cursor = self._cursor(tenant)
        while True:
            try:
                portion = await self._read(tenant, cursor)
            except CursorGone as error:
                log.warning("Subscribers of %s miss changes that are no longer kept: %s", tenant, error)
                self._cursors[tenant] = cursor = 0 if cursor < error.head else error.head
                continue
            except QueryTooLong as error:
                log.warning("Changes of %s are not read for subscribers in time, again: %s", tenant, error)
                await asyncio.sleep(_AGAIN_S)
                continue
            await self._tell(tenant, portion.changes)
            self._cursors[tenant] = cursor = max(cursor, portion.next)
            if cursor >= portion.head:
                return

    async def _read(self, tenant: str, after: int) -> Portion:
        types = self._desk.of(tenant).types()
        is_short = self._heads.of(tenant) - after <= _FEW
        read = self._store.read_soon if is_short else self._store.read
        return await read(lambda reader: read_portion(reader, tenant, after, _PAGE, types))

    async def _tell(self, tenant: str, changes: Sequence[Change]) -> None:
        self._yielded_at = asyncio.get_running_loop().time()
        if len(changes) == 1:
            await self._tell_at_once(tenant, changes[0])
        else:
            await self._tell_together(tenant, changes)

    async def _tell_at_once(self, tenant: str, change: Change) -> None:
        """One change, as most are met: the first subscriber is told before the last is found."""
        rendered: _Rendered = {}
        linked: list[Pair] = []
        is_begun = False
        for watcher in self._desk.of(tenant).concerned(change):
            if self._desk.is_told(watcher):
                pair = Pair(change, watcher, told_of(change, watcher.subscription))
                if pair.needs_linked:
                    linked.append(pair)
                elif entities := _render_once(rendered, pair):
                    self._finish(tenant, _Open(watcher, change.seq, {change.id: entities}))
                    if not is_begun:
                        is_begun, self._yielded_at = True, 0.0  # its lane may begin
            await self._give_way()
        await self._tell_pairs(tenant, linked)

    async def _tell_together(self, tenant: str, changes: Iterable[Change]) -> None:
        """Several changes: what a subscriber is told of them comes in one notification, if it can."""
        pairs: list[Pair] = []
        for change in changes:
            for watcher in self._desk.of(tenant).concerned(change):
                if self._desk.is_told(watcher):
                    pairs.append(Pair(change, watcher, told_of(change, watcher.subscription)))
                await self._give_way()
            if len(pairs) >= _MOST_PAIRS:
                await self._tell_pairs(tenant, pairs)
                pairs = []
            await self._give_way()
        await self._tell_pairs(tenant, pairs)

    async def _tell_pairs(self, tenant: str, pairs: list[Pair]) -> None:
        if any(pair.needs_linked for pair in pairs):
            pairs = await self._store.read(lambda reader: with_linked(reader, tenant, pairs))
        rendered: _Rendered = {}
        being_made: dict[str, _Open] = {}
        for pair in pairs:
            if entities := _render_once(rendered, pair):
                self._add(tenant, being_made, pair, entities)
            await self._give_way()
        for one in being_made.values():
            self._finish(tenant, one)
            await self._give_way()

    def _add(self, tenant: str, being_made: dict[str, _Open], pair: Pair, entities: tuple[bytes, ...]) -> None:
        known = being_made.get(pair.watcher.id)
        # Two states of one entity are two notifications.
        if known is not None and (pair.change.id in known.entities or len(known.entities) >= _MOST_ENTITIES):
            self._finish(tenant, known)
            known = None
        if known is None:
            known = being_made[pair.watcher.id] = _Open(pair.watcher, pair.change.seq)
        known.entities[pair.change.id] = entities

    def _finish(self, tenant: str, one: _Open) -> None:
        if self._desk.of(tenant).find(one.watcher.id) is not one.watcher:
            return  # deleted or changed in the meantime
        if one.watcher.subscription.throttling_s:
            self._throttle.put(tenant, one.watcher, one.seq, one.entities)
        else:
            self._send(tenant, one.watcher, one.seq, one.entities)

    def _send(self, tenant: str, watcher: Watcher, seq: int, entities: Mapping[str, tuple[bytes, ...]]) -> None:
        subscription = watcher.subscription
        # An entity that is linked to and told by itself, too, is told once.
        data = dict.fromkeys(one for several in entities.values() for one in several)
        at = format_instant(self._now())
        self._delivery.put(
            compose(tenant, subscription, watcher.words, data, at, seq), subscription.notification.endpoint
        )

    async def _give_way(self) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._yielded_at > _SLICE_S:
            await asyncio.sleep(0)
            self._yielded_at = asyncio.get_running_loop().time()

    # ---- what the intervals ask

    def tell_states(
        self, tenant: str, watcher: Watcher, found: Iterable[tuple[JsonObject, Mapping[str, JsonObject | None]]]
    ) -> None:
        """Sends entities as they are, apart from any change."""
        subscription, words = watcher.subscription, watcher.words
        entities = {cast(str, one["id"]): render(one, subscription, words, linked) for one, linked in found}
        entities = {entity_id: told for entity_id, told in entities.items() if told}
        if entities and self._desk.of(tenant).find(watcher.id) is watcher:
            self._send(tenant, watcher, 0, entities)


def _render_once(rendered: _Rendered, pair: Pair) -> tuple[bytes, ...]:
    """What is told of a change; the same for all subscriptions of one shape."""
    key = pair.change.seq, pair.watcher.shape
    found = rendered.get(key)
    if found is None:
        found = rendered[key] = render(pair.told, pair.watcher.subscription, pair.watcher.words, pair.linked)
    return found
