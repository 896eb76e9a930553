"""What subscriptions need of other entities: linked ones that `q` asks or a join shows. Runs in a reader thread."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import cast

import orjson

from cityos.ngsi.subscription import Subscription
from cityos.ngsi.value import JsonObject
from cityos.notify.change import Change
from cityos.notify.matching import Watcher
from cityos.notify.notification import links_wanted
from cityos.store.reading import Reader

Linked = Mapping[str, "JsonObject | None"]


@dataclass(frozen=True, slots=True)
class Pair:
    """A change and a subscription it is to be told to; `told` is what of it, `linked` the entities behind it by id."""

    change: Change
    watcher: Watcher
    told: JsonObject
    linked: Linked = field(default_factory=dict)

    @property
    def needs_linked(self) -> bool:
        """Whether other entities must be read for it."""
        return self.watcher.asks_linked or self.watcher.subscription.notification.join is not None


class Neighbours:
    """Entities as the store has them now, each read once."""

    def __init__(self, reader: Reader, tenant: str) -> None:
        self._reader = reader
        self._tenant = tenant
        self.known: dict[str, JsonObject | None] = {}

    def find(self, entity_id: str) -> JsonObject | None:
        """One entity in canonical JSON, if it is there."""
        self._fetch([entity_id])
        return self.known[entity_id]

    def of_join(self, entity: JsonObject, subscription: Subscription) -> Linked:
        """The entities that a subscription's join needs around an entity."""
        while ids := links_wanted(entity, subscription, self.known):
            self._fetch(ids)
        return self.known

    def _fetch(self, ids: Iterable[str]) -> None:
        missing = [one for one in ids if one not in self.known]
        if missing:
            found = self._reader.find_many(self._tenant, missing)
            for one in missing:
                self.known[one] = cast(JsonObject, orjson.loads(found[one].content)) if one in found else None


def with_linked(reader: Reader, tenant: str, pairs: Iterable[Pair]) -> list[Pair]:
    """The pairs with what they need; those whose `q` the linked entities do not fulfil are left out."""
    neighbours = Neighbours(reader, tenant)
    found: list[Pair] = []
    for pair in pairs:
        if pair.watcher.asks_linked and not pair.watcher.fulfils_q(pair.change.entity, neighbours.find):
            continue
        linked = neighbours.of_join(pair.told, pair.watcher.subscription)
        found.append(replace(pair, linked=linked))
    return found
