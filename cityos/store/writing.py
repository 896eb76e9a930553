"""What a command does to an entity: decided by pure functions of `ngsi`, written by the session."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from cityos.ngsi.entity import Entity
from cityos.ngsi.error import NgsiError, PreconditionFailed
from cityos.ngsi.instant import to_microseconds
from cityos.ngsi.merge import settle
from cityos.ngsi.provision import Command
from cityos.store import entity_statement as sql
from cityos.store.pending import Known
from cityos.store.record import Outcome
from cityos.store.session import Session

# The Type level of an entity's topic, from its first type IRI.
TopicNames = Callable[[str], str]


def carry_out(session: Session, tenant: str, commands: Sequence[Command], topics: TopicNames) -> list[Outcome]:
    """Carries out commands in order; a refusal is an outcome, not an exception, so that a batch goes on."""
    session.prefetch(tenant, [command.id for command in commands])
    return [_carry_out(session, tenant, command, topics) for command in commands]


def _carry_out(session: Session, tenant: str, command: Command, topics: TopicNames) -> Outcome:
    known = session.find(tenant, command.id)
    try:
        if command.versions is not None and (known is None or known.seq not in command.versions):
            raise PreconditionFailed(f"{command.id} is no longer the version of If-Match; read it anew")
        decision = command.step(None if known is None else known.entity)
        if decision.entity is not None:
            outcome = put(session, tenant, known, decision.entity, topics)
            outcome.refused = decision.refused
            return outcome
        assert known is not None
        return Outcome(command.id, "deleted", session.end(tenant, known))
    except NgsiError as error:
        return Outcome(command.id, "failed", error=error)


def put(session: Session, tenant: str, known: Known | None, wanted: Entity, topics: TopicNames) -> Outcome:
    """Writes what is wanted if it differs from what is known."""
    before = known.entity if known is not None else None
    entity, changes, changed = settle(before, wanted, session.now)
    if not changed:
        return Outcome(entity.id, "unchanged", known.seq if known else None)
    seq = session.put(tenant, known, entity, changes, topics(entity.types[0]))
    return Outcome(entity.id, "created" if before is None else "updated", seq)


def end_expired(session: Session, now: datetime) -> int:
    """Ends the transient entities whose time has come (clause 4.22); how many."""
    rows = session.execute(sql.EXPIRED_ENTITIES, now=to_microseconds(now))
    for tenant, entity_id in rows:
        known = session.find(tenant, entity_id)
        if known is not None and known.entity is not None:
            session.end(tenant, known)
    return len(rows)
