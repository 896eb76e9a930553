"""History written: instances added, corrected and erased, and the present moved with them (clauses 5.6.11-5.6.16)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import orjson
from sqlalchemy import ColumnElement, and_, bindparam, delete, false, func, literal_column, select, true, update

from cityos.ngsi.entity import Entity, Instance, instance_from_json
from cityos.ngsi.error import BadRequestData, ResourceNotFound
from cityos.ngsi.evolution import SCOPE, Said, evolve, is_null, scopes_of
from cityos.ngsi.expansion import UNSAID
from cityos.ngsi.instant import from_microseconds, to_microseconds
from cityos.ngsi.merge import AttributeChange, merge_instance, settle
from cityos.store import entity_statement as sql
from cityos.store.instance_row import TYPE, comparable, stored_body
from cityos.store.pending import Known
from cityos.store.record import Outcome
from cityos.store.schema import IS_CURRENT, change, entity, instance
from cityos.store.session import Session
from cityos.store.statement import compiled
from cityos.store.writing import TopicNames

_ONE: ColumnElement[int] = literal_column("1")
_ZERO: ColumnElement[int] = literal_column("0")


def _p(key: str) -> Any:
    return bindparam(key)


_OF_ENTITY = and_(instance.c.tenant == _p("of_tenant"), instance.c.entity == _p("of_entity"))
_OF_ATTRIBUTE = and_(_OF_ENTITY, instance.c.attribute == _p("of_attribute"))
_OF_SERIES = and_(_OF_ATTRIBUTE, instance.c.dataset == _p("of_dataset"))
_ROW = (
    instance.c.no,
    instance.c.dataset,
    instance.c.at,
    instance.c.created_at,
    instance.c.modified_at,
    instance.c.current,
    instance.c.word,
    instance.c.body,
)
GET_ROW = compiled(select(*_ROW).where(instance.c.no == _p("no"), _OF_ATTRIBUTE))
NEWEST_ROW = compiled(
    select(*_ROW).where(_OF_SERIES).order_by(instance.c.at.desc(), instance.c.no.desc()).limit(_ONE).offset(_ZERO)
)
ANY_OF_ATTRIBUTE = compiled(select(instance.c.no).where(_OF_ATTRIBUTE).limit(_ONE).offset(_ZERO))
ANY_OF_SERIES = compiled(select(instance.c.no).where(_OF_SERIES).limit(_ONE).offset(_ZERO))
ENDED_AT = compiled(select(func.max(instance.c.at)).where(_OF_ATTRIBUTE))
DROP_ROW = compiled(delete(instance).where(instance.c.no == _p("no")))
DROP_SERIES = compiled(delete(instance).where(_OF_SERIES))
DROP_ATTRIBUTE = compiled(delete(instance).where(_OF_ATTRIBUTE))
DROP_INSTANCES = compiled(delete(instance).where(_OF_ENTITY))
DROP_ENTITY = compiled(delete(entity).where(entity.c.no == _p("no")))
CHANGE_ROW = compiled(
    update(instance)
    .where(instance.c.no == _p("of_no"))
    .values(
        at=_p("new_at"),
        observed=_p("new_observed"),
        modified_at=_p("new_modified_at"),
        number=_p("new_number"),
        word=_p("new_word"),
        body=_p("new_body"),
    )
)
NONE_CURRENT = compiled(update(instance).where(_OF_SERIES, IS_CURRENT).values(current=false()))
MAKE_CURRENT = compiled(update(instance).where(instance.c.no == _p("of_no")).values(current=true()))
BLANK_CHANGE = compiled(
    update(change).where(change.c.tenant == _p("of_tenant"), change.c.seq == _p("of_seq")).values(body=_p("new_body"))
)
_NOTHING = orjson.dumps([])


def add_instances(
    session: Session, tenant: str, said: Said, topics: TopicNames, *, only_known: bool = False
) -> Outcome:
    """Create or Update Temporal Evolution (5.6.11), and, for what is known only, Add Attributes (5.6.12).

    Raises ResourceNotFound.
    """
    known = session.find(tenant, said.entity.id)
    if known is None and only_known:
        raise ResourceNotFound(f"{said.entity.id} is not found")
    if known is not None and known.entity is None and not _is_news(session, tenant, known, said):
        return _add_to_past(session, tenant, known, said)
    before = None if known is None else known.entity
    if before is None and not said.entity.types:
        raise BadRequestData(f"{said.entity.id} has no type")
    evolved = evolve(before, said, session.now)
    settled, changes, changed = settle(before, evolved.entity, session.now)
    done = Outcome(said.entity.id, "created" if known is None else "updated", None if known is None else known.seq)
    if changed:
        topic = topics(settled.types[0])
        done.seq = session.put(tenant, known, settled, changes, topic, evolved.seen_at)
    no = cast(Known, session.find(tenant, said.entity.id)).no
    for name, one in evolved.late:
        session.put_late(tenant, no, name, one)
    return done


def _is_news(session: Session, tenant: str, known: Known, said: Said) -> bool:
    """Whether anything said is newer than the end of an entity: what comes late does not bring it back."""
    session.flush()
    rows = session.execute(ENDED_AT, of_tenant=tenant, of_entity=known.no, of_attribute=session.name_no(TYPE))
    ended_at = rows[0][0]
    return ended_at is None or any(
        not is_null(one) and (one.observed_at is None or to_microseconds(one.observed_at) > ended_at)
        for instances in said.instances.values()
        for one in instances
    )


def _add_to_past(session: Session, tenant: str, known: Known, said: Said) -> Outcome:
    for name, instances in said.instances.items():
        for one in instances:
            session.put_late(tenant, known.no, name, one if is_null(one) else merge_instance(None, one))
    return Outcome(said.entity.id, "updated", known.seq)


def change_instance(session: Session, tenant: str, entity_id: str, name: str, no: int, said: Instance) -> None:
    """Partial Update of an Attribute Instance (5.6.14). Raises ResourceNotFound, BadRequestData."""
    known, row = _find_row(session, tenant, entity_id, name, no)
    before = _instance_of(row)
    if said.dataset not in ("", before.dataset):
        raise BadRequestData("An instance keeps its datasetId")
    if said.kind not in ("", before.kind) and not is_null(said):
        raise BadRequestData(f"{name} is a {before.kind}, not a {said.kind}")
    after = replace(said, kind=said.kind or before.kind, dataset=before.dataset)
    if not is_null(after):
        if is_null(before) and after.value is UNSAID:
            raise BadRequestData("The instance says that the attribute was deleted; say which value it has")
        after = merge_instance(None if is_null(before) else before, after)
    at = row[2] if after.observed_at is None else to_microseconds(after.observed_at)
    number, word = comparable(after)
    session.change(
        CHANGE_ROW,
        of_no=no,
        new_at=at,
        new_observed=after.observed_at is not None,
        new_modified_at=to_microseconds(session.now),
        new_number=number,
        new_word=word,
        new_body=stored_body(after),
    )
    _move_present(session, tenant, known, name, before.dataset)


def delete_instance(session: Session, tenant: str, entity_id: str, name: str, no: int) -> None:
    """Delete an Attribute Instance (5.6.15). Raises ResourceNotFound."""
    known, row = _find_row(session, tenant, entity_id, name, no)
    session.change(DROP_ROW, no=no)
    _move_present(session, tenant, known, name, row[1])


def delete_attribute(
    session: Session, tenant: str, entity_id: str, name: str, dataset: str, *, everything: bool
) -> None:
    """Delete Attribute from a Temporal Evolution (5.6.13): all its instances, or those of a dataset.

    Raises ResourceNotFound.
    """
    session.flush()
    known = _get(session, tenant, entity_id)
    about = {"of_tenant": tenant, "of_entity": known.no, "of_attribute": session.name_no(name)}
    if everything:
        found, drop = ANY_OF_ATTRIBUTE, DROP_ATTRIBUTE
    else:
        about["of_dataset"] = dataset
        found, drop = ANY_OF_SERIES, DROP_SERIES
    if not session.execute(found, **about):
        of = f" of the dataset {dataset}" if dataset and not everything else ""
        raise ResourceNotFound(f"{entity_id} has no instance{of} of the attribute {name}")
    session.change(drop, **about)
    state = known.entity
    if state is None:
        return
    if name == SCOPE:
        _put(session, tenant, known, replace(state, scopes=()))
        return
    gone = state.attributes.get(name, {}) if everything else {dataset: None}
    rest = {key: one for key, one in state.attributes.get(name, {}).items() if key not in gone}
    others = {key: instances for key, instances in state.attributes.items() if key != name}
    _put(session, tenant, known, replace(state, attributes={**others, name: rest} if rest else others))


def erase(session: Session, tenant: str, entity_id: str) -> None:
    """Delete Temporal Evolution (5.6.16): the entity goes with all its past, also from what the feed still tells.

    Raises ResourceNotFound.
    """
    known = _get(session, tenant, entity_id)
    if known.entity is not None:
        session.end(tenant, known)
    session.flush()
    last = cast(Known, session.find(tenant, entity_id))
    _blank_changes(session, tenant, last.seq)
    session.change(DROP_INSTANCES, of_tenant=tenant, of_entity=last.no)
    session.change(DROP_ENTITY, no=last.no)
    session.forget(tenant, entity_id)


def _blank_changes(session: Session, tenant: str, seq: int) -> None:
    """Takes the values out of an entity's changes, one to the previous; that something changed stays told."""
    while seq:
        rows = session.execute(sql.GET_CHANGE, tenant=tenant, seq=seq)
        if not rows:
            return
        session.change(BLANK_CHANGE, of_tenant=tenant, of_seq=seq, new_body=_NOTHING)
        seq = rows[0][1]


def _get(session: Session, tenant: str, entity_id: str) -> Known:
    known = session.find(tenant, entity_id)
    if known is None:
        raise ResourceNotFound(f"{entity_id} is not found")
    return known


def _find_row(session: Session, tenant: str, entity_id: str, name: str, no: int) -> tuple[Known, tuple[Any, ...]]:
    session.flush()
    known = _get(session, tenant, entity_id)
    rows = session.execute(GET_ROW, no=no, of_tenant=tenant, of_entity=known.no, of_attribute=session.name_no(name))
    if not rows:
        raise ResourceNotFound(f"{entity_id} has no such instance of the attribute {name}")
    return known, rows[0]


def _instance_of(row: tuple[Any, ...]) -> Instance:
    _, dataset, _, created_at, modified_at, _, word, body = row
    if body is None:
        return Instance(word or "Property", "urn:ngsi-ld:null", None, dataset)
    told = instance_from_json(orjson.loads(body))
    told.created_at, told.modified_at = from_microseconds(created_at), from_microseconds(modified_at)
    return told


def _move_present(session: Session, tenant: str, known: Known, name: str, dataset: str) -> None:
    """Makes the newest instance of a series the present one, where its instances have changed."""
    state = known.entity
    if state is None:
        return
    about = {
        "of_tenant": tenant,
        "of_entity": known.no,
        "of_attribute": session.name_no(name),
        "of_dataset": dataset,
    }
    rows = session.execute(NEWEST_ROW, **about)
    newest = _instance_of(rows[0]) if rows else None
    is_there = newest is not None and not is_null(newest)
    session.change(NONE_CURRENT, **about)
    if is_there:
        session.change(MAKE_CURRENT, of_no=rows[0][0])
    if name == SCOPE:
        _put(session, tenant, known, replace(state, scopes=scopes_of(cast(Instance, newest)) if is_there else ()))
        return
    others = {key: dict(instances) for key, instances in state.attributes.items()}
    series = others.setdefault(name, {})
    if is_there:
        series[dataset] = cast(Instance, newest)
    else:
        series.pop(dataset, None)
    if not series:
        del others[name]
    _put(session, tenant, known, replace(state, attributes=others))


def _put(session: Session, tenant: str, known: Known, wanted: Entity) -> None:
    """Writes the state alone: its history is written already."""
    before = cast(Entity, known.entity)
    entity_, changes, changed = settle(before, wanted, session.now)
    if changed:
        session.put(tenant, known, _with_own_times(entity_, wanted, changes), changes, known.topic, history=False)


def _with_own_times(settled: Entity, wanted: Entity, changes: list[AttributeChange]) -> Entity:
    """An instance that is present again says when it was written, not when it came back."""
    for one in changes:
        back = wanted.find(one.name, one.dataset)
        instance_ = settled.find(one.name, one.dataset)
        if back is not None and instance_ is not None and back.modified_at is not None:
            instance_.created_at, instance_.modified_at = back.created_at, back.modified_at
    return settled
