"""The bus inside the process: the tests' double, and the bus of `cityos serve --no-broker`."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from paho.mqtt.client import topic_matches_sub

from cityos.bus.contract import BusUnavailable, Message, Receive, Unsubscribe


class MemoryBus:
    """A broker and its client in one; `drop` and `restore` play an outage."""

    def __init__(self) -> None:
        self._retained: dict[str, bytes] = {}
        self._subscriptions: dict[object, tuple[str, Receive]] = {}
        self._generation = 0
        self._up = asyncio.Event()
        self._closed = False

    @property
    def url(self) -> None:
        """No address: nobody outside the process can listen."""
        return

    async def start(self) -> None:
        """Connect; immediate here."""
        self.restore()

    async def connected(self) -> int:
        """Wait out a simulated outage; return the generation."""
        await self._up.wait()
        self._require_up()
        return self._generation

    async def publish(self, messages: Sequence[Message]) -> None:
        """Deliver to the subscribers and keep what is retained; raises BusUnavailable during an outage."""
        for message in messages:
            # An outage may begin between two messages, as it may with a broker.
            self._require_up()
            self._take(message)
            await asyncio.sleep(0)
        self._require_up()

    async def retained(self, topic_filter: str) -> dict[str, bytes]:
        """Return the retained messages under the filter; raises BusUnavailable during an outage."""
        self._require_up()
        return {topic: held for topic, held in self._retained.items() if topic_matches_sub(topic_filter, topic)}

    async def subscribe(self, topic_filter: str, receive: Receive) -> Unsubscribe:
        """Hand over what is retained, then every live message."""
        subscription = object()
        self._subscriptions[subscription] = (topic_filter, receive)
        if self._up.is_set():
            self._hand_over(topic_filter, receive)

        async def unsubscribe() -> None:
            self._subscriptions.pop(subscription, None)

        return unsubscribe

    async def close(self) -> None:
        """End for good; waiters get BusUnavailable."""
        self._closed = True
        self._up.set()

    def drop(self, *, forget_retained: bool = False) -> None:
        """Begin an outage; `forget_retained` plays a broker whose persistence failed."""
        self._up.clear()
        if forget_retained:
            self._retained.clear()

    def restore(self) -> None:
        """End the outage: a new generation, and every subscriber hears the retained messages again."""
        if self._closed or self._up.is_set():
            return
        self._generation += 1
        self._up.set()
        for topic_filter, receive in list(self._subscriptions.values()):
            self._hand_over(topic_filter, receive)

    def _require_up(self) -> None:
        if self._closed:
            raise BusUnavailable("Bus is closed")
        if not self._up.is_set():
            raise BusUnavailable("Broker is not reachable")

    def _take(self, message: Message) -> None:
        if message.retain and message.payload:
            self._retained[message.topic] = message.payload
        elif message.retain:
            self._retained.pop(message.topic, None)
        live = Message(message.topic, message.payload, retain=False)
        for topic_filter, receive in list(self._subscriptions.values()):
            if topic_matches_sub(topic_filter, message.topic):
                # As with a broker: later, and a receiver that raises stops nobody else.
                asyncio.get_running_loop().call_soon(receive, live)

    def _hand_over(self, topic_filter: str, receive: Receive) -> None:
        for topic, payload in list(self._retained.items()):
            if topic_matches_sub(topic_filter, topic):
                asyncio.get_running_loop().call_soon(receive, Message(topic, payload, retain=True))
