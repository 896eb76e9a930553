"""How a change is told: the item of the change feed, and the message on the bus."""

from __future__ import annotations

from typing import cast

import orjson

from cityos.ngsi.context import Context
from cityos.ngsi.instant import format_instant
from cityos.ngsi.representation import View, represent_canonical, represent_instance
from cityos.ngsi.value import Json, JsonObject
from cityos.store.record import ChangeItem, Stored


def change_to_json(item: ChangeItem, context: Context) -> JsonObject:
    """An item of `GET /changes`: attributes changed with new and previous value, in concise form."""
    return {
        "seq": item.seq,
        "prev": item.prev,
        "event": item.event,
        "id": item.entity_id,
        "types": [context.compact(iri) for iri in item.types],
        "op": item.op,
        "at": format_instant(item.at),
        "changes": [_attribute_change(told, context) for told in orjson.loads(item.body)],
    }


def _attribute_change(told: JsonObject, context: Context) -> Json:
    view = View(context, "concise")
    said: JsonObject = {"attribute": context.compact(cast(str, told["attribute"]))}
    if told["dataset"]:
        said["datasetId"] = told["dataset"]
    for key, member in (("value", "after"), ("previous", "before")):
        instance = told[member]
        if instance is not None:
            said[key] = represent_instance(cast(JsonObject, instance), view)
    return said


def state_message(epoch: str, stored: Stored, item: ChangeItem | None, context: Context) -> bytes:
    """The retained payload of an entity's topic. `item` is the change that made this state, where it is still kept."""
    told: JsonObject = {
        "epoch": epoch,
        "seq": stored.seq,
        "prev": item.prev if item else 0,
        "event": item.event if item else "",
        "op": item.op if item else "update",
        "changed": [] if item is None else [context.compact(name) for name in _changed_names(item)],
        "entity": represent_canonical(orjson.loads(stored.content), View(context, "concise")),
    }
    return orjson.dumps(told)


def tombstone(epoch: str, item: ChangeItem) -> bytes:
    """The payload that tells an entity's end, before its topic is cleared."""
    return orjson.dumps(
        {
            "epoch": epoch,
            "seq": item.seq,
            "prev": item.prev,
            "event": item.event,
            "op": "delete",
            "changed": [],
            "id": item.entity_id,
        }
    )


def head_message(epoch: str, seq: int, at: str) -> bytes:
    """The payload of the head topic: up to here everything has been published."""
    return orjson.dumps({"epoch": epoch, "seq": seq, "at": at})


def _changed_names(item: ChangeItem) -> list[str]:
    return list(dict.fromkeys(cast(str, told["attribute"]) for told in orjson.loads(item.body)))
