"""The statements of queries for entities: places in a box, keys in order, lists; made once per shape of a query."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, bindparam, column, exists, func, select, table

from cityos.store.filtering import Shape, condition_of, rows_of
from cityos.store.schema import IS_CURRENT, entity, entity_type, instance, layer, place
from cityos.store.statement import ZERO, AnyOf, Statement, Unindexed, compiled, of_now

STORED = (entity.c.id, entity.c.topic, entity.c.seq, entity.c.document)


@dataclass(frozen=True, slots=True)
class Walk:
    """What a statement that walks the keys depends on."""

    typed: bool
    attributes: bool
    shape: Shape | None


LAYERS = compiled(
    select(layer.c.no, layer.c.type).where(
        layer.c.tenant == bindparam("tenant"), layer.c.attribute == bindparam("attribute")
    )
)
_tree = table("place_tree", column("no"), *(column(side) for side in ("west", "south", "east", "north", "low_layer")))


_TOUCHES = (
    place.c.west <= bindparam("box_east"),
    place.c.east >= bindparam("box_west"),
    place.c.south <= bindparam("box_north"),
    place.c.north >= bindparam("box_south"),
)
_IS_POINT = and_(place.c.west == place.c.east, place.c.south == place.c.north)
_PLACE = (place.c.id, place.c.entity, _IS_POINT.label("is_point"))
_ON_POSTGRESQL = (
    "FROM place WHERE layer = %(layer)s AND box(point(west, south), point(east, north)) &&"
    " box(point(%(box_west)s, %(box_south)s), point(%(box_east)s, %(box_north)s))"
)


def _inside_statement() -> Statement:
    """The entities after a cursor whose boxes touch a box, in one layer, in order of id."""
    by_tree = compiled(
        select(*_PLACE)  # the tree has rounded its numbers
        .where(place.c.no.in_(_inside_tree()), Unindexed(place.c.id) > bindparam("after"), *_TOUCHES)
        .order_by(place.c.id)
    )
    told = "SELECT id, entity, west = east AND south = north"
    exactly = (  # as the server compares boxes, a ten-centimetre outside is still inside
        "west <= %(box_east)s AND east >= %(box_west)s AND south <= %(box_north)s AND north >= %(box_south)s"
    )
    text = f"{told} {_ON_POSTGRESQL} AND {exactly} AND id > %(after)s ORDER BY id"
    return Statement(by_tree.sqlite, text)


def _count_inside_statement() -> Statement:
    """How many boxes touch a box, in one layer, up to a limit."""
    limited = _inside_tree().limit(bindparam("few")).offset(ZERO)
    by_tree = compiled(select(func.count()).select_from(limited.subquery()))
    return Statement(by_tree.sqlite, f"SELECT count(*) FROM (SELECT 1 {_ON_POSTGRESQL} LIMIT %(few)s) AS inside")


def _inside_tree() -> Select[Any]:
    return select(_tree.c.no).where(
        _tree.c.low_layer == bindparam("layer"),
        _tree.c.west <= bindparam("box_east"),
        _tree.c.east >= bindparam("box_west"),
        _tree.c.south <= bindparam("box_north"),
        _tree.c.north >= bindparam("box_south"),
    )


INSIDE = _inside_statement()
COUNT_INSIDE = _count_inside_statement()
# As `INSIDE`, by passing over all places of the layer, a page at a time.
PLACES_IN_ORDER = compiled(
    select(*_PLACE)
    .where(place.c.layer == bindparam("layer"), place.c.id > bindparam("after"), *_TOUCHES)
    .order_by(place.c.id)
    .limit(bindparam("count"))
    .offset(ZERO)
)


@functools.lru_cache(maxsize=512)
def numbered(attributes: bool, shape: Shape | None) -> Statement:
    """The entities of a list of numbers, in order of id, that SQL does not exclude."""
    statement = select(*STORED).where(AnyOf(entity.c.no, "nos"), entity.c.document.is_not(None))
    return of_now(compiled(_narrowed(statement, attributes, shape).order_by(Unindexed(entity.c.id))))


@functools.lru_cache(maxsize=512)
def having(shape: Shape, number: int) -> Statement:
    """The entities with a current instance that a leaf of q asks for, up to a limit."""
    return compiled(select(instance.c.entity).where(*rows_of(shape, number)).limit(bindparam("few")).offset(ZERO))


@functools.lru_cache(maxsize=2)
def counting(*, typed: bool) -> Statement:
    if typed:
        return compiled(
            select(func.count())
            .select_from(entity_type)
            .where(entity_type.c.tenant == bindparam("tenant"), entity_type.c.type == bindparam("type"))
        )
    return compiled(
        select(func.count())
        .select_from(entity)
        .where(entity.c.tenant == bindparam("tenant"), entity.c.document.is_not(None))
    )


@functools.lru_cache(maxsize=2)
def listed(by: str) -> Statement:
    """The entities of a list of ids or numbers after a cursor, in order of id. Only a page of documents is read."""
    # Ids are found by the index that begins with the tenant, numbers without it.
    tenant, entity_id = (
        (entity.c.tenant, entity.c.id) if by == "ids" else map(Unindexed, (entity.c.tenant, entity.c.id))
    )
    key = AnyOf(entity.c.id, by) if by == "ids" else AnyOf(entity.c.no, by)
    chosen = (
        select(entity.c.no)
        .where(tenant == bindparam("tenant"), key, entity_id > bindparam("after"))
        .where(entity.c.document.is_not(None))
        .order_by(entity.c.id)
        .limit(bindparam("count"))
        .offset(ZERO)
    )
    return compiled(select(*STORED).where(entity.c.no.in_(chosen)).order_by(entity.c.id))


@functools.lru_cache(maxsize=1024)
def walking(walk: Walk) -> Statement:
    """The entities after a cursor, in order of id, that SQL does not exclude."""
    if walk.typed:
        statement = (
            select(*STORED)
            .select_from(entity_type.join(entity, entity.c.no == entity_type.c.entity))
            .where(entity_type.c.tenant == bindparam("tenant"), entity_type.c.type == bindparam("type"))
            .where(entity_type.c.id > bindparam("after"))
            .order_by(entity_type.c.id)
        )
    else:
        statement = (
            select(*STORED)
            .where(entity.c.tenant == bindparam("tenant"), entity.c.id > bindparam("after"))
            .where(entity.c.document.is_not(None))
            .order_by(entity.c.id)
        )
    statement = _narrowed(statement, walk.attributes, walk.shape)
    return of_now(compiled(statement.limit(bindparam("count")).offset(ZERO)))


def _narrowed(statement: Select[Any], attributes: bool, shape: Shape | None) -> Select[Any]:
    if attributes:
        statement = statement.where(_has_attribute())
    return statement if shape is None else statement.where(condition_of(shape))


def _has_attribute() -> ColumnElement[bool]:
    return exists().where(
        instance.c.tenant == bindparam("tenant"),
        AnyOf(instance.c.attribute, "attributes"),
        instance.c.entity == entity.c.no,
        IS_CURRENT,
    )
