"""The rows of a transaction, gathered in memory until it is written: one layer for the group, one for the present job.

Nothing of a job stands in the group's layer before the job has ended well, so taking a job back is dropping its layer.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from cityos.ngsi.entity import Entity
from cityos.store import entity_statement as sql
from cityos.store import feed_statement as feed_sql
from cityos.store.connection import Connection
from cityos.store.statement import Bulk

InstanceKey = tuple[int, int, str]  # entity number, attribute number, dataset
_NO, _AT, _OBSERVED, _CURRENT = (sql.BULK_INSTANCES.columns.index(name) for name in ("no", "at", "observed", "current"))


@dataclass(slots=True)
class Known:
    """An entity's row: `entity` None where it was deleted."""

    no: int
    topic: str
    seq: int
    entity: Entity | None


@dataclass(slots=True)
class Pending:
    """Rows to be written, each in the order of its table's columns."""

    words: list[tuple[Bulk, tuple[Any, ...]]] = field(default_factory=list)  # names and layers given out
    tenants: dict[str, int] = field(default_factory=dict)  # tenant -> newest seq
    known: dict[tuple[str, str], Known | None] = field(default_factory=dict)
    entities: dict[int, tuple[Any, ...]] = field(default_factory=dict)
    types: dict[tuple[str, int, str], int | None] = field(default_factory=dict)  # None: the row is dropped
    # The newest rows per instance; lists, since `current` may be taken from them again.
    current: dict[InstanceKey, list[Any]] = field(default_factory=dict)
    observed: dict[tuple[InstanceKey, int], list[Any]] = field(default_factory=dict)  # by the instant of observation
    instances: list[list[Any]] = field(default_factory=list)
    corrections: dict[int, list[Any]] = field(default_factory=dict)  # by number: the last word on it
    past: dict[InstanceKey, str] = field(default_factory=dict)  # -> tenant
    places: dict[int, list[tuple[Any, ...]]] = field(default_factory=dict)  # by entity: all it has
    displaced: set[int] = field(default_factory=set)  # entities that may have other places now
    changes: list[tuple[Any, ...]] = field(default_factory=list)
    unowned: list[dict[str, str]] = field(default_factory=list)  # entities that ended: no feed owns them any more

    def add_instance(self, key: InstanceKey, row: list[Any]) -> None:
        """A new instance row; it is the current one where it says so."""
        self.instances.append(row)
        self._note(key, row)

    def add_correction(self, key: InstanceKey, row: list[Any]) -> None:
        """An instance row that takes the place of the one with the same number."""
        self.corrections[row[_NO]] = row
        self._note(key, row)

    def _note(self, key: InstanceKey, row: list[Any]) -> None:
        if row[_CURRENT]:
            self.current[key] = row
        if row[_OBSERVED]:
            self.observed[key, row[_AT]] = row

    def make_past(self, tenant: str, key: InstanceKey) -> None:
        """The instance that is current now no longer is."""
        row = self.current.pop(key, None)
        if row is None:
            self.past[key] = tenant
        else:
            row[_CURRENT] = False

    def take_over(self, job: Pending) -> None:
        """Adds the rows of a job that has ended well."""
        for key, tenant in job.past.items():
            self.make_past(tenant, key)
        self.tenants.update(job.tenants)
        self.known.update(job.known)
        self.entities.update(job.entities)
        self.types.update(job.types)
        self.current.update(job.current)
        self.observed.update(job.observed)
        self.instances += job.instances
        self.corrections.update(job.corrections)
        self.places.update(job.places)
        self.displaced |= job.displaced
        self.changes += job.changes
        self.unowned += job.unowned

    def write(self, connection: Connection) -> None:
        """Writes all rows and forgets them. What the transaction knows of entities stays known."""
        for bulk, row in self.words:
            connection.bulk(bulk, [row])
        _write_if(connection, sql.BULK_ENTITIES, list(self.entities.values()))
        self._write_types(connection)
        if self.past:
            connection.many(
                sql.PAST_INSTANCE,
                [
                    {"of_tenant": tenant, "of_entity": no, "of_attribute": attribute, "of_dataset": dataset}
                    for (no, attribute, dataset), tenant in self.past.items()
                ],
            )
        _write_if(connection, sql.BULK_INSTANCES, self.instances)
        _write_if(connection, sql.BULK_CORRECTIONS, list(self.corrections.values()))
        self._write_places(connection)
        _write_if(connection, sql.BULK_CHANGES, self.changes)
        if self.unowned:
            connection.many(feed_sql.DROP_OWNED_ANYWHERE, self.unowned)
        if self.tenants:
            connection.many(
                sql.PUT_SEQ, [{"tenant": tenant, "seq": seq, "trimmed": 0} for tenant, seq in self.tenants.items()]
            )
        self.words, self.instances, self.changes, self.unowned = [], [], [], []
        self.tenants, self.entities, self.types, self.places, self.corrections = {}, {}, {}, {}, {}
        self.current, self.observed, self.past, self.displaced = {}, {}, {}, set()

    def _write_types(self, connection: Connection) -> None:
        dropped = [
            {"tenant_": tenant, "type_": of_type, "id_": entity_id}
            for (tenant, of_type, entity_id), no in self.types.items()
            if no is None
        ]
        if dropped:
            connection.many(sql.DROP_TYPE, dropped)
        added = [(*key, no) for key, no in self.types.items() if no is not None]
        _write_if(connection, sql.BULK_TYPES, added)

    def _write_places(self, connection: Connection) -> None:
        if not self.places:
            return
        if self.displaced:
            connection.drop_from_tree(list(self.displaced))
            connection.change(sql.DROP_PLACES, {"entities": connection.list_of(self.displaced)})
        rows = [row for rows in self.places.values() for row in rows]
        if rows:
            connection.bulk(sql.BULK_PLACES, rows)
            connection.add_to_tree(rows)


def _write_if(connection: Connection, bulk: Bulk, rows: list[Any]) -> None:
    if rows:
        connection.bulk(bulk, rows)
