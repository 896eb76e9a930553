"""Scopes (clause 4.18) and queries for them (4.19): `/Aomori/+/Snow`, `/Aomori/#`, joined as types are."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable
from dataclasses import dataclass

from cityos.ngsi.error import BadRequestData
from cityos.ngsi.selection import Alternatives, parse_selection

_LEVEL = re.compile(r"[^\s\x00-\x20/#+;,|()<>\"{}\\^`]+\Z")
_LONGEST = 1_024  # characters
_DEEPEST = 64  # levels


def check_scope(scope: str, where: str = "scope") -> str:
    """The scope as it is kept: with a leading slash. Raises BadRequestData where it is none such as /Aomori/Snow."""
    levels = _levels(scope)
    if len(scope) > _LONGEST or len(levels) > _DEEPEST:
        raise BadRequestData(f"{where} is longer than {_LONGEST} characters or {_DEEPEST} levels")
    if not all(map(_LEVEL.match, levels)):
        raise BadRequestData(f"{where} {scope[:80]!r} is no scope such as /Aomori/Snow")
    return "/" + "/".join(levels)


def _levels(scope: str) -> list[str]:
    return scope.removeprefix("/").split("/")


@dataclass(frozen=True, slots=True)
class ScopeQuery:
    """Any of these alternatives: an entity has, for each pattern of one, a scope that fits it.

    A pattern is a scope in which a level `+` is any one level, and `#` as the last level the scope before it and all
    beneath; `/#` is any scope at all.
    """

    any_of: Alternatives

    def matches(self, scopes: Iterable[str]) -> bool:
        """Whether an entity with these scopes is asked for."""
        known = [tuple(_levels(scope)) for scope in scopes]
        if not known:
            return False
        return any(all(_is_found(pattern, known) for pattern in patterns) for patterns in self.any_of)


def parse_scope_query(text: str) -> ScopeQuery:
    """The query a request's `scopeQ` means. Raises BadRequestData."""
    return ScopeQuery(parse_selection(text, _pattern, "scopeQ"))


def _pattern(text: str) -> str:
    levels = _levels(text)
    named = [level for level in levels[:-1] if level != "+"]
    if levels[-1] not in ("#", "+"):
        named.append(levels[-1])
    if len(text) > _LONGEST or len(levels) > _DEEPEST or not all(map(_LEVEL.match, named)):
        raise BadRequestData(f"scopeQ: {text[:80]!r} is no scope such as /Aomori/+/Snow or /Aomori/#")
    return "/" + "/".join(levels)


def _is_found(pattern: str, scopes: list[tuple[str, ...]]) -> bool:
    wanted = _split(pattern)
    return any(_fits(wanted, scope) for scope in scopes)


@functools.lru_cache(maxsize=1024)
def _split(pattern: str) -> tuple[str, ...]:
    return tuple(_levels(pattern))


def _fits(wanted: tuple[str, ...], scope: tuple[str, ...]) -> bool:
    if wanted[-1] == "#":
        wanted = wanted[:-1]
        if len(scope) < len(wanted):
            return False
    elif len(scope) != len(wanted):
        return False
    return all(level in ("+", found) for level, found in zip(wanted, scope, strict=False))
