"""The query language `q` (clause 4.9): text to a tree whose names are IRIs. `cityos.ngsi.q_match` evaluates it.

    speed>50;brandName!="Mercedes"|(isParked.observedAt<2026-01-15T08:00:00Z;address[city]=="雪野")

`;` binds tighter than `|`. Everything a tree holds is hashable, so that it can key a cache.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from typing import cast
from urllib.parse import unquote

from cityos.ngsi.context import Context
from cityos.ngsi.core_context import CORE_TERMS
from cityos.ngsi.error import BadRequestData
from cityos.ngsi.instant import parse_instant
from cityos.ngsi.pattern import compile_pattern

_LONGEST = 16_000  # characters
_DEEPEST = 32  # parentheses, names of a path
MAX_HOPS = 10  # linked entities within linked entities

SYSTEM_MEMBERS = frozenset(("createdAt", "modifiedAt", "deletedAt", "expiresAt"))
# Members of an instance that a path may end in; every other name is a sub-attribute.
INSTANCE_MEMBERS = SYSTEM_MEMBERS | frozenset(
    ("observedAt", "unitCode", "datasetId", "instanceId", "objectType", "valueType")
)
_MEMBER_OF_IRI = {CORE_TERMS.get(name, name): name for name in INSTANCE_MEMBERS} | {
    name: name for name in INSTANCE_MEMBERS
}


@dataclass(frozen=True, slots=True)
class Word:
    """An unquoted value: a URI or, with expandValues, a term made an IRI."""

    text: str


Value = bool | int | float | str | Word | datetime | date | time


@dataclass(frozen=True, slots=True)
class Link:
    """`rel{Type:path}`: goes on in the entity that a relationship points to, where it has the type (an IRI) if said."""

    path: Path
    type: str | None = None


@dataclass(frozen=True, slots=True)
class Path:
    """What is compared. `names`: the attribute's IRI, then sub-attribute IRIs or one of INSTANCE_MEMBERS.

    A first name without a colon is a member of the entity itself (SYSTEM_MEMBERS). `trail` leads into a compound value,
    or is one language tag or `*` of a LanguageProperty.
    """

    names: tuple[str, ...]
    trail: tuple[str, ...] = ()
    link: Link | None = None


@dataclass(frozen=True, slots=True)
class Exists:
    """`attr`, and `!attr` where negated."""

    path: Path
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Compare:
    """`path op values`: op is one of == != < <= > >=; more than one value (any of them) only with == and !=."""

    path: Path
    op: str
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Between:
    """`path==low..high`, both ends included; `path!=low..high` where negated."""

    path: Path
    low: Value
    high: Value
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Like:
    """`path~=pattern` (a match anywhere; RE2 syntax), `path!~=pattern` where negated."""

    path: Path
    pattern: str
    negated: bool = False


@dataclass(frozen=True, slots=True)
class And:
    """All of them."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """Any of them."""

    parts: tuple[Condition, ...]


Condition = And | Or | Compare | Between | Like | Exists


def parse_q(text: str, context: Context, expand_values: Collection[str] = (), *, encoded: bool = False) -> Condition:
    """The tree of a `q`. Raises BadRequestData.

    `expand_values` names the attributes whose values are terms of the context (parameter expandValues). `encoded` says
    that the text is still percent-encoded, as in the JSON body of a subscription; a URL parameter no longer is.
    """
    if encoded:
        text = unquote(text)
    if len(text) > _LONGEST:
        raise BadRequestData(f"q is longer than {_LONGEST} characters")
    if "\x00" in text:
        raise BadRequestData("q contains a NUL character")
    return _Parser(text, context, frozenset(context.expand(name) for name in expand_values)).parse()


def parse_path(text: str, context: Context) -> Path:
    """A path as `q` writes it, standing alone: `speed.observedAt`, `address[city]`. Raises BadRequestData."""
    if len(text) > _LONGEST:
        raise BadRequestData(f"The path {text[:40]!r}... is longer than {_LONGEST} characters")
    return _Parser(text, context, frozenset()).parse_path()


def leaves_of(condition: Condition) -> Iterator[Compare | Between | Like | Exists]:
    """Every query term of a tree."""
    if isinstance(condition, And | Or):
        for part in condition.parts:
            yield from leaves_of(part)
    else:
        yield condition


def attributes_of(condition: Condition) -> frozenset[str]:
    """The IRIs of the entity's own attributes that a tree speaks of; without its system members."""
    return frozenset(leaf.path.names[0] for leaf in leaves_of(condition) if ":" in leaf.path.names[0])


def hops_of(condition: Condition) -> int:
    """Through how many linked entities the deepest path goes; 0 where none does."""
    return max(_hops(leaf.path) for leaf in leaves_of(condition))


def _hops(path: Path) -> int:
    return 0 if path.link is None else 1 + _hops(path.link.path)


_NAME = re.compile(r"[^\s;|(){}\[\]=!<>~,.\"'%&\\^`]+")
_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+\-]*://[^\s;|(){}\[\]=!<>~,\"'\\^`]*[/#]")
_OPERATOR = re.compile(r"==|!=|<=|>=|!~=|~=|<|>")
_TRAIL = re.compile(r"\[([^\[\]]*)\]")
_HINT = re.compile(r"([^\s;|(){}\[\]=!<>~,.\"':]+):(?!//)")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_NUMBER = re.compile(r"[+-]?\d{1,40}(?:\.\d{1,40})?(?:[eE][+-]?\d{1,4})?\Z")
_DATE = re.compile(r"\d{4}-\d\d-\d\d\Z")
_TIME = re.compile(r"\d\d:\d\d:\d\d(?:[.,]\d{1,6})?Z?\Z")
_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\dT[0-9:.,]+(?:Z|[+-]\d\d:?\d\d)\Z")
_SPACES = re.compile(r"\s*")


class _Parser:
    """Recursive descent; every step reads on, so its time is linear in the text."""

    def __init__(self, text: str, context: Context, expanded: frozenset[str]):
        self._text = text
        self._at = 0
        self._context = context
        self._expanded = expanded

    def parse(self) -> Condition:
        condition = self._any_of(0)
        if self._at < len(self._text):
            raise self._error("is not expected here")
        return condition

    def parse_path(self) -> Path:
        path = self._path(0)
        if self._at < len(self._text):
            raise self._error("is not expected here")
        return path

    def _error(self, what: str) -> BadRequestData:
        rest = self._text[self._at : self._at + 30]
        return BadRequestData(f"q: {rest!r} at character {self._at + 1} {what}" if rest else f"q: its end {what}")

    def _skip(self) -> None:
        self._at = cast(re.Match[str], _SPACES.match(self._text, self._at)).end()

    def _takes(self, sign: str) -> bool:
        self._skip()
        if not self._text.startswith(sign, self._at):
            return False
        self._at += len(sign)
        self._skip()
        return True

    def _find(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        found = pattern.match(self._text, self._at)
        if found:
            self._at = found.end()
        return found

    def _any_of(self, depth: int) -> Condition:
        parts = [self._all_of(depth)]
        while self._takes("|"):
            parts.append(self._all_of(depth))
        return parts[0] if len(parts) == 1 else Or(tuple(parts))

    def _all_of(self, depth: int) -> Condition:
        parts = [self._term(depth)]
        while self._takes(";"):
            parts.append(self._term(depth))
        return parts[0] if len(parts) == 1 else And(tuple(parts))

    def _term(self, depth: int) -> Condition:
        if depth > _DEEPEST:
            raise self._error(f"is nested deeper than {_DEEPEST} parentheses")
        if self._takes("("):
            condition = self._any_of(depth + 1)
            if not self._takes(")"):
                raise self._error("leaves a parenthesis open; ) is expected")
            return condition
        if self._takes("!"):
            return Exists(self._path(0), negated=True)
        path = self._path(0)
        self._skip()
        operator = self._find(_OPERATOR)
        if operator is None:
            return Exists(path)
        self._skip()
        return self._comparison(path, operator[0])

    def _path(self, hops: int) -> Path:
        if hops > MAX_HOPS:
            raise self._error(f"goes through more than {MAX_HOPS} linked entities")
        names = [self._name()]
        while self._text.startswith(".", self._at):
            self._at += 1
            names.append(self._name())
            if len(names) > _DEEPEST:
                raise self._error(f"is a path of more than {_DEEPEST} names")
        whole = Path((_root(names[0], self._context), *(_sub(name, self._context) for name in names[1:])))
        if trail := self._find(_TRAIL):
            return replace(whole, trail=_trail(trail[1]))
        if self._text.startswith("{", self._at):
            return replace(whole, link=self._link(hops + 1))
        return whole

    def _link(self, hops: int) -> Link:
        self._at += 1
        hint = _HINT.match(self._text, self._at)
        kind = None
        if hint is not None and not self._is_prefix(hint[1]):
            self._at = hint.end()
            kind = self._context.expand(hint[1])
        path = self._path(hops)
        if not self._text.startswith("}", self._at):
            raise self._error("leaves a brace open; } is expected")
        self._at += 1
        return Link(path, kind)

    def _is_prefix(self, word: str) -> bool:
        """Whether `word:name` is a compact IRI of this context rather than a type and a name."""
        return self._context.expand(f"{word}:x") != f"{word}:x"

    def _name(self) -> str:
        start = self._at
        self._find(_ABSOLUTE)  # the dots of an IRI's authority and path separate no names
        if self._find(_NAME) is None and self._at == start:
            raise self._error("is not the name of an attribute")
        return self._text[start : self._at]

    def _comparison(self, path: Path, op: str) -> Condition:
        if op in ("~=", "!~="):
            pattern = self._pattern()
            compile_pattern(pattern, "q: the pattern")
            return Like(path, pattern, negated=op == "!~=")
        values = [self._value(path)]
        if self._text.startswith("..", self._at):
            self._at += 2
            return self._range(path, op, values[0], self._value(path))
        while self._takes(","):
            values.append(self._value(path))
        if op not in ("==", "!=") and (len(values) > 1 or isinstance(values[0], bool | Word)):
            raise BadRequestData(f"q: {op} compares with one number, quoted text or time")
        return Compare(path, op, tuple(values))

    def _range(self, path: Path, op: str, low: Value, high: Value) -> Condition:
        if op not in ("==", "!="):
            raise BadRequestData(f"q: a range is asked for with == or !=, not with {op}")
        if isinstance(low, bool | Word) or kind_of_value(low) != kind_of_value(high):
            raise BadRequestData("q: a range has two numbers, two quoted texts or two times at its ends")
        return Between(path, low, high, negated=op == "!=")

    def _pattern(self) -> str:
        if quoted := self._find(_QUOTED):
            return quoted[1].replace('\\"', '"')  # other escapes belong to the pattern
        return self._token(stops=";|")

    def _value(self, path: Path) -> Value:
        if quoted := self._find(_QUOTED):
            text = _unescaped(quoted[0])
            return Word(self._context.expand(text)) if self._is_term(path) else text
        token = self._token(stops=";|,", dots=True)
        value = _literal(token)
        if isinstance(value, Word) and self._is_term(path):
            return Word(self._context.expand(value.text))
        return value

    def _is_term(self, path: Path) -> bool:
        while path.link is not None:
            path = path.link.path
        return bool(self._expanded) and any(name in self._expanded for name in path.names)

    def _token(self, stops: str, *, dots: bool = False) -> str:
        """What stands until the next sign of the language; parentheses that pair belong to it."""
        start = self._at
        depth = 0
        while self._at < len(self._text):
            sign = self._text[self._at]
            if (sign in stops and not depth) or sign == '"' or (dots and self._text.startswith("..", self._at)):
                break
            depth += (sign == "(") - (sign == ")")
            if depth < 0:
                break
            self._at += 1
        token = self._text[start : self._at].strip()
        if not token:
            raise self._error("is expected to be a value")
        return token


def _trail(text: str) -> tuple[str, ...]:
    keys = tuple(key.strip() for key in text.split("."))
    if not all(keys) or len(keys) > _DEEPEST:
        raise BadRequestData(f"q: [{text[:40]}] is neither a path such as [city] or [a.b] nor a language")
    return keys


def _root(name: str, context: Context) -> str:
    if name in ("id", "type", "scope", "@id", "@type"):
        raise BadRequestData(f"q: {name} is no attribute; ask by the parameter {name.lstrip('@')}")
    iri = context.expand(name)
    member = _MEMBER_OF_IRI.get(iri)
    return member if member in SYSTEM_MEMBERS else iri


def _sub(name: str, context: Context) -> str:
    iri = context.expand(name)
    return _MEMBER_OF_IRI.get(name) or _MEMBER_OF_IRI.get(iri, iri)


def kind_of_value(value: Value) -> type:
    """The class that values must share to be put in order: numbers are one."""
    return float if isinstance(value, int) and not isinstance(value, bool) else type(value)


def _unescaped(quoted: str) -> str:
    try:
        text = cast(str, json.loads(quoted, strict=False))
        text.encode()
    except ValueError:
        raise BadRequestData(f"q: {quoted[:40]} is not text as JSON writes it") from None
    return text


def _literal(token: str) -> Value:
    """The value of an unquoted token: what it looks like, else a Word."""
    if token in ("true", "false"):
        return token == "true"
    if _NUMBER.match(token):
        return _number(token)
    try:
        if _DATE_TIME.match(token):
            return parse_instant(token)
        if _DATE.match(token):
            return date.fromisoformat(token)
        if _TIME.match(token):
            return time.fromisoformat(token.replace(",", ".")).replace(tzinfo=None)
    except ValueError:
        raise BadRequestData(f"q: {token[:40]!r} looks like a time but is none") from None
    return Word(token)


def _number(token: str) -> int | float:
    if token.lstrip("+-").isdigit():
        whole = int(token)
        if not -(2**63) <= whole < 2**63:
            raise BadRequestData(f"q: {token[:40]} is beyond 64 bits")
        return whole
    number = float(token)
    if not math.isfinite(number):
        raise BadRequestData(f"q: {token[:40]} is too large a number")
    return number
