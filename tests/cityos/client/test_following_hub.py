"""Following the real hub, with a real broker and without: hub killed, lines cut, broker killed, rows filtered out."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from cityos.client import OLDEST, Change, City, Cursor, Resync
from cityos.hub import Plan
from cityos.store.record import Retention
from cityos.vocabulary.snow import SNOW_REMOVAL_ZONE
from tests.cityos.client.running_hub import MeansToPlan, RunningHub, running_hub, until, without_broker, zone


def _with_broker(directory: Path) -> Plan:
    return Plan(directory)


@pytest.fixture(params=[without_broker, _with_broker], ids=["stream", "mqtt"])
async def place(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[tuple[RunningHub, City]]:
    """A hub and a city that follows it by server-sent events, or by MQTT from the hub's embedded broker."""
    plan: MeansToPlan = request.param
    async with running_hub(tmp_path / "hub", plan) as hub:
        broker_url = None
        if plan is _with_broker:
            await until(lambda: _connected(hub))
            assert hub.hub is not None
            assert hub.hub.broker is not None
            broker_url = hub.hub.broker.url
        async with hub.city(broker_url) as city:
            yield hub, city


def _connected(hub: RunningHub) -> bool:
    return hub.hub is not None and hub.hub.publisher is not None and hub.hub.publisher.is_connected


@asynccontextmanager
async def _following(city: City, after: Cursor | None = OLDEST) -> AsyncIterator[list[Change | Resync]]:
    told: list[Change | Resync] = []

    async def follow() -> None:
        async for item in city.follow(SNOW_REMOVAL_ZONE, after=after):
            told.append(item)

    task = asyncio.create_task(follow())
    try:
        yield told
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def _seqs(told: list[Change | Resync]) -> list[int]:
    return [item.cursor.seq for item in told]


async def test_every_change_comes_once_in_order_over_kills_and_cuts(place: tuple[RunningHub, City]) -> None:
    hub, city = place
    async with _following(city) as told:
        for number in range(30):
            await hub.put([zone(f"A-{number % 7}", claim=f"{number}")])
            if number % 10 == 4:
                hub.cut()
            if number == 15:
                await hub.stop()
                await asyncio.sleep(0.5)
                await hub.start()
        await until(lambda: len(told) >= 30)
        await asyncio.sleep(0.3)
        assert _seqs(told) == list(range(1, 31))


async def test_a_change_is_told_within_a_second(place: tuple[RunningHub, City]) -> None:
    hub, city = place
    async with _following(city) as told:
        await hub.put([zone("A-1")])
        await until(lambda: len(told) == 1)
        for number in range(5):
            await hub.put([zone("A-1", claim=f"{number}")])
            await until(lambda wanted=number + 2: len(told) == wanted, timeout_s=1)  # type: ignore[misc]


async def test_following_goes_on_from_a_kept_cursor(place: tuple[RunningHub, City]) -> None:
    hub, city = place
    await hub.put(zone(f"A-{number}") for number in range(700))
    async with _following(city) as told:
        await until(lambda: len(told) >= 300)
    kept = Cursor.parse(str(told[299].cursor))
    async with _following(city, after=kept) as rest:
        await until(lambda: len(rest) >= 400)
        assert _seqs(rest) == list(range(301, 701))


async def test_rows_left_out_by_the_filter_move_the_cursor(place: tuple[RunningHub, City]) -> None:
    hub, city = place
    async with _following(city) as told:
        for number in range(5):
            other = zone(f"B-{number}")
            other.types = ("https://example.org/Bench",)
            await hub.put([other])
        await hub.put([zone("A-1")])
        await until(lambda: bool(told))
        assert _seqs(told) == [6]


async def test_following_without_a_cursor_begins_now_and_says_so(place: tuple[RunningHub, City]) -> None:
    hub, city = place
    await hub.put([zone("A-1"), zone("A-2")])
    async with _following(city, after=None) as told:
        await until(lambda: len(told) == 1)
        await hub.put([zone("A-3")])
        await until(lambda: len(told) == 2)
    resync, change = told
    assert isinstance(resync, Resync)
    assert (resync.missed, resync.cursor.seq, change.cursor.seq) == (False, 2, 3)


async def test_following_waits_for_a_hub_that_is_not_there_yet(tmp_path: Path) -> None:
    hub = RunningHub(tmp_path)
    async with hub.city() as city, _following(city) as told:
        await asyncio.sleep(0.5)
        await hub.start()
        try:
            await hub.put([zone("A-1")])
            await until(lambda: len(told) == 1)
        finally:
            await hub.stop()


async def test_other_data_behind_the_same_address_is_a_resync(place: tuple[RunningHub, City], tmp_path: Path) -> None:
    hub, city = place
    await hub.put([zone("A-1"), zone("A-2")])
    async with _following(city) as told:
        await until(lambda: len(told) == 2)
        await hub.stop()
        for file in (tmp_path / "hub").glob("city.db*"):
            file.unlink()
        await hub.start()
        await hub.put([zone("B-1")])
        await until(lambda: any(isinstance(item, Resync) for item in told))
        await hub.put([zone("B-2")])
        await until(lambda: not isinstance(told[-1], Resync) and told[-1].entity_id == zone("B-2").id)
    resync = told[2]
    assert isinstance(resync, Resync)
    assert resync.missed
    assert resync.cursor.epoch != told[0].cursor.epoch


async def test_a_trimmed_cursor_is_a_resync_at_the_head(hub: RunningHub) -> None:
    await hub.put(zone(f"A-{number}") for number in range(10))
    assert hub.hub is not None
    async with hub.city() as city:
        first = (await city.changes(OLDEST, limit=1)).items[0].cursor
        await hub.hub.store.trim(hub.hub.tenant, Retention(changes=0))
        async with _following(city, after=first) as told:
            await until(lambda: bool(told))
    assert told == [Resync(Cursor(first.epoch, 10), missed=True)]


async def test_a_dead_broker_costs_seconds_never_changes(tmp_path: Path) -> None:
    async with running_hub(tmp_path, _with_broker) as hub:
        await until(lambda: _connected(hub))
        assert hub.hub is not None
        assert hub.hub.broker is not None
        async with hub.city(hub.hub.broker.url) as city, _following(city) as told:
            await hub.put([zone("A-0")])
            await until(lambda: len(told) == 1)
            for number in range(1, 4):
                if hub.hub.broker.pid is not None:
                    os.kill(hub.hub.broker.pid, signal.SIGKILL)
                await hub.put([zone(f"A-{number}")])
                await asyncio.sleep(0.5)
            await until(lambda: len(told) == 4)
            assert _seqs(told) == [1, 2, 3, 4]
