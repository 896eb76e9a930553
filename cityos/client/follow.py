"""Following the change feed: every change once, in order, whatever happens to the hub, the broker or the line.

The feed (`GET /changes`) is the truth. MQTT only says that there may be more of it; without a broker the feed itself
comes as server-sent events. Either way a place in the feed moves forward over what was told and never back, so what
comes twice is told once, and what was cut off is asked for again from that place.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, aclosing
from dataclasses import dataclass

import orjson

from cityos.client.answer import as_object
from cityos.client.change import Change, ChangePage, Resync, change_from_json, page_from_json
from cityos.client.contact import Contact, Patience
from cityos.client.cursor import OLDEST, Cursor
from cityos.client.door import Door, not_understood, understood
from cityos.client.error import CityUnavailable, CursorGone
from cityos.client.sse import Event, EventReader
from cityos.client.wake import Wake

POLL_S = 5.0
"""How often the feed is asked when nobody says that it has more: what a silent broker can cost."""

_PAGE = 500


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which changes to tell: of these types, of these ids; all where none are named."""

    types: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()

    def query(self, after: Cursor) -> dict[str, str | int]:
        """The parameters of the feed, to go on after a cursor."""
        named = {"type": ",".join(self.types), "id": ",".join(self.ids), "epoch": after.epoch}
        return {**{name: value for name, value in named.items() if value}, "after": after.seq}


Listen = Callable[[], Awaitable[AbstractAsyncContextManager[Wake]]]
"""Opens the ear for wake-ups. Raises CityUnavailable where the hub is needed for it and is away."""


class Place:
    """Where a follower stands in the feed. Pure: it decides what of an answer is news."""

    def __init__(self, cursor: Cursor) -> None:
        self.cursor = cursor

    def take(self, page: ChangePage) -> tuple[Change, ...]:
        """Moves past an answer; returns what of it was not told before.

        Raises CursorGone where the answer comes from other data than the place belongs to.
        """
        if self.cursor.epoch not in ("", page.next.epoch) or page.head < self.cursor.seq:
            raise CursorGone(Cursor(page.next.epoch, page.head))
        news = tuple(change for change in page.items if change.cursor.seq > self.cursor.seq)
        self.cursor = Cursor(page.next.epoch, max(self.cursor.seq, page.next.seq))
        return news


async def ask_changes(door: Door, after: Cursor, wanted: Wanted, limit: int = _PAGE) -> ChangePage:
    """One page of the feed after a cursor. Raises CursorGone, CityUnavailable, CityRefused."""
    return understood(await door.get("/changes", {**wanted.query(after), "limit": limit}), page_from_json)


async def ask_head(door: Door) -> Cursor:
    """The newest place in the feed."""
    page = await ask_changes(door, OLDEST, Wanted(), limit=1)
    return Cursor(page.next.epoch, page.head)


class Follower:
    """One reader of the feed, from a cursor on; from the present head where it is None."""

    def __init__(
        self, door: Door, wanted: Wanted, after: Cursor | None, contact: Contact, listen: Listen | None = None
    ) -> None:
        """Without `listen`, the feed comes as server-sent events."""
        self._door = door
        self._wanted = wanted
        self._place = None if after is None else Place(after)
        self._contact = contact
        self._listen = listen

    async def batches(self) -> AsyncGenerator[Resync | tuple[Change, ...]]:
        """What happened, in the portions in which it came; never ends by itself.

        Waits while the hub is away. Raises CityRefused when the hub says no.
        """
        async with AsyncExitStack() as lifetime:
            wake: Wake | None = None
            patience = Patience()
            while True:
                try:
                    if wake is None and self._listen is not None:
                        wake = await lifetime.enter_async_context(await self._listen())
                    async with aclosing(self._portions(wake)) as portions:
                        async for portion in portions:
                            self._contact.good()
                            patience.restore()
                            if portion:
                                yield portion
                except CursorGone as gone:
                    self._place = Place(gone.cursor)
                    yield Resync(gone.cursor, missed=True)
                except CityUnavailable as error:
                    self._contact.lost(error)
                await asyncio.sleep(patience.pause_s())

    async def _portions(self, wake: Wake | None) -> AsyncGenerator[Resync | tuple[Change, ...]]:
        """What one undisturbed stretch of following gives."""
        if self._place is None:
            self._place = Place(await ask_head(self._door))
            yield Resync(self._place.cursor, missed=False)
        place = self._place
        while True:
            if wake is not None:
                wake.forget()
            async with aclosing(self._up_to_head(place)) as pages:
                async for page in pages:
                    yield place.take(page)
            if wake is None:
                break
            await wake.wait(place.cursor, POLL_S)
        async with aclosing(self._streamed(place)) as pages:
            async for page in pages:
                yield place.take(page)

    async def _up_to_head(self, place: Place) -> AsyncGenerator[ChangePage]:
        """All there is now, in large pages. A stream is opened only then: it tells changes one by one."""
        before, page = None, None
        while page is None or (page.next.seq < page.head and place.cursor != before):
            before = place.cursor
            page = await ask_changes(self._door, before, self._wanted)
            yield page

    async def _streamed(self, place: Place) -> AsyncGenerator[ChangePage]:
        """The feed as server-sent events, for as long as one connection lives."""
        reader = EventReader()
        async with self._door.stream("/changes", self._wanted.query(place.cursor)) as response:
            async for piece in response.aiter_bytes():
                try:
                    page = _page_of(reader.feed(piece), place.cursor)
                except ValueError as error:
                    raise not_understood(response, error) from error
                yield page


def _page_of(events: list[Event], known: Cursor) -> ChangePage:
    """What some events say, as a page: the changes, and the last place they name."""
    named = [(event, Cursor.parse(event.id)) for event in events if event.id]
    items = tuple(
        change_from_json(as_object(orjson.loads(event.data), "the event"), cursor.epoch)
        for event, cursor in named
        if event.name == "change"
    )
    place = named[-1][1] if named else known
    return ChangePage(items, place, max(place.seq, known.seq))
