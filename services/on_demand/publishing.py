"""Tells the city where the vehicles are, through the hub; goes on by itself when the hub was away."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta

from cityos.client import City, CityError, CityRefused
from cityos.vocabulary.on_demand import OnDemandService, OnDemandVehicle

log = logging.getLogger(__name__)

_PULSE_S = 2.0  # a vehicle sets off by the clock, without anybody telling
STILL_SO = timedelta(minutes=5)
"""How often (city time) vehicles are told again though nothing changed: else nobody could tell quiet from dead."""

Look = Callable[[], Awaitable[Sequence[OnDemandVehicle]]]


class Publisher:
    """Publishes what changed. `trouble` says what keeps it from the hub, None when nothing does."""

    def __init__(self, city: City, look: Look, service: OnDemandService) -> None:
        self._city, self._look, self._service = city, look, service
        self._told: dict[str, OnDemandVehicle] = {}
        self._told_at: datetime | None = None
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
        hub = await self._city.health()
        # The hub's own clock: at the start ours may not be the city's yet.
        epoch, at, told = hub.epoch, hub.now, self._told
        if epoch != self._epoch:
            await self._city.upsert([self._service.to_entity()])
        if epoch != self._epoch or self._is_due(at):
            told = {}
        vehicles = {one.local_id: one for one in await self._look()}
        await self._city.upsert([one.to_entity(at) for name, one in vehicles.items() if told.get(name) != one])
        if not told:
            self._told_at = at
        self._told, self._epoch, self.trouble = vehicles, epoch, None

    def _is_due(self, at: datetime) -> bool:
        # A city's clock can be set back.
        return self._told_at is None or not timedelta(0) <= at - self._told_at < STILL_SO

    def _lost(self, error: CityError) -> None:
        # That the hub is away is told by the client; that it says no is known here alone.
        if isinstance(error, CityRefused) and str(error) != self.trouble:
            log.warning("vehicles are not published: %s", error)
        self.trouble = str(error)
