"""docs/asyncapi.yaml against the bus: every topic and payload that the publisher sends is described, and no other."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import httpx
import yaml

from cityos.bus.contract import Message
from cityos.bus.memory import MemoryBus
from cityos.bus.topic import entity_topic, head_topic, push_topic
from cityos.hub import Plan, open_hub
from tests.docs.story import ROOT

API: dict[str, Any] = yaml.safe_load((ROOT / "docs/asyncapi.yaml").read_text())
MESSAGES: dict[str, Any] = API["components"]["messages"]
TYPES = {"string": str, "integer": int, "array": list, "object": dict}


def address(channel: str, **parts: str) -> str:
    return re.sub(r"\{(\w+)\}", lambda found: parts[found[1]], API["channels"][channel]["address"])


def assert_described(payload: dict[str, Any], message: str) -> None:
    """Checks what this document uses of JSON Schema: members, their types, enumerations."""
    schema = MESSAGES[message]["payload"]
    assert payload.keys() == set(schema["required"]) == schema["properties"].keys()
    for name, value in payload.items():
        said = schema["properties"][name]
        assert isinstance(value, TYPES[said["type"]]), name
        assert value in said.get("enum", [value])
        assert value == said.get("const", value)
        assert not isinstance(value, list) or len(value) <= said.get("maxItems", 99)


def test_the_addresses_are_the_grammar_of_the_bus() -> None:
    assert address("entity", tenant="t", type="Zone", id="1") == entity_topic("t", "Zone", "1")
    assert address("head", tenant="t") == head_topic("t")
    assert address("push", tenant="t", feed="f") == push_topic("t", "f")


async def test_what_is_sent_is_described(tmp_path: Path) -> None:
    bus = MemoryBus()
    heard: list[Message] = []
    await bus.start()
    await bus.subscribe("#", heard.append)
    async with open_hub(Plan(tmp_path, bus=bus)) as hub:
        transport = httpx.ASGITransport(hub.app())
        async with httpx.AsyncClient(transport=transport, base_url="http://hub.localhost") as client:
            entity = {"id": "urn:ngsi-ld:Zone:1", "type": "Zone", "depth": 1}
            await client.post("/ngsi-ld/v1/entities", json=entity)
            await until(lambda: any(message.topic.endswith("/head") for message in heard))
            await client.delete("/ngsi-ld/v1/entities/urn:ngsi-ld:Zone:1")
            await until(lambda: any(not message.payload for message in heard))
    topic = entity_topic("default", "Zone", "urn:ngsi-ld:Zone:1")
    state, tombstone, cleared = [message.payload for message in heard if message.topic == topic]
    assert_described(json.loads(state), "state")
    assert_described(json.loads(tombstone), "tombstone")
    assert len(cleared) == MESSAGES["cleared"]["payload"]["maxLength"]
    heads = [message.payload for message in heard if message.topic == head_topic("default")]
    assert_described(json.loads(heads[0]), "head")
    assert {message.topic for message in heard} == {topic, head_topic("default")}


async def until(holds: Any) -> None:
    async with asyncio.timeout(10):
        while not holds():
            await asyncio.sleep(0.02)
