"""One write transaction: what is known of the entities it touches, and the rows it will write.

Jobs that only write entities gather their rows (`pending.py`); a direct job also runs statements of its own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, cast

import orjson

from cityos.ngsi.entity import (
    DEFAULT_DATASET,
    Entity,
    Instance,
    from_bytes,
    instance_to_bytes,
    instance_to_json,
    to_bytes,
    with_times,
)
from cityos.ngsi.error import BadRequestData
from cityos.ngsi.evolution import SCOPE, is_null, scope_instance
from cityos.ngsi.expansion import NULL
from cityos.ngsi.geo import bounds_of
from cityos.ngsi.instant import EPOCH, to_microseconds
from cityos.ngsi.merge import AttributeChange
from cityos.store import entity_statement as sql
from cityos.store.connection import Connection, Row
from cityos.store.pending import InstanceKey, Known, Pending
from cityos.store.record import Op
from cityos.store.schema import WORD_LENGTH
from cityos.store.statement import Bulk, Statement

# As canonical bytes. Brokers refuse messages of a few megabytes, and one such entity would stop them all.
LARGEST_ENTITY = 1_000_000
# The name under which history keeps the types of an entity that has ended. No attribute has it: theirs hold a colon.
TYPE = "type"

# By attribute and dataset.
SeenAt = Mapping[tuple[str, str], datetime]
Bodies = Mapping[tuple[str, str], bytes]


class Session:
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

    # ---- entities

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

    def put(
        self,
        tenant: str,
        known: Known | None,
        entity: Entity,
        changes: list[AttributeChange],
        topic: str,
        seen_at: SeenAt | None = None,
        *,
        history: bool = True,
    ) -> int:
        """Writes the new state of an entity, its history and its change; returns the change's seq.

        `seen_at` is when deletions and the scope were observed. Without `history` only the state is written: the caller
        sees to its history.
        """
        before = known.entity if known is not None else None
        op: Op = "create" if before is None else "update"
        # Worded once: history, the entity and its change all hold what changed.
        bodies = {(one.name, one.dataset): instance_to_bytes(one.after) for one in changes if one.after is not None}
        worded = {
            (one.name, one.dataset): with_times(bodies[one.name, one.dataset], one.after)
            for one in changes
            if one.after is not None
        }
        content = to_bytes(entity, worded)
        if len(content) > LARGEST_ENTITY:
            raise BadRequestData(f"{entity.id} would have {len(content)} bytes; at most {LARGEST_ENTITY} are kept")
        seq = self._next_seq(tenant)
        no = known.no if known is not None else self._next("entity")
        topic = known.topic if known is not None and before is not None else topic
        self._put_row(tenant, entity, Known(no, topic, seq, entity), content)
        self._put_types(tenant, no, before, entity)
        self._put_places(tenant, no, before, entity, changes)
        if history:
            self._put_history(tenant, no, before, entity, changes, bodies, seen_at or {})
        self._put_change(tenant, seq, known.seq if known else 0, entity, topic, op, changes, worded, content)
        return seq

    def end(self, tenant: str, known: Known) -> int:
        """Deletes an entity: its state goes, its history stays."""
        entity = cast(Entity, known.entity)
        changes = [
            AttributeChange(name, dataset, instance, None)
            for name, instances in entity.attributes.items()
            for dataset, instance in instances.items()
        ]
        seq = self._next_seq(tenant)
        self._put_row(tenant, entity, Known(known.no, known.topic, seq, None), None)
        self._put_types(tenant, known.no, entity, None)
        self._job.places[known.no] = []
        self._job.displaced.add(known.no)
        self._put_history(tenant, known.no, entity, Entity(entity.id, ()), changes, {}, {})
        self._put_last_types(tenant, known.no, entity)
        self._job.unowned.append({"tenant": tenant, "entity": entity.id})
        self._put_change(tenant, seq, known.seq, entity, known.topic, "delete", changes, {}, b"")
        return seq

    def _put_row(self, tenant: str, entity: Entity, known: Known, content: bytes | None) -> None:
        expires_at = None if entity.expires_at is None or content is None else to_microseconds(entity.expires_at)
        self._job.known[tenant, entity.id] = known
        self._job.entities[known.no] = (known.no, tenant, entity.id, known.topic, known.seq, expires_at, content)

    def _put_types(self, tenant: str, no: int, before: Entity | None, after: Entity | None) -> None:
        old = () if before is None else before.types
        new = () if after is None else after.types
        if old == new:
            return
        entity_id = cast(Entity, after or before).id
        for iri in old:
            self._job.types[tenant, self.name_no(iri), entity_id] = None
        for iri in new:
            self._job.types[tenant, self.name_no(iri), entity_id] = no

    # ---- history

    def _put_history(
        self,
        tenant: str,
        no: int,
        before: Entity | None,
        after: Entity,
        changes: list[AttributeChange],
        bodies: Bodies,
        seen_at: SeenAt,
    ) -> None:
        for one in changes:
            which = (one.name, one.dataset)
            self._put_instance(tenant, no, one, bodies.get(which), seen_at.get(which))
        scopes = () if before is None else before.scopes
        if scopes != after.scopes:
            observed_at = seen_at.get((SCOPE, DEFAULT_DATASET))
            said = scope_instance(after.scopes, observed_at) if after.scopes else _gone("Property", "", observed_at)
            key = (no, self.name_no(SCOPE), DEFAULT_DATASET)
            if scopes:
                self._job.make_past(tenant, key)
            self._add_instance(tenant, key, said, stored_body(said), current=bool(after.scopes))

    def _put_instance(
        self, tenant: str, no: int, one: AttributeChange, body: bytes | None, seen_at: datetime | None
    ) -> None:
        key = (no, self.name_no(one.name), one.dataset)
        if one.before is not None:
            self._job.make_past(tenant, key)
        if one.after is None:
            kind = cast(Instance, one.before).kind
            self._add_instance(tenant, key, _gone(kind, one.dataset, seen_at), None, current=False)
        elif one.before is not None and one.before.observed_at == one.after.observed_at:
            self._correct_or_add(tenant, key, one.after, body, current=True)
        else:
            self._add_instance(tenant, key, one.after, body, current=True)

    def _put_last_types(self, tenant: str, no: int, entity: Entity) -> None:
        """What an entity was when it ended: by its types its history is still found."""
        for iri in entity.types:
            key = (no, self.name_no(TYPE), iri)
            self._job.make_past(tenant, key)
            row = self._instance_row(tenant, key, _gone("Property", iri, None), None, current=True)
            row[11] = iri[:WORD_LENGTH]
            self._job.add_instance(key, row)

    def put_late(self, tenant: str, no: int, name: str, instance: Instance) -> bool:
        """Writes an observation older than the current one into history; whether that was news."""
        key = (no, self.name_no(name), instance.dataset)
        return self._correct_or_add(tenant, key, instance, stored_body(instance), current=False)

    def _correct_or_add(
        self, tenant: str, key: InstanceKey, instance: Instance, body: bytes | None, *, current: bool
    ) -> bool:
        """The same observation told again with another value is a correction, not a second observation."""
        found = None if instance.observed_at is None else self._find_instance(tenant, key, instance.observed_at)
        if found is None:
            self._add_instance(tenant, key, instance, body, current=current)
            return True
        no, created_at, known = found
        if known == body and not current:
            return False
        row = self._instance_row(tenant, key, instance, body, current=current)
        row[0], row[7] = no, created_at
        self._job.add_correction(key, row)
        return True

    def _find_instance(self, tenant: str, key: InstanceKey, at: datetime) -> tuple[int, int, bytes | None] | None:
        instant = to_microseconds(at)
        for layer in (self._job, self._group):
            row = layer.observed.get((key, instant))
            if row is not None:
                return row[0], row[7], row[12]
        no, attribute, dataset = key
        about = {"tenant": tenant, "entity": no, "attribute": attribute, "dataset": dataset, "at": instant}
        rows = self._connection.rows(sql.FIND_INSTANCE, about)
        return cast("tuple[int, int, bytes | None]", rows[0]) if rows else None

    def _add_instance(
        self, tenant: str, key: InstanceKey, instance: Instance, body: bytes | None, *, current: bool
    ) -> None:
        self._job.add_instance(key, self._instance_row(tenant, key, instance, body, current=current))

    def _instance_row(
        self, tenant: str, key: InstanceKey, instance: Instance, body: bytes | None, *, current: bool
    ) -> list[Any]:
        now = self._now_us
        observed = instance.observed_at is not None
        at = now if instance.observed_at is None else to_microseconds(instance.observed_at)
        number, word = comparable(instance)
        return [self._next("instance"), tenant, *key, at, observed, now, now, current, number, word, body]

    # ---- places

    def _put_places(
        self, tenant: str, no: int, before: Entity | None, entity: Entity, changes: list[AttributeChange]
    ) -> None:
        moved = any("GeoProperty" in (c.before and c.before.kind, c.after and c.after.kind) for c in changes)
        if not moved and before is not None and before.types == entity.types:
            return
        if before is not None:  # one that is new, or begins anew, has none
            self._job.displaced.add(no)
        self._job.places[no] = [
            row
            for name, instances in entity.attributes.items()
            for instance in instances.values()
            if instance.kind == "GeoProperty"
            for row in self._place_rows(tenant, no, entity, name, instance)
        ]

    def _place_rows(self, tenant: str, no: int, entity: Entity, name: str, instance: Instance) -> list[tuple[Any, ...]]:
        bounds = bounds_of(instance.value)
        if bounds is None:
            return []
        layers = [self._layer_no(tenant, self.name_no(name), self.name_no(iri)) for iri in entity.types]
        return [(self._next("place"), no, entity.id, layer, *bounds) for layer in layers]

    # ---- the change feed

    def _put_change(
        self,
        tenant: str,
        seq: int,
        prev: int,
        entity: Entity,
        topic: str,
        op: Op,
        changes: list[AttributeChange],
        worded: Bodies,
        content: bytes,
    ) -> None:
        body = orjson.dumps([_change_to_json(one, worded.get((one.name, one.dataset))) for one in changes])
        # The id depends on the content: were a database ever set back and written anew, no id would come twice.
        mark = hashlib.blake2b(f"{self._epoch}/{tenant}/{seq}/{op}/".encode() + entity.id.encode(), digest_size=12)
        mark.update(content or body)
        types = orjson.dumps(entity.types).decode()
        about = (tenant, seq, prev, mark.hexdigest(), entity.id, topic, types, op)
        self._job.changes.append((*about, self._now_us, body))


def _known(row: Row) -> Known:
    _, no, topic, seq, content = row
    return Known(no, topic, seq, None if content is None else from_bytes(content))


def stored_body(instance: Instance) -> bytes | None:
    """The canonical bytes of one instance in history; None for one that says the attribute was deleted."""
    return None if is_null(instance) else instance_to_bytes(instance)


def _gone(kind: str, dataset: str, observed_at: datetime | None) -> Instance:
    """An instance that says an attribute was deleted."""
    return Instance(kind, NULL, observed_at, dataset)


_COMPARABLE: Mapping[str, str] = {"Property": "value", "Relationship": "object", "VocabProperty": "vocab"}


def comparable(instance: Instance) -> tuple[float | None, str | None]:
    """What the columns `number` and `word` hold of an instance's value; both None for what is neither.

    Of a deletion `word` holds the kind of the attribute that is gone.
    """
    if is_null(instance):
        return None, instance.kind
    value = instance.value
    if isinstance(value, str):
        return None, value[:WORD_LENGTH]
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value), None
    return None, None


def _change_to_json(one: AttributeChange, after: bytes | None) -> dict[str, object]:
    return {
        "attribute": one.name,
        "dataset": one.dataset,
        "before": None if one.before is None else instance_to_json(one.before),
        "after": None if after is None else orjson.Fragment(after),
    }
