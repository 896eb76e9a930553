"""Watching entities: their present state, then each new state. Read from the entities, whenever the feed names one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Iterator
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from typing import TypeVar
from urllib.parse import quote

from cityos.client.change import Change, Resync
from cityos.client.contact import Contact, Patience
from cityos.client.error import CityUnavailable
from cityos.client.follow import Follower
from cityos.ngsi.entity import Entity

_LONGEST_QUERY = 6000  # characters of ids in one request; servers refuse URLs from 8 KB on

ReadAll = Callable[[], Awaitable[list[Entity]]]
ReadSome = Callable[[tuple[str, ...]], Awaitable[list[Entity]]]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class State:
    """The present state of an entity; None: it was deleted."""

    entity_id: str
    entity: Entity | None

    @property
    def deleted(self) -> bool:
        """Whether the entity is gone."""
        return self.entity is None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All entities there are, and those known before that are gone."""

    states: tuple[State, ...]


class Watcher:
    """Turns what a follower tells into states, by reading what it names."""

    def __init__(self, follower: Follower, read_all: ReadAll, read_some: ReadSome, contact: Contact) -> None:
        self._follower, self._contact = follower, contact
        self._read_all, self._read_some = read_all, read_some
        self._known: set[str] = set()

    async def news(self) -> AsyncGenerator[Snapshot | tuple[State, ...]]:
        """A snapshot first, then the states that changed; a snapshot again where changes were missed."""
        async with aclosing(self._follower.batches()) as batches:
            async for batch in batches:
                if isinstance(batch, Resync):
                    yield await self._snapshot()
                else:
                    yield await self._changed(batch)

    async def _snapshot(self) -> Snapshot:
        entities = await self._patiently(self._read_all)
        gone = self._known.difference(entity.id for entity in entities)
        return Snapshot(self._note((*_states(entities), *(State(entity_id, None) for entity_id in sorted(gone)))))

    async def _changed(self, changes: Iterable[Change]) -> tuple[State, ...]:
        states: list[State] = []
        # The state is read once for all changes of an entity: what lies between is over already.
        for ids in _portions(dict.fromkeys(change.entity_id for change in changes)):
            found = {entity.id: entity for entity in await self._patiently(partial(self._read_some, ids))}
            states += (State(entity_id, found.get(entity_id)) for entity_id in ids)
        return self._note(tuple(states))

    def _note(self, states: tuple[State, ...]) -> tuple[State, ...]:
        self._known.difference_update(state.entity_id for state in states if state.deleted)
        self._known.update(state.entity_id for state in states if not state.deleted)
        return states

    async def _patiently(self, read: Callable[[], Awaitable[T]]) -> T:
        patience = Patience()
        while True:
            try:
                result = await read()
            except CityUnavailable as error:
                self._contact.lost(error)
                await asyncio.sleep(patience.pause_s())
            else:
                self._contact.good()
                return result


def _states(entities: Iterable[Entity]) -> Iterator[State]:
    return (State(entity.id, entity) for entity in entities)


def _portions(ids: Iterable[str]) -> Iterator[tuple[str, ...]]:
    """Ids in portions that fit into one request; an id with a comma, which parts ids there, goes alone."""
    portion: list[str] = []
    length = 0
    for entity_id in ids:
        if "," in entity_id:
            yield (entity_id,)
            continue
        size = len(quote(entity_id)) + 1
        if portion and length + size > _LONGEST_QUERY:
            yield tuple(portion)
            portion, length = [], 0
        portion.append(entity_id)
        length += size
    if portion:
        yield tuple(portion)
