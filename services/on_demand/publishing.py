"""Tells the city where the vehicles are, through the hub; goes on by itself when the hub was away."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import datetime

from cityos.client import City, CityError, CityRefused
from services.on_demand.public_vehicle import OnDemandVehicle

log = logging.getLogger(__name__)

_PULSE_S = 2.0  # a vehicle sets off by the clock, without anybody telling

Look = Callable[[], Awaitable[Sequence[OnDemandVehicle]]]


class Publisher:
    """Publishes what changed. `trouble` says what keeps it from the hub, None when nothing does."""

    def __init__(self, city: City, look: Look, now: Callable[[], datetime]) -> None:
        self._city, self._look, self._now = city, look, now
        self._told: dict[str, OnDemandVehicle] = {}
        self._epoch = ""
        self._news = asyncio.Event()
        self.trouble: str | None = "the hub has not been reached yet"

    def nudge(self) -> None:
        """Something changed: look again soon."""
        self._news.set()

    async def run(self) -> None:
        """Publishes until it is cancelled."""
        while True:
            self._news.clear()
            try:
                await self.publish()
            except CityError as error:
                self._lost(error)
            with suppress(TimeoutError):
                async with asyncio.timeout(_PULSE_S):
                    await self._news.wait()

    async def publish(self) -> None:
        """Tells the hub what it has not been told yet; everything where its data is no longer the same."""
        epoch = (await self._city.health()).epoch
        told = self._told if epoch == self._epoch else {}
        vehicles = {one.local_id: one for one in await self._look()}
        at = self._now()
        await self._city.upsert([one.to_entity(at) for name, one in vehicles.items() if told.get(name) != one])
        self._told, self._epoch, self.trouble = vehicles, epoch, None

    def _lost(self, error: CityError) -> None:
        # That the hub is away is told by the client; that it says no is known here alone.
        if isinstance(error, CityRefused) and str(error) != self.trouble:
            log.warning("vehicles are not published: %s", error)
        self.trouble = str(error)
