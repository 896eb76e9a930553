"""The city's clock: real, or recorded and faster."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest

from cityos.clock import REAL, Clock
from tests.fakes import START

_SOON = timedelta(seconds=0.5)


def test_the_real_clock_is_the_worlds() -> None:
    assert abs(REAL.now() - datetime.now(UTC)) < _SOON


def test_a_recorded_day_runs_at_its_own_speed() -> None:
    clock = Clock(START, 60.0, time.time() - 10)
    assert abs(clock.now() - (START + timedelta(minutes=10))) < 60 * _SOON


def test_clocks_of_one_start_agree_in_every_process() -> None:
    began = time.time()
    assert abs(Clock(START, 60.0, began).now() - Clock(START, 60.0, began).now()) < 60 * _SOON


async def test_sleep_is_as_long_as_the_citys_time() -> None:
    began = time.monotonic()
    await Clock(START, 100.0, time.time()).sleep(timedelta(seconds=5))
    assert time.monotonic() - began == pytest.approx(0.05, abs=0.1)
    await REAL.sleep(timedelta(seconds=-5))


def test_a_shifted_clock_plays_another_day_beside_it() -> None:
    there = START - timedelta(days=365)
    clock = Clock(START, 60.0, time.time() - 10)
    assert abs((clock.now() - clock.beside(there, None).now()) - timedelta(days=365)) < 60 * _SOON
    assert abs(REAL.beside(there, None).now() - there) < _SOON


def test_a_recording_may_have_a_speed_of_its_own() -> None:
    there = START - timedelta(days=365)
    # The city was started an hour after its beginning, ten real seconds ago: 60 and 10 seconds of the slow clock.
    clock = Clock(START + timedelta(hours=1), 60.0, time.time() - 10)
    slow = clock.beside(there, START, 1.0)
    assert abs(slow.now() - (there + timedelta(seconds=70))) < _SOON
    assert slow.speed == 1.0
