"""Where subscriptions are kept: their resources in the store, the watchers made of them, and what became of each."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import cast

import orjson

from cityos.ngsi.context import Context
from cityos.ngsi.error import AlreadyExists, NgsiError, ResourceNotFound
from cityos.ngsi.instant import format_instant
from cityos.ngsi.subscription import Counters, parse_subscription
from cityos.ngsi.value import Json, JsonObject
from cityos.notify.heads import Heads
from cityos.notify.matching import Watcher, Watchers
from cityos.notify.notification import Words
from cityos.store.resource import Resource
from cityos.store.store import Store

log = logging.getLogger(__name__)

_KIND, _STATUS_KIND = "subscription", "subscriptionStatus"
_PORTION = 50  # subscriptions read in before others of the loop get their turn

Compile = Callable[[Json, str], Awaitable[Context]]
"""The compiled @context of what was said, for a tenant; raises NgsiError where it cannot be had."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A subscription as it is kept.

    `said` has IRIs for names, `terms` the meanings of the words of its `q`; `context` is the @context it is told in and
    `address` where that is; it is told of what comes after the seq `since`.
    """

    said: JsonObject
    terms: dict[str, str]
    context: Json
    address: str
    since: int = 0

    @property
    def id(self) -> str:
        """The subscription's id."""
        return cast(str, self.said["id"])

    def to_bytes(self) -> bytes:
        """The body of its resource."""
        return orjson.dumps(self)

    @classmethod
    def from_bytes(cls, body: bytes) -> Kept:
        """Reads what `to_bytes` wrote; trusts it."""
        return cls(**orjson.loads(body))


@dataclass(frozen=True, slots=True)
class Filed:
    """A kept subscription and when it was made and last changed, in ISO 8601."""

    kept: Kept
    created_at: str
    modified_at: str

    @classmethod
    def of(cls, row: Resource) -> Filed:
        """Reads a resource."""
        return cls(Kept.from_bytes(row.body), format_instant(row.created_at), format_instant(row.modified_at))


class Desk:
    """Lives in the event loop. Everything but `load` waits until all subscriptions are read in."""

    def __init__(self, store: Store, heads: Heads, now: Callable[[], datetime], compile_: Compile) -> None:
        self._store = store
        self._heads = heads
        self._now = now
        self._compile = compile_
        self._watchers: dict[str, Watchers] = {}
        self._counters: dict[tuple[str, str], Counters] = {}
        self._unwritten: set[tuple[str, str]] = set()
        self._loaded = asyncio.Event()
        self.on_gone: Callable[[str, str], None] = lambda tenant, subscription_id: None

    async def load(self) -> None:
        """Reads all subscriptions of all tenants in."""
        for tenant in await self._store.tenants():
            for number, one in enumerate(await self._list(tenant, _KIND)):
                await self._read_in(tenant, one)
                if number % _PORTION == 0:
                    await asyncio.sleep(0)
            for one in await self._list(tenant, _STATUS_KIND):
                self._counters[tenant, one.id] = Counters.from_json(orjson.loads(one.body))
        self._loaded.set()

    async def _read_in(self, tenant: str, row: Resource) -> None:
        kept = Kept.from_bytes(row.body)
        try:
            self.of(tenant).put(await self._watcher(tenant, kept))
        except NgsiError as error:  # kept by another version of the hub
            log.error("The subscription %s is not followed: %s", kept.id, error)  # noqa: TRY400 - one line, no trace

    async def _watcher(self, tenant: str, kept: Kept) -> Watcher:
        try:
            context = await self._compile(kept.context, tenant)
        except NgsiError as error:
            log.warning("The subscription %s is told in IRIs: %s", kept.id, error)
            context = Context(kept.terms)
        words = Words(context, kept.context, kept.address)
        return Watcher(parse_subscription(kept.said, kept.terms), words, kept.since)

    # ---- what the notifier asks

    def of(self, tenant: str) -> Watchers:
        """The watchers of a tenant."""
        return self._watchers.setdefault(tenant, Watchers())

    def tenants(self) -> list[str]:
        """Every tenant that has subscriptions."""
        return [tenant for tenant, watchers in self._watchers.items() if len(watchers)]

    def is_told(self, watcher: Watcher) -> bool:
        """Whether a subscription is told anything at this moment."""
        return watcher.subscription.status(self._now()) == "active"

    # ---- what the routes ask

    async def create(self, tenant: str, kept: Kept) -> None:
        """Keeps a subscription. Raises AlreadyExists."""
        await self._loaded.wait()
        kept = replace(kept, since=self._heads.of(tenant))
        watcher = await self._watcher(tenant, kept)
        if not await self._store.put_resource(tenant, _KIND, kept.id, kept.to_bytes(), only_new=True):
            raise AlreadyExists(f"The subscription {kept.id} already exists")
        self.of(tenant).put(watcher)

    async def get(self, tenant: str, subscription_id: str) -> Filed:
        """A subscription. Raises ResourceNotFound."""
        await self._loaded.wait()
        found = await self._store.read(lambda reader: reader.find_resource(tenant, _KIND, subscription_id))
        if found is None:
            raise ResourceNotFound(f"There is no subscription {subscription_id}")
        return Filed.of(found)

    async def list_page(self, tenant: str, offset: int, limit: int) -> tuple[list[Filed], int]:
        """A page of the subscriptions, in order of id, and how many there are."""
        await self._loaded.wait()
        rows = await self._list(tenant, _KIND)
        return [Filed.of(row) for row in rows[offset : offset + limit]], len(rows)

    async def change(self, tenant: str, kept: Kept) -> None:
        """Puts a subscription in the place of the one with its id. One that was not active is told from now on."""
        known = self.of(tenant).find(kept.id)
        if known is None or not self.is_told(known):
            kept = replace(kept, since=self._heads.of(tenant))
        watcher = await self._watcher(tenant, kept)
        await self._store.put_resource(tenant, _KIND, kept.id, kept.to_bytes())
        self.of(tenant).put(watcher)

    async def delete(self, tenant: str, subscription_id: str) -> None:
        """Forgets a subscription, and drops what it was still to be told. Raises ResourceNotFound."""
        await self._loaded.wait()
        if not await self._store.delete_resource(tenant, _KIND, subscription_id):
            raise ResourceNotFound(f"There is no subscription {subscription_id}")
        self.of(tenant).drop(subscription_id)
        self.on_gone(tenant, subscription_id)
        self._unwritten.discard((tenant, subscription_id))
        if self._counters.pop((tenant, subscription_id), None) is not None:
            await self._store.delete_resource(tenant, _STATUS_KIND, subscription_id)

    def counters(self, tenant: str, subscription_id: str) -> Counters:
        """What became of a subscription's notifications."""
        return self._counters.get((tenant, subscription_id), Counters())

    # ---- the ledger

    def delivered(self, tenant: str, subscription_id: str) -> None:
        """A notification was taken."""
        at, known = self._stamp(), self.counters(tenant, subscription_id)
        told = replace(known, sent=known.sent + 1, last_notification=at, last_success=at)
        self._note(tenant, subscription_id, told)

    def failed(self, tenant: str, subscription_id: str) -> None:
        """An attempt failed, or a notification was dropped unsent."""
        at, known = self._stamp(), self.counters(tenant, subscription_id)
        told = replace(known, sent=known.sent + 1, failed=known.failed + 1, last_notification=at, last_failure=at)
        self._note(tenant, subscription_id, told)

    def _stamp(self) -> str:
        return format_instant(self._now())

    def _note(self, tenant: str, subscription_id: str, counters: Counters) -> None:
        if self.of(tenant).find(subscription_id) is None:
            return
        self._counters[tenant, subscription_id] = counters
        self._unwritten.add((tenant, subscription_id))

    async def write_counters(self) -> None:
        """Writes what was counted since the last time."""
        unwritten, self._unwritten = self._unwritten, set()
        of_tenant: dict[str, dict[str, bytes]] = {}
        for tenant, subscription_id in unwritten:
            body = orjson.dumps(self.counters(tenant, subscription_id).to_json())
            of_tenant.setdefault(tenant, {})[subscription_id] = body
        for tenant, bodies in of_tenant.items():
            await self._store.put_resources(tenant, _STATUS_KIND, bodies)

    async def _list(self, tenant: str, kind: str) -> list[Resource]:
        return await self._store.read(lambda reader: reader.list_resources(tenant, kind))


def since_of(behind: Mapping[str, int], watcher: Watcher, cursor: int) -> int:
    """From which seq on a watcher is told after a start, where everything up to a cursor was told but for `behind`."""
    return max(watcher.since, behind.get(watcher.id, cursor + 1) - 1)
