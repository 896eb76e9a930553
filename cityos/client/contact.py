"""Whether the hub is there: noted at every attempt, told to the log once when it goes and once when it comes back."""

from __future__ import annotations

import logging
import random
import time

from cityos.client.error import CityError

_log = logging.getLogger("cityos.client")

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.2, 2.0


class Contact:
    """The last sign of life of the hub, and what is wrong since."""

    def __init__(self) -> None:
        self._heard_at: float | None = None
        self.trouble: str | None = "the hub has not been reached yet"
        self._lost = False

    @property
    def age_s(self) -> float | None:
        """Real seconds since the hub's last sign of life; None before the first."""
        return None if self._heard_at is None else time.monotonic() - self._heard_at

    def good(self) -> None:
        """The hub gave a sign of life."""
        self._heard_at = time.monotonic()
        self.trouble = None
        if self._lost:
            self._lost = False
            _log.info("the hub is reachable again")

    def lost(self, error: CityError) -> None:
        """An attempt failed."""
        self.trouble = str(error)
        if not self._lost:
            self._lost = True
            _log.warning("%s; trying again until it is back", error)


class Patience:
    """How long to pause between attempts: doubling up to 2 s, scattered so that many clients do not come at once."""

    def __init__(self) -> None:
        self._next_s = _FIRST_PAUSE_S

    def pause_s(self) -> float:
        """Seconds to pause before the next attempt."""
        pause_s, self._next_s = self._next_s, min(2 * self._next_s, _LONGEST_PAUSE_S)
        return pause_s * random.uniform(0.5, 1.0)

    def restore(self) -> None:
        """An attempt succeeded: the next pause is the shortest again."""
        self._next_s = _FIRST_PAUSE_S
