"""The statements by which history is read: series along their index, and the entities that have a past."""

from __future__ import annotations

from sqlalchemy import ColumnElement, and_, case, select

from cityos.store.schema import IS_CURRENT, entity, entity_type, instance
from cityos.store.statement import ONE, ZERO, AnyOf, Statement, compiled
from cityos.store.statement import parameter as _p

_OF_ENTITY = and_(instance.c.tenant == _p("tenant"), instance.c.entity == _p("entity"))
_OF_SERIES = and_(_OF_ENTITY, instance.c.attribute == _p("attribute"), instance.c.dataset == _p("dataset"))

# The next series of an entity, of the same attribute or of the next: one step along the index each. DISTINCT would walk
# all instances, and so does SQLite where both are compared as a pair.
NEXT_DATASET = compiled(
    select(instance.c.dataset)
    .where(_OF_ENTITY, instance.c.attribute == _p("attribute"), instance.c.dataset > _p("dataset"))
    .order_by(instance.c.dataset)
    .limit(ONE)
    .offset(ZERO)
)
NEXT_ATTRIBUTE = compiled(
    select(instance.c.attribute, instance.c.dataset)
    .where(_OF_ENTITY, instance.c.attribute > _p("attribute"))
    .order_by(instance.c.attribute, instance.c.dataset)
    .limit(ONE)
    .offset(ZERO)
)

# Which column is the time of an instance, and which instances have one, by time property; "" where none is asked for.
_TIMES: dict[str, tuple[ColumnElement[int], tuple[ColumnElement[bool], ...]]] = {
    "": (instance.c.at, ()),
    "observedAt": (instance.c.at, (instance.c.observed,)),
    "createdAt": (instance.c.created_at, ()),
    "modifiedAt": (instance.c.modified_at, ()),
    "deletedAt": (instance.c.modified_at, (instance.c.body.is_(None),)),
}


def _points_of(time_property: str, *, newest: bool) -> Statement:
    time, conditions = _TIMES[time_property]
    columns = (instance.c.no, time, instance.c.created_at, instance.c.modified_at, instance.c.word, instance.c.body)
    order = (time.desc(), instance.c.no.desc()) if newest else (time, instance.c.no)
    # After a number of the same instant goes on where a portion ended.
    return compiled(
        select(*columns)
        .where(_OF_SERIES, *conditions, time >= _p("since"), time < _p("until"))
        .order_by(*order)
        .limit(_p("count"))
        .offset(_p("skip"))
    )


POINTS = {(key, newest): _points_of(key, newest=newest) for key in _TIMES for newest in (False, True)}


def _values_of(time_property: str) -> Statement:
    time, conditions = _TIMES[time_property]
    # The body only where the number does not say it all: reading bodies is most of the cost.
    body = case((instance.c.number.is_(None), instance.c.body), else_=None)
    return compiled(
        select(time, instance.c.number, body)
        .where(_OF_SERIES, *conditions, instance.c.body.is_not(None), time >= _p("since"), time < _p("until"))
        .order_by(time, instance.c.no)
    )


VALUES = {key: _values_of(key) for key in _TIMES}

_POINT = (instance.c.no, instance.c.at, instance.c.created_at, instance.c.modified_at, instance.c.word, instance.c.body)
SCOPE_BEFORE = compiled(
    select(*_POINT)
    .where(_OF_SERIES, instance.c.at <= _p("since"))
    .order_by(instance.c.at.desc(), instance.c.no.desc())
    .limit(ONE)
    .offset(ZERO)
)
# What an entity was when it ended, and when that was.
LAST_TYPES = compiled(
    select(instance.c.dataset, instance.c.at).where(_OF_ENTITY, instance.c.attribute == _p("attribute"), IS_CURRENT)
)

_ROW = (entity.c.id, entity.c.no, entity.c.topic, entity.c.seq, entity.c.document)
ENTITIES_AFTER = compiled(
    select(*_ROW)
    .where(entity.c.tenant == _p("tenant"), entity.c.id > _p("after"))
    .order_by(entity.c.id)
    .limit(_p("count"))
    .offset(ZERO)
)
ENTITIES_BEFORE = compiled(
    select(*_ROW)
    .where(entity.c.tenant == _p("tenant"), entity.c.id < _p("before"))
    .order_by(entity.c.id.desc())
    .limit(_p("count"))
    .offset(ZERO)
)
# Candidates by type: those that are there, and those that have ended.
IDS_OF_TYPE = compiled(
    select(entity_type.c.id).where(entity_type.c.tenant == _p("tenant"), AnyOf(entity_type.c.type, "types"))
)
ENDED_IDS_OF_TYPE = compiled(
    select(entity.c.id)
    .select_from(instance.join(entity, entity.c.no == instance.c.entity))
    .where(
        instance.c.tenant == _p("tenant"),
        instance.c.attribute == _p("attribute"),
        instance.c.number.is_(None),
        AnyOf(instance.c.word, "words"),
        IS_CURRENT,
        entity.c.document.is_(None),
    )
)
