"""How what is said meets what is known: pure functions from an entity and a fragment to the next entity.

None of them writes times or decides what changed; `settle` does both, once, for all of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from cityos.ngsi.entity import Attributes, Entity, Instance
from cityos.ngsi.expansion import NULL, UNSAID
from cityos.ngsi.value import Json, JsonObject


def update_attributes(known: Entity, said: Entity) -> Entity:
    """The instances said replace those of the same name and dataset; all else stays (clauses 5.6.3, 5.6.9 update).

    NGSI-LD Null deletes here, too.
    """
    rest: Attributes = {
        name: {dataset: one for dataset, one in instances.items() if dataset not in said.attributes.get(name, {})}
        for name, instances in known.attributes.items()
    }
    return _next(known, said, _merge_attributes(rest, said.attributes))


def merge_patch(known: Entity, said: Entity) -> Entity:
    """Merge Entity (clauses 5.5.12, 5.6.17): instances are merged member by member, NGSI-LD Null deletes."""
    return _next(known, said, _merge_attributes(known.attributes, said.attributes))


def _next(known: Entity, said: Entity, attributes: Attributes) -> Entity:
    """The known entity with these attributes, and what is said of types, scopes and expiry."""
    return Entity(
        known.id,
        known.types if said.types == known.types else tuple(dict.fromkeys((*known.types, *said.types))),
        attributes,
        said.scopes or known.scopes,
        known.created_at,
        known.modified_at,
        said.expires_at or known.expires_at,
    )


def _merge_attributes(known: Attributes, said: Attributes) -> Attributes:
    merged: Attributes = {name: dict(instances) for name, instances in known.items()}
    for name, instances in said.items():
        present = merged.setdefault(name, {})
        for dataset, instance in instances.items():
            if instance.value == NULL:
                present.pop(dataset, None)
            else:
                present[dataset] = merge_instance(present.get(dataset), instance)
    return {name: instances for name, instances in merged.items() if instances}


def merge_instance(known: Instance | None, said: Instance) -> Instance:
    """One instance merged into another of the same attribute and dataset: value members, notes, sub-attributes."""
    if known is not None and said.value is UNSAID:
        said = replace(said, kind=known.kind, value=known.value)
    like = known if known is not None and known.kind == said.kind else None
    value = said.value
    if said.kind != "GeoProperty":  # a geometry is one thing; half of it means nothing
        value = _merge_value(like.value if like else None, value)
    attributes = said.attributes
    if attributes or (known is not None and known.attributes):
        attributes = _merge_attributes(known.attributes if known else {}, attributes)
    return Instance(
        said.kind,
        value,
        said.observed_at or (known.observed_at if known else None),
        said.dataset,
        {**like.notes, **said.notes} if like and like.notes else said.notes,
        attributes,
        said.created_at,
        said.modified_at,
    )


def _merge_value(known: Json, said: Json) -> Json:
    """JSON merge patch (RFC 7396) with NGSI-LD Null in the place of null."""
    if not isinstance(said, dict):
        return said
    merged: JsonObject = dict(known) if isinstance(known, dict) else {}
    for key, value in said.items():
        if value == NULL:
            merged.pop(key, None)
        else:
            merged[key] = _merge_value(merged.get(key), value)
    return merged


def without_nulls(said: Entity) -> Entity:
    """What remains of a new entity when NGSI-LD Null is taken at its word."""
    if not _may_hold_null(said.attributes):
        return said
    return replace(said, attributes=_merge_attributes({}, said.attributes))


def _may_hold_null(attributes: Attributes) -> bool:
    """Whether any value is NGSI-LD Null, or a map or sub-attribute in which one may stand."""
    for instances in attributes.values():
        for one in instances.values():
            if one.attributes or one.value == NULL or (one.kind != "GeoProperty" and one.value.__class__ is dict):
                return True
    return False


def observe(known: Entity, said: Entity) -> tuple[Entity, list[tuple[str, Instance]]]:
    """A source's observation: as `update_attributes`, but the newest observedAt wins.

    Returns the next entity and the late instances: older than what is known, so they belong to history only.
    """
    late: list[tuple[str, Instance]] = []
    timely = Entity(said.id, said.types, {}, said.scopes)
    for name, instances in said.attributes.items():
        for instance in instances.values():
            current = known.find(name, instance.dataset)
            if current is not None and _is_older(instance, current):
                late.append((name, instance))
            else:
                timely.set(name, instance)
    return update_attributes(known, timely), late


def _is_older(said: Instance, known: Instance) -> bool:
    return said.observed_at is not None and known.observed_at is not None and said.observed_at < known.observed_at


@dataclass(frozen=True, slots=True)
class AttributeChange:
    """One attribute instance that changed: before (None: it is new) and after (None: it is gone)."""

    name: str
    dataset: str
    before: Instance | None
    after: Instance | None


def settle(known: Entity | None, wanted: Entity, now: datetime) -> tuple[Entity, list[AttributeChange], bool]:
    """Writes the times and tells what changed: the entity to store, its attribute changes, whether anything changed.

    An instance that says the same with the same observedAt stays as it was, times included.
    """
    if known is None:
        entity = wanted.written(now, now, _stamped(wanted.attributes, now))
        return entity, [AttributeChange(n, d, None, i) for n, d, i in _instances(entity.attributes)], True
    changes: list[AttributeChange] = []
    attributes: Attributes = {}
    for name, dataset, instance in _instances(wanted.attributes):
        before = known.find(name, dataset)
        settled = instance
        if before is not instance:
            if before is not None and before.observed_at == instance.observed_at and before.says_the_same(instance):
                settled = before
            else:
                settled = instance.written(before.created_at if before is not None else now, now)
                changes.append(AttributeChange(name, dataset, before, settled))
        attributes.setdefault(name, {})[dataset] = settled
    for name, dataset, before in _instances(known.attributes):
        if dataset not in attributes.get(name, {}):
            changes.append(AttributeChange(name, dataset, before, None))
    changed = bool(changes) or (known.types, known.scopes, known.expires_at) != (
        wanted.types,
        wanted.scopes,
        wanted.expires_at,
    )
    modified_at = now if changed else known.modified_at
    return wanted.written(known.created_at, modified_at, attributes), changes, changed


def _instances(attributes: Attributes) -> Iterator[tuple[str, str, Instance]]:
    for name, instances in attributes.items():
        for dataset, instance in instances.items():
            yield name, dataset, instance


def _stamped(attributes: Attributes, now: datetime) -> Attributes:
    return {
        name: {dataset: instance.written(now, now) for dataset, instance in instances.items()}
        for name, instances in attributes.items()
    }
