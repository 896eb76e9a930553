"""How a change is told: the item of the change feed, and the message on the bus."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import orjson

from cityos.ngsi.context import Context
from cityos.ngsi.instant import format_instant
from cityos.ngsi.representation import View, compile_view, represent_instance
from cityos.ngsi.value import Json, JsonObject
from cityos.store.record import ChangeItem, Stored

Show = Callable[[JsonObject], JsonObject]


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


def show_states(context: Context) -> Show:
    """How an entity is shown on the bus."""
    return compile_view(View(context, "concise"))


def state_message(epoch: str, stored: Stored, item: ChangeItem | None, context: Context, show: Show) -> bytes:
    """The retained payload of an entity's topic. `item` is the change that made this state, where it is still kept.

    `show` is `show_states` of the context, settled once for all messages.
    """
    entity = cast(JsonObject, orjson.loads(stored.content))
    told: JsonObject = {
        "epoch": epoch,
        "seq": stored.seq,
        "prev": item.prev if item else 0,
        "event": item.event if item else "",
        "op": item.op if item else "update",
        "changed": [] if item is None else [context.compact(name) for name in _changed_names(item, entity)],
        "entity": show(entity),
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


def _changed_names(item: ChangeItem, entity: JsonObject) -> list[str]:
    if item.op == "create":  # everything: no need to read the change as well
        return [member for member in entity if ":" in member]
    return list(dict.fromkeys(cast(str, told["attribute"]) for told in orjson.loads(item.body)))
