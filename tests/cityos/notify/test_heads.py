"""Whoever waits for news is woken by it, and by nothing else."""

from __future__ import annotations

import asyncio

from cityos.notify.heads import Heads


async def test_news_wakes_who_waits_for_it() -> None:
    heads = Heads()
    waiting = asyncio.create_task(heads.beyond("a", 1, 5.0))
    await asyncio.sleep(0)
    heads.ring({"b": 9})
    heads.ring({"a": 1})
    await asyncio.sleep(0.01)
    assert not waiting.done()
    heads.ring({"a": 2})
    assert await waiting
    assert heads.of("a") == 2


async def test_old_news_is_told_at_once_and_none_after_the_time_is_over() -> None:
    heads = Heads()
    heads.ring({"a": 5})
    assert await heads.beyond("a", 4, 0.0)
    assert not await heads.beyond("a", 5, 0.01)


async def test_who_gives_up_is_let_go_by_the_next_bell() -> None:
    heads, gone = Heads(), asyncio.Event()
    waiting = asyncio.create_task(heads.beyond("a", 1, 60.0, gone.is_set))
    await asyncio.sleep(0)
    gone.set()
    heads.ring({})
    assert not await asyncio.wait_for(waiting, 1)


async def test_a_thread_can_ring() -> None:
    heads = Heads()
    waiting = asyncio.create_task(heads.beyond("a", 0, 5.0))
    await asyncio.to_thread(heads.ring_from_thread, {"a": 1})
    assert await waiting


async def test_what_does_not_concern_a_waiter_does_not_wake_it() -> None:
    heads = Heads()
    heads.ring({"a": 1, "a-internal": 7})
    waiting = asyncio.create_task(heads.any_beyond({"a": 1}, 5.0, lambda tenant: tenant == "a"))
    await asyncio.sleep(0.01)
    assert not waiting.done()
    heads.ring({"a": 2})
    await asyncio.wait_for(waiting, 1)


async def test_a_tenant_not_known_before_is_news() -> None:
    heads = Heads()
    waiting = asyncio.create_task(heads.any_beyond({}, 5.0))
    await asyncio.sleep(0)
    heads.ring({"new": 1})
    await asyncio.wait_for(waiting, 1)
