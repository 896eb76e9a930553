"""Which change concerns which subscription (clauses 5.2.12, 5.8.6): an index first, then every condition in full.

Subscriptions lie by type and watched attribute; within these, those with a `q` lie under what it needs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import cast

from cityos.ngsi.q import hops_of
from cityos.ngsi.q_index import ConditionIndex
from cityos.ngsi.q_match import Find, Test, compile_condition
from cityos.ngsi.subscription import Subscription
from cityos.ngsi.value import JsonObject
from cityos.notify.change import Change
from cityos.notify.notification import Words, shape_of

_ANY = ""  # any type, any attribute: no IRI is empty
_ENTITY_TRIGGERS = {"create": "entityCreated", "update": "entityUpdated", "delete": "entityDeleted"}


@dataclass(slots=True, eq=False)
class Watcher:
    """A subscription, the words it is told in, and the seq after which it is told.

    `asks_linked` is True where `q` goes through linked entities: those only a reader of the store can find.
    """

    subscription: Subscription
    words: Words
    since: int = 0
    asks_linked: bool = field(init=False)
    shape: tuple[object, ...] = field(init=False)
    _selectors: tuple[Test, ...] = field(init=False)

    def __post_init__(self) -> None:
        q = self.subscription.q
        self.asks_linked = q is not None and hops_of(q) > 0
        self._selectors = tuple(one.compiled() for one in self.subscription.selectors)
        self.shape = shape_of(self.subscription, self.words)

    @property
    def id(self) -> str:
        """The subscription's id."""
        return self.subscription.id

    def is_triggered(self, change: Change) -> bool:
        """Whether a change is one of those to be told, of an entity and attributes subscribed to."""
        wanted = self.subscription
        if change.seq <= self.since or wanted.interval_s or not self.selects(change.entity):
            return False
        watched = [one for one in change.attributes if not wanted.watched or one.name in wanted.watched]
        if wanted.watched and not watched:
            return False
        if _ENTITY_TRIGGERS[change.op] in wanted.triggers:
            return True
        return any(one.trigger in wanted.triggers for one in watched)

    def selects(self, entity: JsonObject) -> bool:
        """Whether an entity in canonical JSON is subscribed to by its id and types."""
        return not self._selectors or any(test(entity) for test in self._selectors)

    def accepts_place(self, entity: JsonObject) -> bool:
        """Whether an entity in canonical JSON fulfils geoQ and scopeQ."""
        scope, place = self.subscription.scope, self.subscription.place
        if scope is not None and not scope.matches(cast(list[str], entity.get("scope", []))):
            return False
        return place is None or place.matches_entity(entity)

    def fulfils_q(self, entity: JsonObject, find: Find) -> bool:
        """Whether an entity fulfils q. `find` answers linked entities."""
        q = self.subscription.q
        return q is None or compile_condition(q, find)(entity)


class Watchers:
    """The subscriptions of one tenant, indexed."""

    def __init__(self) -> None:
        self._all: dict[str, Watcher] = {}
        self._groups: dict[tuple[str, str], _Group] = {}
        self._timed: dict[str, Watcher] = {}
        self._types: dict[str, int] = {}  # how many subscriptions name a type; _ANY those that name none

    def __len__(self) -> int:
        return len(self._all)

    def __iter__(self) -> Iterator[Watcher]:
        return iter(list(self._all.values()))

    def put(self, watcher: Watcher) -> None:
        """Adds a subscription, in place of one of the same id."""
        self.drop(watcher.id)
        self._all[watcher.id] = watcher
        if watcher.subscription.interval_s:
            self._timed[watcher.id] = watcher
            return
        for key in _places(watcher.subscription):
            self._groups.setdefault(key, _Group()).put(watcher)
        for name in _type_names(watcher.subscription):
            self._types[name] = self._types.get(name, 0) + 1

    def drop(self, subscription_id: str) -> None:
        """Takes a subscription out, if it is there."""
        watcher = self._all.pop(subscription_id, None)
        if watcher is None or self._timed.pop(subscription_id, None) is not None:
            return
        for key in _places(watcher.subscription):
            group = self._groups[key]
            group.drop(watcher)
            if not group:
                del self._groups[key]
        for name in _type_names(watcher.subscription):
            self._types[name] -= 1
            if not self._types[name]:
                del self._types[name]

    def find(self, subscription_id: str) -> Watcher | None:
        """The subscription, if it is there."""
        return self._all.get(subscription_id)

    def timed(self) -> list[Watcher]:
        """The subscriptions that are told at intervals."""
        return list(self._timed.values())

    def types(self) -> frozenset[str]:
        """The only types whose changes can concern anybody; empty where every type's can."""
        return frozenset() if _ANY in self._types else frozenset(self._types)

    def concerned(self, change: Change) -> Iterator[Watcher]:
        """The subscriptions that a change is to be told to; of those that ask linked entities, all it may be.

        What is put or dropped while it goes on changes nothing.
        """
        found: dict[str, Watcher] = {}
        attributes = {one.name for one in change.attributes} | {_ANY}
        for type_iri in (*change.types, _ANY):
            for attribute in attributes:
                group = self._groups.get((type_iri, attribute))
                if group is not None:
                    found.update(group.candidates(change.entity))
        return (one for one in found.values() if one.is_triggered(change) and one.accepts_place(change.entity))


def _type_names(subscription: Subscription) -> set[str]:
    """One type of every alternative: what a matching entity has for certain; _ANY where it need have none."""
    if not subscription.selectors:
        return {_ANY}
    return {
        min(alternative, default=_ANY)
        for selector in subscription.selectors
        for alternative in (selector.types.any_of if selector.types else [frozenset[str]()])
    }


def _places(subscription: Subscription) -> list[tuple[str, str]]:
    attributes = subscription.watched or {_ANY}
    return [(name, attribute) for name in _type_names(subscription) for attribute in attributes]


class _Group:
    """Subscriptions of one type and watched attribute."""

    def __init__(self) -> None:
        self._plain: dict[str, Watcher] = {}
        self._asking: dict[str, Watcher] = {}
        self._index: ConditionIndex[str] = ConditionIndex()

    def __bool__(self) -> bool:
        return bool(self._plain or self._asking)

    def put(self, watcher: Watcher) -> None:
        q = watcher.subscription.q
        if q is None or watcher.asks_linked:
            self._plain[watcher.id] = watcher
        else:
            self._asking[watcher.id] = watcher
            self._index.add(watcher.id, q)

    def drop(self, watcher: Watcher) -> None:
        self._plain.pop(watcher.id, None)
        if self._asking.pop(watcher.id, None) is not None:
            self._index.discard(watcher.id)

    def candidates(self, entity: JsonObject) -> Iterator[tuple[str, Watcher]]:
        yield from self._plain.items()
        for subscription_id in self._index.matching(entity):
            yield subscription_id, self._asking[subscription_id]
