from __future__ import annotations

import asyncio

from cityos.bus.topic import head_topic, type_filter
from cityos.client import Cursor
from cityos.client.wake import Wake, topic_filters
from cityos.vocabulary.people_flow import CROWD_FLOW_OBSERVED
from cityos.vocabulary.snow import SNOW_REMOVAL_ZONE

_HERE = Cursor("e", 5)


async def _wakes(wake: Wake) -> bool:
    started = asyncio.get_running_loop().time()
    await wake.wait(_HERE, 0.05)
    return asyncio.get_running_loop().time() - started < 0.04


async def test_news_beyond_the_cursor_wakes_and_old_news_does_not() -> None:
    wake = Wake()
    wake.hear(Cursor("e", 5))
    assert not await _wakes(wake)
    wake.hear(Cursor("e", 6))
    assert await _wakes(wake)


async def test_a_retained_message_of_an_old_database_wakes_only_once() -> None:
    wake = Wake()
    wake.hear(Cursor("before the restore", 9000))
    assert await _wakes(wake)
    wake.forget()
    assert not await _wakes(wake)


async def test_a_connection_to_the_broker_wakes() -> None:
    wake = Wake()
    wake.nudge()
    assert await _wakes(wake)


async def test_news_while_waiting_wakes_at_once() -> None:
    wake = Wake()
    asyncio.get_running_loop().call_later(0.01, wake.hear, Cursor("e", 6))
    async with asyncio.timeout(2):
        await wake.wait(_HERE, 60)


def test_filters_are_those_of_the_hubs_topics() -> None:
    types = [SNOW_REMOVAL_ZONE, CROWD_FLOW_OBSERVED]
    wanted = [type_filter("aomori", name) for name in types]
    assert topic_filters("aomori", types) == [*wanted, head_topic("aomori")]


def test_a_type_that_a_topic_writes_otherwise_is_announced_by_the_head_alone() -> None:
    assert topic_filters("aomori", ["https://example.org/a#b"]) == [head_topic("aomori")]


def test_all_types_are_one_filter() -> None:
    assert topic_filters("aomori", []) == ["cityos/aomori/+/+", head_topic("aomori")]
