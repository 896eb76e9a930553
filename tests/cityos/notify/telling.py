"""Subscriptions and changes to try the notify room with."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, cast

from cityos.ngsi.context import CORE, DEFAULT_VOCABULARY
from cityos.ngsi.core_context import CORE_ADDRESS
from cityos.ngsi.subscription import Subscription, expand_subscription, parse_subscription
from cityos.ngsi.value import Json, JsonObject
from cityos.notify.change import AttributeChange, Change
from cityos.notify.matching import Watcher
from cityos.notify.notification import Words

AT = datetime(2026, 1, 15, 8, tzinfo=UTC)
WORDS = Words(CORE, CORE_ADDRESS, CORE_ADDRESS)


def iri(name: str) -> str:
    return DEFAULT_VOCABULARY + name


def subscription(local: str = "1", uri: str = "http://127.0.0.1/", **members: Any) -> Subscription:
    """A subscription to buses; `notification` is merged with an endpoint."""
    params = {"endpoint": {"uri": uri}, **members.pop("notification", {})}
    said: JsonObject = {
        "id": f"urn:ngsi-ld:Subscription:{local}",
        "type": "Subscription",
        "entities": [{"type": "Bus"}],
        "notification": params,
        **members,
    }
    return parse_subscription(*expand_subscription(said, CORE))


def watcher(local: str = "1", **members: Any) -> Watcher:
    return Watcher(subscription(local, **members), WORDS)


def one(value: Json, kind: str = "Property", **members: Json) -> JsonObject:
    """An instance in canonical JSON."""
    member = {"LanguageProperty": "languageMap", "Relationship": "object", "VocabProperty": "vocab"}.get(kind, "value")
    return {"type": kind, member: value, **members}


def bus(local: str = "1", **attributes: JsonObject) -> JsonObject:
    """A bus in canonical JSON."""
    told: JsonObject = {"id": f"urn:b:{local}", "type": [iri("Bus")]}
    return told | {iri(name): [instance] for name, instance in attributes.items()}


def update(entity: JsonObject, name: str, before: JsonObject | None, after: JsonObject | None, seq: int = 1) -> Change:
    """One attribute of an entity changes."""
    dataset = str((before or after or {}).get("datasetId", ""))
    return Change(seq, AT, "update", entity, (AttributeChange(iri(name), dataset, before, after),))


def creation(entity: JsonObject, seq: int = 1) -> Change:
    return Change(seq, AT, "create", entity, tuple(_all(entity, created=True)))


def end(entity: JsonObject, seq: int = 1) -> Change:
    return Change(seq, AT, "delete", entity, tuple(_all(entity, created=False)))


def _all(entity: JsonObject, *, created: bool) -> list[AttributeChange]:
    return [
        AttributeChange(name, one.get("datasetId", ""), None if created else one, one if created else None)
        for name, instances in entity.items()
        if ":" in name
        for one in cast(list[dict[str, Any]], instances)
    ]
