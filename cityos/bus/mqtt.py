"""The bus over an MQTT 3.1.1 broker: NATS (embedded), Mosquitto, or whatever CITYOS_BROKER_URL names.

Reading the retained tree. MQTT has no "that was all". Measured with 20,000 retained messages of 500 bytes:
- NATS 2.15.1 and Mosquitto 2.0.11 handle the packets of one connection in order: in every run all retained messages
  came before the answer to a request sent after the SUBACK. That answer is the mark here (to an UNSUBSCRIBE of a
  filter nobody subscribed to: it needs no permission and changes nothing); brokers that hand retained messages to
  another process may be later, so a quiet period follows.
- NATS acknowledges a retained message before its index learns of it (so its source says; no lag was seen), so our own
  last message is awaited first; and it leaves out what its store did not load in time, telling its own log only.
- Mosquitto drops what exceeds `max_queued_messages` (1,000) behind a full socket: 9,084 and 9,531 of 20,000 came, by
  turns. Its configuration needs `max_queued_messages 0`.
So the tree is read until two readings in a row agree, and RetainedIncomplete is raised when none do.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Sequence

from paho.mqtt.client import topic_matches_sub

from cityos.bus.address import BrokerAddress
from cityos.bus.contract import BusUnavailable, Message, Receive, RetainedIncomplete, Unsubscribe
from cityos.bus.link import Link

FIRST_WAIT_S, LONGEST_WAIT_S = 0.2, 5.0
STEADY_S = 10.0
"""A connection that lived so long was a good one: the next wait is the shortest again."""

QUIET_S = 0.2
MARK_S = 5.0
READINGS = 6
VISIBLE_S = 5.0
_NOTHING = "cityos/nothing/subscribed/here"

_log = logging.getLogger(__name__)


class MqttBus:
    """A `Bus` over paho; connects, and connects again, in the background."""

    def __init__(self, url: str) -> None:
        """`url` as `BrokerAddress` describes it; ValueError otherwise."""
        self._address = BrokerAddress.parse(url)
        self._link: Link | None = None
        self._generation = 0
        self._up = asyncio.Event()
        self._closed = False
        self._outage_told = False
        self._connecting: asyncio.Task[None] | None = None
        self._publishing = asyncio.Lock()
        self._subscriptions: dict[object, tuple[str, Receive]] = {}
        self._last: Message | None = None

    @property
    def url(self) -> str:
        """The broker's address without user and password."""
        return self._address.url

    async def start(self) -> None:
        """Begin to connect in the background."""
        if self._connecting is None:
            self._connecting = asyncio.create_task(self._keep_connected(), name="mqtt-bus")

    async def connected(self) -> int:
        """Wait until connected; return the generation. Raises BusUnavailable when the bus is closed."""
        while self._link is None:
            if self._closed:
                raise BusUnavailable("Bus is closed")
            await self._up.wait()
        return self._generation

    async def publish(self, messages: Sequence[Message]) -> None:
        """Publish and wait for every acknowledgement; calls queue up, so messages keep the order of the calls."""
        async with self._publishing:
            link = self._require_link()
            await link.publish(messages)
            self._last = next((message for message in reversed(messages) if message.retain), self._last)

    async def retained(self, topic_filter: str) -> dict[str, bytes]:
        """Read the retained tree on a connection of its own."""
        async with _reader(self._address) as reader:
            await self._await_own_messages(reader)
            return await reader.tree(topic_filter)

    async def subscribe(self, topic_filter: str, receive: Receive) -> Unsubscribe:
        """Register the receiver; when connected, wait until the broker knows."""
        subscription = object()
        self._subscriptions[subscription] = (topic_filter, receive)
        if self._link is not None:
            with contextlib.suppress(BusUnavailable):  # the next connection subscribes again
                await self._link.subscribe(topic_filter)

        async def unsubscribe() -> None:
            self._subscriptions.pop(subscription, None)
            if self._link is not None and all(topic_filter != other for other, _ in self._subscriptions.values()):
                with contextlib.suppress(BusUnavailable):
                    await self._link.unsubscribe(topic_filter)

        return unsubscribe

    async def close(self) -> None:
        """Disconnect for good."""
        self._closed = True
        if self._connecting is not None:
            self._connecting.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._connecting
        self._up.set()

    def _require_link(self) -> Link:
        if self._link is None:
            raise BusUnavailable(f"Broker {self.url} is not reachable")
        return self._link

    async def _keep_connected(self) -> None:
        wait_s = FIRST_WAIT_S
        while True:
            began = asyncio.get_running_loop().time()
            reason = await self._connect_once()
            if not self._outage_told:
                self._outage_told = True
                _log.warning("%s; connecting again until it is back", reason)
            if asyncio.get_running_loop().time() - began > STEADY_S:
                wait_s = FIRST_WAIT_S
            await asyncio.sleep(wait_s)
            wait_s = min(2 * wait_s, LONGEST_WAIT_S)

    async def _connect_once(self) -> str:
        """Hold one connection for as long as it lives; return why it does not."""
        link = Link(self._address, role="bus", receive=self._dispatch, lost=self._forget_link)
        try:
            await link.open()
            for topic_filter in {topic_filter for topic_filter, _ in self._subscriptions.values()}:
                link.send_subscribe(topic_filter)
            self._adopt(link)
            return f"Broker {self.url} is gone: {await link.wait_lost()}"
        except BusUnavailable as error:
            return str(error)
        finally:
            self._forget_link()
            await link.close()

    def _adopt(self, link: Link) -> None:
        self._link = link
        self._generation += 1
        self._outage_told = False
        self._up.set()
        _log.info("Broker %s is connected", self.url)

    def _forget_link(self) -> None:
        self._link = None
        self._last = None
        self._up.clear()

    def _dispatch(self, message: Message) -> None:
        loop = asyncio.get_running_loop()
        for topic_filter, receive in self._subscriptions.values():
            if topic_matches_sub(topic_filter, message.topic):
                loop.call_soon(receive, message)  # a receiver that raises must not stop the others

    async def _await_own_messages(self, reader: _Reader) -> None:
        """Wait until the broker shows what it acknowledged last: it shows retained messages in order."""
        last = self._last
        if last is None:
            return
        with contextlib.suppress(TimeoutError):  # somebody else wrote the topic in the meantime
            async with asyncio.timeout(VISIBLE_S):
                while (await reader.reading(last.topic)).get(last.topic, b"") != last.payload:
                    await asyncio.sleep(0.01)
        if self._last is last:
            self._last = None


class _Reader:
    """A connection that only reads retained messages."""

    def __init__(self, address: BrokerAddress) -> None:
        self._found: dict[str, bytes] = {}
        self._arrivals = 0
        self.link = Link(address, role="reader", receive=self._receive)

    def _receive(self, message: Message) -> None:
        self._arrivals += 1
        if message.retain:
            self._found[message.topic] = message.payload

    async def tree(self, topic_filter: str) -> dict[str, bytes]:
        union: dict[str, bytes] = {}
        before: dict[str, bytes] | None = None
        for _ in range(READINGS):
            now = await self.reading(topic_filter, quiet_s=QUIET_S)
            if before is not None and now.keys() == before.keys():
                return now
            union |= now
            before = now
        raise RetainedIncomplete(
            f"{READINGS} readings of the retained tree differ (Mosquitto: see its log, and set max_queued_messages 0)",
            union,
        )

    async def reading(self, topic_filter: str, quiet_s: float = 0.0) -> dict[str, bytes]:
        self._found = {}
        if not await self.link.subscribe(topic_filter):
            raise BusUnavailable(f"Broker refuses to show {topic_filter}")
        try:
            await self._mark()
        except TimeoutError:
            raise RetainedIncomplete(
                "Broker dropped its answer among the retained messages (Mosquitto: set max_queued_messages 0)",
                self._found,
            ) from None
        await self._quiet(quiet_s)
        await self.link.unsubscribe(topic_filter)
        return self._found

    async def _mark(self) -> None:
        """Wait for the answer to a request behind the retained messages; TimeoutError when messages stop before it."""
        answer = asyncio.ensure_future(self.link.unsubscribe(_NOTHING))
        try:
            arrivals = -1
            while arrivals != self._arrivals:
                arrivals = self._arrivals
                done, _ = await asyncio.wait({answer}, timeout=MARK_S)
                if done:
                    return answer.result()
            raise TimeoutError
        finally:
            answer.cancel()

    async def _quiet(self, quiet_s: float) -> None:
        arrivals = -1
        while quiet_s and arrivals != self._arrivals:
            arrivals = self._arrivals
            await asyncio.sleep(quiet_s)


@contextlib.asynccontextmanager
async def _reader(address: BrokerAddress) -> AsyncIterator[_Reader]:
    reader = _Reader(address)
    try:
        await reader.link.open()
        yield reader
    finally:
        await reader.link.close()
