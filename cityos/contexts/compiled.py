"""Compiled contexts in memory, the least recently used going first; the weight of one is how many terms it has."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from cityos.contexts.shelf import Kind
from cityos.ngsi.context import Context

_MOST_TERMS = 200_000


@dataclass(frozen=True, slots=True)
class Compiled:
    """A context and which kept documents it was made of."""

    context: Context
    read: tuple[tuple[Kind, str], ...]
    weight: int


class CompiledContexts:
    """By what was said."""

    def __init__(self, most_terms: int = _MOST_TERMS) -> None:
        self._most = most_terms
        self._held: OrderedDict[tuple[str, str | bytes], Compiled] = OrderedDict()
        self._weight = 0
        self.generation = 0  # moves on with `clear`: what was begun before is not put

    def find(self, key: tuple[str, str | bytes]) -> Compiled | None:
        """The compiled context, if it is still held."""
        found = self._held.get(key)
        if found is not None:
            self._held.move_to_end(key)
        return found

    def put(self, key: tuple[str, str | bytes], compiled: Compiled, generation: int) -> None:
        """Holds a compiled context, unless a document changed since `generation`."""
        if generation != self.generation or key in self._held:
            return
        self._held[key] = compiled
        self._weight += compiled.weight
        while self._weight > self._most and len(self._held) > 1:
            _, gone = self._held.popitem(last=False)
            self._weight -= gone.weight

    def clear(self) -> None:
        """Forgets all: a document changed, and any context may have been made of it."""
        self._held.clear()
        self._weight = 0
        self.generation += 1

    def __len__(self) -> int:
        return len(self._held)
