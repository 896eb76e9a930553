"""The store as the hub meets it: one write path, reads beside it, over either database."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from cityos.connector.document import Document
from cityos.ngsi.entity import Instance
from cityos.ngsi.evolution import Said
from cityos.ngsi.instant import to_microseconds
from cityos.ngsi.provision import Command
from cityos.store import evolving, resource
from cityos.store import feed_statement as sql
from cityos.store.connection import Database
from cityos.store.dataset_file import DatasetFiles
from cityos.store.error import QueryTooLong
from cityos.store.ingesting import expire, ingest
from cityos.store.loop_reads import LoopReads
from cityos.store.reading import Reader
from cityos.store.record import Outcome, Page, Query, Retention, Run, RunResult, Stored
from cityos.store.retention import trim
from cityos.store.session import Session
from cityos.store.sqlite import SqliteDatabase
from cityos.store.writer import Writer
from cityos.store.writing import TopicNames, carry_out, end_expired

log = logging.getLogger(__name__)

T = TypeVar("T")
QUERY_LIMIT_S = 5.0
_SEARCH_LIMIT_S = 300.0  # for what is too old in all of history
_READERS = 2

OnCommit = Callable[[Mapping[str, int]], None]


class Store:
    """Opens `database`, by default SQLite in `directory`, where the contents of datasets lie in either case.

    `now` gives the city's time; `topic_name` the Type level of a topic from a type IRI; `on_commit` is called in the
    writer's thread after every commit with the newest seq per tenant.
    """

    def __init__(
        self,
        directory: Path,
        now: Callable[[], datetime],
        topic_name: TopicNames,
        on_commit: OnCommit = lambda heads: None,
        writer: type[Writer] = Writer,
        query_limit_s: float = QUERY_LIMIT_S,
        database: Database | None = None,
    ) -> None:
        self.database = database or SqliteDatabase(directory)
        self._topic_name = topic_name
        self._now = now
        self._query_limit_s = query_limit_s
        self._on_commit = on_commit
        self.datasets = DatasetFiles(directory / "datasets")
        self.epoch = self.database.epoch
        self._write_connection = self.database.connect()
        session = Session(self._write_connection, self.epoch)
        self._tenants = set(session.tenants())
        self._writer = writer(session, now, self._committed)
        self._threads = ThreadPoolExecutor(_READERS, "store-reader")
        self._free = [Reader(self.database.connect(read_only=True), self.epoch) for _ in range(_READERS)]
        self._in_loop = LoopReads(Reader(self.database.connect(read_only=True), self.epoch))

    def close(self) -> None:
        """Finishes what was accepted and lets go of the database."""
        self._writer.close()
        self._threads.shutdown()
        self._in_loop.close()
        for reader in self._free:
            reader.close()
        self._write_connection.close()
        self.database.close()

    def _committed(self, heads: Mapping[str, int]) -> None:
        self._tenants.update(heads)
        self._on_commit(heads)

    # ---- writing

    async def apply(self, tenant: str, commands: Sequence[Command]) -> list[Outcome]:
        """Carries out commands in order, in one transaction; returns once they are on disk."""
        return await self._writer.write(lambda session: carry_out(session, tenant, commands, self._topic_name))

    async def ingest(self, tenant: str, run: Run) -> RunResult:
        """Writes a feed's run, in one transaction; returns once it is on disk."""
        return await self._write_directly(lambda session: ingest(session, tenant, run, self._topic_name))

    async def add_document(self, tenant: str, feed: str, document: Document) -> bool:
        """Records a document; False if it is the one met last and its content is already applied."""
        return await self._write_directly(lambda session: _add_document(session, tenant, feed, document))

    async def expire(self, tenant: str, now: datetime) -> list[tuple[str, str]]:
        """Ends what expired documents said; returns their feeds and names."""
        return await self._write_directly(lambda session: expire(session, tenant, now))

    async def end_expired(self, now: datetime) -> int:
        """Ends the transient entities of all tenants whose time has come; returns how many."""
        if not await self.read(lambda reader: reader.has_expired(now)):
            return 0  # asked every few seconds: a transaction for nothing would be a disk write for nothing
        return await self._write_directly(lambda session: end_expired(session, now))

    async def add_instances(self, tenant: str, said: Said, *, only_known: bool = False) -> Outcome:
        """Adds instances to an entity's past, and moves its present where they are newer. Raises ResourceNotFound."""
        return await self._write_directly(
            lambda session: evolving.add_instances(session, tenant, said, self._topic_name, only_known=only_known)
        )

    async def change_instance(self, tenant: str, entity_id: str, name: str, no: int, said: Instance) -> None:
        """Changes parts of one instance. Raises ResourceNotFound, BadRequestData."""
        await self._write_directly(lambda session: evolving.change_instance(session, tenant, entity_id, name, no, said))

    async def delete_instance(self, tenant: str, entity_id: str, name: str, no: int) -> None:
        """Deletes one instance. Raises ResourceNotFound."""
        await self._write_directly(lambda session: evolving.delete_instance(session, tenant, entity_id, name, no))

    async def delete_history(
        self, tenant: str, entity_id: str, name: str, dataset: str, *, everything: bool = False
    ) -> None:
        """Deletes an attribute with its past: the instances of a dataset, or all. Raises ResourceNotFound."""
        await self._write_directly(
            lambda session: evolving.delete_attribute(session, tenant, entity_id, name, dataset, everything=everything)
        )

    async def erase(self, tenant: str, entity_id: str) -> None:
        """Erases an entity and its past. Raises ResourceNotFound."""
        await self._write_directly(lambda session: evolving.erase(session, tenant, entity_id))

    async def put_resource(
        self, tenant: str, kind: str, resource_id: str, body: bytes, *, only_new: bool = False
    ) -> bool:
        """Keeps a resource; True where it is new. With `only_new` one that is there stays as it is."""
        return await self._write_directly(
            lambda session: resource.put(session, tenant, kind, resource_id, body, only_new=only_new)
        )

    async def put_resources(self, tenant: str, kind: str, bodies: Mapping[str, bytes]) -> None:
        """Keeps many resources of a kind, in one transaction."""

        def put_all(session: Session) -> None:
            for resource_id, body in bodies.items():
                resource.put(session, tenant, kind, resource_id, body, only_new=False)

        await self._write_directly(put_all)

    async def delete_resource(self, tenant: str, kind: str, resource_id: str) -> bool:
        """Deletes a resource; False where there is none."""
        return await self._write_directly(lambda session: resource.drop(session, tenant, kind, resource_id))

    async def trim(self, tenant: str, keep: Retention) -> int:
        """Deletes one portion of what is too old; returns how many rows went."""
        try:
            old = await self.read(lambda reader: reader.old_instances(tenant, keep, self._now()), _SEARCH_LIMIT_S)
        except QueryTooLong as error:
            log.warning("History of %s is not trimmed this time: %s", tenant, error)
            old = []
        return await self._write_directly(lambda session: trim(session, tenant, keep, old))

    async def _write_directly(self, work: Callable[[Session], T]) -> T:
        return await self._writer.write(work, direct=True)

    # ---- reading

    async def find(self, tenant: str, entity_id: str) -> Stored | None:
        """The entity, if it is there: a point read, for the loop."""
        return await self._in_loop.find(tenant, entity_id)

    async def find_many(self, tenant: str, ids: Collection[str]) -> dict[str, Stored]:
        """Those of the entities that are there, by id."""
        return await self.read_soon(lambda reader: reader.find_many(tenant, ids))

    def has_tenant(self, tenant: str) -> bool:
        """Whether anything was ever written for the tenant."""
        return tenant in self._tenants

    async def tenants(self) -> dict[str, int]:
        """Every tenant and the seq of its newest change."""
        return await self.read(lambda reader: reader.tenants())

    async def query(self, tenant: str, query: Query) -> Page:
        """A page of entities. Raises QueryTooLong."""
        is_page = not query.counted and query.ordering is None
        read = self.read_soon if is_page else self.read
        return await read(lambda reader: reader.query(tenant, query))

    async def read_soon(self, work: Callable[[Reader], T]) -> T:
        """As `read`, but tried in the loop first: for what is mostly short. Raises QueryTooLong."""
        if self._in_loop.is_local:
            with contextlib.suppress(QueryTooLong):
                return self._in_loop.read(work)
        return await self.read(work)

    async def read(self, work: Callable[[Reader], T], limit_s: float | None = None) -> T:
        """Runs a read on one state of the database in a reader thread, under a time limit. Raises QueryTooLong."""
        limit_s = self._query_limit_s if limit_s is None else limit_s
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._read, work, limit_s)

    def _read(self, work: Callable[[Reader], T], limit_s: float) -> T:
        with self._borrowed() as reader:
            reader.begin(limit_s)
            try:
                return work(reader)
            finally:
                reader.end()

    @contextlib.contextmanager
    def _borrowed(self) -> Iterator[Reader]:
        reader = self._free.pop()
        try:
            yield reader
        finally:
            self._free.append(reader)


def _add_document(session: Session, tenant: str, feed: str, document: Document) -> bool:
    at = to_microseconds(document.fetched_at)
    rows = session.execute(sql.LATEST_DOCUMENT, tenant=tenant, feed=feed, name=document.name)
    row = rows[0] if rows else None
    if row is not None and row[5] == document.digest:
        session.change(sql.SEEN_DOCUMENT, document_no=row[0], last_at=at)
        if document.expires_at is not None:  # brought again, to hold for longer or shorter
            expires_at = to_microseconds(document.expires_at)
            session.change(sql.EXPIRES_DOCUMENT, document_no=row[0], expiry=expires_at, by=document.author)
        return not row[10]
    # What the new content says no longer ends when the old one would have.
    session.change(sql.NO_LONGER_EXPIRES, of_tenant=tenant, of_feed=feed, of_name=document.name)
    session.change(
        sql.ADD_DOCUMENT,
        tenant=tenant,
        feed=feed,
        name=document.name,
        url=document.url,
        digest=document.digest,
        media_type=document.media_type,
        modified_at=None if document.modified_at is None else to_microseconds(document.modified_at),
        first_at=at,
        last_at=at,
        applied=False,
        author=document.author,
        expires_at=None if document.expires_at is None else to_microseconds(document.expires_at),
    )
    return True
