"""What is no longer kept: trimmed a little at a time, so that no writer waits long.

Which instances are too old is found by a reader, since that looks through all of history; the writer deletes by number.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, FromClause, Select, delete, exists, select

from cityos.ngsi.instant import to_microseconds
from cityos.store import entity_statement as sql
from cityos.store import feed_statement as feed_sql
from cityos.store.connection import Connection
from cityos.store.instance_row import TYPE
from cityos.store.record import Retention
from cityos.store.schema import IS_CURRENT, change, document, entity, entity_type, instance, name, run
from cityos.store.session import Session
from cityos.store.statement import rendered

_PORTION = 2_000  # rows deleted at most per transaction and table


def find_old_instances(connection: Connection, tenant: str, keep: Retention, now: datetime) -> list[int]:
    """The numbers of one portion of the past instances that are too old; a current instance never is."""
    old = select(instance.c.no).where(instance.c.tenant == tenant, ~instance.c.current)
    special = instance.c.entity.in_(_of_types(tenant, list(keep.history_by_type)))
    found = _numbers(connection, old.where(~special, instance.c.at < _before(now, keep.history)))
    for iri, days in keep.history_by_type.items():
        of_type = instance.c.entity.in_(_of_types(tenant, [iri]))
        found += _numbers(connection, old.where(of_type, instance.c.at < _before(now, days)))
    return found[:_PORTION]


def _numbers(connection: Connection, which: Select[tuple[int]]) -> list[int]:
    text, parameters = rendered(which.limit(_PORTION))
    return [row[0] for row in connection.rows(text, parameters)]


def trim(session: Session, tenant: str, keep: Retention, old: Sequence[int]) -> int:
    """Deletes these instances and one portion of what else is too old; how many rows went (0: nothing is left)."""
    now = session.now
    return (
        _trim_changes(session, tenant, _before(now, keep.changes))
        + _trim_instances(session, old)
        + _trim_ended(session, tenant, _before(now, keep.history))
        + _trim_runs(session, tenant, _before(now, keep.runs))
        + _trim_documents(session, tenant, _before(now, keep.documents))
        + _trim_datasets(session, tenant, keep.dataset_versions)
    )


def _before(now: datetime, days: float) -> int:
    return to_microseconds(now - timedelta(days=days))


def _trim_changes(session: Session, tenant: str, before: int) -> int:
    """Deletes the oldest changes and moves the tenant's mark, so that a cursor older than it is told so."""
    rows = session.execute(sql.CHANGES_AFTER, tenant=tenant, after=0, count=_PORTION)
    # From the oldest on: what is newer by the clock but lies between old ones stays, and what follows it, too.
    old = [row[0] for row in itertools.takewhile(lambda row: row[7] < before, rows)]
    if not old:
        return 0
    text, parameters = rendered(delete(change).where(change.c.tenant == tenant, change.c.seq <= old[-1]))
    session.change(text, **parameters)
    session.change(sql.SET_TRIMMED, tenant_name=tenant, new_trimmed=old[-1])
    return len(old)


def _trim_instances(session: Session, old: Sequence[int]) -> int:
    """One of them may have become current since they were found: the one after it was deleted."""
    text, parameters = rendered(delete(instance).where(instance.c.no.in_(old), ~instance.c.current))
    return session.change(text, **parameters) if old else 0


def _trim_ended(session: Session, tenant: str, before: int) -> int:
    """Forgets entities that ended long ago, once nothing is left of their past, nor of the feed that told their end."""
    other = instance.alias("other")
    past = exists().where(other.c.tenant == tenant, other.c.entity == entity.c.no, ~_is_type(other))
    told = exists().where(change.c.tenant == tenant, change.c.seq == entity.c.seq)
    ended = (
        select(entity.c.no, entity.c.id)
        .select_from(instance.join(entity, entity.c.no == instance.c.entity))
        .where(instance.c.tenant == tenant, _is_type(instance), IS_CURRENT, instance.c.at < before)
        .where(entity.c.document.is_(None), ~past, ~told)
        .distinct()
        .limit(_PORTION)
    )
    text, parameters = rendered(ended)
    rows = session.execute(text, **parameters)
    for no, entity_id in rows:
        for statement in (
            delete(instance).where(instance.c.tenant == tenant, instance.c.entity == no),
            delete(entity).where(entity.c.no == no),
        ):
            text, parameters = rendered(statement)
            session.change(text, **parameters)
        session.forget(tenant, entity_id)
    return len(rows)


def _is_type(of: FromClause) -> ColumnElement[bool]:
    return of.c.attribute.in_(select(name.c.no).where(name.c.iri == TYPE))


def _of_types(tenant: str, iris: list[str]) -> Select[tuple[int]]:
    return select(entity_type.c.entity).where(
        entity_type.c.tenant == tenant,
        entity_type.c.type.in_(select(name.c.no).where(name.c.iri.in_(iris))),
    )


def _trim_runs(session: Session, tenant: str, before: int) -> int:
    old = select(run.c.no).where(run.c.tenant == tenant, run.c.finished_at < before).limit(_PORTION)
    text, parameters = rendered(delete(run).where(run.c.no.in_(old)))
    return session.change(text, **parameters)


def _trim_documents(session: Session, tenant: str, before: int) -> int:
    """Forgets archived documents, but never the last one of its name: it is what the present state rests on."""
    newer = document.alias("newer")
    has_newer = select(newer.c.no).where(
        newer.c.tenant == document.c.tenant,
        newer.c.feed == document.c.feed,
        newer.c.name == document.c.name,
        newer.c.no > document.c.no,
    )
    old = (
        select(document.c.no)
        .where(document.c.tenant == tenant, document.c.last_at < before, has_newer.exists())
        .limit(_PORTION)
    )
    text, parameters = rendered(delete(document).where(document.c.no.in_(old)))
    return session.change(text, **parameters)


def _trim_datasets(session: Session, tenant: str, versions: int) -> int:
    """Forgets all but the newest versions of each dataset."""
    met: dict[tuple[str, str], int] = {}
    gone = 0
    rows = session.execute(feed_sql.ALL_DATASETS, tenant=tenant)
    for _, _, feed, kind, version, *_ in rows:
        met[feed, kind] = met.get((feed, kind), 0) + 1
        if met[feed, kind] > versions:
            session.change(feed_sql.DROP_DATASET, tenant=tenant, feed=feed, kind=kind, version=version)
            gone += 1
    return gone
