"""Which types and attributes the entities of a tenant have now."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, cast

import orjson
from sqlalchemy import ColumnElement, bindparam, exists, func, literal_column, select

from cityos.ngsi.evolution import SCOPE
from cityos.store.connection import Connection
from cityos.store.instance_row import TYPE
from cityos.store.schema import IS_CURRENT, entity_type, instance, name
from cityos.store.statement import Statement, compiled, of_now

_SAMPLE = 1_000  # instances of an attribute that are looked at for their kinds: more would hardly show another


@dataclass(slots=True)
class AttributeUse:
    """An attribute (IRI): how many entities have it, of which types (IRIs); `kinds` as far as a sample shows them."""

    iri: str
    count: int = 0
    types: set[str] = field(default_factory=set)
    kinds: set[str] = field(default_factory=set)


@dataclass(slots=True)
class TypeUse:
    """An entity type (IRI), how many entities have it, and their attributes."""

    iri: str
    count: int
    attributes: list[AttributeUse] = field(default_factory=list)


def list_types(connection: Connection, tenant: str, *, with_attributes: bool) -> list[TypeUse]:
    """All types, in order of IRI."""
    uses = {iri: TypeUse(iri, count) for iri, count in connection.rows(_TYPES, {"tenant": tenant})}
    if with_attributes:
        for type_iri, attribute_iri, count in connection.rows(_TYPED_ATTRIBUTES, {"tenant": tenant}):
            uses[type_iri].attributes.append(AttributeUse(attribute_iri, count))
    return [uses[iri] for iri in sorted(uses)]


def find_type(connection: Connection, tenant: str, iri: str) -> TypeUse | None:
    """One type with its attributes and their kinds, if any entity has it."""
    about = {"tenant": tenant, "type_iri": iri}
    rows = connection.rows(_TYPE, about)
    if not rows or not rows[0][0]:
        return None
    use = TypeUse(iri, rows[0][0])
    for _, attribute_iri, count in connection.rows(_ATTRIBUTES_OF_TYPE, about):
        kinds = _kinds(connection.rows(_SAMPLE_OF_TYPE, {**about, "attribute_iri": attribute_iri, "count": _SAMPLE}))
        use.attributes.append(AttributeUse(attribute_iri, count, {iri}, kinds))
    return use


def list_attributes(connection: Connection, tenant: str) -> list[AttributeUse]:
    """All attributes with the types of the entities that have them, in order of IRI."""
    uses: dict[str, AttributeUse] = {}
    for type_iri, attribute_iri, count in connection.rows(_TYPED_ATTRIBUTES, {"tenant": tenant}):
        use = uses.setdefault(attribute_iri, AttributeUse(attribute_iri))
        use.types.add(type_iri)
        use.count += count
    return [uses[iri] for iri in sorted(uses)]


def find_attribute(connection: Connection, tenant: str, iri: str) -> AttributeUse | None:
    """One attribute with its types and kinds, if any entity has it."""
    about = {"tenant": tenant, "attribute_iri": iri}
    count = cast(int, connection.rows(_COUNT_OF_ATTRIBUTE, about)[0][0])
    if not count:
        return None
    types = {row[0] for row in connection.rows(_TYPES_OF_ATTRIBUTE, about)}
    return AttributeUse(iri, count, types, _kinds(connection.rows(_SAMPLE_OF_ATTRIBUTE, {**about, "count": _SAMPLE})))


def _kinds(bodies: Iterable[tuple[Any, ...]]) -> set[str]:
    return {cast(str, orjson.loads(body)["type"]) for (body,) in bodies}


# ---- statements

_type_name, _attribute_name = name.alias("type_name"), name.alias("attribute_name")
_ZERO: ColumnElement[int] = literal_column("0")
# History keeps the scope, and the types of what has ended, under names of their own: no attributes.
_IS_ATTRIBUTE = _attribute_name.c.iri.not_in([literal_column(f"'{one}'") for one in (SCOPE, TYPE)])


_tenant: ColumnElement[Any] = bindparam("tenant")
_OF_TENANT = entity_type.c.tenant == _tenant
_TYPED = entity_type.join(_type_name, _type_name.c.no == entity_type.c.type)
_IS_TYPE = _type_name.c.iri == bindparam("type_iri")
_ATTRIBUTE_NO = select(name.c.no).where(name.c.iri == bindparam("attribute_iri")).scalar_subquery()


def _is_current(attribute: ColumnElement[Any]) -> ColumnElement[bool]:
    return (instance.c.tenant == _tenant) & (instance.c.attribute == attribute) & IS_CURRENT


def _has(attribute: ColumnElement[Any]) -> ColumnElement[bool]:
    """Whether the entity of a row of `entity_type` has an attribute: one look into an index, however long its past."""
    return exists().where(_is_current(attribute), instance.c.entity == entity_type.c.entity)


def _attributes_by_type(*conditions: ColumnElement[bool]) -> Statement:
    """How many entities of each type have each attribute that is in use at all."""
    is_in_use = exists().where(_is_current(_attribute_name.c.no)).correlate(_attribute_name)
    counts = (
        select(_type_name.c.iri, _attribute_name.c.iri, func.count())
        .select_from(_TYPED.join(_attribute_name, is_in_use))
        .where(_OF_TENANT, *conditions, _IS_ATTRIBUTE, _has(_attribute_name.c.no))
        .group_by(_type_name.c.iri, _attribute_name.c.iri)
        .order_by(_type_name.c.iri, _attribute_name.c.iri)
    )
    return of_now(compiled(counts))


_TYPES = compiled(
    select(_type_name.c.iri, func.count()).select_from(_TYPED).where(_OF_TENANT).group_by(_type_name.c.iri)
)
_TYPE = compiled(select(func.count()).select_from(_TYPED).where(_OF_TENANT, _IS_TYPE))
_TYPED_ATTRIBUTES = _attributes_by_type()
_ATTRIBUTES_OF_TYPE = _attributes_by_type(_IS_TYPE)
_SAMPLE_OF_TYPE = compiled(
    select(instance.c.body)
    .where(
        _is_current(_ATTRIBUTE_NO),
        instance.c.entity.in_(select(entity_type.c.entity).select_from(_TYPED).where(_OF_TENANT, _IS_TYPE)),
    )
    .limit(bindparam("count"))
    .offset(_ZERO)
)
_COUNT_OF_ATTRIBUTE = compiled(select(func.count(instance.c.entity.distinct())).where(_is_current(_ATTRIBUTE_NO)))
_TYPES_OF_ATTRIBUTE = of_now(
    compiled(select(_type_name.c.iri).distinct().select_from(_TYPED).where(_OF_TENANT, _has(_ATTRIBUTE_NO)))
)
_SAMPLE_OF_ATTRIBUTE = compiled(
    select(instance.c.body).where(_is_current(_ATTRIBUTE_NO)).limit(bindparam("count")).offset(_ZERO)
)
