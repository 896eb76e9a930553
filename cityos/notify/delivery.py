"""Notifications on their way: one bounded lane per endpoint, so that a dead or slow one never delays another.

A notification that cannot be delivered is tried again, later and later; what becomes of each is told to a ledger.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from cityos.ngsi.endpoint import Endpoint
from cityos.notify.notification import Notification

log = logging.getLogger(__name__)

LANE_LIMIT = 1_000
"""Notifications that wait for one endpoint; beyond, the oldest is dropped and counts as failed."""
FIRST_RETRY_S, LONGEST_RETRY_S = 0.25, 60.0
GIVE_UP_S = 3_600.0
"""So long after it was made a notification is given up."""


class DeliveryFailed(Exception):
    """A notification was not taken. `is_final`: trying again would change nothing."""

    def __init__(self, reason: str, *, is_final: bool = False) -> None:
        super().__init__(reason)
        self.is_final = is_final


Send = Callable[[Notification, Endpoint], Awaitable[None]]
"""Delivers one notification; raises DeliveryFailed."""


class Ledger(Protocol):
    """Who is told what became of notifications."""

    def delivered(self, tenant: str, subscription_id: str) -> None:
        """A notification was taken."""

    def failed(self, tenant: str, subscription_id: str) -> None:
        """An attempt failed, or a notification was dropped unsent."""


@dataclass(slots=True)
class _Waiting:
    notification: Notification
    endpoint: Endpoint
    since: float  # of the loop's clock


class Delivery:
    """All lanes. All methods belong to one event loop."""

    def __init__(
        self,
        send: Send,
        ledger: Ledger,
        *,
        lane_limit: int = LANE_LIMIT,
        first_retry_s: float = FIRST_RETRY_S,
        give_up_s: float = GIVE_UP_S,
    ) -> None:
        self._send = send
        self._ledger = ledger
        self._lane_limit = lane_limit
        self._first_retry_s = first_retry_s
        self._give_up_s = give_up_s
        self._lanes: dict[str, _Lane] = {}

    def put(self, notification: Notification, endpoint: Endpoint) -> None:
        """Puts a notification behind those that wait for the same endpoint."""
        lane = self._lanes.get(endpoint.uri)
        if lane is None:
            lane = self._lanes[endpoint.uri] = _Lane()
            lane.task = asyncio.create_task(self._work(endpoint.uri, lane), name=f"notify {endpoint.uri[:40]}")
        if len(lane.waiting) >= self._lane_limit:
            self._drop_oldest(endpoint.uri, lane)
        lane.waiting.append(_Waiting(notification, endpoint, asyncio.get_running_loop().time()))

    def forget(self, tenant: str, subscription_id: str) -> None:
        """Drops what waits for a subscription that is no more."""
        whose = tenant, subscription_id
        for lane in list(self._lanes.values()):
            kept = [one for one in lane.waiting if one.notification.whose != whose]
            if len(kept) < len(lane.waiting):
                lane.waiting = deque(kept)
                lane.changed.set()

    def oldest(self) -> dict[tuple[str, str], int]:
        """The seq of the oldest notification still to be delivered, by tenant and subscription."""
        found: dict[tuple[str, str], int] = {}
        for lane in self._lanes.values():
            for one in lane.waiting:
                key = one.notification.whose
                found[key] = min(one.notification.seq, found.get(key, one.notification.seq))
        return found

    def __len__(self) -> int:
        return sum(len(lane.waiting) for lane in self._lanes.values())

    async def close(self) -> None:
        """Breaks off what is on its way; what waits is told again after the next start."""
        tasks = [lane.task for lane in self._lanes.values() if lane.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._lanes = {}

    # ---- one lane

    async def _work(self, key: str, lane: _Lane) -> None:
        """Sends what waits, in order; ends with the lane when nothing does."""
        retry_s = self._first_retry_s
        while lane.waiting:
            first = lane.waiting[0]
            failure = await self._attempt(first)
            if failure is None or failure.is_final or self._is_too_old(first):
                lane.done(first)
                retry_s = self._first_retry_s if failure is None else retry_s
            if failure is None:
                lane.outage_told = lane.drops_told = False
                continue
            if not lane.outage_told:
                lane.outage_told = True
                log.warning("Notifications to %s fail: %s", key.partition("?")[0][:200], failure)
            if not failure.is_final:
                await lane.pause(max(retry_s, first.endpoint.cooldown_s), first)
                retry_s = min(2 * retry_s, LONGEST_RETRY_S)
        del self._lanes[key]

    async def _attempt(self, one: _Waiting) -> DeliveryFailed | None:
        try:
            await self._send(one.notification, one.endpoint)
        except DeliveryFailed as failure:
            self._ledger.failed(*one.notification.whose)
            return failure
        except Exception:  # a fault of ours with one notification must not hold up the lane for good
            log.exception("A notification cannot be sent")
            self._ledger.failed(*one.notification.whose)
            return DeliveryFailed("an internal error", is_final=True)
        self._ledger.delivered(*one.notification.whose)
        return None

    def _is_too_old(self, one: _Waiting) -> bool:
        return asyncio.get_running_loop().time() - one.since > self._give_up_s

    def _drop_oldest(self, key: str, lane: _Lane) -> None:
        # The very first may be on its way at this moment; the next one is not.
        dropped = lane.waiting[min(1, len(lane.waiting) - 1)]
        lane.waiting.remove(dropped)
        self._ledger.failed(*dropped.notification.whose)
        if not lane.drops_told:
            lane.drops_told = True
            log.warning("More than %d notifications wait for %s; the oldest are dropped", self._lane_limit, key[:200])


class _Lane:
    """What waits for one endpoint."""

    def __init__(self) -> None:
        self.waiting: deque[_Waiting] = deque()
        self.changed = asyncio.Event()
        self.task: asyncio.Task[None] | None = None
        self.outage_told = self.drops_told = False

    def done(self, one: _Waiting) -> None:
        """Takes out one that is finished, if it still waits."""
        with contextlib.suppress(ValueError):
            self.waiting.remove(one)

    async def pause(self, wait_s: float, first: _Waiting) -> None:
        """Waits before the next attempt; no longer than the one at the head is wanted."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                while self.waiting and self.waiting[0] is first:
                    self.changed.clear()
                    await self.changed.wait()
