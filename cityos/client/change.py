"""Changes as the feed tells them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from cityos.client.answer import find_text, instant, objects, text, texts, whole
from cityos.client.cursor import Cursor
from cityos.ngsi.value import Json, JsonObject


@dataclass(frozen=True, slots=True)
class AttributeChange:
    """One attribute that changed, in concise form: `value` after (None: it is gone), `previous` before (None: new).

    `dataset` is "" for the default instance.
    """

    attribute: str
    dataset: str
    value: Json
    previous: Json


@dataclass(frozen=True, slots=True)
class Change:
    """One change of one entity. `cursor` is the place to go on from once it has been dealt with.

    `previous_seq` is the seq of the entity's change before this one (0 or None: there is none); `operation` is
    `create`, `update` or `delete`; `types` are short names; `at` is when the hub wrote it, in city time.
    """

    cursor: Cursor
    previous_seq: int | None
    event: str
    entity_id: str
    types: tuple[str, ...]
    operation: str
    at: datetime
    attributes: tuple[AttributeChange, ...]


@dataclass(frozen=True, slots=True)
class Resync:
    """What is known must be read again: the changes that were told do not lead to the present state.

    Read the entities after receiving this; the changes that follow lead on from there (some of them may already be
    in what was read). `missed` is False when following began without a cursor and nothing was lost.
    """

    cursor: Cursor
    missed: bool


@dataclass(frozen=True, slots=True)
class ChangePage:
    """One answer of the feed: `next` is the cursor to go on with, `head` the newest seq there is."""

    items: tuple[Change, ...]
    next: Cursor
    head: int


def change_from_json(told: JsonObject, epoch: str) -> Change:
    """Reads one item of the feed."""
    return Change(
        cursor=Cursor(epoch, whole(told, "seq")),
        previous_seq=None if told.get("prev") is None else whole(told, "prev"),
        event=text(told, "event"),
        entity_id=text(told, "id"),
        types=texts(told, "types"),
        operation=text(told, "op"),
        at=instant(told, "at"),
        attributes=tuple(
            AttributeChange(
                text(one, "attribute"), find_text(one, "datasetId") or "", one.get("value"), one.get("previous")
            )
            for one in objects(told, "changes")
        ),
    )


def page_from_json(told: JsonObject) -> ChangePage:
    """Reads one answer of the feed."""
    epoch = text(told, "epoch")
    return ChangePage(
        items=tuple(change_from_json(item, epoch) for item in objects(told, "items")),
        next=Cursor(epoch, whole(told, "next")),
        head=whole(told, "head"),
    )
