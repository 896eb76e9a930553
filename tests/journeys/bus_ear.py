"""An MQTT subscriber over plain paho: what the bus says live, and what it retains."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import orjson
from paho.mqtt.client import Client, ConnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

Told = dict[str, Any]


class BusEar:
    """Listens to everything of every tenant; connects again by itself."""

    def __init__(self, url: str, hear: Callable[[str, Told | None], None], qos: int = 0) -> None:
        """`hear` gets the topic and the payload (None: empty) of every message, in paho's thread."""
        self._hear, self._qos = hear, qos
        self.connected = threading.Event()
        self._client = Client(CallbackAPIVersion.VERSION2, client_id=f"ear-{uuid.uuid4().hex[:12]}")
        self._client.reconnect_delay_set(1, 1)
        self._client.on_connect = self._subscribe
        self._client.on_message = self._receive
        parts = urlsplit(url)
        assert parts.hostname
        assert parts.port
        self._client.connect_async(parts.hostname, parts.port, keepalive=15)

    def __enter__(self) -> BusEar:
        self._client.loop_start()
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _subscribe(
        self, client: Client, _: object, __: ConnectFlags, reason: ReasonCode, ___: Properties | None
    ) -> None:
        if not reason.is_failure:
            client.subscribe("cityos/#", self._qos)
            self.connected.set()

    def _receive(self, _: Client, __: object, message: MQTTMessage) -> None:
        self._hear(message.topic, orjson.loads(message.payload) if message.payload else None)
