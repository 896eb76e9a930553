"""The datasets of one kind as last known, read and ready to be asked: what a service answers bulk questions from."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Generic, Self, TypeVar

from cityos.client.city import City
from cityos.client.error import CityError
from cityos.client.mirror import Mirror
from cityos.client.shelf import Shelf
from cityos.vocabulary.dataset import DatasetNews

_log = logging.getLogger("cityos.client")

_LOOK_S = 0.5  # comparing a handful of versions costs nothing
_AGAIN_S = 10.0  # after a version could not be had

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Held(Generic[T]):
    """A version and what it holds."""

    news: DatasetNews
    content: T


class DatasetMirror(Generic[T]):
    """Keeps the newest version of each feed's dataset of a kind, by the announcements in a `Mirror` of type `Dataset`.

    To be used as `async with DatasetMirror(...)`. `read` makes of the bytes what the service asks (in a thread;
    ValueError where it cannot). While the hub is away, and while a newer version cannot be had or read, the last one
    stays and `troubles` says why. What the hub, in touch, no longer announces is dropped. With a shelf the last ones
    outlive a restart.
    """

    def __init__(
        self,
        city: City,
        mirror: Mirror,
        kind: str,
        read: Callable[[DatasetNews, bytes], T],
        shelf: Shelf | None = None,
        wants: Callable[[str], bool] = lambda _: True,
    ) -> None:
        """`wants` says of a feed's name whether its dataset is wanted. Opens what the shelf holds, in this thread."""
        self._city, self._mirror, self._kind, self._read, self._wants = city, mirror, kind, read, wants
        self._shelf = shelf
        self._task: asyncio.Task[None] | None = None
        self._held: dict[str, Held[T]] = {}
        self._troubles: dict[str, str] = {}
        self._not_before: dict[str, tuple[str, float]] = {}  # feed -> version that failed, when to try it again
        for news, content in () if shelf is None else shelf.list():
            if news.kind == kind and wants(news.feed):
                self._open(news, content)

    @property
    def held(self) -> Mapping[str, Held[T]]:
        """By feed. Replaced, never changed."""
        return MappingProxyType(self._held)

    @property
    def troubles(self) -> Mapping[str, str]:
        """By feed: why its newest version is not the one held; under `*` what concerns all."""
        return MappingProxyType(self._troubles)

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._follow(), name=f"dataset-mirror-{self._kind}")
        self._task.add_done_callback(self._tell_end)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def _tell_end(self, task: asyncio.Task[None]) -> None:
        """A task that fails for a reason nobody foresaw must not leave a mirror that looks alive."""
        error = None if task.cancelled() else task.exception()
        if error is not None:
            _log.error("the mirror of %s datasets has stopped", self._kind, exc_info=error)
            self._troubles["*"] = f"the mirror has stopped: {error!r}"

    async def _follow(self) -> None:
        while True:
            if self._mirror.synced:
                await self._catch_up()
            await asyncio.sleep(_LOOK_S)

    async def _catch_up(self) -> None:
        announced = {news.feed: news for news in self._announced()}
        for feed in self._held.keys() - announced.keys():
            if self._shelf is not None:  # first: who stops now must not begin with it again
                await asyncio.to_thread(self._shelf.drop, feed, self._kind)
            self._held = {name: one for name, one in self._held.items() if name != feed}
        for feed in self._troubles.keys() - announced.keys():
            del self._troubles[feed]
        for news in announced.values():
            if self._is_due(news):
                await self._take(news)

    def _announced(self) -> Iterator[DatasetNews]:
        # Any entity may call itself a Dataset.
        for entity in list(self._mirror.entities.values()):
            try:
                news = DatasetNews.from_entity(entity)
            except ValueError:
                continue
            if news.kind == self._kind and news.digest and self._wants(news.feed):
                yield news

    def _is_due(self, news: DatasetNews) -> bool:
        held = self._held.get(news.feed)
        if held is not None and held.news.digest == news.digest:
            return False
        version, not_before = self._not_before.get(news.feed, ("", 0.0))
        return version != news.version or time.monotonic() >= not_before

    async def _take(self, news: DatasetNews) -> None:
        try:
            content = await self._city.read_dataset(news)
            await asyncio.to_thread(self._take_content, news, content)
        except (CityError, ValueError, OSError) as error:
            if self._troubles.get(news.feed) != str(error):
                _log.warning("version %s of %s is not taken: %s", news.version, news.feed, error)
            self._troubles[news.feed] = str(error)
            self._not_before[news.feed] = news.version, time.monotonic() + _AGAIN_S

    def _take_content(self, news: DatasetNews, content: bytes) -> None:
        self._held = {**self._held, news.feed: Held(news, self._read(news, content))}
        self._troubles.pop(news.feed, None)
        if self._shelf is not None:
            self._shelf.keep(news, content)

    def _open(self, news: DatasetNews, content: bytes) -> None:
        try:
            self._held[news.feed] = Held(news, self._read(news, content))
        except ValueError as error:
            _log.warning("the %s of %s that was kept cannot be read: %s", news.kind, news.feed, error)
