"""In which order entities are told (clause 4.23): `orderBy=type,name.observedAt;desc,location;dist-asc`.

Numbers come before texts, objects, arrays and truth values; an entity without the value comes last, either way.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import orjson
from shapely.geometry.base import BaseGeometry

from cityos.ngsi.context import Context
from cityos.ngsi.error import BadRequestData
from cityos.ngsi.geo import distance_to, parse_reference
from cityos.ngsi.instant import parse_instant, to_microseconds
from cityos.ngsi.kind import is_geometry
from cityos.ngsi.q import INSTANCE_MEMBERS, Path, parse_path
from cityos.ngsi.q_match import Source, targets_of
from cityos.ngsi.value import Json, JsonObject

_MOST = 16  # keys
_ENTITY_MEMBERS = frozenset(("id", "type", "scope"))
_TIMES = INSTANCE_MEMBERS - {"unitCode", "datasetId", "instanceId", "objectType", "valueType"}
_DIRECTIONS = ("asc", "desc", "dist-asc", "dist-desc")
_LANGUAGE_TAG = re.compile(r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8}){0,12}\Z")  # well-formed by RFC 5646
_KATAKANA, _HIRAGANA = range(0x30A1, 0x30F7), 0x3041


@dataclass(frozen=True, slots=True)
class OrderKey:
    """One key. `path` is as in `q`, or a single entity member (id, type, scope); distances in metres where asked."""

    path: Path
    descending: bool = False
    by_distance: bool = False


@dataclass(frozen=True, slots=True)
class Ordering:
    """The keys, most significant first; ties are told by id. `reference` is set where a key orders by distance.

    `collation` is a language tag: letters are then ordered by base letter, accent and case instead of by code point.
    """

    keys: tuple[OrderKey, ...]
    reference: BaseGeometry | None = None
    collation: str | None = None

    def sort_key(self) -> Callable[[JsonObject], tuple[Any, ...]]:
        """What to hand to `sorted(..., key=)`, for entities in canonical JSON. Make it once per query."""
        parts = [_part(key, self.reference, self.collation) for key in self.keys]
        return lambda entity: (*(part(entity) for part in parts), entity["id"])


def parse_ordering(
    order_by: str | Sequence[str],
    context: Context,
    *,
    geometry: Json = None,
    coordinates: Json = None,
    collation: Json = None,
) -> Ordering:
    """The ordering of a request (parameters orderBy, orderFrom, collation; a body's OrderingParams, 5.2.43).

    `coordinates` (orderFrom) and `geometry` (Point if not said) are the place distances are measured from.
    Raises BadRequestData.
    """
    said = order_by.split(",") if isinstance(order_by, str) else list(order_by)
    if not 0 < len(said) <= _MOST or not all(isinstance(one, str) for one in said):
        raise BadRequestData(f"orderBy is not a list of 1 to {_MOST} keys")
    keys = tuple(_key(one.strip(), context) for one in said)
    if not isinstance(geometry, str | None):
        raise BadRequestData("The geometry to order by is no name of a geometry")
    if not (collation is None or (isinstance(collation, str) and _LANGUAGE_TAG.match(collation))):
        raise BadRequestData(f"collation {str(collation)[:40]!r} is no language tag such as und or ja")
    reference = None if coordinates is None else parse_reference(geometry or "Point", coordinates)
    if reference is None and any(key.by_distance for key in keys):
        raise BadRequestData("orderBy by distance needs the coordinates to measure from (orderFrom)")
    return Ordering(keys, reference, collation)


def _key(said: str, context: Context) -> OrderKey:
    name, semicolon, direction = said.partition(";")
    if semicolon and direction not in _DIRECTIONS:
        raise BadRequestData(f"orderBy: {direction[:40]!r} is not one of {', '.join(_DIRECTIONS)}")
    try:
        path = Path((name,)) if name in _ENTITY_MEMBERS else parse_path(name, context)
    except BadRequestData:
        raise BadRequestData(f"orderBy: {name[:80]!r} is no attribute, sub-attribute or member of an entity") from None
    if path.link is not None:
        raise BadRequestData("orderBy reaches into no linked entity")
    return OrderKey(path, direction.endswith("desc"), direction.startswith("dist"))


_ABSENT = (1, 0, 0)


def _part(key: OrderKey, reference: BaseGeometry | None, collation: str | None) -> Callable[[JsonObject], Any]:
    rank = _distance_rank(reference) if key.by_distance and reference is not None else _rank(key.path, collation)
    source = _of_entity(key.path.names[0]) if key.path.names[0] in _ENTITY_MEMBERS else targets_of(key.path)

    def part(entity: JsonObject) -> Any:
        ranks = [found for _, value in source(entity) if (found := rank(value)) is not None]
        if not ranks:
            return _ABSENT
        if not key.descending:
            return (0, *min(ranks))
        kind, value = max(ranks)
        return 0, -kind, _Reversed(value)

    return part


def _of_entity(member: str) -> Source:
    def source(entity: JsonObject) -> list[tuple[str, Json]]:
        value = entity.get(member)
        # Of several types or scopes the first speaks for the entity.
        one = value[0] if isinstance(value, list) and value else value
        return [] if one is None else [("", one)]

    return source


def _rank(path: Path, collation: str | None) -> Callable[[Json], tuple[int, Any] | None]:
    if path.names[-1] in _TIMES and not path.trail:
        return lambda value: (0, to_microseconds(parse_instant(value))) if isinstance(value, str) else None

    def rank(value: Json) -> tuple[int, Any] | None:
        if value is None:
            return None
        if isinstance(value, bool):
            return 4, value
        if isinstance(value, int | float):
            return 0, value
        if isinstance(value, str):
            return 1, _collated(value) if collation else value
        return (3 if isinstance(value, list) else 2), orjson.dumps(value, option=orjson.OPT_SORT_KEYS)

    return rank


def _distance_rank(reference: BaseGeometry) -> Callable[[Json], tuple[int, float] | None]:
    def rank(value: Json) -> tuple[int, float] | None:
        metres = distance_to(reference, value) if is_geometry(value) else None
        return None if metres is None else (0, metres)

    return rank


@lru_cache(maxsize=4096)
def _collated(text: str) -> tuple[str, str, str]:
    """Base letters (kana as hiragana), then accents, then case, small letters first: as the root collation has them."""
    apart = unicodedata.normalize("NFKD", text)
    base = "".join(_kana(sign) for sign in apart if not unicodedata.combining(sign)).casefold()
    return base, apart.casefold(), text.swapcase()


def _kana(sign: str) -> str:
    return chr(ord(sign) - _KATAKANA.start + _HIRAGANA) if ord(sign) in _KATAKANA else sign


class _Reversed:
    """A value that sorts the other way round."""

    __slots__ = ("value",)

    def __init__(self, value: Any):
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Reversed) and bool(self.value == other.value)

    def __lt__(self, other: _Reversed) -> bool:
        return bool(other.value < self.value)

    __hash__ = None  # type: ignore[assignment]  # a sort key is no dictionary key
