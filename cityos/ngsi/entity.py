"""The entity as every room sees it, and its canonical, context-free bytes.

Canonical form: the normalised representation (clause 4.5.1) with types, attribute names and vocab values as IRIs, every
attribute a list of instances, instants in UTC. It needs no @context to be read, so it never changes with one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import cast

import orjson

from cityos.ngsi.instant import format_instant, parse_instant
from cityos.ngsi.value import Json, JsonObject, same_value

# The member that carries the value of each attribute kind (clauses 4.5.2, 4.5.3, 4.5.18, 4.5.20-4.5.24).
VALUE_MEMBER: Mapping[str, str] = {
    "Property": "value",
    "GeoProperty": "value",
    "Relationship": "object",
    "LanguageProperty": "languageMap",
    "VocabProperty": "vocab",
    "JsonProperty": "json",
    "ListProperty": "valueList",
    "ListRelationship": "objectList",
}
# Members that describe an instance without being sub-attributes, kept as they are said.
NOTE_MEMBERS = ("unitCode", "objectType", "valueType")
DEFAULT_DATASET = ""


@dataclass(slots=True)
class Instance:
    """One attribute instance: kind (`Property`, ...), value, and what is said about it.

    `notes` holds unitCode, objectType, valueType; `attributes` the sub-attributes, to any depth.
    """

    kind: str
    value: Json
    observed_at: datetime | None = None
    dataset: str = DEFAULT_DATASET
    notes: JsonObject = field(default_factory=dict)
    attributes: Attributes = field(default_factory=dict)
    created_at: datetime | None = None
    modified_at: datetime | None = None

    def says_the_same(self, other: Instance) -> bool:
        """Whether both say the same of the world: all but when they were written and observed."""
        return (
            self.kind == other.kind
            and same_value(self.value, other.value)
            and (self.notes == other.notes == {} or same_value(self.notes, other.notes))
            and (self.attributes == other.attributes == {} or same_attributes(self.attributes, other.attributes))
        )

    def written(self, created_at: datetime | None, modified_at: datetime) -> Instance:
        """The same with the times of writing. (`dataclasses.replace` takes ten times as long.)"""
        return Instance(
            self.kind, self.value, self.observed_at, self.dataset, self.notes, self.attributes, created_at, modified_at
        )


# Attribute IRI -> dataset id ("" for the default instance) -> instance.
Attributes = dict[str, dict[str, Instance]]


def same_attributes(one: Attributes, other: Attributes) -> bool:
    """Whether two attribute maps say the same, observation times included."""
    if one.keys() != other.keys():
        return False
    for name, instances in one.items():
        others = other[name]
        if instances.keys() != others.keys():
            return False
        for dataset, instance in instances.items():
            twin = others[dataset]
            if instance.observed_at != twin.observed_at or not instance.says_the_same(twin):
                return False
    return True


@dataclass(slots=True)
class Entity:
    """An entity: URI, type IRIs (at least one), scopes, attributes."""

    id: str
    types: tuple[str, ...]
    attributes: Attributes = field(default_factory=dict)
    scopes: tuple[str, ...] = ()
    created_at: datetime | None = None
    modified_at: datetime | None = None
    expires_at: datetime | None = None  # a transient entity ends by itself (clause 4.22)

    def written(self, created_at: datetime | None, modified_at: datetime | None, attributes: Attributes) -> Entity:
        """The same with these attributes and times of writing; as `Instance.written`."""
        return Entity(self.id, self.types, attributes, self.scopes, created_at, modified_at, self.expires_at)

    def set(self, name: str, instance: Instance) -> None:
        """Puts an instance in its place by name and dataset."""
        self.attributes.setdefault(name, {})[instance.dataset] = instance

    def find(self, name: str, dataset: str = DEFAULT_DATASET) -> Instance | None:
        """The instance of this attribute and dataset, if the entity has it."""
        return self.attributes.get(name, {}).get(dataset)

    def latest_observation(self) -> datetime | None:
        """The newest observedAt of any attribute: the entity's own clock."""
        times = [i.observed_at for by in self.attributes.values() for i in by.values() if i.observed_at is not None]
        return max(times, default=None)


def instance_to_json(instance: Instance, *, timed: bool = True) -> JsonObject:
    """The canonical JSON of one instance; unless it is `timed`, without when it itself was written."""
    told: JsonObject = {"type": instance.kind, VALUE_MEMBER[instance.kind]: instance.value}
    if instance.observed_at is not None:
        told["observedAt"] = format_instant(instance.observed_at)
    if instance.dataset:
        told["datasetId"] = instance.dataset
    told.update(instance.notes)
    if timed and instance.created_at is not None:
        told["createdAt"] = format_instant(instance.created_at)
    if timed and instance.modified_at is not None:
        told["modifiedAt"] = format_instant(instance.modified_at)
    for name, instances in instance.attributes.items():
        told[name] = [instance_to_json(sub) for sub in instances.values()]
    return told


def instance_to_bytes(instance: Instance) -> bytes:
    """The canonical bytes of one instance as history keeps them: without when it was written."""
    return orjson.dumps(instance_to_json(instance, timed=False))


def with_times(body: bytes, instance: Instance) -> bytes:
    """What `instance_to_bytes` made of an instance, and when that was written, as the entity's own bytes tell it."""
    told = body[:-1]
    if instance.created_at is not None:
        told += b',"createdAt":"%b"' % format_instant(instance.created_at).encode()
    if instance.modified_at is not None:
        told += b',"modifiedAt":"%b"' % format_instant(instance.modified_at).encode()
    return told + b"}"


def instance_from_json(told: JsonObject) -> Instance:
    """Reads what `instance_to_json` wrote; trusts it."""
    kind = cast(str, told["type"])
    dataset, observed_at = told.get("datasetId"), told.get("observedAt")
    created_at, modified_at = told.get("createdAt"), told.get("modifiedAt")
    instance = Instance(kind, told[VALUE_MEMBER[kind]])
    rest = len(told) - 2
    if dataset is not None:
        instance.dataset = cast(str, dataset)
        rest -= 1
    if observed_at is not None:
        instance.observed_at = parse_instant(cast(str, observed_at))
        rest -= 1
    if created_at is not None:
        instance.created_at = parse_instant(cast(str, created_at))
        rest -= 1
    if modified_at is not None:
        instance.modified_at = parse_instant(cast(str, modified_at))
        rest -= 1
    if rest:  # most say no more
        for key, value in told.items():
            if ":" in key:  # an IRI: only sub-attributes have one
                instance.attributes[key] = _instances_from_json(value)
            elif key in NOTE_MEMBERS:
                instance.notes[key] = value
    return instance


def _instances_from_json(told: Json) -> dict[str, Instance]:
    instances = (instance_from_json(one) for one in cast(list[JsonObject], told))
    return {instance.dataset: instance for instance in instances}


def entity_to_json(entity: Entity) -> JsonObject:
    """The canonical JSON of an entity."""
    told = _head_to_json(entity)
    for name, instances in entity.attributes.items():
        told[name] = [instance_to_json(instance) for instance in instances.values()]
    return told


def _head_to_json(entity: Entity) -> JsonObject:
    """All but the attributes."""
    told: JsonObject = {"id": entity.id, "type": list(entity.types)}
    if entity.scopes:
        told["scope"] = list(entity.scopes)
    if entity.created_at is not None:
        told["createdAt"] = format_instant(entity.created_at)
    if entity.modified_at is not None:
        told["modifiedAt"] = format_instant(entity.modified_at)
    if entity.expires_at is not None:
        told["expiresAt"] = format_instant(entity.expires_at)
    return told


def entity_from_json(told: JsonObject) -> Entity:
    """Reads what `entity_to_json` wrote; trusts it."""
    entity = Entity(cast(str, told["id"]), tuple(cast(list[str], told["type"])))
    entity.scopes = tuple(cast(list[str], told.get("scope", [])))
    for key, value in told.items():
        if ":" in key:
            entity.attributes[key] = _instances_from_json(value)
        elif key == "createdAt":
            entity.created_at = parse_instant(cast(str, value))
        elif key == "modifiedAt":
            entity.modified_at = parse_instant(cast(str, value))
        elif key == "expiresAt":
            entity.expires_at = parse_instant(cast(str, value))
    return entity


def to_bytes(entity: Entity, worded: Mapping[tuple[str, str], bytes] = MappingProxyType({})) -> bytes:
    """The canonical bytes of an entity; `worded` holds those of instances that are known, by attribute and dataset."""
    told: dict[str, object] = dict(_head_to_json(entity))
    for name, instances in entity.attributes.items():
        told[name] = [
            orjson.Fragment(worded[name, dataset]) if (name, dataset) in worded else instance_to_json(instance)
            for dataset, instance in instances.items()
        ]
    return orjson.dumps(told)


def from_bytes(content: bytes) -> Entity:
    """Reads canonical bytes back."""
    return entity_from_json(orjson.loads(content))
