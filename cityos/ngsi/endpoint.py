"""Where notifications go (clauses 5.2.15, 5.2.22, 7): an HTTP address, or a topic of an MQTT broker."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from cityos.ngsi.error import BadRequestData
from cityos.ngsi.value import Json, JsonObject

ACCEPTS = ("application/json", "application/ld+json", "application/geo+json")
_HEADER = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+\Z")
# The transport's own; a subscriber who could set them could speak to somebody else over our connection.
_RESERVED = frozenset(
    ("host", "content-length", "content-type", "transfer-encoding", "connection", "upgrade", "te", "trailer")
)
_LONGEST_URI = 4_096
_MOST_PAIRS = 50
_LONGEST_TIMEOUT_MS = 60_000
_LONGEST_COOLDOWN_MS = 86_400_000
MQTT_VERSIONS = {"mqtt3.1.1": 4, "mqtt5.0": 5}  # and the protocol level each has on the wire


@dataclass(frozen=True, slots=True)
class Endpoint:
    """`receiver_info` are headers for the receiver; `topic`, `qos` and `version` are of MQTT endpoints."""

    uri: str
    accept: str = "application/json"
    receiver_info: tuple[tuple[str, str], ...] = ()
    timeout_s: float | None = None
    cooldown_s: float = 0.0
    topic: str = ""
    qos: int = 0
    version: int = 5

    @property
    def is_mqtt(self) -> bool:
        """Whether it is a topic of an MQTT broker."""
        return bool(self.topic)

    @property
    def queue_key(self) -> str:
        """Notifications of one key are sent one after the other."""
        return self.uri


def parse_endpoint(said: JsonObject) -> Endpoint:
    """The endpoint of a subscription. Raises BadRequestData."""
    uri = said.get("uri")
    if not isinstance(uri, str) or len(uri) > _LONGEST_URI:
        raise BadRequestData("notification.endpoint.uri is missing or not an address")
    topic = _topic(uri)
    accept = said.get("accept", ACCEPTS[0])
    if accept not in ACCEPTS:
        raise BadRequestData(f"notification.endpoint.accept is none of {', '.join(ACCEPTS)}")
    receiver = _pairs(said, "receiverInfo")
    notifier = dict(_pairs(said, "notifierInfo"))
    if not topic:
        _check_headers(receiver)
    return Endpoint(
        uri,
        accept,
        receiver,
        _milliseconds(said, "timeout", _LONGEST_TIMEOUT_MS) or None,
        _milliseconds(said, "cooldown", _LONGEST_COOLDOWN_MS),
        topic,
        _chosen(notifier, "MQTT-QoS", {"0": 0, "1": 1, "2": 2}, 0),
        _chosen(notifier, "MQTT-Version", MQTT_VERSIONS, MQTT_VERSIONS["mqtt5.0"]),
    )


def _topic(uri: str) -> str:
    """The MQTT topic an address names; "" for an HTTP address. Raises BadRequestData."""
    try:
        parts = urlsplit(uri)
        _ = parts.port
    except ValueError as error:
        raise BadRequestData(f"notification.endpoint.uri {uri[:80]!r} is not an address: {error}") from None
    if parts.scheme not in ("http", "https", "mqtt", "mqtts") or not parts.hostname:
        raise BadRequestData(f"notification.endpoint.uri {uri[:80]!r} is not an address of http, https, mqtt or mqtts")
    if parts.scheme in ("http", "https"):
        return ""
    topic = unquote(parts.path.removeprefix("/"))
    if not topic or {"+", "#", "\x00"} & set(topic) or len(topic.encode()) > 65_535:
        raise BadRequestData(f"notification.endpoint.uri {uri[:80]!r} has no topic to publish to behind its host")
    return topic


def _pairs(said: JsonObject, member: str) -> tuple[tuple[str, str], ...]:
    pairs = said.get(member, [])
    if not isinstance(pairs, list) or len(pairs) > _MOST_PAIRS:
        raise BadRequestData(f"notification.endpoint.{member} is not a list of at most {_MOST_PAIRS} pairs")
    return tuple(_pair(pair, f"notification.endpoint.{member}[{n}]") for n, pair in enumerate(pairs))


def _pair(pair: Json, where: str) -> tuple[str, str]:
    key, value = (pair.get("key"), pair.get("value")) if isinstance(pair, dict) else (None, None)
    if not isinstance(key, str) or not isinstance(value, str):
        raise BadRequestData(f"{where} is not a pair of key and value, both text")
    return key, value


def _check_headers(pairs: tuple[tuple[str, str], ...]) -> None:
    for key, value in pairs:
        if not _HEADER.match(key) or key.lower() in _RESERVED:
            raise BadRequestData(f"notification.endpoint.receiverInfo {key[:40]!r} is not a header that can be sent")
        if any(ord(sign) < 32 or ord(sign) == 127 for sign in value):
            raise BadRequestData(f"notification.endpoint.receiverInfo {key[:40]!r} has a value with control characters")


def _chosen(info: dict[str, str], key: str, choice: dict[str, int], default: int) -> int:
    said = info.get(key)
    if said is None:
        return default
    if said not in choice:
        raise BadRequestData(f"notifierInfo {key} is {said[:40]!r}; it is one of {', '.join(choice)}")
    return choice[said]


def _milliseconds(said: JsonObject, member: str, most: int) -> float:
    """In seconds; 0 where not said."""
    value = said.get(member, 0)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:
        raise BadRequestData(f"notification.endpoint.{member} is not a number of milliseconds up to {most}")
    return value / 1000
