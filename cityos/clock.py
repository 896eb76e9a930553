"""The city's clock: real time, or a recorded day played at some speed. Time is an argument; this is what is passed."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta


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

    def shifted(self, now_there: datetime) -> Clock:
        """The clock of a recording that plays beside this one: it shows `now_there` while this one shows `at`."""
        if self.at is None:
            return Clock(now_there, self.speed, time.time())
        return Clock(now_there, self.speed, self.started)


REAL = Clock()
