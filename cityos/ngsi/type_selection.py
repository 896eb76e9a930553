"""Which entity types are asked for (clause 4.17): `A,B` or `A|B`, `A;B` for both, parentheses, `*` for every type."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from cityos.ngsi.context import Context
from cityos.ngsi.error import BadRequestData
from cityos.ngsi.selection import Alternatives, parse_selection

_NO_NAME = re.compile(r"[\s\x00-\x20<>\"{}\\^`]")


@dataclass(frozen=True, slots=True)
class TypeSelection:
    """Any of these alternatives: an entity has all the type IRIs of one. An empty alternative (`*`) is every entity."""

    any_of: Alternatives

    @property
    def is_everything(self) -> bool:
        """Whether `*` was asked for."""
        return frozenset() in self.any_of

    def matches(self, types: Collection[str]) -> bool:
        """Whether an entity with these type IRIs is selected."""
        return any(wanted.issubset(types) for wanted in self.any_of)


def parse_type_selection(text: str, context: Context) -> TypeSelection:
    """The selection a request's `type` means. Raises BadRequestData."""
    if text.strip() == "*":
        return TypeSelection((frozenset(),))

    def read(name: str) -> str:
        if _NO_NAME.search(name) or name == "*":
            raise BadRequestData(f"type: {name[:80]!r} is no type name")
        return context.expand(name)

    return TypeSelection(parse_selection(text, read, "type"))
