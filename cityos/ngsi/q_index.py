"""Which of many conditions an entity fulfils, without asking them all: 15,000 subscriptions meet every write.

Each condition is filed under something it needs: a value that an attribute must equal, a number it must pass, or the
attribute itself. An entity finds its candidates there, and each candidate is then asked in full.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections import defaultdict
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar, cast

from cityos.ngsi.q import And, Between, Compare, Condition, Exists, Path, Word
from cityos.ngsi.q_match import Find, Test, compile_condition, nobody, targets_of
from cityos.ngsi.value import Json, JsonObject

K = TypeVar("K", bound=Hashable)
# A number to pass, and which condition wants it. The second number keeps keys from being compared.
_Threshold = tuple[float, int]
_Leaf = Compare | Between


@dataclass(slots=True)
class _Shelf:
    """The conditions that need one attribute, by their serial numbers."""

    equal: dict[tuple[bool, Json], set[int]] = field(default_factory=lambda: defaultdict(set))
    above: list[_Threshold] = field(default_factory=list)  # fulfilled from the threshold on
    below: list[_Threshold] = field(default_factory=list)  # fulfilled up to the threshold
    any: set[int] = field(default_factory=set)

    def candidates(self, value: Json) -> Iterator[int]:
        """The conditions that a value may fulfil, but for those of `any`."""
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, int | float) and not isinstance(one, bool):
                yield from (no for _, no in self.above[: bisect_right(self.above, (one, 2**63))])
                yield from (no for _, no in self.below[bisect_left(self.below, (one, -1)) :])
            if isinstance(one, bool | int | float | str):
                yield from self.equal.get((isinstance(one, bool), one), ())


class ConditionIndex(Generic[K]):
    """Conditions under keys of the caller's. `find` answers linked entities."""

    def __init__(self, find: Find = nobody):
        self._find = find
        self._shelves: dict[str, _Shelf] = defaultdict(_Shelf)
        self._always: set[int] = set()  # those that need no attribute, such as `!speed`
        self._tests: dict[int, tuple[K, Test]] = {}
        self._filed: dict[K, tuple[int, Condition]] = {}
        self._serial = 0

    def __len__(self) -> int:
        return len(self._filed)

    def add(self, key: K, condition: Condition) -> None:
        """Files a condition; it replaces what was under the key."""
        self.discard(key)
        self._serial += 1
        self._filed[key] = self._serial, condition
        self._tests[self._serial] = key, compile_condition(condition, self._find)
        self._file(self._serial, condition, adding=True)

    def discard(self, key: K) -> None:
        """Takes a condition out, if it is there."""
        filed = self._filed.pop(key, None)
        if filed is not None:
            del self._tests[filed[0]]
            self._file(*filed, adding=False)

    def matching(self, entity: JsonObject) -> Iterator[K]:
        """The keys of the conditions that an entity in canonical JSON fulfils."""
        for no in self._candidates(entity):
            key, test = self._tests[no]
            if test(entity):
                yield key

    def _candidates(self, entity: JsonObject) -> set[int]:
        found = set(self._always)
        for name in entity.keys() & self._shelves.keys():
            shelf = self._shelves[name]
            found |= shelf.any
            for _, value in targets_of(Path((name,)))(entity):
                found.update(shelf.candidates(value))
        return found

    def _file(self, no: int, condition: Condition, *, adding: bool) -> None:
        leaf = _needed(condition)
        if leaf is None:
            _put(self._always, no, adding=adding)
            return
        name = leaf.path.names[0]
        shelf = self._shelves[name]
        if isinstance(leaf, Between):
            _insert(shelf.above, (cast(float, leaf.low), no), adding=adding)
        elif isinstance(leaf, Exists) or not _is_sharp(leaf):
            _put(shelf.any, no, adding=adding)
        elif leaf.op == "==":
            for value in leaf.values:
                said = value.text if isinstance(value, Word) else cast(Json, value)
                _put(shelf.equal[(isinstance(said, bool), said)], no, adding=adding)
        else:
            thresholds = shelf.above if leaf.op in (">", ">=") else shelf.below
            _insert(thresholds, (cast(float, leaf.values[0]), no), adding=adding)


def _needed(condition: Condition) -> Compare | Between | Exists | None:
    """The part of a condition to file it under, the sharpest there is; None where it needs no attribute."""
    if isinstance(condition, And):
        parts = [part for part in map(_needed, condition.parts) if part is not None]
        return next((part for part in parts if not isinstance(part, Exists)), parts[0] if parts else None)
    if isinstance(condition, Compare | Between) and _is_own(condition.path) and _is_sharp(condition):
        return condition
    if hasattr(condition, "path") and ":" in condition.path.names[0]:
        is_absence = isinstance(condition, Exists) and condition.negated
        return None if is_absence else Exists(Path(condition.path.names[:1]))
    return None


def _is_own(path: Path) -> bool:
    return len(path.names) == 1 and not path.trail and path.link is None and ":" in path.names[0]


def _is_sharp(leaf: _Leaf) -> bool:
    """Whether a value can be looked up instead of compared."""
    if isinstance(leaf, Between):
        return not leaf.negated and _is_number(leaf.low)
    if leaf.op == "==":
        return all(isinstance(value, bool | int | float | str | Word) for value in leaf.values)
    return leaf.op != "!=" and _is_number(leaf.values[0])


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _put(numbers: set[int], no: int, *, adding: bool) -> None:
    if adding:
        numbers.add(no)
    else:
        numbers.discard(no)


def _insert(thresholds: list[_Threshold], threshold: _Threshold, *, adding: bool) -> None:
    if adding:
        insort(thresholds, threshold)
    else:
        del thresholds[bisect_left(thresholds, threshold)]
