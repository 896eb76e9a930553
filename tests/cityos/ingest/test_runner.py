"""When feeds run: by their rhythm, with patience, and whatever happens."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from cityos.clock import Clock
from cityos.connector import SourceRefused, SourceUnavailable
from cityos.connector.cadence import Calendar
from cityos.connector.feed import Feed
from cityos.ingest.runner import Runner
from tests.cityos.ingest.desk import URL, Desk, feed
from tests.fakes import START


async def _until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not holds():
            await asyncio.sleep(0.005)


def _fast(speed: float, poll: timedelta = timedelta(hours=1), fails: str = "") -> Feed:
    return feed(Clock(START, speed, time.time()), fails, poll)


async def _pause(desk: Desk, of: Feed) -> timedelta:
    """How long the runner waits after its first attempt."""
    runner = Runner([of], desk.pipeline)
    runner.start()
    await _until(lambda: of.name in runner.next_run_at)
    pause = runner.next_run_at[of.name] - of.clock.now()
    await runner.close()
    return pause


@pytest.mark.parametrize(
    ("answer", "seconds"),
    [("1,a", 3600), (SourceUnavailable("down"), 10), (SourceRefused("401"), 3600), ("raise", 10)],
    ids=["success", "unavailable", "refused", "changed"],
)
async def test_the_pause_is_by_the_outcome(
    desk: Desk, answer: str | SourceUnavailable | SourceRefused, seconds: int
) -> None:
    desk.source.put(URL, answer)
    assert (await _pause(desk, _fast(1.0))).total_seconds() == pytest.approx(seconds, rel=0.15)


async def test_a_short_rhythm_is_not_slowed_by_failure(desk: Desk) -> None:
    desk.source.put(URL, SourceUnavailable("down"))
    assert await _pause(desk, _fast(1.0, poll=timedelta(seconds=4))) < timedelta(seconds=4.5)


async def test_a_failing_source_is_asked_less_and_less(desk: Desk) -> None:
    desk.source.put(URL, SourceUnavailable("down"))
    of = _fast(200.0)
    times: list[float] = []
    runner = Runner([of], desk.pipeline)
    runner.start()
    while len(times) < 4:
        await _until(lambda: len(desk.source.asked) > len(times))
        times.append(time.monotonic())
    await runner.close()
    pauses = [later - earlier for earlier, later in pairwise(times)]
    assert pauses[1] > 1.4 * pauses[0]
    assert pauses[2] > 1.4 * pauses[1]


async def test_a_source_that_goes_and_returns_is_logged_twice(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    desk.source.put(URL, SourceUnavailable("down"))
    runner = Runner([_fast(2_000.0)], desk.pipeline)
    with caplog.at_level(logging.INFO):
        runner.start()
        await _until(lambda: len(desk.source.asked) >= 4)
        desk.source.put(URL, "1,a")
        await _until(lambda: any("is back" in record.getMessage() for record in caplog.records))
        await runner.close()
    told = [record.getMessage() for record in caplog.records if "koku" in record.getMessage()]
    assert told == ["Feed koku: source_unavailable at koku: down", "Feed koku is back"]


async def test_one_fault_does_not_end_the_feed(desk: Desk, tmp_path: Path) -> None:
    blocked = tmp_path / "archive"
    blocked.write_text("a file where the archive's directory should be")
    desk.source.put(URL, "1,a")
    runner = Runner([_fast(200.0, poll=timedelta(seconds=10))], desk.pipeline)
    runner.start()
    await _until(lambda: len(desk.source.asked) >= 2)
    blocked.unlink()
    await _until(lambda: desk.values() == {"1": "a"})
    await runner.close()


async def test_a_feed_is_run_on_demand_and_one_at_a_time(desk: Desk) -> None:
    desk.source.put(URL, "1,a")
    runner = Runner([_fast(1.0)], desk.pipeline)
    results = await asyncio.gather(*(runner.run_now("koku") for _ in range(3)))
    assert sorted(result.changed for result in results) == [0, 0, 1]
    with pytest.raises(KeyError):
        await runner.run_now("nobody")


async def test_off_season_nobody_is_asked(desk: Desk) -> None:
    of = _fast(1.0)
    summer = replace(of, cadence=replace(of.cadence, calendar=Calendar(season=((6, 1), (8, 31)))))
    assert await _pause(desk, summer) == pytest.approx(timedelta(hours=1), abs=timedelta(seconds=1))
    assert desk.source.asked == []
