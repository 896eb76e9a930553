"""Which members of an entity are shown (clause 4.21): pick and omit, into linked entities with braces; attrs.

pick=id,name,locatedAt{id,name,isInCountry{description}}    omit=type,locatedAt{name}
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cityos.ngsi.context import Context
from cityos.ngsi.error import BadRequestData
from cityos.ngsi.q import MAX_HOPS, SYSTEM_MEMBERS
from cityos.ngsi.value import JsonObject

# Members of every entity that stand beside its attributes.
ENTITY_MEMBERS = frozenset(("id", "type", "scope")) | SYSTEM_MEMBERS
_LONGEST = 16_000  # characters
_TOKEN = re.compile(r"\s*([,|{}]|[^,|{}]+)")
_NAME = re.compile(r"[^\s;|,(){}\[\]=!<>~\"'\\^`]+\Z")


@dataclass(frozen=True, slots=True)
class Projection:
    """What to show of an entity in canonical JSON. Members are attribute IRIs or ENTITY_MEMBERS.

    `pick` None is everything; `linked` tells, by relationship IRI, what to show of the entities it leads to.
    """

    pick: frozenset[str] | None = None
    omit: frozenset[str] = frozenset()
    linked: Mapping[str, Projection] = field(default_factory=dict, hash=False)

    def shows(self, member: str) -> bool:
        """Whether a member is shown."""
        return (self.pick is None or member in self.pick) and member not in self.omit

    def of_linked(self, relationship: str) -> Projection:
        """What to show of the entities behind a relationship: all where nothing is said of them."""
        return self.linked.get(relationship, EVERYTHING)

    def apply(self, entity: JsonObject) -> JsonObject:
        """The members shown. Where none is left, a query leaves the entity out, and a retrieval does not find it."""
        return {member: value for member, value in entity.items() if self.shows(member)}

    def hops(self) -> int:
        """Through how many linked entities it reaches; more than joinLevel (0 without join) is BadRequestData."""
        return max((1 + inner.hops() for inner in self.linked.values()), default=0)


EVERYTHING = Projection()


def parse_projection(pick: str | Sequence[str], omit: str | Sequence[str], context: Context) -> Projection:
    """The projection of a request's pick and omit ("" for none); lists as a POST query's body has them.

    Raises BadRequestData; also where a member is both picked and omitted.
    """
    picked, omitted = (_tree(said, context, where) for said, where in ((pick, "pick"), (omit, "omit")))
    return _combined(picked, omitted)


def parse_attrs(said: str | Sequence[str], context: Context) -> frozenset[str]:
    """The attribute IRIs of `attrs`, without system attributes. Raises BadRequestData for id, type and non-names."""
    found = _tree(said, context, "attrs")
    if wrong := (found or {}).keys() & {"id", "type", "scope"}:
        raise BadRequestData(f"attrs: {min(wrong)} is no attribute")
    if found and any(found.values()):
        raise BadRequestData("attrs takes no braces; use pick")
    return frozenset(found or ()) - ENTITY_MEMBERS


def of_attributes(attributes: frozenset[str]) -> Projection:
    """The projection of `attrs`: these attributes, and the members of every entity."""
    return Projection(attributes | ENTITY_MEMBERS)


# Member -> what its braces hold; None without braces.
_Tree = dict[str, "_Tree | None"]


def _combined(pick: _Tree | None, omit: _Tree | None) -> Projection:
    gone = frozenset(name for name, inner in (omit or {}).items() if inner is None)
    if both := gone & (pick or {}).keys():
        raise BadRequestData(f"{min(both)} is both in pick and in omit")
    inner = {
        name: _combined((pick or {}).get(name), (omit or {}).get(name))
        for name in {**(pick or {}), **(omit or {})}
        if (pick or {}).get(name) or (omit or {}).get(name)
    }
    return Projection(None if pick is None else frozenset(pick), gone, inner)


def _tree(said: str | Sequence[str], context: Context, where: str) -> _Tree | None:
    if not isinstance(said, str):
        if not said or not all(isinstance(part, str) and part for part in said):
            raise BadRequestData(f"{where} is not a list of one or more names")
        said = ",".join(said)
    if not said:
        return None
    if len(said) > _LONGEST:
        raise BadRequestData(f"{where} is longer than {_LONGEST} characters")
    tokens = [token.strip() for token in _TOKEN.findall(said)]
    tree, rest = _members(tokens, 0, context, where, 0)
    if rest < len(tokens):
        raise BadRequestData(f"{where}: {tokens[rest]!r} is not expected in {said[:80]!r}")
    return tree


def _members(tokens: list[str], at: int, context: Context, where: str, depth: int) -> tuple[_Tree, int]:
    """The members from a token on, and where they end."""
    if depth > MAX_HOPS:
        raise BadRequestData(f"{where} reaches through more than {MAX_HOPS} linked entities")
    found: _Tree = {}
    while True:
        name = tokens[at] if at < len(tokens) else ""
        if not _NAME.match(name):
            raise BadRequestData(f"{where}: {name[:40]!r} is no member of an entity")
        member = name if name in ENTITY_MEMBERS else context.expand(name)
        at += 1
        inner = None
        if at < len(tokens) and tokens[at] == "{":
            inner, at = _members(tokens, at + 1, context, where, depth + 1)
            if at >= len(tokens) or tokens[at] != "}":
                raise BadRequestData(f"{where} leaves a brace open after {name[:40]!r}")
            at += 1
        found[member] = inner
        if at >= len(tokens) or tokens[at] not in (",", "|"):
            return found, at
        at += 1
