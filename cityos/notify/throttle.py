"""Subscriptions that want quiet between notifications (`throttling`, clause 5.2.12).

What comes too early is held, the newest state of each entity, and told when the time is over: a subscriber may be late,
but not wrong.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from cityos.notify.delivery import Ledger
from cityos.notify.matching import Watcher

MOST_HELD = 1_000  # entities of one subscription; beyond, the oldest is dropped and counts as failed

Entities = Mapping[str, tuple[bytes, ...]]
Tell = Callable[[str, Watcher, int, Entities], None]


@dataclass(slots=True)
class _Quiet:
    """A subscription until it may be told again."""

    watcher: Watcher
    timer: asyncio.TimerHandle
    held: dict[str, tuple[int, tuple[bytes, ...]]] = field(default_factory=dict)


class Throttle:
    """Lives in the event loop."""

    def __init__(self, tell: Tell, ledger: Ledger) -> None:
        self._tell = tell
        self._ledger = ledger
        self._quiet: dict[tuple[str, str], _Quiet] = {}

    def put(self, tenant: str, watcher: Watcher, seq: int, entities: Entities) -> None:
        """Tells at once, or as soon as the subscription may be told again."""
        key = tenant, watcher.id
        quiet = self._quiet.get(key)
        if quiet is None:
            self._tell_now(key, watcher, seq, entities)
            return
        quiet.watcher = watcher
        for entity_id, told in entities.items():
            first, _ = quiet.held.pop(entity_id, (seq, ()))
            quiet.held[entity_id] = first, told
            if len(quiet.held) > MOST_HELD:
                del quiet.held[next(iter(quiet.held))]
                self._ledger.failed(*key)

    def forget(self, tenant: str, subscription_id: str) -> None:
        """Drops what is held for a subscription."""
        quiet = self._quiet.pop((tenant, subscription_id), None)
        if quiet is not None:
            quiet.timer.cancel()

    def oldest(self) -> dict[tuple[str, str], int]:
        """The seq of the oldest change that is held, by tenant and subscription."""
        return {key: min(seq for seq, _ in quiet.held.values()) for key, quiet in self._quiet.items() if quiet.held}

    def close(self) -> None:
        """Tells nothing more."""
        for quiet in self._quiet.values():
            quiet.timer.cancel()

    def _tell_now(self, key: tuple[str, str], watcher: Watcher, seq: int, entities: Entities) -> None:
        wait_s = watcher.subscription.throttling_s
        timer = asyncio.get_running_loop().call_later(wait_s, self._over, key)
        self._quiet[key] = _Quiet(watcher, timer)
        self._tell(key[0], watcher, seq, entities)

    def _over(self, key: tuple[str, str]) -> None:
        quiet = self._quiet.pop(key)
        if quiet.held:
            seq = min(first for first, _ in quiet.held.values())
            self._tell_now(key, quiet.watcher, seq, {one: told for one, (_, told) in quiet.held.items()})
