"""The city as last known, kept in memory and up to date in the background: what a service answers from."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from contextlib import aclosing, suppress
from types import MappingProxyType
from typing import Self

from cityos.client.answer import names
from cityos.client.city import City, Names
from cityos.client.contact import Contact
from cityos.client.error import CityError, CityRefused
from cityos.client.health import FeedStatus
from cityos.client.watch import Snapshot, State
from cityos.clock import REAL, Clock
from cityos.ngsi.entity import Entity

_log = logging.getLogger("cityos.client")

_REFUSED_PAUSE_S = 15.0  # a refusal (a wrong key, a tenant that holds nothing yet) changes when a person acts


class Mirror:
    """The entities of some types, the feeds and the clock, as last known: `async with Mirror(city, types) as mirror`.

    Entering never waits for the hub. While the hub is away everything stays as it was, `synced` is False and `trouble`
    says why; when it is back, the mirror catches up by itself.
    """

    def __init__(self, city: City, types: Names, *, pulse_s: float = 15.0) -> None:
        """`pulse_s`: how often (real seconds) the clock and the feeds are read."""
        self._city, self._types, self._pulse_s = city, names(types), pulse_s
        self._contact = Contact()
        self._entities: dict[str, Entity] = {}
        self._loaded = asyncio.Event()
        self._pulse_is_due = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self.feeds: tuple[FeedStatus, ...] = ()
        self.clock: Clock = REAL
        self.title = ""

    async def __aenter__(self) -> Self:
        self._tasks = [
            asyncio.create_task(self._keep_entities(), name="mirror-entities"),
            asyncio.create_task(self._keep_pulse(), name="mirror-pulse"),
        ]
        for task in self._tasks:
            task.add_done_callback(self._tell_end)
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def entities(self) -> Mapping[str, Entity]:
        """The entities by id. They are shared: read them, never change them."""
        return MappingProxyType(self._entities)

    @property
    def ready(self) -> bool:
        """Whether the entities were ever read: before that, nothing is known, not even that there are none."""
        return self._loaded.is_set()

    @property
    def synced(self) -> bool:
        """Whether the mirror shows the present: it was read, and the hub is in touch."""
        return self.ready and self.trouble is None

    @property
    def trouble(self) -> str | None:
        """What keeps the mirror from the hub; None when nothing does."""
        return self._contact.trouble

    @property
    def age_s(self) -> float | None:
        """Real seconds since the hub's last sign of life: how old what is shown may be. None before the first."""
        return self._contact.age_s if self.ready else None

    async def wait_ready(self) -> None:
        """Waits until the entities have been read once."""
        await self._loaded.wait()

    async def _keep_entities(self) -> None:
        while True:
            try:
                await self._watch()
            except CityRefused as refusal:
                self._contact.lost(refusal)
            await asyncio.sleep(_REFUSED_PAUSE_S)

    async def _watch(self) -> None:
        async with aclosing(self._city.watcher(self._types, self._contact).news()) as news:
            async for told in news:
                if isinstance(told, Snapshot):
                    self._entities = {}
                    self._apply(told.states)
                    self._loaded.set()
                    self._pulse_is_due.set()
                else:
                    self._apply(told)

    def _apply(self, states: tuple[State, ...]) -> None:
        for state in states:
            if state.entity is None:
                self._entities.pop(state.entity_id, None)
            else:
                self._entities[state.entity_id] = state.entity

    async def _keep_pulse(self) -> None:
        while True:
            self._pulse_is_due.clear()
            with suppress(CityError):  # the last answer stays; trouble is told by the task that keeps the entities
                self.clock = await self._city.clock()
                self.feeds = await self._city.feeds()
                self.title = (await self._city.health()).title
            with suppress(TimeoutError):
                async with asyncio.timeout(self._pulse_s):
                    await self._pulse_is_due.wait()

    def _tell_end(self, task: asyncio.Task[None]) -> None:
        """A task that fails for a reason nobody foresaw must not leave a mirror that looks alive."""
        error = None if task.cancelled() else task.exception()
        if error is not None:
            _log.error("the mirror of %s has stopped", self._city.url, exc_info=error)
            self._contact.lost(CityError(f"the mirror has stopped: {error!r}"))
