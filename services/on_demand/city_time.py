"""The city's time: the hub's clock, else the last one it told, else real time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from cityos.client import Clock
from services.on_demand.booking import Now

_SAME_S = 5.0  # real seconds; each reading of the hub's clock differs by the time it took


class CityTime:
    """Asks `heard` for the hub's clock each time; a clock whose `at` is None was never told.

    The last clock told is kept through restarts (`remembered`, `to_remember`): without it a service that comes up
    before its hub would take a recorded winter's bookings for years old.
    """

    def __init__(self, heard: Callable[[], Clock], remembered: str | None) -> None:
        self._heard = heard
        self._remembered = Clock() if remembered is None else _from_text(remembered)
        self._last = self._remembered

    def now(self) -> Now:
        """The city's time and speed."""
        clock = self.clock()
        return Now(clock.now().timestamp(), clock.speed)

    def clock(self) -> Clock:
        """The clock in use."""
        heard = self._heard()
        if heard.at is not None:
            self._last = heard
        return self._last

    def to_remember(self) -> str | None:
        """The hub's clock as text, where it differs from what was remembered; None where nothing is to be written."""
        clock = self.clock()
        if clock.at is None or self._is_remembered(clock):
            return None
        self._remembered = clock
        return f"{clock.at.isoformat()} {clock.speed!r} {clock.started!r}"

    def _is_remembered(self, clock: Clock) -> bool:
        kept = self._remembered
        gap_s = abs((kept.now() - clock.now()).total_seconds())
        return kept.at is not None and kept.speed == clock.speed and gap_s < _SAME_S * clock.speed


def _from_text(text: str) -> Clock:
    at, speed, started = text.split()
    return Clock(datetime.fromisoformat(at), float(speed), float(started))
