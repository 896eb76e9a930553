"""Which entities are meant by type, id and pattern (EntitySelector, clause 5.2.33)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from cityos.ngsi.pattern import compile_pattern
from cityos.ngsi.type_selection import TypeSelection
from cityos.ngsi.value import JsonObject


@dataclass(frozen=True, slots=True)
class Selector:
    """All that is said must hold; what is left out holds of every entity. `pattern` is a regular expression of ids."""

    types: TypeSelection | None = None
    ids: frozenset[str] = frozenset()
    pattern: str | None = None

    @property
    def is_everything(self) -> bool:
        """Whether every entity is meant."""
        return self.types is None and not self.ids and self.pattern is None

    def compiled(self) -> Callable[[JsonObject], bool]:
        """The selector as a test of entities in canonical JSON."""
        types, ids = self.types, self.ids
        fits = compile_pattern(self.pattern, "idPattern") if self.pattern is not None else None

        def test(entity: JsonObject) -> bool:
            entity_id = cast(str, entity["id"])
            if ids and entity_id not in ids:
                return False
            if fits is not None and not fits(entity_id):
                return False
            return types is None or types.matches(cast(list[str], entity["type"]))

        return test


def of_types(*iris: str) -> tuple[Selector, ...]:
    """The selectors of all entities that have any of these types."""
    return (Selector(TypeSelection(tuple(frozenset((iri,)) for iri in iris))),)
