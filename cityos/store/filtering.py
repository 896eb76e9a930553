"""What a condition of `q` says of the rows of `instance`: a necessary condition in SQL, of both databases.

No entity that fulfils the condition is left out; whether one that is let through does fulfil it, `ngsi.q_match` tells.
A condition comes to a *shape*, in which the values are left out, so that its text is made once, and the values.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, and_, bindparam, exists, not_, or_, true

from cityos.ngsi.q import And, Between, Compare, Condition, Exists, Like, Or, Path, Value, Word
from cityos.store.schema import IS_CURRENT, WORD_LENGTH, entity, instance

# A word, and what belongs to it: `all` and `any` of shapes; `has` and `lacks` the attribute; `number`, `word` with an
# operator, `numbers` between two, `other` for what is neither number nor text; `anything`.
Shape = tuple[Any, ...]
ANYTHING: Shape = ("anything",)
# What more there is, the evaluator alone tells: of 1,000 terms SQLAlchemy takes seconds to make a text, which the time
# limit of a query does not end, and SQLite reads no condition that deep.
_MOST_LEAVES = 24
# Integers of 64 bits are rounded in the column, so that the bound itself must pass, too.
_COMPARED = {"==": "=", "<": "<=", "<=": "<=", ">": ">=", ">=": ">="}


class Filter:
    """A condition as shape and values: attribute n's number is parameter `a<n>`, its values are `v<n>` and `w<n>`.

    `number_of` gives the number of an attribute's IRI; 0, which no row has, where none was given out.
    """

    def __init__(self, condition: Condition, number_of: Callable[[str], int]) -> None:
        self._number_of = number_of
        self.parameters: dict[str, Any] = {}
        self._count = 0
        # For each leaf that every entity found fulfils: its shape and the number of its parameters.
        self.leaves: list[tuple[Shape, int]] = []
        self.shape = self._shape_of(condition, is_certain=True)

    def _shape_of(self, condition: Condition, *, is_certain: bool) -> Shape:
        if isinstance(condition, And):
            return ("all", tuple(self._shape_of(part, is_certain=is_certain) for part in condition.parts))
        if isinstance(condition, Or):
            return ("any", tuple(self._shape_of(part, is_certain=False) for part in condition.parts))
        if not _is_attribute(condition.path) or self._count == _MOST_LEAVES:
            return ANYTHING
        shape, values = _leaf(condition)
        if shape != ANYTHING:
            number = self._count
            self._count += 1
            self.parameters[f"a{number}"] = self._number_of(condition.path.names[0])
            self.parameters.update({f"{mark}{number}": value for mark, value in zip("vw", values, strict=False)})
            if is_certain:
                self.leaves.append((shape, number))
        return shape


def _is_attribute(path: Path) -> bool:
    """Whether the path begins in an attribute of the entity itself."""
    return ":" in path.names[0]


def _is_plain(path: Path) -> bool:
    return len(path.names) == 1 and not path.trail and path.link is None


def _leaf(condition: Compare | Between | Like | Exists) -> tuple[Shape, tuple[Any, ...]]:
    if isinstance(condition, Exists) and condition.negated:
        return (("lacks",), ()) if _is_plain(condition.path) else (ANYTHING, ())
    if not _is_plain(condition.path) or isinstance(condition, Exists | Like):
        return ("has",), ()
    if isinstance(condition, Between):
        return (("has",), ()) if condition.negated else _range(condition.low, condition.high)
    if condition.op not in _COMPARED or len(condition.values) != 1:
        return ("has",), ()
    (value,) = condition.values
    if isinstance(value, bool):
        return ("other",), ()
    if isinstance(value, int | float):
        return ("number", condition.op), (float(value),)
    if isinstance(value, str | Word):
        text = value if isinstance(value, str) else value.text
        # A longer text equals only texts that begin alike; which is greater is not told by beginnings.
        if condition.op == "==":
            return ("word", "=="), (text[:WORD_LENGTH],)
    return ("has",), ()


def _range(low: Value, high: Value) -> tuple[Shape, tuple[Any, ...]]:
    numbers = [value for value in (low, high) if isinstance(value, int | float) and not isinstance(value, bool)]
    return (("numbers",), tuple(map(float, numbers))) if len(numbers) == 2 else (("has",), ())


def condition_of(shape: Shape) -> ColumnElement[bool]:
    """The shape as a condition on the rows of `entity`."""
    return _condition(shape, iter(range(10_000)))


def _condition(shape: Shape, numbers: Any) -> ColumnElement[bool]:
    kind = shape[0]
    if kind in ("all", "any"):
        parts = [_condition(part, numbers) for part in shape[1]]
        return and_(true(), *parts) if kind == "all" else or_(*parts)
    if kind == "anything":
        return true()
    number = next(numbers)
    row = exists().where(*rows_of(shape, number), instance.c.entity == entity.c.no)
    return not_(row) if kind == "lacks" else row


def rows_of(shape: Shape, number: int) -> list[ColumnElement[bool]]:
    """The leaf as conditions on the rows of `instance`: every entity that fulfils it has such a row."""
    found: list[ColumnElement[bool]] = [
        instance.c.tenant == bindparam("tenant"),
        instance.c.attribute == bindparam(f"a{number}"),
        IS_CURRENT,
    ]
    test = _value_test(shape, number)
    return found if test is None else [*found, test]


def _value_test(shape: Shape, number: int) -> ColumnElement[bool] | None:
    other = and_(instance.c.number.is_(None), instance.c.word.is_(None))
    value: BindParameter[Any] = bindparam(f"v{number}")
    if shape[0] == "number":
        return or_(instance.c.number.op(_COMPARED[shape[1]])(value), other)
    if shape[0] == "numbers":
        return or_(instance.c.number.between(value, bindparam(f"w{number}")), other)
    if shape[0] == "word":
        return or_(and_(instance.c.number.is_(None), instance.c.word == value), other)
    return other if shape[0] == "other" else None
