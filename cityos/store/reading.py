"""Reads: point reads that cost microseconds, and queries that run in a reader thread under a time limit."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any, cast

import orjson
from sqlalchemy import ColumnElement, Select, and_, column, exists, func, select, table

from cityos.connector.batch import Notice, Row, Severity
from cityos.ngsi.entity import entity_from_json
from cityos.ngsi.expansion import NULL
from cityos.ngsi.geo import Box
from cityos.ngsi.instant import from_microseconds, to_microseconds
from cityos.store import resource
from cityos.store import statement as sql
from cityos.store.connection import Connection
from cityos.store.error import CursorGone
from cityos.store.record import (
    ChangeItem,
    ChangePage,
    DatasetRecord,
    DocumentRecord,
    FeedRecord,
    NoticeRecord,
    Op,
    Page,
    Query,
    RunRecord,
    State,
    Stored,
)
from cityos.store.resource import Resource
from cityos.store.schema import entity, entity_type, instance, layer, name, place
from cityos.store.session import body_of
from cityos.store.statement import Statement

# Up to so many boxes the tree's answer is fetched and sorted; beyond, walking the keys meets a page of hits sooner.
_FEW_HITS = 2_000
_SMALLEST_WALK = 50  # candidates fetched at once where each is still tested for its exact place
_SCAN = 5_000  # changes read at most for one page, filter or not

_STORED = (entity.c.id, entity.c.topic, entity.c.seq, entity.c.document)
_tree = table("place_tree", column("no"), *(column(side) for side in ("west", "south", "east", "north", "low_layer")))


class Reader:
    """Reads on one connection; one thread at a time."""

    def __init__(self, connection: Connection, epoch: str) -> None:
        self._connection = connection
        self._epoch = epoch

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
        changes = {row[0]: _change_item(row) for row in self._rows(sql.GET_CHANGES, tenant=tenant, seqs=seqs)}
        return {entity_id: State(stored, changes.get(stored.seq)) for entity_id, stored in found.items()}

    def tenants(self) -> dict[str, int]:
        """Every tenant and the seq of its newest change."""
        return {cast(str, row[0]): cast(int, row[1]) for row in self._rows(sql.ALL_TENANTS)}

    def heads(self, tenant: str, after: str, count: int) -> list[tuple[str, str, int]]:
        """Entity id, topic type and seq of all entities in order of id, a page at a time."""
        return cast(list[tuple[str, str, int]], self._rows(sql.ALL_HEADS, tenant=tenant, after=after, count=count))

    def query(self, tenant: str, query: Query) -> Page:
        """A page of entities in order of id."""
        found: list[Stored] = []
        after = query.after
        while True:
            count = max(query.limit + 1 - len(found), _SMALLEST_WALK if query.place else 0)
            rows = self._candidates(tenant, query, after, count)
            found += [stored for stored in rows if query.place is None or _is_at(stored, query)]
            if len(found) > query.limit:
                return Page(tuple(found[: query.limit]), found[query.limit - 1].id)
            if len(rows) < count:
                return Page(tuple(found), None)
            after = rows[-1].id

    def _candidates(self, tenant: str, query: Query, after: str, count: int) -> list[Stored]:
        text, parameters = sql.rendered(self._select(tenant, query, after).limit(count))
        return [Stored(*row) for row in self._connection.rows(text, parameters)]

    def _select(self, tenant: str, query: Query, after: str) -> Select[*tuple[Any, ...]]:
        statement: Select[*tuple[Any, ...]]
        if query.types:
            statement = (
                select(*_STORED)
                .select_from(entity_type.join(entity, entity.c.no == entity_type.c.entity))
                .where(entity_type.c.tenant == tenant, entity_type.c.type.in_(self._name_nos(query.types)))
                .where(entity_type.c.id > after)
                .order_by(entity_type.c.id)
            )
            if len(query.types) > 1:
                statement = statement.distinct()
        else:
            statement = select(*_STORED).where(entity.c.tenant == tenant, entity.c.id > after).order_by(entity.c.id)
            statement = statement.where(entity.c.document.is_not(None))
        if query.ids:
            statement = statement.where(entity.c.id.in_(sorted(query.ids)))
        if query.attributes:
            statement = statement.where(_has_attribute(tenant, self._name_nos(query.attributes)))
        if query.place is not None:
            statement = statement.where(self._is_near(tenant, query, query.place.attribute, query.place.box))
        return statement

    def _name_nos(self, iris: Iterable[str]) -> list[int]:
        statement = select(name.c.no).where(name.c.iri.in_(sorted(iris)))
        text, parameters = sql.rendered(statement)
        return [cast(int, row[0]) for row in self._connection.rows(text, parameters)]

    def _is_near(self, tenant: str, query: Query, attribute: str, box: Box) -> ColumnElement[bool]:
        """Restricts to entities whose box touches: by a list from the tree if hits are few, else box by box."""
        layers = self._layers(tenant, query, attribute)
        few = self._few_hits(layers, box)
        if few is not None:
            return entity.c.no.in_(few)
        return exists().where(
            place.c.tenant == tenant,
            place.c.entity == entity.c.no,
            place.c.layer.in_(layers),
            place.c.west <= box[2],
            place.c.east >= box[0],
            place.c.south <= box[3],
            place.c.north >= box[1],
        )

    def _layers(self, tenant: str, query: Query, attribute: str) -> list[int]:
        statement = select(layer.c.no).where(
            layer.c.tenant == tenant, layer.c.attribute.in_(self._name_nos([attribute]))
        )
        if query.types:
            statement = statement.where(layer.c.type.in_(self._name_nos(query.types)))
        text, parameters = sql.rendered(statement)
        return [cast(int, row[0]) for row in self._connection.rows(text, parameters)]

    def _few_hits(self, layers: list[int], box: Box) -> list[int] | None:
        """Entity numbers in the box, or None where there are more than is worth sorting."""
        hits: list[int] = []
        for no in layers:
            inside = and_(
                _tree.c.low_layer == no,
                _tree.c.west <= box[2],
                _tree.c.east >= box[0],
                _tree.c.south <= box[3],
                _tree.c.north >= box[1],
            )
            nos = select(_tree.c.no).where(inside).limit(_FEW_HITS + 1).subquery()
            text, parameters = sql.rendered(select(place.c.entity).where(place.c.no.in_(select(nos.c.no))))
            # Counted before they are made unique: an entity may lie in several boxes, and the limit counts boxes.
            hits += [cast(int, row[0]) for row in self._connection.rows(text, parameters)]
            if len(hits) > _FEW_HITS:
                return None
        return sorted(set(hits))

    def count(self, tenant: str) -> int:
        """How many entities there are now."""
        statement = (
            select(func.count()).select_from(entity).where(entity.c.tenant == tenant, entity.c.document.is_not(None))
        )
        text, parameters = sql.rendered(statement)
        return cast(int, self._connection.rows(text, parameters)[0][0])

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
            item = _change_item(row)
            if _is_wanted(item, types, ids):
                items.append(item)
            passed = item.seq
            if len(items) == limit:
                break
        return ChangePage(self._epoch, tuple(items), passed, head)

    def change(self, tenant: str, seq: int) -> ChangeItem | None:
        """One change, if it is still kept."""
        rows = self._rows(sql.GET_CHANGE, tenant=tenant, seq=seq)
        return _change_item(rows[0]) if rows else None

    # ---- feeds

    def feeds(self, tenant: str) -> dict[str, FeedRecord]:
        """What is known of every feed that ever ran."""
        counts = dict(cast(list[tuple[str, int]], self._rows(sql.OPEN_NOTICE_COUNTS, tenant=tenant)))
        records = [_feed_record(row, counts) for row in self._mappings(sql.ALL_FEEDS, tenant=tenant)]
        return {record.name: record for record in records}

    def notices(self, tenant: str, feed: str, count: int = 200) -> list[NoticeRecord]:
        """A feed's notices, open ones first, then the newest."""
        rows = self._mappings(sql.NOTICES_OF_FEED, tenant=tenant, feed=feed, count=count)
        return [_notice_record(row) for row in rows]

    def runs(self, tenant: str, feed: str, count: int = 20) -> list[RunRecord]:
        """A feed's newest runs, newest first."""
        return [_run_record(row) for row in self._mappings(sql.RECENT_RUNS, tenant=tenant, feed=feed, count=count)]

    def latest_document(self, tenant: str, feed: str, name: str) -> DocumentRecord | None:
        """The document of this name met last."""
        rows = self._mappings(sql.LATEST_DOCUMENT, tenant=tenant, feed=feed, name=name)
        return _document_record(rows[0]) if rows else None

    def latest_documents(self, tenant: str, feed: str) -> list[DocumentRecord]:
        """The document met last of each name."""
        rows = self._mappings(sql.ALL_DOCUMENTS, tenant=tenant, feed=feed)
        return list({record.name: record for record in map(_document_record, rows)}.values())

    def documents(self, tenant: str, feed: str, since: datetime, until: datetime) -> list[DocumentRecord]:
        """The documents a feed gave in a span of time, oldest first."""
        rows = self._mappings(
            sql.DOCUMENTS_BETWEEN,
            tenant=tenant,
            feed=feed,
            since=to_microseconds(since),
            until=to_microseconds(until),
        )
        return [_document_record(row) for row in rows]

    def datasets(self, tenant: str, feed: str | None = None) -> list[DatasetRecord]:
        """All versions of all datasets, or of one feed's, newest first."""
        rows = self._mappings(sql.ALL_DATASETS, tenant=tenant)
        return [_dataset_record(row) for row in rows if feed in (None, row["feed"])]

    def dataset_digests(self) -> set[str]:
        """The digests of all contents that are still known."""
        return {cast(str, row[0]) for row in self._rows(sql.DATASET_DIGESTS)}

    def digests(self) -> set[str]:
        """The digests of all documents that are still known."""
        return {cast(str, row[0]) for row in self._rows(sql.ALL_DIGESTS)}

    def unknown_rows(self, tenant: str, rows: tuple[Row, ...]) -> tuple[Row, ...]:
        """Leaves out observations that history already holds word for word.

        Growing files repeat their whole past with every poll; this keeps that past away from the writer. An entity's
        last row always stays, since it says what is so now.
        """
        last = {row.entity.id: index for index, row in enumerate(rows)}
        if len(last) == len(rows):
            return rows
        known = _KnownInstances(self, tenant, rows)
        return tuple(row for index, row in enumerate(rows) if last[row.entity.id] == index or not known.holds(row))


class _KnownInstances:
    """What history holds of the entities of a batch, read once per entity, attribute and dataset."""

    def __init__(self, reader: Reader, tenant: str, rows: tuple[Row, ...]) -> None:
        self._reader = reader
        self._tenant = tenant
        clocks = [to_microseconds(at) for row in rows if (at := row.entity.latest_observation()) is not None]
        self._span = (min(clocks, default=0), max(clocks, default=0))
        self._known: dict[tuple[str, str, str], dict[int, bytes]] = {}

    def holds(self, row: Row) -> bool:
        observed = False
        for attribute, instances in row.entity.attributes.items():
            for one in instances.values():
                if one.observed_at is None or one.value == NULL:
                    continue
                observed = True
                known = self._of(row.entity.id, attribute, one.dataset)
                if known.get(to_microseconds(one.observed_at)) != body_of(one):
                    return False
        return observed

    def _of(self, entity_id: str, attribute: str, dataset: str) -> dict[int, bytes]:
        key = (entity_id, attribute, dataset)
        if key not in self._known:
            self._known[key] = self._read(*key)
        return self._known[key]

    def _read(self, entity_id: str, attribute: str, dataset: str) -> dict[int, bytes]:
        row = self._reader._rows(sql.GET_ENTITY, tenant=self._tenant, id=entity_id)
        nos = self._reader._name_nos([attribute])
        if not row or not nos:
            return {}
        found = self._reader._rows(
            sql.KNOWN_INSTANCES,
            tenant=self._tenant,
            entity=row[0][1],
            attribute=nos[0],
            dataset=dataset,
            since=self._span[0],
            until=self._span[1],
        )
        return cast(dict[int, bytes], dict(cast(list[tuple[int, bytes]], found)))


def _stored(row: tuple[Any, ...]) -> Stored | None:
    entity_id, _, topic, seq, content = row
    return None if content is None else Stored(entity_id, topic, seq, content)


def _has_attribute(tenant: str, nos: list[int]) -> ColumnElement[bool]:
    return exists().where(
        instance.c.tenant == tenant,
        instance.c.attribute.in_(nos),
        instance.c.entity == entity.c.no,
        instance.c.current,
    )


def _is_at(stored: Stored, query: Query) -> bool:
    assert query.place is not None
    found = entity_from_json(orjson.loads(stored.content)).attributes.get(query.place.attribute, {})
    return any(query.place.matches(one.value) for one in found.values() if one.kind == "GeoProperty")


def _is_wanted(item: ChangeItem, types: frozenset[str], ids: frozenset[str]) -> bool:
    return (not types or not types.isdisjoint(item.types)) and (not ids or item.entity_id in ids)


def _change_item(row: tuple[object, ...]) -> ChangeItem:
    seq, prev, event, entity_id, topic, types, op, at, body = row
    return ChangeItem(
        cast(int, seq),
        cast(int, prev),
        cast(str, event),
        cast(str, entity_id),
        cast(str, topic),
        tuple(orjson.loads(cast(str, types))),
        cast(Op, op),
        from_microseconds(cast(int, at)),
        cast(bytes, body),
    )


def _instant(value: object) -> datetime | None:
    return None if value is None else from_microseconds(cast(int, value))


def _known_instant(value: object) -> datetime:
    return from_microseconds(cast(int, value))


def _feed_record(row: dict[str, object], open_notices: dict[str, int]) -> FeedRecord:
    return FeedRecord(
        name=cast(str, row["name"]),
        attempted_at=_instant(row["attempted_at"]),
        succeeded_at=_instant(row["succeeded_at"]),
        outcome=cast(str, row["outcome"]),
        detail=cast(str, row["detail"]),
        data_at=_instant(row["data_at"]),
        accepted=cast(int, row["accepted"]),
        held=cast(int, row["held"]),
        failures=cast(int, row["failures"]),
        failing_since=_instant(row["failing_since"]),
        open_notices=open_notices.get(cast(str, row["name"]), 0),
    )


def _notice_record(row: dict[str, object]) -> NoticeRecord:
    notice = Notice(
        cast(str, row["code"]),
        Severity(cast(str, row["severity"])),
        cast(str, row["place"]),
        cast(str, row["detail"]),
        cast(str, row["subject"]),
    )
    return NoticeRecord(
        notice,
        cast(str, row["document"]),
        _known_instant(row["first_at"]),
        _known_instant(row["last_at"]),
        cast(int, row["count"]),
        bool(row["open"]),
    )


def _run_record(row: dict[str, object]) -> RunRecord:
    counts = (cast(int, row[key]) for key in ("accepted", "held", "changed", "ended"))
    return RunRecord(
        _known_instant(row["started_at"]),
        _known_instant(row["finished_at"]),
        cast(str, row["outcome"]),
        cast(str, row["detail"]),
        *counts,
    )


def _dataset_record(row: dict[str, object]) -> DatasetRecord:
    valid_from, valid_until = (
        None if row[key] is None else date.fromisoformat(cast(str, row[key])) for key in ("valid_from", "valid_until")
    )
    return DatasetRecord(
        feed=cast(str, row["feed"]),
        kind=cast(str, row["kind"]),
        version=cast(str, row["version"]),
        media_type=cast(str, row["media_type"]),
        size=cast(int, row["size"]),
        digest=cast(str, row["digest"]),
        valid_from=valid_from,
        valid_until=valid_until,
        licence=cast(str, row["licence"]),
        attribution=cast(str, row["attribution"]),
        created_at=_known_instant(row["created_at"]),
    )


def _document_record(row: dict[str, object]) -> DocumentRecord:
    return DocumentRecord(
        feed=cast(str, row["feed"]),
        name=cast(str, row["name"]),
        url=cast(str, row["url"]),
        digest=cast(str, row["digest"]),
        media_type=cast(str, row["media_type"]),
        modified_at=_instant(row["modified_at"]),
        first_at=_known_instant(row["first_at"]),
        last_at=_known_instant(row["last_at"]),
        applied=bool(row["applied"]),
    )
