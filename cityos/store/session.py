"""One write transaction's view of the tables: small steps in SQL, no decision about what a change is."""

from __future__ import annotations

import hashlib
import sqlite3
from dataclasses import dataclass
from datetime import datetime
from typing import cast

import orjson

from cityos.ngsi.entity import Entity, Instance, from_bytes, instance_to_json, to_bytes
from cityos.ngsi.error import BadRequestData
from cityos.ngsi.geo import bounds_of
from cityos.ngsi.instant import EPOCH, to_microseconds
from cityos.ngsi.merge import AttributeChange
from cityos.store import statement as sql
from cityos.store.record import Op

# As canonical bytes. Brokers refuse messages of a few megabytes, and one such entity would stop them all.
LARGEST_ENTITY = 1_000_000


@dataclass(slots=True)
class Known:
    """An entity's row: `entity` None where it was deleted."""

    no: int
    topic: str
    seq: int
    entity: Entity | None


class Session:
    """Works on the writer's connection, inside its transaction. `now` is the city's time of this group of writes."""

    def __init__(self, connection: sqlite3.Connection, epoch: str) -> None:
        self._connection = connection
        self._epoch = epoch
        self._names: dict[str, int] = dict(connection.execute(sql.ALL_NAMES).fetchall())
        self._layers: dict[tuple[str, int, int], int] = {}
        self._seqs: dict[str, int] = {}
        self.now = EPOCH
        self.told: dict[str, int] = {}  # tenant -> newest seq written since the last commit

    # ---- the frame: jobs inside one transaction

    def begin(self, now: datetime) -> None:
        """Opens the transaction."""
        self.now = now
        self.told = {}
        self._connection.execute("BEGIN IMMEDIATE")

    def begin_job(self) -> None:
        """Opens the part of one job, which may be taken back alone."""
        self._connection.execute("SAVEPOINT job")
        self._seqs_before = dict(self._seqs)
        self._told_before = dict(self.told)

    def end_job(self) -> None:
        """Keeps the job."""
        self._connection.execute("RELEASE job")

    def undo_job(self) -> None:
        """Takes the job back."""
        self._connection.execute("ROLLBACK TO job")
        self._connection.execute("RELEASE job")
        self._forget_caches()
        self._seqs, self.told = self._seqs_before, self._told_before

    def commit(self) -> None:
        """Makes the transaction durable: with synchronous=FULL this returns after fsync."""
        for tenant, seq in self.told.items():
            self.execute(sql.SET_SEQ, tenant_name=tenant, new_seq=seq)
        self._connection.execute("COMMIT")

    def rollback(self) -> None:
        """Takes everything back."""
        self._seqs, self.told = {}, {}  # first of all: should the database fail again, no number may be skipped
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")
        self._forget_caches()

    def _forget_caches(self) -> None:
        self._layers, self._names = {}, {}
        self._names = dict(self._connection.execute(sql.ALL_NAMES).fetchall())

    def execute(self, statement: str, **parameters: object) -> sqlite3.Cursor:
        """Runs one compiled statement."""
        return self._connection.execute(statement, parameters)

    # ---- names, tenants

    def name_no(self, iri: str) -> int:
        """The number of an IRI, given out at first use."""
        no = self._names.get(iri)
        if no is None:
            no = cast(int, self.execute(sql.ADD_NAME, iri=iri).lastrowid)
            self._names[iri] = no
        return no

    def _next_seq(self, tenant: str) -> int:
        seq = self._seqs.get(tenant)
        if seq is None:
            row = self.execute(sql.GET_TENANT, tenant=tenant).fetchone()
            if row is None:
                self.execute(sql.ADD_TENANT, tenant=tenant)
            seq = 0 if row is None else cast(int, row[0])
        self._seqs[tenant] = self.told[tenant] = seq + 1
        return seq + 1

    # ---- entities

    def find(self, tenant: str, entity_id: str) -> Known | None:
        """The row of an entity, deleted or not."""
        row = self.execute(sql.GET_ENTITY, tenant=tenant, id=entity_id).fetchone()
        if row is None:
            return None
        no, topic, seq, content = row
        return Known(no, topic, seq, None if content is None else from_bytes(content))

    def entity_no(self, tenant: str, entity_id: str) -> int:
        """The number of an entity that is there."""
        return cast(int, self.execute(sql.GET_ENTITY, tenant=tenant, id=entity_id).fetchone()[0])

    def put(self, tenant: str, known: Known | None, entity: Entity, changes: list[AttributeChange], topic: str) -> int:
        """Writes the new state of an entity, its history and its change; returns the change's seq."""
        op: Op = "create" if known is None or known.entity is None else "update"
        content = to_bytes(entity)
        if len(content) > LARGEST_ENTITY:
            raise BadRequestData(f"{entity.id} would have {len(content)} bytes; at most {LARGEST_ENTITY} are kept")
        seq = self._next_seq(tenant)
        if known is None:
            row = self.execute(sql.ADD_ENTITY, tenant=tenant, id=entity.id, topic=topic, seq=seq, document=content)
            no = cast(int, row.lastrowid)
        else:
            no = known.no
            topic = known.topic if known.entity is not None else topic
            self.execute(sql.SET_ENTITY, entity_no=no, seq=seq, document=content, topic=topic)
        before = known.entity if known is not None else None
        self._put_types(tenant, no, before, entity)
        self._put_places(tenant, no, entity, changes, types_changed=before is None or before.types != entity.types)
        for one in changes:
            self._put_instance(tenant, no, one)
        self._put_change(tenant, seq, known.seq if known else 0, entity, topic, op, changes, content)
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
        self.execute(sql.SET_ENTITY, entity_no=known.no, seq=seq, document=None, topic=known.topic)
        for iri in entity.types:
            self.execute(sql.DROP_TYPE, tenant=tenant, type=self.name_no(iri), id=entity.id)
        self._drop_places(tenant, known.no)
        for one in changes:
            self._put_instance(tenant, known.no, one)
        self.execute(sql.DROP_OWNED_ANYWHERE, tenant=tenant, entity=entity.id)
        self._put_change(tenant, seq, known.seq, entity, known.topic, "delete", changes, b"")
        return seq

    def _put_types(self, tenant: str, no: int, before: Entity | None, after: Entity) -> None:
        old = () if before is None else before.types
        if old == after.types:
            return
        for iri in set(old) - set(after.types):
            self.execute(sql.DROP_TYPE, tenant=tenant, type=self.name_no(iri), id=after.id)
        for iri in set(after.types) - set(old):
            self.execute(sql.ADD_TYPE, tenant=tenant, type=self.name_no(iri), id=after.id, entity=no)

    # ---- history

    def _put_instance(self, tenant: str, no: int, one: AttributeChange) -> None:
        attribute = self.name_no(one.name)
        if one.before is not None:
            self.execute(
                sql.PAST_INSTANCE, of_tenant=tenant, of_attribute=attribute, of_entity=no, of_dataset=one.dataset
            )
        if one.after is not None and one.before is not None and one.before.observed_at == one.after.observed_at:
            self._correct_or_add(tenant, no, attribute, one.after, current=True)
        else:
            self._add_instance(tenant, no, attribute, one.dataset, one.after, current=one.after is not None)

    def put_late(self, tenant: str, no: int, name: str, instance: Instance) -> bool:
        """Writes an observation older than the current one into history; whether that was news."""
        return self._correct_or_add(tenant, no, self.name_no(name), instance, current=False)

    def _correct_or_add(self, tenant: str, no: int, attribute: int, instance: Instance, *, current: bool) -> bool:
        """The same observation told again with another value is a correction, not a second observation."""
        if instance.observed_at is None:
            self._add_instance(tenant, no, attribute, instance.dataset, instance, current=current)
            return True
        at = to_microseconds(instance.observed_at)
        row = self.execute(
            sql.FIND_INSTANCE, tenant=tenant, entity=no, attribute=attribute, dataset=instance.dataset, at=at
        ).fetchone()
        if row is None:
            self._add_instance(tenant, no, attribute, instance.dataset, instance, current=current)
            return True
        body = body_of(instance)
        if row[1] == body and not current:
            return False
        self.execute(sql.CORRECT_INSTANCE, instance_no=row[0], body=body, written_at=to_microseconds(self.now))
        if current:
            self._connection.execute("UPDATE instance SET current = 1 WHERE no = :no", {"no": row[0]})
        return True

    def _add_instance(
        self, tenant: str, no: int, attribute: int, dataset: str, instance: Instance | None, *, current: bool
    ) -> None:
        observed_at = None if instance is None else instance.observed_at
        self.execute(
            sql.ADD_INSTANCE,
            tenant=tenant,
            entity=no,
            attribute=attribute,
            dataset=dataset,
            at=to_microseconds(observed_at or self.now),
            observed=observed_at is not None,
            written_at=to_microseconds(self.now),
            current=current,
            body=None if instance is None else body_of(instance),
        )

    # ---- places

    def _put_places(
        self, tenant: str, no: int, entity: Entity, changes: list[AttributeChange], *, types_changed: bool
    ) -> None:
        moved = any("GeoProperty" in (c.before and c.before.kind, c.after and c.after.kind) for c in changes)
        if not moved and not types_changed:
            return
        self._drop_places(tenant, no)
        for name, instances in entity.attributes.items():
            for instance in instances.values():
                if instance.kind == "GeoProperty":
                    self._add_place(tenant, no, entity.types, name, instance)

    def _add_place(self, tenant: str, no: int, types: tuple[str, ...], name: str, instance: Instance) -> None:
        bounds = bounds_of(instance.value)
        if bounds is None:
            return
        west, south, east, north = bounds
        box = {"west": west, "south": south, "east": east, "north": north}
        for iri in types:
            layer = self._layer_no(tenant, self.name_no(name), self.name_no(iri))
            row = self.execute(sql.ADD_PLACE, tenant=tenant, entity=no, layer=layer, **box)
            self.execute(sql.ADD_PLACE_TREE, no=row.lastrowid, layer=layer, **box)

    def _drop_places(self, tenant: str, no: int) -> None:
        for (place_no,) in self.execute(sql.PLACES_OF, tenant=tenant, entity=no).fetchall():
            self.execute(sql.DROP_PLACE, place_no=place_no)
            self.execute(sql.DROP_PLACE_TREE, place_no=place_no)

    def _layer_no(self, tenant: str, attribute: int, of_type: int) -> int:
        key = (tenant, attribute, of_type)
        no = self._layers.get(key)
        if no is None:
            about = {"tenant": tenant, "attribute": attribute, "type": of_type}
            row = self.execute(sql.GET_LAYER, **about).fetchone()
            no = cast(int, row[0] if row else self.execute(sql.ADD_LAYER, **about).lastrowid)
            self._layers[key] = no
        return no

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
        content: bytes,
    ) -> None:
        body = orjson.dumps([_change_to_json(one) for one in changes])
        # The id depends on the content: were a database ever set back and written anew, no id would come twice.
        mark = hashlib.blake2b(f"{self._epoch}/{tenant}/{seq}/{op}/".encode() + entity.id.encode(), digest_size=12)
        mark.update(content or body)
        self.execute(
            sql.ADD_CHANGE,
            tenant=tenant,
            seq=seq,
            prev=prev,
            event=mark.hexdigest(),
            entity=entity.id,
            topic=topic,
            types=orjson.dumps(entity.types).decode(),
            op=op,
            at=to_microseconds(self.now),
            body=body,
        )


def body_of(instance: Instance) -> bytes:
    """The canonical bytes of one instance in history: without when it was written, which has its own column."""
    told = instance_to_json(instance)
    told.pop("createdAt", None)
    told.pop("modifiedAt", None)
    return orjson.dumps(told)


def _change_to_json(one: AttributeChange) -> dict[str, object]:
    return {
        "attribute": one.name,
        "dataset": one.dataset,
        "before": None if one.before is None else instance_to_json(one.before),
        "after": None if one.after is None else instance_to_json(one.after),
    }
