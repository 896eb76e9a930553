"""The one place where rooms are wired: settings and a city file in, a running hub out."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from starlette.types import ASGIApp

from cityos.api.app import create_app
from cityos.api.rooms import Rooms
from cityos.bus.contract import Bus
from cityos.bus.embedded import EmbeddedBroker, Sender
from cityos.bus.inbox import Inbox
from cityos.bus.mqtt import MqttBus
from cityos.bus.outlet import MqttOutlet
from cityos.bus.topic import PUSH_ROOT, push_filter, push_topic
from cityos.city_file import CityFile
from cityos.clock import REAL, Clock, remember
from cityos.connector.contract import Fetcher
from cityos.connector.document import Document
from cityos.connector.feed import Feed
from cityos.contexts.library import Library
from cityos.egress.guard import Guard
from cityos.egress.http import Egress
from cityos.egress.posting import Poster
from cityos.ingest.archive import Archive
from cityos.ingest.fetching import LiveFetcher, RecordedFetcher, Recording
from cityos.ingest.pipeline import Pipeline
from cityos.ingest.receiving import Receiving
from cityos.ingest.references import References
from cityos.ingest.runner import Runner
from cityos.ingest.workers import Workers
from cityos.memory import keep_giving_back
from cityos.monitor.health import FeedReport, report
from cityos.monitor.watch import FeedWatch
from cityos.ngsi.context import CORE
from cityos.ngsi.value import JsonObject
from cityos.notify.delivery import Delivery
from cityos.notify.desk import Desk
from cityos.notify.heads import Heads
from cityos.notify.intervals import Intervals
from cityos.notify.notifier import Notifier
from cityos.notify.publisher import Publisher
from cityos.notify.sending import Sending, check_endpoint
from cityos.settings import Settings, is_loopback
from cityos.store.connection import Database
from cityos.store.record import Retention, RunResult
from cityos.store.sqlite import SqliteDatabase
from cityos.store.store import Store
from cityos.store.writer import Writer
from cityos.vocabulary.context import CITY_CONTEXT, CITY_CONTEXT_ID, CITY_TERMS

log = logging.getLogger(__name__)

DEFAULT_TENANT = "default"
_TRIM_EVERY_S = 600.0
_REMEMBER_EVERY_S = 1.0
_FLUSH_EVERY_S = 30.0
_EXPIRE_EVERY_S = 2.0
_AGAIN_S = 5.0
_ENDPOINTS_AT_ONCE = 400  # connections to subscribers; a process may usually hold 1,024 files


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run: where data lies, which city, whose clock, which recordings instead of live sources.

    `bus` replaces the broker (tests, `--no-broker`); `writer` the store's writer (benches).
    """

    data: Path
    settings: Settings = field(default_factory=Settings)
    host: str = "127.0.0.1"
    city: CityFile | None = None
    clock: Clock = REAL
    recordings: Sequence[Recording] = ()
    bus: Bus | None = None
    writer: type[Writer] = Writer


class Hub:
    """A running hub. Make it with `open_hub`."""

    def __init__(self, plan: Plan, store: Store, heads: Heads, egress: Egress) -> None:
        self.plan = plan
        self.egress = egress
        self.store = store
        self.heads = heads
        self.tenant = plan.city.tenant if plan.city else DEFAULT_TENANT
        # Without a city the hub speaks the standard's own words only.
        self.context = CITY_CONTEXT if plan.city else CORE
        self.library = Library(store, egress, plan.clock.now, {CITY_CONTEXT_ID: {"@context": dict(CITY_TERMS)}})
        self.subscriptions = Desk(store, heads, plan.clock.now, self.library.compiled)
        self.broker: EmbeddedBroker | None = None
        self.bus: Bus | None = None
        self.publisher: Publisher | None = None
        self.runner: Runner | None = None
        self.references: References | None = None
        self.broker_opened = asyncio.Event()
        self.is_stopping = False
        self._tasks: list[asyncio.Task[None]] = []

    def app(self) -> ASGIApp:
        """The ASGI application over this hub."""
        return create_app(
            Rooms(
                store=self.store,
                clock=self.plan.clock,
                heads=self.heads,
                tenant=self.tenant,
                title=self.plan.city.title if self.plan.city else "",
                context=self.context,
                library=self.library,
                key=self.plan.settings.api_key,
                history_page=self.plan.settings.history_page,
                broker=self._describe_broker,
                feeds=self,
                subscriptions=self.subscriptions,
                check_endpoint=lambda endpoint: check_endpoint(endpoint, self.egress.guard),
                stopping=lambda: self.is_stopping,
                cors_origins=self.plan.settings.cors_origins,
            )
        )

    def start(self, name: str, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Keeps a task going until the hub ends: a passing fault (a full disk, say) must not end it for good."""
        self._tasks.append(asyncio.create_task(_keep_going(name, work), name=name))

    async def stop_tasks(self) -> None:
        """Ends all tasks."""
        self.is_stopping = True
        self.heads.ring({})  # whoever waits for news looks up and sees that the hub is stopping
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # ---- what the feed routes ask

    async def reports(self) -> Sequence[FeedReport]:
        """Every feed's health, now."""
        if self.runner is None:
            return []
        records = await self.store.read(lambda reader: reader.feeds(self.tenant))
        due = self.runner.next_run_at
        return [report(feed, records.get(name), due.get(name)) for name, feed in self.runner.feeds.items()]

    async def run_now(self, name: str, *, accept_endings: bool) -> RunResult:
        """Runs one feed at once. KeyError where there is none."""
        return await self.require_runner().run_now(name, accept_endings=accept_endings)

    async def replay(self, name: str, since: datetime, until: datetime) -> RunResult:
        """Normalises a feed's archived documents of a span again. KeyError where there is none."""
        return await self.require_runner().replay(name, since, until)

    async def take(self, name: str, document: Document) -> RunResult:
        """Takes a document that somebody brought to a feed. KeyError, SourceChanged."""
        return await self.require_runner().take(name, document)

    def require_runner(self) -> Runner:
        """The runner of the city's feeds. KeyError in a hub without a city."""
        if self.runner is None:
            raise KeyError("this hub runs no feeds")
        return self.runner

    async def admit_senders(self) -> None:
        """Lets devices and partners in, now that somebody listens; an outside broker has its own word on who may."""
        if self.broker is not None:
            await self.broker.admit()

    def watch_feeds(self) -> FeedWatch:
        """Keeps the feeds' entities true."""
        return FeedWatch(self.store, self.tenant, self.reports)

    def _describe_broker(self) -> JsonObject:
        url = self.broker.url if self.broker else (self.bus.url if self.bus else None)
        return {
            "url": url,
            "websocket": self.broker.websocket_url if self.broker else None,
            "connected": self.publisher is not None and self.publisher.is_connected,
        }


@contextlib.asynccontextmanager
async def open_hub(plan: Plan) -> AsyncIterator[Hub]:
    """Opens the store, then everything that may come later: broker, feeds, retention. Closes all on the way out."""
    async with contextlib.AsyncExitStack() as stack:
        heads = Heads()
        store = _open_store(plan, heads)
        stack.callback(store.close)
        heads.ring(await store.tenants())
        egress = Egress(guard=Guard(plan.settings.egress_allow))
        stack.push_async_callback(egress.close)
        hub = Hub(plan, store, heads, egress)
        stack.push_async_callback(hub.library.flush)
        notifier, intervals = _open_notifier(hub, stack)
        stack.push_async_callback(hub.stop_tasks)
        hub.start("notifications", notifier.run)
        hub.start("notifications at intervals", intervals.run)
        hub.start("bus", lambda: _run_bus(hub, stack))
        if plan.city is not None:
            await _start_feeds(hub, plan.city, stack)
            if plan.bus is None and (senders := _senders(hub)):
                hub.start("push", lambda: _receive(hub, senders))
        if plan.clock.at is not None:
            hub.start("clock", lambda: _keep_remembering(plan))
        hub.start("context usage", lambda: _keep_flushing(hub))
        hub.start("memory", lambda: keep_giving_back(lambda: hub.heads.of(hub.tenant)))
        hub.start("expiry", lambda: _keep_expiring(hub))
        keep = plan.city.retention if plan.city else Retention()
        hub.start("retention", lambda: _keep_trimming(hub, keep))
        yield hub


def _open_notifier(hub: Hub, stack: contextlib.AsyncExitStack) -> tuple[Notifier, Intervals]:
    """Who tells subscribers. Closed in the other order: first it is kept how far everybody was told."""
    guard = hub.egress.guard
    poster, outlet = Poster(guard, _ENDPOINTS_AT_ONCE), MqttOutlet()
    delivery = Delivery(Sending(guard, poster, outlet).send, hub.subscriptions)
    notifier = Notifier(hub.store, hub.heads, hub.subscriptions, delivery, hub.plan.clock.now)
    stack.push_async_callback(poster.close)
    stack.push_async_callback(outlet.close)
    stack.push_async_callback(delivery.close)
    stack.push_async_callback(notifier.close)
    return notifier, Intervals(hub.store, hub.subscriptions, notifier)


async def _run_bus(hub: Hub, stack: contextlib.AsyncExitStack) -> None:
    """Starts the broker and publishes; serving does not wait for it."""
    if hub.publisher is None:
        hub.bus = hub.plan.bus or await _open_broker(hub, stack)
        await hub.bus.start()
        stack.push_async_callback(hub.bus.close)
        hub.publisher = Publisher(hub.store, hub.bus, hub.heads, hub.context, hub.plan.clock.now)
    await hub.publisher.run()


async def _open_broker(hub: Hub, stack: contextlib.AsyncExitStack) -> Bus:
    plan = hub.plan
    if plan.settings.broker_url is not None:
        hub.broker_opened.set()
        return MqttBus(plan.settings.broker_url)
    key = None if is_loopback(plan.host) else plan.settings.api_key
    if hub.broker is None:
        hub.broker = EmbeddedBroker(plan.data, host=plan.host, key=key, senders=_senders(hub))
        stack.push_async_callback(hub.broker.stop)
    await hub.broker.start()
    hub.broker_opened.set()
    return MqttBus(hub.broker.hub_url)


def _senders(hub: Hub) -> list[Sender]:
    """Who may send documents over MQTT: each feed's own key, to its own topic."""
    feeds = hub.runner.feeds.values() if hub.runner is not None else ()
    return [
        Sender(feed.name, feed.push_key, push_topic(hub.tenant, feed.name))
        for feed in feeds
        if feed.push_key is not None and (feed.is_pushed or feed.folder is not None)
    ]


async def _receive(hub: Hub, senders: Sequence[Sender]) -> None:
    """Takes what devices and partners send over MQTT."""
    await hub.broker_opened.wait()
    url = hub.broker.hub_url if hub.broker is not None else hub.plan.settings.broker_url
    assert url is not None
    takers = {sender.user: hub.require_runner().feeds[sender.user] for sender in senders}
    receiving = Receiving(takers, hub.take)
    session = f"{PUSH_ROOT}-{hub.tenant}"
    await Inbox(url, push_filter(hub.tenant), session=session, take=receiving.take, opened=hub.admit_senders).run()


async def _start_feeds(hub: Hub, city: CityFile, stack: contextlib.AsyncExitStack) -> None:
    plan = hub.plan
    workers = Workers()
    stack.push_async_callback(workers.close)
    archive = Archive(plan.data / "archive")
    fetchers: dict[str, Fetcher] = {}
    hub.references = References(hub.store, hub.tenant, plan.data / "references")
    pipeline = Pipeline(
        hub.store, hub.tenant, archive, workers, city.box, lambda feed: fetchers[feed.name], hub.references
    )
    feeds = city.feeds(plan.clock, plan.data)
    fetchers.update({feed.name: _fetcher(plan, feed, hub.egress, archive) for feed in feeds})
    hub.runner = Runner(feeds, pipeline)
    await workers.start()
    hub.runner.start()
    stack.push_async_callback(hub.runner.close)
    watch = hub.watch_feeds()
    await watch.forget_all_but(hub.runner.feeds)
    hub.start("feed health", watch.run)


def _fetcher(plan: Plan, feed: Feed, egress: Egress, archive: Archive) -> Fetcher:
    if plan.recordings:
        return RecordedFetcher(plan.recordings, feed.clock)
    return LiveFetcher(egress, feed.clock, archive.get)


async def _keep_flushing(hub: Hub) -> None:
    """Writes how often @contexts were used."""
    while True:
        await asyncio.sleep(_FLUSH_EVERY_S)
        await hub.library.flush()


def _open_store(plan: Plan, heads: Heads) -> Store:
    url = plan.settings.database_url
    database = SqliteDatabase(plan.data) if url is None else _postgres(url)
    return Store(
        plan.data, plan.clock.now, CITY_CONTEXT.compact, heads.ring_from_thread, plan.writer, database=database
    )


def _postgres(url: str) -> Database:
    from cityos.store.postgresql import PostgresDatabase

    return PostgresDatabase(url)


async def _keep_expiring(hub: Hub) -> None:
    """Ends transient entities, and what documents said, once they expire."""
    while True:
        await asyncio.sleep(_EXPIRE_EVERY_S)
        await hub.store.end_expired(hub.plan.clock.now())
        for tenant in await hub.store.tenants():
            expired = await hub.store.expire(tenant, hub.plan.clock.now())
            if hub.runner is not None:
                await asyncio.to_thread(hub.runner.forget, expired)


async def _keep_trimming(hub: Hub, keep: Retention) -> None:
    """Trims what is too old, a portion at a time, and then the archive's files that nothing refers to."""
    archive = Archive(hub.plan.data / "archive")
    while True:
        await asyncio.sleep(_TRIM_EVERY_S)
        for tenant in await hub.store.tenants():
            while await hub.store.trim(tenant, keep):
                await asyncio.sleep(0)
        digests = await hub.store.read(lambda reader: reader.digests())
        await asyncio.to_thread(archive.forget_all_but, digests)
        kept = await hub.store.read(lambda reader: reader.dataset_digests())
        await asyncio.to_thread(hub.store.datasets.forget_all_but, kept)
        if hub.references is not None:
            await asyncio.to_thread(hub.references.forget_all_but, kept)


async def _keep_remembering(plan: Plan) -> None:
    """Notes the city's time, so that the next start goes on from it."""
    while True:
        await asyncio.to_thread(remember, plan.data, plan.clock.now())
        await asyncio.sleep(_REMEMBER_EVERY_S)


async def _keep_going(name: str, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    while True:
        try:
            await work()
        except Exception:
            log.exception("The hub's task %s failed and begins again in %g s", name, _AGAIN_S)
        await asyncio.sleep(_AGAIN_S)
