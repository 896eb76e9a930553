"""What the routes are handed: the rooms they ask."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from cityos.api.rendered import Rendered
from cityos.clock import Clock
from cityos.connector.document import Document
from cityos.contexts.library import Library
from cityos.monitor.health import FeedReport
from cityos.ngsi.context import Context
from cityos.ngsi.endpoint import Endpoint
from cityos.ngsi.value import JsonObject
from cityos.notify.desk import Desk
from cityos.notify.heads import Heads
from cityos.store.record import RunResult
from cityos.store.store import Store


class Feeds(Protocol):
    """What the feed routes ask of the hub."""

    async def reports(self) -> Sequence[FeedReport]:
        """Every feed's health, now."""
        ...

    async def run_now(self, name: str, *, accept_endings: bool) -> RunResult:
        """Runs one feed at once. KeyError where there is none."""
        ...

    async def take(self, name: str, document: Document) -> RunResult:
        """Takes a document that somebody brought. KeyError where there is no such feed; SourceChanged."""
        ...

    async def replay(self, name: str, since: datetime, until: datetime) -> RunResult:
        """Normalises a feed's archived documents of a span again. KeyError where there is none."""
        ...


@dataclass(frozen=True, slots=True)
class Rooms:
    """Store, clock and bells; the city's tenant, @context and key; other @contexts; what broker and feeds tell.

    `history_page` is how many instances of the past one answer holds.
    """

    store: Store
    clock: Clock
    heads: Heads
    tenant: str
    title: str
    context: Context
    library: Library
    key: str | None
    history_page: int
    broker: Callable[[], JsonObject]
    feeds: Feeds
    subscriptions: Desk
    check_endpoint: Callable[[Endpoint], Awaitable[None]]  # raises AddressRefused
    stopping: Callable[[], bool]
    cors_origins: tuple[str, ...] = ()
    rendered: Rendered = field(default_factory=Rendered)
