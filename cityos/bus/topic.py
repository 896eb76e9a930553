"""The grammar of topics: pure functions from a tenant, a type and an entity id to a topic and back.

An entity has the topic `cityos/<tenant>/<Type>/<id>`; `cityos/<tenant>/head` tells the highest published seq. A level
is percent-encoded (as UTF-8 bytes) only where MQTT or a broker would trip over it; Japanese stays readable.
What is sent to a feed comes on `cityos-push/<tenant>/<feed>[/<document>]`, beside the tree that anybody may read.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

ROOT = "cityos"
PUSH_ROOT = "cityos-push"
MAX_TOPIC_BYTES = 65_535
"""MQTT writes the length of a topic in two bytes."""

# / + # are MQTT's own, % is the escape. NATS turns a topic into a subject: "." separates there, and a level that is
# just "*" or ">" is a wildcard whose retained message is acknowledged and then lost (measured on 2.15.1). Mosquitto
# drops a client that sends control characters or Unicode's noncharacters (the last two of each plane, FDD0 to FDEF).
_NONCHARACTERS = "\ufdd0-\ufdef" + "".join(
    f"{chr(plane << 16 | 0xFFFE)}-{chr(plane << 16 | 0xFFFF)}" for plane in range(17)
)
_UNSAFE = re.compile(rf"[%/+#.*>\s\x00-\x1f\x7f-\x9f{_NONCHARACTERS}\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class EntityTopic:
    """What an entity's topic says."""

    tenant: str
    type_name: str
    entity_id: str


@dataclass(frozen=True, slots=True)
class PushTopic:
    """What the topic of a pushed document says; `document` is "" where it is not named."""

    tenant: str
    feed: str
    document: str = ""


def entity_topic(tenant: str, type_name: str, entity_id: str) -> str:
    """Return `cityos/<tenant>/<Type>/<id>`.

    Raises ValueError for an empty part, for a lone surrogate, and for a topic longer than 65,535 bytes.
    """
    return _join(*map(_encode, (tenant, type_name, entity_id)))


def head_topic(tenant: str) -> str:
    """Return `cityos/<tenant>/head`: one level shorter than an entity's topic, so a type named "head" is no danger."""
    return _join(_encode(tenant), "head")


def tenant_filter(tenant: str) -> str:
    """Return the filter for everything of one tenant, its head included."""
    return _join(_encode(tenant), "#")


def type_filter(tenant: str, type_name: str) -> str:
    """Return the filter for the entities of one type."""
    return _join(_encode(tenant), _encode(type_name), "+")


def parse_entity_topic(topic: str) -> EntityTopic | None:
    """The exact inverse of `entity_topic`: None for everything that it would not have written."""
    levels = topic.split("/")
    if len(levels) != 4 or levels[0] != ROOT:
        return None
    parts = [_decode(level) for level in levels[1:]]
    tenant, type_name, entity_id = parts
    if tenant is None or type_name is None or entity_id is None:
        return None
    return EntityTopic(tenant, type_name, entity_id)


def parse_head_topic(topic: str) -> str | None:
    """Return the tenant whose head topic this is, else None."""
    levels = topic.split("/")
    if len(levels) != 3 or levels[0] != ROOT or levels[2] != "head":
        return None
    return _decode(levels[1])


def push_topic(tenant: str, feed: str) -> str:
    """Return `cityos-push/<tenant>/<feed>`: where a feed's documents are sent, or below it under their names."""
    return "/".join((PUSH_ROOT, _encode(tenant), _encode(feed)))


def push_filter(tenant: str) -> str:
    """Return the filter for everything that is sent to a tenant's feeds."""
    return f"{PUSH_ROOT}/{_encode(tenant)}/#"


def parse_push_topic(topic: str) -> PushTopic | None:
    """Read the topic of a pushed document; None for every other topic."""
    root, *levels = topic.split("/")
    parts = [part for level in levels if (part := _decode(level)) is not None]
    return PushTopic(*parts) if root == PUSH_ROOT and len(parts) == len(levels) in (2, 3) else None


def _join(*levels: str) -> str:
    topic = "/".join((ROOT, *levels))
    if len(topic) * 4 > MAX_TOPIC_BYTES and len(topic.encode()) > MAX_TOPIC_BYTES:
        raise ValueError(f"Topic {topic[:60]}... is longer than the {MAX_TOPIC_BYTES} bytes that MQTT allows")
    return topic


def _encode(part: str) -> str:
    if not part:
        raise ValueError("Topic level is empty")
    return _UNSAFE.sub(_escape, part)


def _escape(unsafe: re.Match[str]) -> str:
    try:
        return "".join(f"%{byte:02X}" for byte in unsafe[0].encode())
    except UnicodeEncodeError as error:
        raise ValueError(f"Topic level has the lone surrogate {unsafe[0]!r}") from error


def _decode(level: str) -> str | None:
    try:
        part = unquote_to_bytes(level).decode()
        # Writing it again refuses the spellings that _encode never makes (%41, %zz, lower-case hex, a bare "+").
        return part if _encode(part) == level else None
    except ValueError:
        return None
