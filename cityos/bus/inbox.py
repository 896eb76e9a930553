"""What others send to the hub over a broker: each message is acknowledged when it has been taken, and not before."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from typing import Any

from cityos.bus.address import BrokerAddress
from cityos.bus.contract import BusUnavailable, Message
from cityos.bus.link import Link

FIRST_WAIT_S, LONGEST_WAIT_S = 0.2, 5.0

_log = logging.getLogger(__name__)


class NotTaken(Exception):
    """A message could not be taken for a reason of ours (a full disk): it is tried again, and stays with the broker."""


class _Pile:
    """What came and is not acknowledged, in order; a broker that loses patience sends it twice."""

    def __init__(self) -> None:
        self._waiting: asyncio.Queue[Message | None] = asyncio.Queue()
        self._receipts: set[int] = set()

    def put(self, message: Message) -> None:
        if message.receipt not in self._receipts:
            self._waiting.put_nowait(message)
        if message.receipt:  # 0: sent with QoS 0, and with no promise
            self._receipts.add(message.receipt)

    def end(self) -> None:
        self._waiting.put_nowait(None)

    async def next(self) -> Message | None:
        return await self._waiting.get()

    def done(self, message: Message) -> None:
        self._receipts.discard(message.receipt)


@contextlib.asynccontextmanager
async def _beside(work: Callable[[], Coroutine[Any, Any, None]]) -> AsyncIterator[None]:
    """Does other work meanwhile."""
    task = asyncio.create_task(work())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


class Inbox:
    """Receives everything under a filter with QoS 1, in a session that the broker keeps while the hub is away."""

    def __init__(
        self,
        url: str,
        topic_filter: str,
        *,
        session: str,
        take: Callable[[Message], Awaitable[None]],
        opened: Callable[[], Coroutine[Any, Any, None]],
    ) -> None:
        """`take` gets one message after the other and may raise NotTaken.

        `opened` is called once the broker keeps for us what is sent: from then on nothing is lost.
        """
        self._address = BrokerAddress.parse(url)
        self._filter, self._session = topic_filter, session
        self._take, self._opened = take, opened
        self._outage_told = False

    async def run(self) -> None:
        """Receives until it is cancelled; connects again whenever the broker is gone."""
        wait_s = FIRST_WAIT_S
        while True:
            pile = _Pile()
            link = Link(self._address, role="inbox", receive=pile.put, lost=pile.end, session=self._session)
            try:
                await self._open(link)
                wait_s = FIRST_WAIT_S
                async with _beside(self._opened):
                    await self._work(link, pile)
            except BusUnavailable as error:
                self._tell(str(error))
            finally:
                await link.close()
            await asyncio.sleep(wait_s)
            wait_s = min(2 * wait_s, LONGEST_WAIT_S)

    async def _open(self, link: Link) -> None:
        await link.open()
        if not await link.subscribe(self._filter, qos=1):
            raise BusUnavailable(f"Broker {self._address.url} does not let us read {self._filter}")
        self._outage_told = False
        _log.info("Broker %s takes documents for feeds", self._address.url)

    async def _work(self, link: Link, pile: _Pile) -> None:
        """What is left on the pile when the connection goes was not acknowledged: the broker sends it again."""
        while (message := await pile.next()) is not None:
            await self._take_in_the_end(message)
            link.acknowledge(message)
            pile.done(message)
        raise BusUnavailable(await link.wait_lost())

    async def _take_in_the_end(self, message: Message) -> None:
        wait_s = FIRST_WAIT_S
        while True:
            try:
                return await self._take(message)
            except NotTaken as error:
                _log.warning("A message on %s is not taken yet: %s", message.topic, error)
            await asyncio.sleep(wait_s)
            wait_s = min(2 * wait_s, LONGEST_WAIT_S)

    def _tell(self, reason: str) -> None:
        if not self._outage_told:
            self._outage_told = True
            _log.warning("Nothing can be sent to feeds over MQTT: %s", reason)
