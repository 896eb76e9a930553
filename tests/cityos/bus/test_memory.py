"""The memory bus plays an outage as a broker would."""

from __future__ import annotations

import asyncio

import pytest

from cityos.bus.contract import BusUnavailable, Message
from cityos.bus.memory import MemoryBus


async def test_outage_stops_publishing_and_reading() -> None:
    bus = MemoryBus()
    await bus.start()
    bus.drop()
    with pytest.raises(BusUnavailable):
        await bus.publish([Message("cityos/t/T/1", b"x")])
    with pytest.raises(BusUnavailable):
        await bus.retained("cityos/#")


@pytest.mark.parametrize(("forget", "left"), [(False, {"cityos/t/T/1": b"x"}), (True, {})])
async def test_return_is_a_new_generation_with_or_without_the_retained_tree(
    forget: bool, left: dict[str, bytes]
) -> None:
    bus = MemoryBus()
    await bus.start()
    assert await bus.connected() == 1
    await bus.publish([Message("cityos/t/T/1", b"x")])
    bus.drop(forget_retained=forget)
    waiting = asyncio.create_task(bus.connected())
    await asyncio.sleep(0)
    assert not waiting.done()
    bus.restore()
    assert await waiting == 2
    assert await bus.retained("cityos/#") == left


async def test_outage_in_mid_publish_leaves_a_part() -> None:
    bus = MemoryBus()
    await bus.start()
    publishing = asyncio.create_task(bus.publish([Message(f"cityos/t/T/{n}", b"x") for n in range(100)]))
    for _ in range(10):
        await asyncio.sleep(0)
    bus.drop()
    with pytest.raises(BusUnavailable):
        await publishing
    bus.restore()
    assert 0 < len(await bus.retained("cityos/#")) < 100


async def test_publish_of_5000_lets_other_tasks_run() -> None:
    bus = MemoryBus()
    await bus.start()
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    counting = asyncio.create_task(count())
    await bus.publish([Message(f"cityos/t/T/{n}", b"x") for n in range(5000)])
    counting.cancel()
    assert turns > 50


async def test_closed_bus_lets_nobody_wait_forever() -> None:
    bus = MemoryBus()
    waiting = asyncio.create_task(bus.connected())
    await asyncio.sleep(0)
    await bus.close()
    with pytest.raises(BusUnavailable):
        await waiting
