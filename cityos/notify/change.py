"""Changes as subscriptions meet them: each with the state it led to, even where the entity has moved on since.

The feed holds what changed, the store the newest state; the states between are found by taking changes back.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import cast

import orjson

from cityos.ngsi.instant import format_instant
from cityos.ngsi.value import JsonObject
from cityos.store.reading import Reader
from cityos.store.record import ChangeItem, Op

# Pages of later changes looked through for entities that moved on; a hub that is further behind tells newer states.
_MOST_LATER_PAGES = 20


@dataclass(frozen=True, slots=True)
class AttributeChange:
    """One attribute instance before and after, in canonical JSON; None where there is none."""

    name: str
    dataset: str
    before: JsonObject | None
    after: JsonObject | None

    @property
    def trigger(self) -> str:
        """The notification trigger it pulls."""
        if self.before is None:
            return "attributeCreated"
        return "attributeDeleted" if self.after is None else "attributeUpdated"


@dataclass(frozen=True, slots=True)
class Change:
    """`entity` is its canonical JSON after the change; where it ended, before."""

    seq: int
    at: datetime
    op: Op
    entity: JsonObject
    attributes: tuple[AttributeChange, ...]

    @property
    def id(self) -> str:
        """The entity's id."""
        return cast(str, self.entity["id"])

    @property
    def types(self) -> list[str]:
        """The entity's type IRIs."""
        return cast(list[str], self.entity["type"])


@dataclass(frozen=True, slots=True)
class Portion:
    """Changes after a cursor, in order; `next` goes on, `head` is the newest seq."""

    changes: tuple[Change, ...]
    next: int
    head: int


def read_portion(reader: Reader, tenant: str, after: int, limit: int, types: frozenset[str]) -> Portion:
    """Reads changes of entities of these types (empty: of all). Runs in a reader thread. Raises CursorGone."""
    page = reader.changes(tenant, after, types=types, limit=limit)
    found = reader.find_many(tenant, {item.entity_id for item in page.items})
    states = {
        entity_id: (stored.seq, cast(JsonObject, orjson.loads(stored.content))) for entity_id, stored in found.items()
    }
    newest = {item.entity_id: item for item in page.items}
    moved = frozenset(one.entity_id for one in newest.values() if _has_moved_on(one, states.get(one.entity_id)))
    later = list(_later(reader, tenant, page.next, moved)) if moved and page.next < page.head else []
    of_entity: dict[str, list[ChangeItem]] = {}
    for item in (*page.items, *later):
        of_entity.setdefault(item.entity_id, []).append(item)
    changes = [
        change
        for entity_id, items in of_entity.items()
        for change in _unrolled(items, states[entity_id][1] if entity_id in states else None)
        if change.seq <= page.next
    ]
    changes.sort(key=lambda change: change.seq)
    return Portion(tuple(changes), page.next, page.head)


def _has_moved_on(newest: ChangeItem, state: tuple[int, JsonObject] | None) -> bool:
    return newest.op != "delete" if state is None else state[0] != newest.seq


def _later(reader: Reader, tenant: str, after: int, ids: frozenset[str]) -> Iterator[ChangeItem]:
    for _ in range(_MOST_LATER_PAGES):
        page = reader.changes(tenant, after, ids=ids, limit=1_000_000)
        yield from page.items
        after = page.next
        if after >= page.head:
            return


def _unrolled(items: list[ChangeItem], state: JsonObject | None) -> Iterator[Change]:
    """The changes of one entity, newest first, each with its state, from the newest state backwards.

    Where a state cannot be known (an entity that is gone, and its end not met), its changes are told by what the feed
    says of them.
    """
    for item in reversed(items):
        attributes = tuple(_attribute_changes(item))
        if item.op == "delete":
            state = _before_end(item, attributes)
            yield Change(item.seq, item.at, item.op, state, attributes)
            continue
        state = _as_of(item, state) if state is not None else _known_of(item, attributes)
        yield Change(item.seq, item.at, item.op, state, attributes)
        state = None if item.op == "create" else _taken_back(state, attributes)


def _attribute_changes(item: ChangeItem) -> Iterator[AttributeChange]:
    for told in orjson.loads(item.body):
        yield AttributeChange(told["attribute"], told["dataset"], told["before"], told["after"])


def _as_of(item: ChangeItem, state: JsonObject) -> JsonObject:
    at = format_instant(item.at)
    if state.get("modifiedAt") == at and state["type"] == list(item.types):
        return state
    return {**state, "type": list(item.types), "modifiedAt": at}


def _before_end(item: ChangeItem, attributes: Iterable[AttributeChange]) -> JsonObject:
    """What the feed tells of an entity that ended. It does not tell its scopes and times; those come from its parts."""
    state: JsonObject = {"id": item.entity_id, "type": list(item.types)}
    gone = [(one.name, one.before) for one in attributes if one.before is not None]
    for member, pick in (("createdAt", min), ("modifiedAt", max)):
        times = [cast(str, before[member]) for _, before in gone if member in before]
        state[member] = pick(times) if times else format_instant(item.at)
    for name, before in gone:
        cast(list[JsonObject], state.setdefault(name, [])).append(before)
    return state


def _known_of(item: ChangeItem, attributes: Iterable[AttributeChange]) -> JsonObject:
    state: JsonObject = {"id": item.entity_id, "type": list(item.types), "modifiedAt": format_instant(item.at)}
    for one in attributes:
        if one.after is not None:
            cast(list[JsonObject], state.setdefault(one.name, [])).append(one.after)
    return state


def _taken_back(state: JsonObject, attributes: Iterable[AttributeChange]) -> JsonObject:
    before = dict(state)
    for one in attributes:
        others = [
            other
            for other in cast(list[JsonObject], before.get(one.name, []))
            if other.get("datasetId", "") != one.dataset
        ]
        if one.before is not None:
            others.append(one.before)
        if others:
            before[one.name] = cast("list[object]", others)  # type: ignore[assignment]
        else:
            before.pop(one.name, None)
    return before
