"""One write transaction: the jobs inside it, the numbers it gives out, and what is known of the entities it touches.

Jobs that only write entities gather their rows (`pending.py`); a direct job also runs statements of its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, cast

from cityos.ngsi.entity import from_bytes
from cityos.ngsi.instant import EPOCH, to_microseconds
from cityos.store import entity_statement as sql
from cityos.store.connection import Connection, Row
from cityos.store.error import StoreUnavailable
from cityos.store.pending import Known, Pending
from cityos.store.statement import Bulk, Statement


class Transaction:
    """Works on the writer's connection, inside its transaction. `now` is the city's time of the present job."""

    def __init__(self, connection: Connection, epoch: str) -> None:
        self._connection = connection
        self._epoch = epoch
        self.now, self._now_us = EPOCH, 0
        self.told: dict[str, int] = {}  # tenant -> newest seq written since the last commit
        self._group, self._job = Pending(), Pending()
        self._is_direct = False
        self._is_stale = False
        self._load()

    def _load(self) -> None:
        """What this one writer counts by itself: it reads the highest numbers once, and after a failure."""
        rows = self._connection.rows
        self._names: dict[str, int] = dict(cast("list[tuple[str, int]]", rows(sql.ALL_NAMES, {})))
        self._layers = {(t, a, y): no for t, a, y, no in rows(sql.ALL_LAYERS, {})}
        self._highest = {table: rows(text, {})[0][0] or 0 for table, text in sql.HIGHEST.items()}
        self._seqs: dict[str, int] = {name: seq for name, seq, _ in rows(sql.ALL_TENANTS, {})}
        self._is_stale = False

    # ---- the frame: jobs inside one transaction

    def begin(self, now: datetime) -> None:
        """Opens the transaction."""
        self.now, self._now_us = now, to_microseconds(now)
        self.told = {}
        self._group, self._job = Pending(), Pending()
        try:
            self._connection.begin()
        except StoreUnavailable:  # a server that restarted has ended the connection: nothing was done on it yet
            self.rollback()
            self._connection.begin()
        if self._is_stale:  # the database was away when the last group was taken back
            self._load()

    def begin_job(self, *, direct: bool = False) -> None:
        """Opens the part of one job, which may be taken back alone. A direct job sees all rows gathered before it."""
        self._is_direct = direct
        self._job = Pending()
        self._given: list[tuple[Bulk, tuple[Any, ...]]] = []
        self._seqs_before, self._told_before = dict(self._seqs), dict(self.told)
        if direct:
            self._group.write(self._connection)
            self._connection.mark()

    def end_job(self) -> None:
        """Keeps the job."""
        self.told |= self._job.tenants
        self._group.take_over(self._job)
        if self._is_direct:
            self._group.write(self._connection)
            self._connection.keep()

    def undo_job(self) -> None:
        """Takes the job back. Numbers it gave out stay unused, save the seq, which knows no gap."""
        if self._is_direct:
            self._connection.undo()
            # A name given out stays given out; what was known of entities may have been of this job.
            self._group.words, self._group.known = self._given, {}
        self._job, self._seqs, self.told = Pending(), self._seqs_before, self._told_before

    def flush(self) -> None:
        """Writes what this direct job has gathered so far, so that its own statements meet it."""
        self.told |= self._job.tenants
        self._group.take_over(self._job)
        self._job = Pending()
        self._group.write(self._connection)

    def commit(self) -> None:
        """Makes the transaction durable: when this returns, it is on disk."""
        self._group.write(self._connection)
        self._connection.commit()

    def rollback(self) -> None:
        """Takes everything back."""
        self._group, self._job = Pending(), Pending()
        self._is_stale = True
        self._connection.rollback()
        self._load()

    def execute(self, statement: Statement, **parameters: Any) -> list[Row]:
        """Runs one statement of a direct job that answers rows."""
        return self._connection.rows(statement, parameters)

    def change(self, statement: Statement, **parameters: Any) -> int:
        """Runs one statement of a direct job that answers none; how many rows it touched."""
        return self._connection.change(statement, parameters)

    def mappings(self, statement: Statement, **parameters: Any) -> list[dict[str, Any]]:
        """As `execute`, by column names."""
        return [dict(zip(statement.columns, row, strict=True)) for row in self.execute(statement, **parameters)]

    def tenants(self) -> list[str]:
        """All tenants for whom anything was ever written."""
        return list(self._seqs)

    def add_tenant(self, tenant: str) -> None:
        """Makes the tenant exist, though it has no change yet."""
        if tenant not in self._seqs:
            self._seqs[tenant] = self._job.tenants[tenant] = 0

    # ---- names, numbers

    def _next(self, table: str) -> int:
        self._highest[table] += 1
        return cast(int, self._highest[table])

    def name_no(self, iri: str) -> int:
        """The number of an IRI, given out at first use."""
        no = self._names.get(iri)
        if no is None:
            no = self._names[iri] = self._next("name")
            self._give(sql.BULK_NAMES, (no, iri))
        return no

    def _layer_no(self, tenant: str, attribute: int, of_type: int) -> int:
        key = (tenant, attribute, of_type)
        no = self._layers.get(key)
        if no is None:
            no = self._layers[key] = self._next("layer")
            self._give(sql.BULK_LAYERS, (no, tenant, of_type, attribute))
        return no

    def _give(self, bulk: Bulk, row: tuple[Any, ...]) -> None:
        """Numbers given out belong to the group: they stay, whatever becomes of the job."""
        self._group.words.append((bulk, row))
        self._given.append((bulk, row))

    def _next_seq(self, tenant: str) -> int:
        self._seqs[tenant] = self._job.tenants[tenant] = self._seqs.get(tenant, 0) + 1
        return self._seqs[tenant]

    # ---- what is known of entities

    def prefetch(self, tenant: str, ids: Iterable[str]) -> None:
        """Reads the rows of many entities at once, for the `find`s to come."""
        wanted = [one for one in dict.fromkeys(ids) if (tenant, one) not in self._group.known]
        if len(wanted) < 2:
            return
        known = self._group.known
        known.update({(tenant, one): None for one in wanted})
        for row in self._connection.rows(sql.GET_ENTITIES, {"tenant": tenant, "ids": self._connection.list_of(wanted)}):
            known[tenant, row[0]] = _known(row)

    def find(self, tenant: str, entity_id: str) -> Known | None:
        """The row of an entity, deleted or not."""
        key = (tenant, entity_id)
        for layer in (self._job.known, self._group.known):
            if key in layer:
                return layer[key]
        rows = self._connection.rows(sql.GET_ENTITY, {"tenant": tenant, "id": entity_id})
        known = self._group.known[key] = _known(rows[0]) if rows else None
        return known

    def forget(self, tenant: str, entity_id: str) -> None:
        """An entity's row is gone: who comes under its id is new."""
        self._job.known[tenant, entity_id] = None


def _known(row: Row) -> Known:
    _, no, topic, seq, content = row
    return Known(no, topic, seq, None if content is None else from_bytes(content))
