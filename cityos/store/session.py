"""What becomes of an entity that is written: its row, its places, its history and its change."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any, cast

import orjson

from cityos.ngsi.entity import DEFAULT_DATASET, Entity, Instance, instance_to_bytes, to_bytes, with_times
from cityos.ngsi.error import BadRequestData
from cityos.ngsi.evolution import SCOPE, scope_instance
from cityos.ngsi.geo import bounds_of
from cityos.ngsi.instant import to_microseconds
from cityos.ngsi.merge import AttributeChange
from cityos.store import entity_statement as sql
from cityos.store.change_row import Bodies, change_body, packed
from cityos.store.instance_row import TYPE, gone, instance_row, stored_body
from cityos.store.pending import InstanceKey, Known
from cityos.store.record import Op
from cityos.store.schema import WORD_LENGTH
from cityos.store.transaction import Transaction

# As canonical bytes. Brokers refuse messages of a few megabytes, and one such entity would stop them all.
LARGEST_ENTITY = 1_000_000

# By attribute and dataset.
SeenAt = Mapping[tuple[str, str], datetime]


class Session(Transaction):
    """A transaction that knows how entities become rows."""

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
            said = scope_instance(after.scopes, observed_at) if after.scopes else gone("Property", "", observed_at)
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
            self._add_instance(tenant, key, gone(kind, one.dataset, seen_at), None, current=False)
        elif one.before is not None and one.before.observed_at == one.after.observed_at:
            self._correct_or_add(tenant, key, one.after, body, current=True)
        else:
            self._add_instance(tenant, key, one.after, body, current=True)

    def _put_last_types(self, tenant: str, no: int, entity: Entity) -> None:
        """What an entity was when it ended: by its types its history is still found."""
        for iri in entity.types:
            key = (no, self.name_no(TYPE), iri)
            self._job.make_past(tenant, key)
            row = instance_row(
                self._next("instance"), tenant, key, gone("Property", iri, None), None, self._now_us, current=True
            )
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
        row = instance_row(no, tenant, key, instance, body, self._now_us, current=current)
        row[7] = created_at
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
        no = self._next("instance")
        self._job.add_instance(key, instance_row(no, tenant, key, instance, body, self._now_us, current=current))

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
        body = change_body(changes, worded)
        # The id depends on the content: were a database ever set back and written anew, no id would come twice.
        mark = hashlib.blake2b(f"{self._epoch}/{tenant}/{seq}/{op}/".encode() + entity.id.encode(), digest_size=12)
        mark.update(content or body)
        types = orjson.dumps(entity.types).decode()
        about = (tenant, seq, prev, mark.hexdigest(), entity.id, topic, types, op)
        self._job.changes.append((*about, self._now_us, packed(body)))
