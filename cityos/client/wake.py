"""Wake-ups: MQTT says that the change feed may have more. What it has, only the feed says."""

from __future__ import annotations

import asyncio
import re
import uuid
from collections.abc import Iterable
from contextlib import suppress
from typing import Literal
from urllib.parse import unquote, urlsplit

import orjson
from paho.mqtt.client import Client, ConnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from cityos.client.answer import as_object, text, whole
from cityos.client.cursor import Cursor
from cityos.ngsi.context import Context
from cityos.vocabulary.context import CITY_CONTEXT

_PORTS = {"mqtt": 1883, "mqtts": 8883, "ws": 80, "wss": 443}
_KEEPALIVE_S = 15
_RECONNECT_S = (1, 5)
_PLAIN = re.compile(r"[\w-]+")  # what needs no percent-encoding in a topic


class Wake:
    """What was heard since the feed was last asked. Belongs to one event loop."""

    def __init__(self) -> None:
        self._news = asyncio.Event()
        self._heard: dict[str, int] = {}
        self._ask_anyway = False

    def hear(self, cursor: Cursor) -> None:
        """A change or a head was told."""
        self._heard[cursor.epoch] = max(cursor.seq, self._heard.get(cursor.epoch, 0))
        self._news.set()

    def nudge(self) -> None:
        """Something may have been missed: ask the feed anyway."""
        self._ask_anyway = True
        self._news.set()

    def forget(self) -> None:
        """The feed is about to be asked: what was heard until now needs no further question.

        Also what was told of another epoch, so that a retained message left by an old database wakes nobody for ever.
        """
        self._heard.clear()
        self._ask_anyway = False
        self._news.clear()

    async def wait(self, known: Cursor, longest_s: float) -> None:
        """Waits until something beyond `known` is heard, at most `longest_s` seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(longest_s):
                while not self._is_beyond(known):
                    self._news.clear()
                    await self._news.wait()

    def _is_beyond(self, known: Cursor) -> bool:
        return self._ask_anyway or any(epoch != known.epoch or seq > known.seq for epoch, seq in self._heard.items())


class MqttListener:
    """Listens on the broker, in paho's thread, and tells the `Wake` it gives. Connects, and connects again, by itself.

    It asks for QoS 0: a lost message costs a few seconds (the head topic and the slow poll make up for it), never a
    change.
    """

    def __init__(self, broker_url: str, filters: Iterable[str]) -> None:
        self._wake = Wake()
        self._subscriptions = [(one, 0) for one in filters]
        self._loop = asyncio.get_running_loop()
        self._client = _new_client(broker_url)
        self._client.on_connect = self._subscribe
        self._client.on_message = self._receive

    async def __aenter__(self) -> Wake:
        self._client.loop_start()
        return self._wake

    async def __aexit__(self, *_: object) -> None:
        self._client.disconnect()
        await asyncio.to_thread(self._client.loop_stop)

    # What follows runs in paho's thread, which an exception would end.

    def _subscribe(self, client: Client, _: None, __: ConnectFlags, reason: ReasonCode, ___: Properties | None) -> None:
        if not reason.is_failure:
            client.subscribe(self._subscriptions)
            self._tell(None)  # whatever was told while there was no connection was not heard

    def _receive(self, _: Client, __: None, message: MQTTMessage) -> None:
        is_head = message.topic.count("/") == 2
        if message.retain and not is_head:
            return  # the state at subscription, one message per entity: the question after connecting covers it
        try:
            told = as_object(orjson.loads(message.payload))
            self._tell(Cursor(text(told, "epoch"), whole(told, "seq")))
        except ValueError:  # the empty payload after a tombstone, or nothing of the hub's
            return

    def _tell(self, cursor: Cursor | None) -> None:
        with suppress(RuntimeError):  # the event loop ended before the listener
            if cursor is None:
                self._loop.call_soon_threadsafe(self._wake.nudge)
            else:
                self._loop.call_soon_threadsafe(self._wake.hear, cursor)


def topic_filters(tenant: str, types: Iterable[str], context: Context = CITY_CONTEXT) -> list[str]:
    """The filters whose messages announce changes of these types (none: of all), the head included.

    A type whose short name MQTT would read as something else is announced by the head alone.
    """
    names = [context.compact(context.expand(name)) for name in types] or ["+"]
    wanted = [f"cityos/{tenant}/{name}/+" for name in names if name == "+" or _PLAIN.fullmatch(name)]
    return [*wanted, f"cityos/{tenant}/head"]


def _new_client(broker_url: str) -> Client:
    parts = urlsplit(broker_url)
    if parts.scheme not in _PORTS or not parts.hostname:
        raise ValueError("Broker URL is none of mqtt://host, mqtts://host, ws://host/mqtt, wss://host/mqtt")
    transport: Literal["tcp", "websockets"] = "websockets" if parts.scheme.startswith("ws") else "tcp"
    # NATS refuses a client id with a ".", and two clients of one id would throw each other out.
    client = Client(CallbackAPIVersion.VERSION2, client_id=f"cityos-client-{uuid.uuid4().hex}", transport=transport)
    if parts.scheme.startswith("ws"):
        client.ws_set_options(path=parts.path or "/mqtt")
    if parts.scheme in ("mqtts", "wss"):
        client.tls_set()
    if parts.username is not None:
        client.username_pw_set(unquote(parts.username), unquote(parts.password or ""))
    client.reconnect_delay_set(*_RECONNECT_S)
    client.connect_async(parts.hostname, parts.port or _PORTS[parts.scheme], keepalive=_KEEPALIVE_S)
    return client
