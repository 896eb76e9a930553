"""What each operation of the provision API does to an entity, as pure functions (clauses 5.6.1-5.6.21).

A step takes the entity as known (None: there is none) and decides what shall be. Steps refuse by raising the errors of
`ngsi.error`; what they cannot do for single attributes stands in the decision (UpdateResult, clause 5.2.18).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime

from cityos.ngsi.entity import DEFAULT_DATASET, Attributes, Entity, Instance
from cityos.ngsi.error import AlreadyExists, BadRequestData, ResourceNotFound
from cityos.ngsi.expansion import NULL, UNSAID
from cityos.ngsi.merge import merge_instance, merge_patch, update_attributes, without_nulls


@dataclass(frozen=True, slots=True)
class Decision:
    """The entity that shall be (None: it ends), and which attributes (by IRI) were not updated, and why."""

    entity: Entity | None
    refused: tuple[tuple[str, str], ...] = ()


Step = Callable[[Entity | None], Decision]


@dataclass(frozen=True, slots=True)
class Command:
    """A step for the entity of this id; only if its version is one of `versions`, where these are given."""

    id: str
    step: Step = field(compare=False)
    versions: frozenset[int] | None = None


def create(said: Entity) -> Command:
    """Create Entity (5.6.1); AlreadyExists if it is there."""

    def step(known: Entity | None) -> Decision:
        if known is not None:
            raise AlreadyExists(f"{said.id} already exists")
        return Decision(without_nulls(said))

    return Command(said.id, step)


def upsert(said: Entity) -> Command:
    """Create the entity or replace it whole (5.6.8, replace)."""
    return Command(said.id, lambda known: Decision(without_nulls(said)))


def upsert_attributes(said: Entity) -> Command:
    """Create the entity, or replace only the attributes said (5.6.8, update)."""

    def step(known: Entity | None) -> Decision:
        return Decision(without_nulls(said) if known is None else update_attributes(known, said))

    return Command(said.id, step)


def replace_entity(entity_id: str, said: Entity) -> Command:
    """Replace Entity (5.6.18); it keeps its type where none is said."""

    def step(known: Entity | None) -> Decision:
        known = _existing(entity_id, known)
        return Decision(replace(without_nulls(said), id=entity_id, types=said.types or known.types))

    return Command(entity_id, step)


def merge(entity_id: str, said: Entity, *, observed_at: datetime | None = None, lang: str | None = None) -> Command:
    """Merge Entity (5.6.17); `observed_at` is when all was observed that does not say when, `lang` the language of
    plain texts said for a LanguageProperty."""

    def step(known: Entity | None) -> Decision:
        known = _existing(entity_id, known)
        attributes = {
            name: {
                dataset: _completed(one, known.find(name, dataset), observed_at, lang) for dataset, one in all_.items()
            }
            for name, all_ in said.attributes.items()
        }
        return Decision(merge_patch(known, replace(said, attributes=attributes)))

    return Command(entity_id, step)


def _completed(said: Instance, known: Instance | None, observed_at: datetime | None, lang: str | None) -> Instance:
    if known is not None and known.kind == "LanguageProperty" and lang and isinstance(said.value, str):
        said = replace(said, kind=known.kind, value=said.value if said.value == NULL else {lang: said.value})
    if observed_at is not None and said.observed_at is None and said.value != NULL:
        said = replace(said, observed_at=observed_at)
    return said


def append_attributes(entity_id: str, said: Entity, *, overwrite: bool = True) -> Command:
    """Append Attributes (5.6.3), and Batch Update (5.6.9): new ones are added, present ones replaced if `overwrite`."""

    def step(known: Entity | None) -> Decision:
        known = _existing(entity_id, known)
        if overwrite:
            return Decision(update_attributes(known, said))
        fresh, present = _parted(known, said)
        refused = tuple((name, "it exists and noOverwrite is asked for") for name in present.attributes)
        scopes = tuple(dict.fromkeys((*known.scopes, *said.scopes)))
        return Decision(replace(update_attributes(known, fresh), scopes=scopes), refused)

    return Command(entity_id, step)


def update_existing(entity_id: str, said: Entity) -> Command:
    """Update Attributes (5.6.2): attributes are replaced, or added where they are missing; a scope is not added."""

    def step(known: Entity | None) -> Decision:
        known = _existing(entity_id, known)
        refused = (("scope", "the entity has no scope"),) if said.scopes and not known.scopes else ()
        return Decision(update_attributes(known, replace(said, scopes=said.scopes if known.scopes else ())), refused)

    return Command(entity_id, step)


def update_partially(entity_id: str, name: str, said: Instance) -> Command:
    """Partial Attribute Update (5.6.4): members said replace those of the instance, the others stay."""

    def step(known: Entity | None) -> Decision:
        known = _existing(entity_id, known)
        before = _instance(known, name, said.dataset)
        if said.kind not in ("", before.kind) and said.value != NULL:
            raise BadRequestData(f"{name} is a {before.kind}, not a {said.kind}")
        if said.value == NULL:
            return Decision(_without(known, name, said.dataset))
        merged = merge_instance(before, said)
        return Decision(_with(known, name, merged if said.value is UNSAID else replace(merged, value=said.value)))

    return Command(entity_id, step)


def replace_attribute(entity_id: str, name: str, said: Instance) -> Command:
    """Attribute Replace (5.6.19)."""

    def step(known: Entity | None) -> Decision:
        known = _existing(entity_id, known)
        _instance(known, name, said.dataset)
        return Decision(_without(known, name, said.dataset) if said.value == NULL else _with(known, name, said))

    return Command(entity_id, step)


def delete_attribute(entity_id: str, name: str, dataset: str = DEFAULT_DATASET, *, everything: bool = False) -> Command:
    """Delete Attribute (5.6.5): the instance of a dataset, or all instances."""

    def step(known: Entity | None) -> Decision:
        known = _existing(entity_id, known)
        if name == "scope" and known.scopes:
            return Decision(replace(known, scopes=()))
        if everything and name in known.attributes:
            return Decision(replace(known, attributes={k: v for k, v in known.attributes.items() if k != name}))
        _instance(known, name, dataset)
        return Decision(_without(known, name, dataset))

    return Command(entity_id, step)


def drop_attributes(entity_id: str, names: frozenset[str]) -> Command:
    """Purge (5.6.21) with `drop`: these attributes go, the entity stays."""
    return _purge(entity_id, lambda name: name not in names)


def keep_attributes(entity_id: str, names: frozenset[str]) -> Command:
    """Purge (5.6.21) with `keep`: all but these attributes go, the entity stays."""
    return _purge(entity_id, lambda name: name in names)


def _purge(entity_id: str, stays: Callable[[str], bool]) -> Command:
    def step(known: Entity | None) -> Decision:
        known = _existing(entity_id, known)
        rest = {name: instances for name, instances in known.attributes.items() if stays(name)}
        return Decision(replace(known, attributes=rest))

    return Command(entity_id, step)


def delete(entity_id: str) -> Command:
    """Delete Entity (5.6.6): its state ends, its history stays."""

    def step(known: Entity | None) -> Decision:
        _existing(entity_id, known)
        return Decision(None)

    return Command(entity_id, step)


def _existing(entity_id: str, known: Entity | None) -> Entity:
    if known is None:
        raise ResourceNotFound(f"{entity_id} is not found")
    return known


def _instance(known: Entity, name: str, dataset: str) -> Instance:
    found = known.find(name, dataset)
    if found is None:
        of = f" of the dataset {dataset}" if dataset else ""
        raise ResourceNotFound(f"{known.id} has no instance{of} of the attribute {name}")
    return found


def _with(known: Entity, name: str, instance: Instance) -> Entity:
    instances = {**known.attributes.get(name, {}), instance.dataset: instance}
    return replace(known, attributes={**known.attributes, name: instances})


def _without(known: Entity, name: str, dataset: str) -> Entity:
    rest = {key: one for key, one in known.attributes[name].items() if key != dataset}
    others = {key: instances for key, instances in known.attributes.items() if key != name}
    return replace(known, attributes={**others, name: rest} if rest else others)


def _parted(known: Entity, said: Entity) -> tuple[Entity, Entity]:
    """What is said, in two: attribute instances the entity does not have yet, and those it has."""
    fresh: Attributes = {}
    present: Attributes = {}
    for name, instances in said.attributes.items():
        for dataset, instance in instances.items():
            part = fresh if known.find(name, dataset) is None else present
            part.setdefault(name, {})[dataset] = instance
    return replace(said, attributes=fresh), replace(said, attributes=present)
