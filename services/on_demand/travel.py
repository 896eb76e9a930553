"""How long vehicles drive between places. Pure; what the roads are like is asked anew for each instant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from services.on_demand.place import Position, metres_between


class TravelTimes(Protocol):
    """Driving times as they are expected to be."""

    def change(self, slowness: Mapping[str, float]) -> bool:
        """Takes up how many times longer drives take, by zone or way; whether that changes anything."""

    def matrix(self, places: Sequence[Position], at: datetime) -> list[list[float]]:
        """Seconds from each place to each other at an instant; `[a][b]` is from a to b. Triangle inequality holds."""


@dataclass(frozen=True, slots=True)
class CrowFlies:
    """Great circle x detour / speed x snow: for a city whose roads are not known.

    `detour` 1.3 to 1.4 is what road networks usually show; `snow` above 1 makes every drive that much longer.
    """

    speed_kmh: float
    detour: float
    snow: float = 1.0

    def change(self, slowness: Mapping[str, float]) -> bool:
        """Nothing: it is not known which way leads through which zone."""
        return False

    def matrix(self, places: Sequence[Position], at: datetime) -> list[list[float]]:
        """Seconds; the same at every instant."""
        s_per_m = self.detour * self.snow * 3.6 / self.speed_kmh
        return [[metres_between(a, b) * s_per_m for b in places] for a in places]
