"""The city's clock: real time, or a recorded day played at some speed. Time is an argument; this is what is passed."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Clock:
    """City time = `at` + (real time - `started`) * `speed`. Without `at`, real time.

    `started` is in real seconds since 1970, so that several processes share one city clock.
    """

    at: datetime | None = None
    speed: float = 1.0
    started: float = 0.0

    def now(self) -> datetime:
        """The city's time, aware UTC."""
        real = time.time()
        if self.at is None:
            return datetime.fromtimestamp(real, UTC)
        return self.at.astimezone(UTC) + timedelta(seconds=(real - self.started) * self.speed)

    async def sleep(self, duration: timedelta) -> None:
        """Waits for a span of city time."""
        await asyncio.sleep(max(0.0, duration.total_seconds()) / self.speed)

    def beside(self, there: datetime, here: datetime | None, speed: float | None = None) -> Clock:
        """The clock of a recording that plays beside this one: it shows `there` when this one shows `here`.

        Without `here`, `there` is when this clock started. `speed` is this clock's, unless the recording has its own.
        """
        own = speed or self.speed
        if self.at is None:
            return Clock(there, own, time.time())
        return Clock(there + (self.at - (here or self.at)) * (own / self.speed), own, self.started)


REAL = Clock()

_MEMORY = "clock"


def remember(data: Path, now: datetime) -> None:
    """Notes the city's time in a data directory, so that a city on a clock of its own goes on where it stopped."""
    passing = data / f"{_MEMORY}.part"
    passing.write_text(now.isoformat())
    passing.replace(data / _MEMORY)


def remembered(data: Path) -> datetime | None:
    """The city's time when the data directory was last in use; None where it never was on a clock of its own."""
    try:
        return datetime.fromisoformat((data / _MEMORY).read_text())
    except (FileNotFoundError, ValueError):
        return None


def start_of(asked: datetime | None, begins: datetime | None, data: Path) -> datetime | None:
    """When a city starts: as asked, else where it stopped, else where it begins; None means real time.

    Starting a used data directory at its beginning again would show data from the city's future.
    """
    if asked is not None or begins is None:
        return asked
    return max(begins, remembered(data) or begins)
