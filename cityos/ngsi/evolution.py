"""How an entity came to be what it is: its attribute instances through time (clauses 4.5.6-4.5.8, 5.6.11).

All is pure: what a request says of the past, how it meets what is known now, and which part of it one answer holds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import cast

from cityos.ngsi.aggregation import Summary
from cityos.ngsi.entity import VALUE_MEMBER, Entity, Instance
from cityos.ngsi.expansion import NULL
from cityos.ngsi.instant import format_instant, from_microseconds
from cityos.ngsi.merge import merge_instance
from cityos.ngsi.scope_query import ScopeQuery
from cityos.ngsi.value import Json, JsonObject

# The scope has a history as an attribute has (clause 4.5.6). No attribute has its name: theirs hold a colon.
SCOPE = "scope"
INSTANCE_PREFIX = "urn:ngsi-ld:Instance:"


@dataclass(slots=True)
class Point:
    """One instance in canonical JSON, of number `no`. Instants are microseconds since 1970; `at` is when it was so.

    A tombstone's value is NGSI-LD Null (clause 4.5.7).
    """

    no: int
    at: int
    body: JsonObject
    created_at: int
    modified_at: int
    is_deleted: bool = False


@dataclass(slots=True)
class Series:
    """The instances of one attribute (IRI, or SCOPE) and dataset ("" without), oldest first; or what they come to."""

    attribute: str
    dataset: str
    points: list[Point]
    kind: str = "Property"
    summary: Summary | None = None


@dataclass(slots=True)
class Evolution:
    """An entity with its series; `deleted_at` where it is no more."""

    id: str
    types: tuple[str, ...]
    series: list[Series] = field(default_factory=list)
    created_at: datetime | None = None
    modified_at: datetime | None = None
    expires_at: datetime | None = None
    deleted_at: datetime | None = None


def instance_id(no: int) -> str:
    """The URI of an instance."""
    return f"{INSTANCE_PREFIX}{no}"


def number_of_instance(uri: str) -> int | None:
    """The number in an instance's URI; None where it is not one of ours."""
    number = uri.removeprefix(INSTANCE_PREFIX)
    is_ours = number != uri and number.isascii() and number.isdigit() and len(number) <= 18
    return int(number) if is_ours else None


def tombstone(attribute: str, kind: str, dataset: str, observed_at: datetime | None) -> JsonObject:
    """What stands for an instance that was deleted, in canonical JSON (clause 4.5.7)."""
    value: Json = NULL
    if attribute == SCOPE:
        value = []
    elif kind == "LanguageProperty":
        value = {"@none": NULL}
    told: JsonObject = {"type": kind, VALUE_MEMBER[kind]: value}
    if observed_at is not None:
        told["observedAt"] = format_instant(observed_at)
    if dataset:
        told["datasetId"] = dataset
    return told


# ---- what is said of the past


@dataclass(slots=True)
class Said:
    """What a request says of an entity's past: who it is, and instances by attribute in the order said.

    `scopes` is the scope through time; an instance that says it was deleted has NGSI-LD Null as its value.
    """

    entity: Entity
    instances: dict[str, list[Instance]] = field(default_factory=dict)


@dataclass(slots=True)
class Evolved:
    """The entity that shall be now, and the instances that are history only.

    `seen_at` is when, by attribute and dataset, something was seen to be gone, or the scope to be what it is.
    """

    entity: Entity
    late: list[tuple[str, Instance]] = field(default_factory=list)
    seen_at: dict[tuple[str, str], datetime] = field(default_factory=dict)


def evolve(known: Entity | None, said: Said, now: datetime) -> Evolved:
    """Adds instances to an entity's past; the newest of each series is its present (clauses 5.6.11, 5.6.12).

    What was not observed is taken as so from now on.
    """
    start = known or Entity(said.entity.id, ())
    entity = replace(
        start,
        types=tuple(dict.fromkeys((*start.types, *said.entity.types))),
        expires_at=said.entity.expires_at or start.expires_at,
        attributes={name: dict(instances) for name, instances in start.attributes.items()},
    )
    evolved = Evolved(entity)
    for name, instances in said.instances.items():
        for dataset in dict.fromkeys(one.dataset for one in instances):
            _evolve_series(evolved, name, [one for one in instances if one.dataset == dataset], now)
    return evolved


def _evolve_series(evolved: Evolved, name: str, said: list[Instance], now: datetime) -> None:
    entity, dataset = evolved.entity, said[0].dataset
    *older, newest = sorted(said, key=lambda one: one.observed_at or now)
    present = entity.find(name, dataset)
    if present is not None and _clock(newest, now) < _clock(present, now):
        older.append(newest)
    elif is_null(newest):
        _remove(entity, name, dataset)
        if present is None:
            older.append(newest)
        elif newest.observed_at is not None:
            evolved.seen_at[name, dataset] = newest.observed_at
    elif name == SCOPE:
        entity.scopes = scopes_of(newest)
        if newest.observed_at is not None:
            evolved.seen_at[name, dataset] = newest.observed_at
    else:
        entity.set(name, merge_instance(None, newest))
    evolved.late += [(name, one if is_null(one) else merge_instance(None, one)) for one in older]


def _clock(instance: Instance, now: datetime) -> datetime:
    return instance.observed_at or instance.modified_at or now


def _remove(entity: Entity, name: str, dataset: str) -> None:
    if name == SCOPE:
        entity.scopes = ()
    instances = entity.attributes.get(name, {})
    instances.pop(dataset, None)
    if not instances:
        entity.attributes.pop(name, None)


def is_null(instance: Instance) -> bool:
    """Whether an instance says that it was deleted."""
    return instance.value == NULL or instance.value == {"@none": NULL}


def scope_instance(scopes: tuple[str, ...], observed_at: datetime | None = None) -> Instance:
    """The scope as an instance of its history."""
    return Instance("Property", scopes[0] if len(scopes) == 1 else list(scopes), observed_at)


def scopes_of(instance: Instance) -> tuple[str, ...]:
    """The inverse of `scope_instance`."""
    value = instance.value
    return tuple(cast(list[str], value if isinstance(value, list) else [value]))


# ---- what one answer holds


def as_entity(evolution: Evolution) -> JsonObject:
    """All instances as if they were so at once, in canonical JSON: what q and geo-queries are asked of (5.7.4.4)."""
    told: JsonObject = {"id": evolution.id, "type": list(evolution.types)}
    for series in evolution.series:
        if ":" in series.attribute:
            bodies = [_timed(point) for point in series.points if not point.is_deleted]
            if bodies:
                told[series.attribute] = [*cast(list[Json], told.get(series.attribute, [])), *bodies]
    for member, instant in (("createdAt", evolution.created_at), ("modifiedAt", evolution.modified_at)):
        if instant is not None:
            told[member] = format_instant(instant)
    return told


def _timed(point: Point) -> JsonObject:
    return {
        **point.body,
        "createdAt": format_instant(from_microseconds(point.created_at)),
        "modifiedAt": format_instant(from_microseconds(point.modified_at)),
    }


def scope_intervals(points: Sequence[Point], asked: ScopeQuery) -> list[tuple[int, int]]:
    """When the scope was one that is asked for: each holds until the next is set (clauses 4.18, 4.19)."""
    found: list[tuple[int, int]] = []
    for point, following in zip(points, [*points[1:], None], strict=True):
        value = point.body["value"]
        scopes = cast(list[str], value if isinstance(value, list) else [value])
        if not point.is_deleted and asked.matches(scopes):
            found.append((point.at, _FOREVER if following is None else following.at))
    return found


_FOREVER = 2**62


def cut(evolutions: Sequence[Evolution], limit: int, *, newest: bool) -> tuple[int, int] | None:
    """Leaves of all series together what lies within one span of time: about `limit` instances, the oldest or newest.

    None where all may stay; else the first and last instant that stayed. No instant is halved, so that who goes on from
    the last one misses nothing.
    """
    times = sorted((p.at for one in evolutions for s in one.series for p in s.points), reverse=newest)
    if len(times) <= limit:
        return None
    edge = times[limit - 1]
    if times[limit] == edge:  # the instant does not fit whole: it comes next, unless it is all there is
        edge = next((at for at in reversed(times[:limit]) if at != edge), edge)
    for evolution in evolutions:
        for series in evolution.series:
            series.points = [p for p in series.points if (p.at >= edge if newest else p.at <= edge)]
    return times[0], edge


def content_range(since: int | None, until: int | None, kept: tuple[int, int], last: int | None) -> str:
    """The Content-Range of a cut answer (clause 6.3.10); with lastN time runs backwards, and its size is lastN."""
    first, edge = kept
    bound = since if last is None else until
    begin, end = (format_instant(from_microseconds(at)) for at in (first if bound is None else bound, edge))
    return f"date-time {begin}-{end}/{'*' if last is None else last}"
