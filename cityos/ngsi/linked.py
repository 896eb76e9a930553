"""Linked entity retrieval (clause 4.5.23): which entities a join needs, level by level; it fetches none itself.

    gathering = Gathering(join, entities, shown_of(view))
    while ids := gathering.wanted():
        gathering.add(await fetch(ids))

Then `compile_view(view, gathering.inline())` embeds them, or `gathering.flat()` lists them with their projections.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import cast

from cityos.ngsi.error import BadRequestData, TooComplexQuery
from cityos.ngsi.expansion import is_uri
from cityos.ngsi.projection import EVERYTHING, Projection
from cityos.ngsi.q import MAX_HOPS
from cityos.ngsi.q_match import object_ids
from cityos.ngsi.value import Json, JsonObject

MOST_LINKED = 10_000  # entities of one answer, and embeddings of them


@dataclass(frozen=True, slots=True)
class Join:
    """`form` is inline or flat; `level` how far relationships are followed; `contained_by` ids not to go back to."""

    form: str
    level: int = 1
    contained_by: frozenset[str] = frozenset()


def parse_join(join: Json, join_level: Json = None, contained_by: Json = None) -> Join | None:
    """The parameters join, joinLevel and containedBy, or those of a Query; None without join. Raises BadRequestData."""
    if join in (None, "", "@none"):
        if join_level not in (None, "") or contained_by not in (None, "", []):
            raise BadRequestData("joinLevel and containedBy need join=inline or join=flat")
        return None
    if join not in ("inline", "flat"):
        raise BadRequestData(f"join is {str(join)[:40]!r}; it is inline, flat or @none")
    return Join(str(join), _level(join_level), frozenset(_ids(contained_by)))


def _ids(said: Json) -> list[str]:
    parts = said.split(",") if isinstance(said, str) else said or []
    ids = [one for one in parts if isinstance(one, str) and is_uri(one)] if isinstance(parts, list) else []
    if said not in (None, "") and (not isinstance(parts, list) or len(ids) < len(parts)):
        raise BadRequestData("containedBy is not a list of URIs")
    return ids


def _level(said: Json) -> int:
    if said in (None, ""):
        return 1
    text = str(said) if isinstance(said, int | str) and not isinstance(said, bool) else ""
    if not (text.isascii() and text.isdigit() and len(text) <= 4 and 1 <= int(text) <= MAX_HOPS):
        raise BadRequestData(f"joinLevel is {str(said)[:40]!r}; it is a whole number from 1 to {MAX_HOPS}")
    return int(text)


@dataclass(frozen=True, slots=True)
class Inline:
    """What to embed: the linked entities by id, how many levels, and ids that are not embedded again."""

    entities: Mapping[str, JsonObject]
    level: int
    contained_by: frozenset[str] = frozenset()


class Gathering:
    """The linked entities of one answer. `projection` is what is shown of the entities themselves."""

    def __init__(self, join: Join, entities: Iterable[JsonObject], projection: Projection = EVERYTHING):
        self._join = join
        self._roots = list(entities)
        self._known: dict[str, JsonObject | None] = {cast(str, one["id"]): one for one in self._roots}
        self._level = 0
        self._frontier = [(one, projection) for one in self._roots]
        # Linked entities with what is shown of them, in the order they were come upon.
        self._linked: dict[str, Projection] = {}
        self._next = self._links()

    def wanted(self) -> frozenset[str]:
        """The ids to fetch next; none when all is there. Raises TooComplexQuery beyond MOST_LINKED entities."""
        while self._level < self._join.level and self._next:
            missing = frozenset(entity_id for entity_id, _ in self._next if entity_id not in self._known)
            if missing:
                if len(self._known) + len(missing) > MOST_LINKED:
                    raise TooComplexQuery(f"The join reaches more than {MOST_LINKED} entities; ask for fewer levels")
                return missing
            self._go_on()
        return frozenset()

    def add(self, entities: Iterable[JsonObject]) -> None:
        """Takes what was found of the ids wanted, in canonical JSON; the others do not exist."""
        missing = self.wanted()
        found = {cast(str, one["id"]): one for one in entities}
        self._known.update({entity_id: found.get(entity_id) for entity_id in missing})

    def inline(self) -> Inline:
        """What to embed while rendering."""
        found = {entity_id: one for entity_id, one in self._known.items() if one is not None}
        return Inline(found, self._join.level, self._join.contained_by)

    def flat(self) -> list[tuple[JsonObject, Projection]]:
        """The linked entities beside the entities themselves, each once, with what is to be shown of it."""
        return [(cast(JsonObject, self._known[entity_id]), shown) for entity_id, shown in self._linked.items()]

    def _go_on(self) -> None:
        roots = {cast(str, one["id"]) for one in self._roots}
        frontier: list[tuple[JsonObject, Projection]] = []
        for entity_id, shown in self._next:
            entity = self._known[entity_id]
            if entity is None:
                continue
            if entity_id not in roots:
                self._linked.setdefault(entity_id, shown)
            frontier.append((entity, shown))
        self._frontier = frontier
        self._level += 1
        self._next = self._links()

    def _links(self) -> list[tuple[str, Projection]]:
        """Where the entities reached last lead to; once for each id and projection."""
        found: dict[tuple[str, int], tuple[str, Projection]] = {}
        for entity, shown in self._frontier:
            for relationship, entity_id in links_of(entity, shown):
                if entity_id not in self._join.contained_by:
                    further = shown.of_linked(relationship)
                    found.setdefault((entity_id, id(further)), (entity_id, further))
        return list(found.values())


def links_of(entity: JsonObject, shown: Projection = EVERYTHING) -> Iterator[tuple[str, str]]:
    """The relationships of an entity that are shown: relationship IRI and the id it points to."""
    for name, instances in entity.items():
        if ":" in name and shown.shows(name):
            for instance in cast(list[JsonObject], instances):
                for entity_id in object_ids(instance):
                    yield name, entity_id
