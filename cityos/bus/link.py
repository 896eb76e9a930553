"""One connection to an MQTT broker: paho tamed for asyncio.

paho runs its own network thread; every callback only notes what happened, and `_drain` deals with it in the event
loop. A link never reconnects: paho would silently send again what was not acknowledged, after we said it failed.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import uuid
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from cityos.bus.address import BrokerAddress
from cityos.bus.contract import BusUnavailable, Message

CONNECT_S = 5.0
KEEPALIVE_S = 15
STALL_S = 30.0
"""A broker that acknowledges nothing for so long is treated as gone."""

WINDOW = 512
"""Messages on the way without an acknowledgement; paho's own queue is never used."""

_SLICE = 500  # events handled before other tasks of the loop get their turn: about 5 ms

_log = logging.getLogger(__name__)


class _Client(Client):
    """paho, connecting to an address that was looked up and judged before."""

    def __init__(self, connect_to: str | None, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._connect_to = connect_to

    def _create_socket_connection(self) -> socket.socket:
        # paho has no argument for it; a test holds that this is what connects.
        if self._connect_to is None:
            return super()._create_socket_connection()
        return socket.create_connection((self._connect_to, self._port), timeout=self._connect_timeout)


class Link:
    """One connection. All methods belong to the event loop it was made in."""

    def __init__(
        self,
        address: BrokerAddress,
        *,
        role: str,
        receive: Callable[[Message], None],
        lost: Callable[[], None] = lambda: None,
        session: str = "",
        version: int = MQTTProtocolVersion.MQTTv311,
        connect_to: str | None = None,
    ) -> None:
        """`role` is told in the client id; `lost` is called once, before any waiter learns of the loss.

        With a `session` (the whole client id) the broker keeps, while we are away, what is sent to our subscriptions of
        QoS 1, and sends again what was not acknowledged by its receipt.

        `version` is the protocol level, 4 (3.1.1) or 5; `connect_to` an IP address to connect to instead of looking the
        host up, for addresses that were judged before: TLS still checks the host's name.
        """
        self._address, self._receive, self._on_lost = address, receive, lost
        self._loop = asyncio.get_running_loop()
        self._events: deque[Callable[[], None]] = deque()
        self._drain_is_due = False
        self._unacknowledged: set[int] = set()
        self._room: tuple[int, asyncio.Future[None]] | None = None
        self._answers: dict[int, asyncio.Future[bool]] = {}
        self._opened: asyncio.Future[None] = self._loop.create_future()
        self._ended: asyncio.Future[str] = self._loop.create_future()
        self._keeps = bool(session)
        self._client = self._new_client(role, session, version, connect_to)

    async def open(self) -> None:
        """Connect; raise BusUnavailable when the broker is not there in 5 s or refuses."""
        try:
            await asyncio.to_thread(self._dial)
            self._client.loop_start()
            async with asyncio.timeout(CONNECT_S):
                await self._opened
        except (OSError, ValueError) as error:  # TimeoutError is an OSError; ValueError: a host name IDNA refuses
            raise BusUnavailable(f"Broker {self._address.url} is not reachable: {error or 'no answer'}") from error

    async def wait_lost(self) -> str:
        """Wait until the connection is gone; return why."""
        return await asyncio.shield(self._ended)

    async def publish(self, messages: Sequence[Message], qos: int = 1) -> None:
        """Send and wait for every acknowledgement, those of an earlier, cancelled call included.

        With QoS 0 a message counts as acknowledged when it is written to the connection.
        """
        for message in messages:
            if len(self._unacknowledged) >= WINDOW:
                await self._wait_for_room(WINDOW // 2)
            self._require_open()
            sent = self._client.publish(message.topic, message.payload, qos=qos, retain=message.retain)
            if sent.rc != MQTTErrorCode.MQTT_ERR_SUCCESS:
                raise self._lose(f"publishing failed: {sent.rc.name}")
            # The acknowledgement is handled in this loop, so not before this line.
            self._unacknowledged.add(sent.mid)
        await self._wait_for_room(0)

    async def subscribe(self, topic_filter: str, qos: int = 0) -> bool:
        """Subscribe and wait for the answer; False when the broker refuses the filter.

        QoS 0 but for a session: what one connection carries is not lost, what several connections missed comes with
        the retained message; and Mosquitto's default limits cut a retained tree off at 1,020 messages with QoS 1.
        """
        return await self._answer(self.send_subscribe(topic_filter, qos))

    def send_subscribe(self, topic_filter: str, qos: int = 0) -> int:
        """Subscribe without waiting; a refusal is logged."""
        self._require_open()
        code, mid = self._client.subscribe(topic_filter, qos=qos)
        return self._checked(code, mid)

    def acknowledge(self, message: Message) -> None:
        """Tell the broker of a session that it may forget a message."""
        if message.receipt and not self._ended.done():
            self._client.ack(message.receipt, 1)

    async def unsubscribe(self, topic_filter: str) -> None:
        """Unsubscribe and wait for the answer."""
        self._require_open()
        code, mid = self._client.unsubscribe(topic_filter)
        await self._answer(self._checked(code, mid))

    async def close(self) -> None:
        """Disconnect and end paho's thread."""
        self._client.disconnect()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1.0):
                await self._goodbye()
        self._cut()
        await asyncio.to_thread(self._client.loop_stop)
        self._end("closed")

    async def _goodbye(self) -> None:
        if self._opened.done():
            await self.wait_lost()

    # What follows runs in the event loop.

    def _require_open(self) -> None:
        if self._ended.done():
            raise BusUnavailable(f"Broker {self._address.url} is gone: {self._ended.result()}")

    def _checked(self, code: MQTTErrorCode, mid: int | None) -> int:
        if code != MQTTErrorCode.MQTT_ERR_SUCCESS or mid is None:
            raise self._lose(f"request failed: {code.name}")
        return mid

    async def _answer(self, mid: int) -> bool:
        answer: asyncio.Future[bool] = self._loop.create_future()
        self._answers[mid] = answer
        try:
            async with asyncio.timeout(STALL_S):
                return await answer
        except TimeoutError:
            raise self._lose(f"no answer in {STALL_S:.0f} s") from None
        finally:
            self._answers.pop(mid, None)

    async def _wait_for_room(self, most: int) -> None:
        """Wait until at most `most` messages are unacknowledged."""
        self._require_open()
        if len(self._unacknowledged) <= most:
            return
        room = self._loop.create_future()
        self._room = (most, room)
        try:
            async with asyncio.timeout(STALL_S):
                await room
        except TimeoutError:
            raise self._lose(f"no acknowledgement in {STALL_S:.0f} s") from None
        finally:
            self._room = None

    def _acknowledge(self, mid: int) -> None:
        self._unacknowledged.discard(mid)
        if self._room is not None and len(self._unacknowledged) <= self._room[0] and not self._room[1].done():
            self._room[1].set_result(None)

    def _settle(self, mid: int, granted: bool) -> None:
        answer = self._answers.get(mid)
        if answer is not None and not answer.done():
            answer.set_result(granted)
        elif not granted:
            _log.warning("Broker %s refuses a subscription", self._address.url)

    def _accept(self, refusal: str | None) -> None:
        if self._opened.done():
            return
        if refusal is None:
            self._opened.set_result(None)
        else:
            self._opened.set_exception(ConnectionRefusedError(refusal))

    def _lose(self, reason: str) -> BusUnavailable:
        self._cut()
        self._end(reason)
        return BusUnavailable(f"Broker {self._address.url} is gone: {reason}")

    def _end(self, reason: str) -> None:
        if self._ended.done():
            return
        self._ended.set_result(reason)
        self._on_lost()
        self._accept(reason)
        waiting: list[asyncio.Future[bool] | asyncio.Future[None]] = [*self._answers.values()]
        if self._room is not None:
            waiting.append(self._room[1])
        for future in waiting:
            if not future.done():
                future.set_exception(BusUnavailable(f"Broker {self._address.url} is gone: {reason}"))
        if self._opened.done() and not self._opened.cancelled():
            self._opened.exception()  # nobody may be waiting any more: not an error

    def _cut(self) -> None:
        # paho's thread does not end by itself while messages are unacknowledged. The websocket wrapper has no
        # shutdown(), hence the second socket object on the same connection.
        connection = self._client.socket()
        if connection is None:
            return
        with (
            contextlib.suppress(OSError),
            socket.fromfd(connection.fileno(), socket.AF_INET, socket.SOCK_STREAM) as raw,
        ):
            raw.shutdown(socket.SHUT_RDWR)

    def _drain(self) -> None:
        self._drain_is_due = False
        for _ in range(min(len(self._events), _SLICE)):
            self._events.popleft()()
        if self._events and not self._drain_is_due:
            self._drain_is_due = True
            self._loop.call_soon(self._drain)

    # What follows runs in a thread.

    def _note(self, event: Callable[[], None]) -> None:
        self._events.append(event)
        if not self._drain_is_due:
            self._drain_is_due = True
            with contextlib.suppress(RuntimeError):  # the loop was closed without closing the link
                self._loop.call_soon_threadsafe(self._drain)

    def _dial(self) -> None:
        if self._address.encrypted:
            self._client.tls_set()
        self._client.connect(self._address.host, self._address.port, keepalive=KEEPALIVE_S)

    def _new_client(self, role: str, session: str, version: int, connect_to: str | None) -> Client:
        client = _Client(
            connect_to,
            CallbackAPIVersion.VERSION2,
            client_id=session or f"cityos-{role}-{uuid.uuid4().hex[:12]}",  # no ".": NATS refuses it
            # Version 5 says it when connecting: a clean start, as paho does.
            clean_session=None if version == MQTTProtocolVersion.MQTTv5 else not session,
            transport=self._address.transport,
            reconnect_on_failure=False,
            manual_ack=bool(session),
            protocol=MQTTProtocolVersion(version),
        )
        if self._address.transport == "websockets":
            client.ws_set_options(path=self._address.path)
        if self._address.user is not None:
            client.username_pw_set(self._address.user, self._address.password)
        client.connect_timeout = CONNECT_S
        # 0 is "no limit"; WINDOW is ours. With a limit, paho walks its whole queue at each acknowledgement.
        client.max_inflight_messages_set(0)
        client.max_queued_messages_set(0)
        client.on_connect = self._paho_connected
        client.on_disconnect = self._paho_disconnected
        client.on_publish = self._paho_published
        client.on_message = self._paho_received
        client.on_subscribe = self._paho_subscribed
        client.on_unsubscribe = self._paho_unsubscribed
        return client

    def _paho_connected(
        self, _client: Client, _data: object, _flags: ConnectFlags, code: ReasonCode, _properties: Properties | None
    ) -> None:
        refusal = str(code) if code.is_failure else None
        self._note(lambda: self._accept(refusal))

    def _paho_disconnected(
        self, _client: Client, _data: object, _flags: DisconnectFlags, code: ReasonCode, _properties: Properties | None
    ) -> None:
        reason = str(code)
        self._note(lambda: self._end(reason))

    def _paho_published(
        self, _client: Client, _data: object, mid: int, _code: ReasonCode, _properties: Properties | None
    ) -> None:
        self._note(lambda: self._acknowledge(mid))

    def _paho_received(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            _log.warning("Broker %s sends a topic that is not UTF-8", self._address.url)
            return
        receipt = message.mid if self._keeps and message.qos == 1 else 0
        received = Message(topic, bytes(message.payload), message.retain, receipt)
        self._note(lambda: self._receive(received))

    def _paho_subscribed(
        self, _client: Client, _data: object, mid: int, codes: list[ReasonCode], _properties: Properties | None
    ) -> None:
        granted = not any(code.is_failure for code in codes)
        self._note(lambda: self._settle(mid, granted))

    def _paho_unsubscribed(
        self, _client: Client, _data: object, mid: int, _codes: list[ReasonCode], _properties: Properties | None
    ) -> None:
        self._note(lambda: self._settle(mid, granted=True))
