"""What the hub asks of a message bus, whichever bus it is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Message:
    """One message. Retained and empty means: the broker forgets the topic.

    On a received message `retain` tells that the broker held it when the subscription was made; a live one has False.
    `receipt` is by what a message that waits to be acknowledged is acknowledged; 0 where none does.
    """

    topic: str
    payload: bytes
    retain: bool = True
    receipt: int = 0


class BusUnavailable(Exception):
    """The broker cannot be reached or dropped us; wait for `connected()`, then reconcile."""


class RetainedIncomplete(Exception):
    """The broker withholds part of the retained tree; `found` is what several readings gave together."""

    def __init__(self, detail: str, found: dict[str, bytes]) -> None:
        super().__init__(detail)
        self.found = found


Receive = Callable[[Message], None]
"""Called in the event loop for every message; it must neither block nor raise."""

Unsubscribe = Callable[[], Awaitable[None]]


class Bus(Protocol):
    """A door to one broker. All methods belong to one event loop."""

    @property
    def url(self) -> str | None:
        """The broker's address without user and password; None for a bus inside the process."""

    async def start(self) -> None:
        """Begin to connect in the background; never waits for a broker."""

    async def connected(self) -> int:
        """Wait until connected; return the connection's generation: 1, 2, ... each (re)connection is a new one."""

    async def publish(self, messages: Sequence[Message]) -> None:
        """Publish with QoS 1, in order; return when every message is acknowledged on one and the same connection.

        Raises BusUnavailable otherwise: any part of the messages may then have been taken, and none is sent later.
        """

    async def retained(self, topic_filter: str) -> dict[str, bytes]:
        """Return the retained tree under the filter as the broker holds it now.

        What this bus published before is in it. Raises BusUnavailable, and RetainedIncomplete when the broker drops
        retained messages on the way.
        """

    async def subscribe(self, topic_filter: str, receive: Receive) -> Unsubscribe:
        """Hand `receive` the retained and the live messages under the filter, again after every reconnection.

        A message may come more than once (overlapping filters, reconnection). Never waits for a broker.
        """

    async def close(self) -> None:
        """Disconnect for good; whoever waits gets BusUnavailable."""
