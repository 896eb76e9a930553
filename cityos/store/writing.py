"""What a command does to an entity: decided by pure functions of `ngsi`, written by the session."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from cityos.ngsi.entity import Entity
from cityos.ngsi.error import AlreadyExists, NgsiError, ResourceNotFound
from cityos.ngsi.merge import merge_patch, settle, update_attributes, without_nulls
from cityos.store.record import Command, Create, Delete, Merge, Outcome, Upsert
from cityos.store.session import Known, Session

# The Type level of an entity's topic, from its first type IRI.
TopicNames = Callable[[str], str]


def carry_out(session: Session, tenant: str, command: Command, topics: TopicNames) -> Outcome:
    """Carries out one command; a refusal is an outcome, not an exception, so that a batch goes on."""
    try:
        if isinstance(command, Create):
            return _create(session, tenant, command, topics)
        if isinstance(command, Upsert):
            return _upsert(session, tenant, command, topics)
        if isinstance(command, Merge):
            return _merge(session, tenant, command, topics)
        return _delete(session, tenant, command)
    except NgsiError as error:
        return Outcome(_id_of(command), "failed", error=error)


def _id_of(command: Command) -> str:
    return command.entity.id if isinstance(command, Create | Upsert) else command.id


def _create(session: Session, tenant: str, command: Create, topics: TopicNames) -> Outcome:
    known = session.find(tenant, command.entity.id)
    if known is not None and known.entity is not None:
        raise AlreadyExists(f"{command.entity.id} already exists")
    return put(session, tenant, known, without_nulls(command.entity), topics)


def _upsert(session: Session, tenant: str, command: Upsert, topics: TopicNames) -> Outcome:
    known = session.find(tenant, command.entity.id)
    wanted = without_nulls(command.entity)
    if command.update and known is not None and known.entity is not None:
        wanted = update_attributes(known.entity, command.entity)
    return put(session, tenant, known, wanted, topics)


def _merge(session: Session, tenant: str, command: Merge, topics: TopicNames) -> Outcome:
    known = _existing(session, tenant, command.id)
    assert known.entity is not None
    return put(session, tenant, known, merge_patch(known.entity, command.fragment), topics)


def _delete(session: Session, tenant: str, command: Delete) -> Outcome:
    return Outcome(command.id, "deleted", session.end(tenant, _existing(session, tenant, command.id)))


def _existing(session: Session, tenant: str, entity_id: str) -> Known:
    known = session.find(tenant, entity_id)
    if known is None or known.entity is None:
        raise ResourceNotFound(f"{entity_id} is not found")
    return known


def put(session: Session, tenant: str, known: Known | None, wanted: Entity, topics: TopicNames) -> Outcome:
    """Writes what is wanted if it differs from what is known."""
    before = known.entity if known is not None else None
    entity, changes, changed = settle(before, replace(wanted), session.now)
    if not changed:
        return Outcome(entity.id, "unchanged", known.seq if known else None)
    seq = session.put(tenant, known, entity, changes, topics(entity.types[0]))
    return Outcome(entity.id, "created" if before is None else "updated", seq)
