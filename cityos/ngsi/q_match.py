"""Whether an entity fulfils a `q` (clause 4.9), over canonical JSON.

A tree is compiled once into closures; a subscription's or a query's test then costs a dictionary look-up and a
comparison. An attribute with several instances matches where one of them does.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, time
from typing import Any, cast

from cityos.ngsi.entity import VALUE_MEMBER
from cityos.ngsi.instant import parse_instant
from cityos.ngsi.pattern import compile_pattern
from cityos.ngsi.q import (
    INSTANCE_MEMBERS,
    And,
    Between,
    Compare,
    Condition,
    Exists,
    Like,
    Link,
    Or,
    Path,
    Value,
    Word,
    kind_of_value,
)
from cityos.ngsi.value import Json, JsonObject

Test = Callable[[JsonObject], bool]
# The canonical JSON of the entity with an id; None where there is none. Only linked paths ask.
Find = Callable[[str], JsonObject | None]
_ValueTest = Callable[[Json], bool]
# The values a path leads to, with the kind of attribute they stand in ("" for a member such as observedAt).
Target = tuple[str, Json]
Source = Callable[[JsonObject], Iterable[Target]]

_RELATIONSHIPS = frozenset(("Relationship", "ListRelationship"))
_TIMES = INSTANCE_MEMBERS - {"unitCode", "datasetId", "instanceId", "objectType", "valueType"}
# Two values of one kind; `_ordered` sees to it that they are.
_Comparison = Callable[[Any, Any], bool]
_NUMBERS = frozenset((int, float))
_ORDER: dict[str, _Comparison] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def nobody(entity_id: str) -> JsonObject | None:
    """The Find that knows no entity."""
    return None


def matches(condition: Condition, entity: JsonObject, find: Find = nobody) -> bool:
    """Whether an entity in canonical JSON fulfils a condition. For more than one entity, compile it."""
    return compile_condition(condition, find)(entity)


def compile_condition(condition: Condition, find: Find = nobody) -> Test:
    """The condition as a function of canonical JSON. `find` answers the linked entities it asks for."""
    if isinstance(condition, And):
        return _all([compile_condition(part, find) for part in condition.parts])
    if isinstance(condition, Or):
        return _any([compile_condition(part, find) for part in condition.parts])
    if isinstance(condition, Exists):
        return _exists(condition, find)
    return _leaf(condition, find)


def _all(tests: list[Test]) -> Test:
    if len(tests) == 2:
        one, other = tests
        return lambda entity: one(entity) and other(entity)
    return lambda entity: all(test(entity) for test in tests)


def _any(tests: list[Test]) -> Test:
    if len(tests) == 2:
        one, other = tests
        return lambda entity: one(entity) or other(entity)
    return lambda entity: any(test(entity) for test in tests)


def _exists(condition: Exists, find: Find) -> Test:
    path, wanted = condition.path, not condition.negated
    if _is_plain(path):
        name = path.names[0]
        return lambda entity: (name in entity) is wanted
    if ":" in path.names[-1] and not path.trail and path.link is None:
        holders = _instances_at(path.names)
        return lambda entity: bool(holders(entity)) is wanted
    source = targets_of(path, find)
    return lambda entity: any(True for _ in source(entity)) is wanted


def _is_plain(path: Path) -> bool:
    """Whether it is an attribute of the entity, as most paths are, or one of its system members."""
    return len(path.names) == 1 and not path.trail and path.link is None


def _leaf(condition: Compare | Between | Like, find: Find) -> Test:
    last = condition.path
    while last.link is not None:
        last = last.link.path
    test = _value_test(condition, is_time=last.names[-1] in _TIMES and not last.trail)
    # Nothing but == and != is asked of a relationship (clause 4.9).
    passed = frozenset[str]() if isinstance(condition, Compare) and condition.op in ("==", "!=") else _RELATIONSHIPS
    if _is_plain(condition.path) and ":" in condition.path.names[0]:
        return _plain_leaf(condition.path.names[0], test, passed)
    source = targets_of(condition.path, find)
    return lambda entity: any(kind not in passed and test(value) for kind, value in source(entity))


def _plain_leaf(name: str, test: _ValueTest, passed: frozenset[str]) -> Test:
    def run(entity: JsonObject) -> bool:
        instances = entity.get(name)
        if instances is None:
            return False
        for instance in cast(list[JsonObject], instances):
            kind = cast(str, instance["type"])
            if kind == "Property":
                if test(instance["value"]):
                    return True
            elif kind not in passed and any(map(test, _values(instance, kind))):
                return True
        return False

    return run


# Where a path leads


def targets_of(path: Path, find: Find = nobody) -> Source:
    """The values a path leads to in an entity, each with the kind of attribute it stands in (\"\" for a member)."""
    if ":" not in path.names[0]:
        return _entity_member(path)
    *before, last = path.names
    if path.link is not None:
        return _linked(_instances_at(path.names), path.link, find)
    if last in INSTANCE_MEMBERS:
        holders = _instances_at(tuple(before))
        return lambda entity: [("", one[last]) for one in holders(entity) if last in one]
    holders, trail = _instances_at(path.names), path.trail

    def targets(entity: JsonObject) -> Iterable[Target]:
        for instance in holders(entity):
            kind = cast(str, instance["type"])
            for value in _trailed(instance, kind, trail) if trail else _values(instance, kind):
                yield kind, value

    return targets


def _entity_member(path: Path) -> Source:
    name = path.names[0]
    if len(path.names) > 1 or path.trail or path.link:
        return lambda entity: ()
    return lambda entity: [("", entity[name])] if name in entity else ()


def _instances_at(names: tuple[str, ...]) -> Callable[[JsonObject], list[JsonObject]]:
    """The instances that stand at a path of attribute and sub-attribute IRIs."""
    first, *rest = names

    def instances(entity: JsonObject) -> list[JsonObject]:
        found = cast(list[JsonObject], entity.get(first, []))
        for name in rest:
            found = [sub for one in found for sub in cast(list[JsonObject], one.get(name, [])) if isinstance(sub, dict)]
        return found

    return instances


def _values(instance: JsonObject, kind: str) -> Iterable[Json]:
    value = instance.get(VALUE_MEMBER[kind])
    if kind == "LanguageProperty":  # clause 4.9 compares its texts by [ja] or [*] only
        return ()
    if kind == "ListRelationship":
        return ([one.get("object") if isinstance(one, dict) else one for one in cast(list[Json], value)],)
    if isinstance(value, dict) and "@value" in value:  # a typed value, as NGSI-LD 1.2 wrote dates
        return (value["@value"],)
    return (value,)


def _trailed(instance: JsonObject, kind: str, trail: tuple[str, ...]) -> Iterable[Json]:
    value = instance.get(VALUE_MEMBER[kind])
    if kind == "LanguageProperty":
        return _in_language(cast(JsonObject, value), trail)
    for key in trail:
        if isinstance(value, dict) and key in value:
            value = value[key]
        elif isinstance(value, list) and key.isascii() and key.isdigit() and int(key[:9]) < len(value):
            value = value[int(key)]
        else:
            return ()
    return (value,)


def _in_language(texts: JsonObject, trail: tuple[str, ...]) -> Iterable[Json]:
    if len(trail) != 1:
        return ()
    if trail[0] == "*":
        # One list: any language equals, and != means that none does.
        return ([text for one in texts.values() for text in (one if isinstance(one, list) else [one])],)
    wanted = trail[0].casefold()
    return [text for tag, text in texts.items() if tag.casefold() == wanted]


def _linked(holders: Callable[[JsonObject], list[JsonObject]], link: Link, find: Find) -> Source:
    further, kind = targets_of(link.path, find), link.type

    def targets(entity: JsonObject) -> Iterable[Target]:
        for instance in holders(entity):
            for entity_id in object_ids(instance):
                target = find(entity_id)
                if target is not None and (kind is None or kind in cast(list[str], target["type"])):
                    yield from further(target)

    return targets


def object_ids(instance: JsonObject) -> list[str]:
    """The ids that a relationship instance in canonical JSON points to; none where it is no relationship."""
    kind = instance["type"]
    if kind == "Relationship":
        said = instance["object"]
        return cast(list[str], said) if isinstance(said, list) else [cast(str, said)]
    if kind == "ListRelationship":
        entries = cast(list[Json], instance["objectList"])
        return [cast(str, one["object"] if isinstance(one, dict) else one) for one in entries]
    return []


# What is asked of a value


def _value_test(condition: Compare | Between | Like, *, is_time: bool) -> _ValueTest:
    if isinstance(condition, Like):
        found = compile_pattern(condition.pattern, "q: the pattern")
        like = _of_any(lambda value: isinstance(value, str) and found(value))
        return _not(like) if condition.negated else like
    if isinstance(condition, Between):
        low, high = (_as_time(one) if is_time else one for one in (condition.low, condition.high))
        between = _of_any(_between(low, high))
        return _not(between) if condition.negated else between
    values = [_as_time(one) if is_time else one for one in condition.values]
    if condition.op in _ORDER:
        return _of_any(_ordered(values[0], _ORDER[condition.op]))
    equal = _equal(values)
    return _not(equal) if condition.op == "!=" else equal


def _not(test: _ValueTest) -> _ValueTest:
    return lambda value: not test(value)


def _of_any(test: _ValueTest) -> _ValueTest:
    """An array fulfils what one of its items does (clause 4.9)."""
    return lambda value: test(value) if value.__class__ is not list else any(map(test, value))


def _equal(values: list[Value]) -> _ValueTest:
    if len(values) == 1:
        return _of_any(_same(values[0]))
    tests = [_same(value) for value in values]
    return _of_any(lambda value: any(test(value) for test in tests))


def _same(wanted: Value) -> _ValueTest:
    if isinstance(wanted, bool):
        return lambda value: value is wanted
    if isinstance(wanted, Word):
        text = wanted.text
        return lambda value: value == text
    if isinstance(wanted, str):
        return lambda value: value == wanted
    if isinstance(wanted, int | float):
        return lambda value: value == wanted and value.__class__ is not bool
    return _ordered(wanted, operator.eq)


def _ordered(wanted: Value, compare: _Comparison) -> _ValueTest:
    kind = kind_of_value(wanted)
    if kind is float:
        # JSON has no subclasses, and true is no number: the class says all.
        return lambda value: value.__class__ in _NUMBERS and compare(value, wanted)
    if kind is str:
        return lambda value: value.__class__ is str and compare(value, wanted)
    read = _READ[kind]

    def test(value: Json) -> bool:
        found = read(value)
        return found is not None and compare(found, wanted)

    return test


def _between(low: Value, high: Value) -> _ValueTest:
    above, below = _ordered(low, operator.ge), _ordered(high, operator.le)
    return lambda value: above(value) and below(value)


def _as_time(value: Value) -> Value:
    """observedAt and its like are instants, also where the request quotes the time or names a day."""
    if isinstance(value, str):
        return _instant(value) or value
    if isinstance(value, date) and not isinstance(value, datetime):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    return value


def _instant(value: Json) -> datetime | None:
    if not isinstance(value, str) or "T" not in value:
        return None
    try:
        return parse_instant(value)
    except ValueError:
        return None


def _date(value: Json) -> date | None:
    try:
        return date.fromisoformat(value) if isinstance(value, str) and len(value) == 10 else None
    except ValueError:
        return None


def _time(value: Json) -> time | None:
    try:
        found = time.fromisoformat(value) if isinstance(value, str) and ":" in value[:3] else None
    except ValueError:
        return None
    return found.replace(tzinfo=None) if found is not None else None


_READ: dict[type, Callable[[Json], object]] = {datetime: _instant, date: _date, time: _time}
