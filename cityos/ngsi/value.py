"""JSON as Python sees it, and the limits under which a value may be stored."""

from __future__ import annotations

import math
from typing import cast

from cityos.ngsi.error import BadRequestData

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]
JsonObject = dict[str, Json]

MAX_DEPTH = 32
# Bytes of a text that is a key in the database: PostgreSQL indexes no row beyond 2,704, and other keys stand beside it.
LONGEST_KEY = 2_000
_INTEGER_LIMIT = 2**63  # beyond it neither database nor JavaScript reads the number back unchanged


def check_value(value: Json, where: str, depth: int = 0) -> None:
    """Refuses what could be stored but not read back: NaN, 1e999, NUL, lone surrogates, 2**63, depth over 32.

    Raises BadRequestData naming `where` (a path such as `location.value.coordinates[0]`).
    """
    kind = value.__class__
    if kind is str:
        _check_text(cast(str, value), where)
    elif kind is int or kind is float:
        _check_number(cast(float, value), where)
    elif kind is list or kind is dict:
        if depth >= MAX_DEPTH:
            raise BadRequestData(f"{where} is nested deeper than {MAX_DEPTH} levels")
        _check_parts(cast("list[Json] | JsonObject", value), where, depth)


def check_key(text: str, where: str) -> None:
    """Refuses what no index holds: beyond LONGEST_KEY bytes, NUL, lone surrogates. Raises BadRequestData."""
    _check_text(text, where)
    if len(text) > LONGEST_KEY or len(text.encode()) > LONGEST_KEY:
        raise BadRequestData(f"{where[:80]} is longer than {LONGEST_KEY} bytes")


def _check_parts(value: list[Json] | JsonObject, where: str, depth: int) -> None:
    if isinstance(value, list):
        for index, item in enumerate(value):
            if item.__class__ is float and math.isfinite(item):
                continue  # coordinates, by the thousand
            check_value(item, f"{where}[{index}]", depth + 1)
        return
    for key, item in value.items():
        _check_text(key, f"a name in {where}")
        check_value(item, f"{where}.{key}", depth + 1)


def same_value(one: Json, other: Json) -> bool:
    """Whether two values are the same JSON: as Python compares, but true is not 1."""
    if one is other:
        return True
    if one != other:
        return False
    kind = one.__class__
    if kind is str:
        return True
    if kind is bool or other.__class__ is bool:
        return kind is other.__class__
    if isinstance(one, list) and isinstance(other, list):
        return all(map(same_value, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return all(same_value(value, other[key]) for key, value in one.items())
    return True


def _check_number(number: int | float, where: str) -> None:
    if isinstance(number, float):
        if not math.isfinite(number):
            raise BadRequestData(f"{where} is not a finite number")
    elif not -_INTEGER_LIMIT <= number < _INTEGER_LIMIT:
        raise BadRequestData(f"{where} is an integer beyond 64 bits")


def _check_text(text: str, where: str) -> None:
    if text.isascii() and "\x00" not in text:
        return
    if "\x00" in text:
        raise BadRequestData(f"{where} contains a NUL character")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise BadRequestData(f"{where} contains a lone surrogate") from None
