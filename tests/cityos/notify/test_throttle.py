"""Quiet between notifications (clause 5.2.12, throttling)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from cityos.notify import throttle
from cityos.notify.matching import Watcher
from cityos.notify.throttle import Throttle
from tests.cityos.notify.telling import watcher

KEY = ("default", "urn:ngsi-ld:Subscription:1")


class Ear:
    def __init__(self) -> None:
        self.heard: list[tuple[int, dict[str, bytes]]] = []
        self.lost = 0

    def tell(self, tenant: str, watcher: Watcher, seq: int, entities: Mapping[str, tuple[bytes, ...]]) -> None:
        self.heard.append((seq, {entity: told[0] for entity, told in entities.items()}))

    def delivered(self, tenant: str, subscription_id: str) -> None:
        raise AssertionError("it delivers nothing")

    def failed(self, tenant: str, subscription_id: str) -> None:
        self.lost += 1


async def test_what_comes_too_early_is_told_in_its_newest_state_when_the_time_is_over() -> None:
    ear = Ear()
    quiet, asking = Throttle(ear.tell, ear), watcher(throttling=0.1)
    for seq, entity, told in ((1, "a", b"1"), (2, "a", b"2"), (3, "b", b"3"), (4, "a", b"4")):
        quiet.put("default", asking, seq, {entity: (told,)})
    assert ear.heard == [(1, {"a": b"1"})]
    assert quiet.oldest() == {KEY: 2}
    await asyncio.sleep(0.15)
    assert ear.heard[1:] == [(2, {"b": b"3", "a": b"4"})]
    assert quiet.oldest() == {}
    quiet.put("default", asking, 5, {"a": (b"5",)})
    assert len(ear.heard) == 2, "the second one began a new time"
    quiet.close()


async def test_after_the_time_the_next_is_told_at_once() -> None:
    ear = Ear()
    quiet, asking = Throttle(ear.tell, ear), watcher(throttling=0.05)
    quiet.put("default", asking, 1, {"a": (b"1",)})
    await asyncio.sleep(0.1)
    quiet.put("default", asking, 2, {"a": (b"2",)})
    assert [seq for seq, _ in ear.heard] == [1, 2]
    quiet.close()


async def test_what_is_held_goes_with_its_subscription() -> None:
    ear = Ear()
    quiet, asking = Throttle(ear.tell, ear), watcher(throttling=0.05)
    quiet.put("default", asking, 1, {"a": (b"1",)})
    quiet.put("default", asking, 2, {"a": (b"2",)})
    quiet.forget(*KEY)
    await asyncio.sleep(0.1)
    assert [seq for seq, _ in ear.heard] == [1]


async def test_not_more_is_held_than_the_limit() -> None:
    ear = Ear()
    quiet, asking = Throttle(ear.tell, ear), watcher(throttling=60)
    for seq in range(throttle.MOST_HELD + 3):
        quiet.put("default", asking, seq, {f"e{seq}": (b"1",)})
    assert ear.lost == 2
    assert quiet.oldest() == {KEY: 3}
    quiet.close()
