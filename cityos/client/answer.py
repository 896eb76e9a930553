"""Reading the hub's JSON by member and type. What does not fit raises Unfit, naming the member."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from cityos.ngsi.instant import parse_instant
from cityos.ngsi.value import Json, JsonObject


class Unfit(ValueError):
    """The answer does not have the form the hub's answers have."""


def as_object(said: Json, what: str = "the answer") -> JsonObject:
    """A JSON object."""
    if not isinstance(said, dict):
        raise Unfit(f"{what} is not an object")
    return said


def as_objects(said: Json, what: str = "the answer") -> list[JsonObject]:
    """A list of JSON objects."""
    if not isinstance(said, list):
        raise Unfit(f"{what} is not a list")
    return [as_object(one, f"a part of {what}") for one in said]


def objects(told: JsonObject, name: str) -> list[JsonObject]:
    """A member that is a list of objects."""
    return as_objects(told.get(name), name)


def text(told: JsonObject, name: str) -> str:
    """Text that must be there."""
    said = told.get(name)
    if not isinstance(said, str):
        raise Unfit(f"{name} is not text")
    return said


def find_text(told: JsonObject, name: str) -> str | None:
    """Text, or None."""
    return None if told.get(name) is None else text(told, name)


def texts(told: JsonObject, name: str) -> tuple[str, ...]:
    """A list of texts."""
    said = told.get(name)
    if not isinstance(said, list) or not all(isinstance(one, str) for one in said):
        raise Unfit(f"{name} is not a list of texts")
    return tuple(one for one in said if isinstance(one, str))


def whole(told: JsonObject, name: str) -> int:
    """A whole number that must be there."""
    said = told.get(name)
    if not isinstance(said, int) or isinstance(said, bool):
        raise Unfit(f"{name} is not a whole number")
    return said


def number(told: JsonObject, name: str) -> float:
    """A number that must be there."""
    said = told.get(name)
    if not isinstance(said, int | float) or isinstance(said, bool):
        raise Unfit(f"{name} is not a number")
    return float(said)


def find_number(told: JsonObject, name: str) -> float | None:
    """A number, or None."""
    return None if told.get(name) is None else number(told, name)


def instant(told: JsonObject, name: str) -> datetime:
    """An instant that must be there."""
    return parse_instant(text(told, name))


def find_instant(told: JsonObject, name: str) -> datetime | None:
    """An instant, or None."""
    said = find_text(told, name)
    return None if said is None else parse_instant(said)


def names(said: str | Sequence[str]) -> tuple[str, ...]:
    """One name or several, as several: a lone text must not be read letter by letter."""
    return (said,) if isinstance(said, str) else tuple(said)
