"""What type selection (clause 4.17) and scope queries (4.19) share: names joined by `;` (and), `,` and `|` (or)."""

from __future__ import annotations

import re
from collections.abc import Callable

from cityos.ngsi.error import BadRequestData

# Any of these alternatives, each holding all of its names: the one form both languages are kept in.
Alternatives = tuple[frozenset[str], ...]

_LONGEST = 8_000  # characters
_DEEPEST = 16  # parentheses
_MOST = 200  # alternatives: (A,B);(C,D);... multiplies
_TOKEN = re.compile(r"\s*([;,|()]|[^;,|()]+)")


def parse_selection(text: str, read: Callable[[str], str], where: str) -> Alternatives:
    """The alternatives of a selection. `read` checks and translates a name. Raises BadRequestData naming `where`.

    `;` binds tighter than `,` and `|`.
    """
    if len(text) > _LONGEST:
        raise BadRequestData(f"{where} is longer than {_LONGEST} characters")
    tokens = _TOKEN.findall(text)
    found, rest = _any_of(tokens, 0, read, where, 0)
    if rest < len(tokens):
        raise BadRequestData(f"{where} {text[:80]!r}: {tokens[rest][:40]!r} is not expected there")
    return found


def _any_of(tokens: list[str], at: int, read: Callable[[str], str], where: str, depth: int) -> tuple[Alternatives, int]:
    found, at = _all_of(tokens, at, read, where, depth)
    while at < len(tokens) and tokens[at] in (",", "|"):
        more, at = _all_of(tokens, at + 1, read, where, depth)
        found = _checked((*found, *more), where)
    return found, at


def _all_of(tokens: list[str], at: int, read: Callable[[str], str], where: str, depth: int) -> tuple[Alternatives, int]:
    found, at = _one(tokens, at, read, where, depth)
    while at < len(tokens) and tokens[at] == ";":
        more, at = _one(tokens, at + 1, read, where, depth)
        if len(found) * len(more) > _MOST:
            raise _too_many(where)
        found = _checked(tuple(left | right for left in found for right in more), where)
    return found, at


def _one(tokens: list[str], at: int, read: Callable[[str], str], where: str, depth: int) -> tuple[Alternatives, int]:
    if depth > _DEEPEST:
        raise BadRequestData(f"{where} is nested deeper than {_DEEPEST} parentheses")
    token = tokens[at].strip() if at < len(tokens) else ""
    if token == "(":
        found, at = _any_of(tokens, at + 1, read, where, depth + 1)
        if at >= len(tokens) or tokens[at] != ")":
            raise BadRequestData(f"{where} leaves a parenthesis open")
        return found, at + 1
    if not token or token in ";,|)":
        raise BadRequestData(f"{where} lacks a name {'before ' + token if token else 'at its end'}")
    return (frozenset((read(token),)),), at + 1


def _checked(found: Alternatives, where: str) -> Alternatives:
    found = tuple(dict.fromkeys(found))
    if len(found) > _MOST:
        raise _too_many(where)
    return found


def _too_many(where: str) -> BadRequestData:
    return BadRequestData(f"{where} has more than {_MOST} alternatives")
