"""Reads: point reads that cost microseconds, and queries that run in a reader thread under a time limit."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, cast

import orjson

from cityos.connector.batch import Row
from cityos.ngsi.instant import to_microseconds
from cityos.ngsi.value import JsonObject
from cityos.store import discovery, resource
from cityos.store import entity_statement as sql
from cityos.store import feed_statement as feed_sql
from cityos.store.change_row import change_item
from cityos.store.connection import Connection
from cityos.store.discovery import AttributeUse, TypeUse
from cityos.store.error import CursorGone
from cityos.store.feed_record import dataset_record, document_record, feed_record, notice_record, run_record
from cityos.store.history import History
from cityos.store.known_instance import unknown_rows
from cityos.store.querying import Finder
from cityos.store.record import (
    ChangeItem,
    ChangePage,
    DatasetRecord,
    DocumentRecord,
    FeedRecord,
    NoticeRecord,
    Page,
    Query,
    Retention,
    RunRecord,
    State,
    Stored,
)
from cityos.store.resource import Resource
from cityos.store.retention import find_old_instances
from cityos.store.statement import Statement

_SCAN = 5_000  # changes read at most for one page, filter or not


class Reader:
    """Reads on one connection; one thread at a time."""

    def __init__(self, connection: Connection, epoch: str) -> None:
        self._connection = connection
        self._epoch = epoch
        self._numbers: dict[str, int] = {}
        self.history = History(connection)

    @property
    def is_local(self) -> bool:
        """Whether a point read costs microseconds."""
        return self._connection.dialect == "sqlite"

    def begin(self, limit_s: float) -> None:
        """All reads until `end` see one and the same state; QueryTooLong beyond the limit."""
        self._connection.begin_read(limit_s)

    def end(self) -> None:
        """Lets go of that state."""
        self._connection.end_read()

    def close(self) -> None:
        """Closes the connection."""
        self._connection.close()

    def _rows(self, statement: Statement, **parameters: object) -> list[tuple[Any, ...]]:
        return self._connection.rows(statement, parameters)

    def _mappings(self, statement: Statement, **parameters: object) -> list[dict[str, Any]]:
        return [dict(zip(statement.columns, row, strict=True)) for row in self._rows(statement, **parameters)]

    # ---- entities

    def find(self, tenant: str, entity_id: str) -> Stored | None:
        """The entity, if it is there."""
        rows = self._connection.rows(sql.GET_ENTITY, {"tenant": tenant, "id": entity_id})
        return _stored(rows[0]) if rows else None

    def find_many(self, tenant: str, ids: Iterable[str]) -> dict[str, Stored]:
        """Those of the entities that are there, by id."""
        rows = self._connection.rows(sql.GET_ENTITIES, {"tenant": tenant, "ids": self._connection.list_of(ids)})
        return {row[0]: stored for row in rows if (stored := _stored(row)) is not None}

    def states(self, tenant: str, ids: Iterable[str]) -> dict[str, State]:
        """Those of the entities that are there, each with the change that made it what it is."""
        found = self.find_many(tenant, ids)
        seqs = self._connection.list_of(stored.seq for stored in found.values())
        changes = {row[0]: change_item(row) for row in self._rows(sql.GET_CHANGES, tenant=tenant, seqs=seqs)}
        return {entity_id: State(stored, changes.get(stored.seq)) for entity_id, stored in found.items()}

    def tenants(self) -> dict[str, int]:
        """Every tenant and the seq of its newest change."""
        return {cast(str, row[0]): cast(int, row[1]) for row in self._rows(sql.ALL_TENANTS)}

    def heads(self, tenant: str, after: str, count: int) -> list[tuple[str, str, int]]:
        """Entity id, topic type and seq of all entities in order of id, a page at a time."""
        return cast(list[tuple[str, str, int]], self._rows(sql.ALL_HEADS, tenant=tenant, after=after, count=count))

    def query(self, tenant: str, query: Query) -> Page:
        """A page of entities."""
        return Finder(self._connection, tenant, query, self._number_of, self._canonical(tenant)).page()

    def _number_of(self, iri: str) -> int:
        """The number of an IRI; 0, which no row has, where none was given out yet."""
        no = self._numbers.get(iri)
        if no is None:
            rows = self._rows(sql.GET_NAME, iri=iri)
            if not rows:
                return 0
            no = self._numbers[iri] = cast(int, rows[0][0])
        return no

    def _canonical(self, tenant: str) -> Callable[[str], JsonObject | None]:
        def find(entity_id: str) -> JsonObject | None:
            stored = self.find(tenant, entity_id)
            return None if stored is None else stored.entity()

        return find

    def count(self, tenant: str) -> int:
        """How many entities there are now."""
        return self.query(tenant, Query(limit=0, counted=True)).count or 0

    def has_expired(self, now: datetime) -> bool:
        """Whether the time of a transient entity has come."""
        return bool(self._rows(sql.EXPIRED_ENTITIES, now=to_microseconds(now)))

    def old_instances(self, tenant: str, keep: Retention, now: datetime) -> list[int]:
        """The numbers of one portion of the past instances that are kept no longer."""
        return find_old_instances(self._connection, tenant, keep, now)

    # ---- discovery

    def list_types(self, tenant: str, *, with_attributes: bool) -> list[TypeUse]:
        """The types of the tenant's entities."""
        return discovery.list_types(self._connection, tenant, with_attributes=with_attributes)

    def find_type(self, tenant: str, iri: str) -> TypeUse | None:
        """One type, if any entity has it."""
        return discovery.find_type(self._connection, tenant, iri)

    def list_attributes(self, tenant: str) -> list[AttributeUse]:
        """The attributes of the tenant's entities."""
        return discovery.list_attributes(self._connection, tenant)

    def find_attribute(self, tenant: str, iri: str) -> AttributeUse | None:
        """One attribute, if any entity has it."""
        return discovery.find_attribute(self._connection, tenant, iri)

    # ---- resources

    def find_resource(self, tenant: str, kind: str, resource_id: str) -> Resource | None:
        """The resource, if it is there: a point read."""
        return resource.find(self._connection, tenant, kind, resource_id)

    def list_resources(self, tenant: str, kind: str) -> list[Resource]:
        """All resources of a kind, in order of id."""
        return resource.list_all(self._connection, tenant, kind)

    # ---- the change feed

    def check_cursor(self, tenant: str, after: int, epoch: str | None) -> tuple[int, int]:
        """Head and oldest cursor of the tenant. Raises CursorGone where the cursor does not belong here."""
        rows = self._rows(sql.GET_TENANT, tenant=tenant)
        head, trimmed = cast(tuple[int, int], rows[0]) if rows else (0, 0)
        if epoch is not None and epoch != self._epoch:
            raise CursorGone(f"the cursor is of epoch {epoch}; this database is of {self._epoch}", self._epoch, head)
        if after > head:
            raise CursorGone(f"the cursor {after} is beyond the newest change, {head}", self._epoch, head)
        if 0 < after < trimmed:
            raise CursorGone(f"changes up to {trimmed} are no longer kept; the cursor is {after}", self._epoch, head)
        return head, trimmed

    def changes(
        self,
        tenant: str,
        after: int,
        *,
        epoch: str | None = None,
        types: frozenset[str] = frozenset(),
        ids: frozenset[str] = frozenset(),
        limit: int = 100,
    ) -> ChangePage:
        """Changes after a cursor; 0 starts at the oldest kept. Raises CursorGone."""
        head, trimmed = self.check_cursor(tenant, after, epoch)
        after = max(after, trimmed)
        wanted = bool(types or ids)
        rows = self._rows(sql.CHANGES_AFTER, tenant=tenant, after=after, count=_SCAN if wanted else limit)
        items: list[ChangeItem] = []
        passed = after
        for row in rows:
            if not wanted or _is_wanted(row, types, ids):
                items.append(change_item(row))
            passed = row[0]
            if len(items) == limit:
                break
        return ChangePage(self._epoch, tuple(items), passed, head)

    def change(self, tenant: str, seq: int) -> ChangeItem | None:
        """One change, if it is still kept."""
        rows = self._rows(sql.GET_CHANGE, tenant=tenant, seq=seq)
        return change_item(rows[0]) if rows else None

    # ---- feeds

    def feeds(self, tenant: str) -> dict[str, FeedRecord]:
        """What is known of every feed that ever ran."""
        counts = dict(cast(list[tuple[str, int]], self._rows(feed_sql.OPEN_NOTICE_COUNTS, tenant=tenant)))
        records = [feed_record(row, counts) for row in self._mappings(feed_sql.ALL_FEEDS, tenant=tenant)]
        return {record.name: record for record in records}

    def notices(self, tenant: str, feed: str, count: int = 200) -> list[NoticeRecord]:
        """A feed's notices, open ones first, then the newest."""
        rows = self._mappings(feed_sql.NOTICES_OF_FEED, tenant=tenant, feed=feed, count=count)
        return [notice_record(row) for row in rows]

    def runs(self, tenant: str, feed: str, count: int = 20) -> list[RunRecord]:
        """A feed's newest runs, newest first."""
        return [run_record(row) for row in self._mappings(feed_sql.RECENT_RUNS, tenant=tenant, feed=feed, count=count)]

    def latest_document(self, tenant: str, feed: str, name: str) -> DocumentRecord | None:
        """The document of this name met last."""
        rows = self._mappings(feed_sql.LATEST_DOCUMENT, tenant=tenant, feed=feed, name=name)
        return document_record(rows[0]) if rows else None

    def latest_documents(self, tenant: str, feed: str) -> list[DocumentRecord]:
        """The document met last of each name."""
        rows = self._mappings(feed_sql.ALL_DOCUMENTS, tenant=tenant, feed=feed)
        return list({record.name: record for record in map(document_record, rows)}.values())

    def documents(self, tenant: str, feed: str, since: datetime, until: datetime) -> list[DocumentRecord]:
        """The documents a feed gave in a span of time, oldest first."""
        rows = self._mappings(
            feed_sql.DOCUMENTS_BETWEEN,
            tenant=tenant,
            feed=feed,
            since=to_microseconds(since),
            until=to_microseconds(until),
        )
        return [document_record(row) for row in rows]

    def datasets(self, tenant: str, feed: str | None = None) -> list[DatasetRecord]:
        """All versions of all datasets, or of one feed's, newest first."""
        rows = self._mappings(feed_sql.ALL_DATASETS, tenant=tenant)
        return [dataset_record(row) for row in rows if feed in (None, row["feed"])]

    def dataset_digests(self) -> set[str]:
        """The digests of all contents that are still known."""
        return {cast(str, row[0]) for row in self._rows(feed_sql.DATASET_DIGESTS)}

    def digests(self) -> set[str]:
        """The digests of all documents that are still known."""
        return {cast(str, row[0]) for row in self._rows(feed_sql.ALL_DIGESTS)}

    def unknown_rows(self, tenant: str, rows: tuple[Row, ...]) -> tuple[Row, ...]:
        """Leaves out observations that history already holds word for word.

        Growing files repeat their whole past with every poll; this keeps that past away from the writer. An entity's
        last row always stays, since it says what is so now.
        """
        return unknown_rows(self._connection, self._number_of, tenant, rows)


def _stored(row: tuple[Any, ...]) -> Stored | None:
    entity_id, _, topic, seq, content = row
    return None if content is None else Stored(entity_id, topic, seq, content)


def _is_wanted(row: tuple[Any, ...], types: frozenset[str], ids: frozenset[str]) -> bool:
    """Told by the row: a change that is left out is not unpacked."""
    return (not ids or row[3] in ids) and (not types or not types.isdisjoint(orjson.loads(row[5])))
