"""The embedded store: SQLite in WAL mode with synchronous=FULL, one writer thread, reads beside it."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import secrets
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import IO, TypeVar

from sqlalchemy import create_engine, insert

from cityos.connector.document import Document
from cityos.ngsi.instant import to_microseconds
from cityos.store import resource
from cityos.store import statement as sql
from cityos.store.dataset_file import DatasetFiles
from cityos.store.error import DirectoryInUse, QueryTooLong, SchemaTooNew, StoreUnavailable
from cityos.store.ingesting import expire, ingest
from cityos.store.reading import Reader
from cityos.store.record import Command, Outcome, Page, Query, Retention, Run, RunResult, Stored
from cityos.store.retention import trim
from cityos.store.schema import PLACE_TREE, SCHEMA_VERSION, meta, metadata
from cityos.store.session import Session
from cityos.store.writer import Writer
from cityos.store.writing import TopicNames, carry_out

T = TypeVar("T")
QUERY_LIMIT_S = 5.0
_READERS = 2

OnCommit = Callable[[Mapping[str, int]], None]


class SqliteStore:
    """Opens `<directory>/city.db`; raises DirectoryInUse or SchemaTooNew.

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
    ) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._lock = _lock(directory)
        self._path = directory / "city.db"
        self._topic_name = topic_name
        self.datasets = DatasetFiles(directory / "datasets")
        self._query_limit_s = query_limit_s
        with contextlib.ExitStack() as undo:
            undo.callback(self._lock.close)
            connection = self._connect()
            undo.callback(connection.close)
            self.epoch = _prepare(connection, self._path)
            undo.pop_all()
        self._writer = writer(Session(connection, self.epoch), now, on_commit)
        self._write_connection = connection
        # Reads in the loop: held open, so that a point read is one look-up in the page cache.
        self.reader = Reader(self._connect(read_only=True), self.epoch)
        self._threads = ThreadPoolExecutor(_READERS, "store-reader")
        self._free = [Reader(self._connect(read_only=True), self.epoch) for _ in range(_READERS)]

    def _connect(self, *, read_only: bool = False) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA busy_timeout = 5000")
        connection.execute("PRAGMA cache_size = -8000")
        if read_only:
            connection.execute("PRAGMA query_only = ON")
        return connection

    def close(self) -> None:
        """Finishes what was accepted and lets go of the directory."""
        self._writer.close()
        self._threads.shutdown()
        for reader in (self.reader, *self._free):
            reader.close()
        self._write_connection.close()
        self._lock.close()

    # ---- writing

    async def apply(self, tenant: str, commands: Sequence[Command]) -> list[Outcome]:
        """Carries out commands in order, in one transaction; returns once they are on disk."""
        return await self._writer.write(
            lambda session: [carry_out(session, tenant, command, self._topic_name) for command in commands]
        )

    async def ingest(self, tenant: str, run: Run) -> RunResult:
        """Writes a feed's run, in one transaction; returns once it is on disk."""
        return await self._writer.write(lambda session: ingest(session, tenant, run, self._topic_name))

    async def add_document(self, tenant: str, feed: str, document: Document) -> bool:
        """Records a document; False if it is the one met last and its content is already applied."""
        return await self._writer.write(lambda session: _add_document(session, tenant, feed, document))

    async def expire(self, tenant: str, now: datetime) -> list[tuple[str, str]]:
        """Ends what expired documents said; returns their feeds and names."""
        return await self._writer.write(lambda session: expire(session, tenant, now))

    async def put_resource(
        self, tenant: str, kind: str, resource_id: str, body: bytes, *, only_new: bool = False
    ) -> bool:
        """Keeps a resource; True where it is new. With `only_new` one that is there stays as it is."""
        return await self._writer.write(
            lambda session: resource.put(session, tenant, kind, resource_id, body, only_new=only_new)
        )

    async def delete_resource(self, tenant: str, kind: str, resource_id: str) -> bool:
        """Deletes a resource; False where there is none."""
        return await self._writer.write(lambda session: resource.drop(session, tenant, kind, resource_id))

    async def trim(self, tenant: str, keep: Retention) -> int:
        """Deletes one portion of what is too old; returns how many rows went."""
        return await self._writer.write(lambda session: trim(session, tenant, keep))

    # ---- reading

    def find(self, tenant: str, entity_id: str) -> Stored | None:
        """The entity, if it is there: a point read, for the loop."""
        return self.reader.find(tenant, entity_id)

    def has_tenant(self, tenant: str) -> bool:
        """Whether anything was ever written for the tenant."""
        return self.reader.has_tenant(tenant)

    async def query(self, tenant: str, query: Query) -> Page:
        """A page of entities. Raises QueryTooLong."""
        return await self.read(lambda reader: reader.query(tenant, query))

    async def read(self, work: Callable[[Reader], T]) -> T:
        """Runs a read on one state of the database in a reader thread, under the time limit. Raises QueryTooLong."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._read, work)

    def _read(self, work: Callable[[Reader], T]) -> T:
        with self._borrowed() as reader:
            reader.begin(self._query_limit_s)
            try:
                return work(reader)
            except sqlite3.OperationalError as error:
                if "interrupted" in str(error):
                    raise QueryTooLong(f"the query took longer than {self._query_limit_s:g} s") from None
                raise StoreUnavailable(f"the database cannot be read: {error}") from None
            finally:
                reader.end()

    @contextlib.contextmanager
    def _borrowed(self) -> Iterator[Reader]:
        reader = self._free.pop()
        try:
            yield reader
        finally:
            self._free.append(reader)


def _lock(directory: Path) -> IO[str]:
    """One hub per data directory; the lock goes with the process, however it ends."""
    handle = (directory / "lock").open("a")
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        handle.close()
        raise DirectoryInUse(f"another hub is using {directory}; stop it or choose another --data") from None
    return handle


def _create_tables(path: Path) -> None:
    """Creates what is missing; the version is written last, so that a creation cut short is simply done again."""
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        metadata.create_all(connection)
        connection.exec_driver_sql(PLACE_TREE)
        connection.execute(insert(meta).prefix_with("OR IGNORE").values(key="epoch", value=secrets.token_hex(8)))
        connection.execute(insert(meta).prefix_with("OR REPLACE").values(key="schema", value=str(SCHEMA_VERSION)))
    engine.dispose()


def _prepare(connection: sqlite3.Connection, path: Path) -> str:
    """Creates the tables at first use, checks their version, and returns the epoch."""
    has_tables = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'meta'").fetchone()
    version = connection.execute(sql.GET_META, {"key": "schema"}).fetchone() if has_tables else None
    if version is None or int(version[0]) < SCHEMA_VERSION:  # a newer schema only adds tables so far
        _create_tables(path)
    elif int(version[0]) > SCHEMA_VERSION:
        raise SchemaTooNew(
            f"{path} has schema {version[0]}; this CityOS knows up to {SCHEMA_VERSION}. Install a newer one."
        )
    return str(connection.execute(sql.GET_META, {"key": "epoch"}).fetchone()[0])


def _add_document(session: Session, tenant: str, feed: str, document: Document) -> bool:
    at = to_microseconds(document.fetched_at)
    row = session.execute(sql.LATEST_DOCUMENT, tenant=tenant, feed=feed, name=document.name).fetchone()
    if row is not None and row[5] == document.digest:
        session.execute(sql.SEEN_DOCUMENT, document_no=row[0], last_at=at)
        if document.expires_at is not None:  # brought again, to hold for longer or shorter
            expires_at = to_microseconds(document.expires_at)
            session.execute(sql.EXPIRES_DOCUMENT, document_no=row[0], expiry=expires_at, by=document.author)
        return not row[10]
    # What the new content says no longer ends when the old one would have.
    session.execute(sql.NO_LONGER_EXPIRES, of_tenant=tenant, of_feed=feed, of_name=document.name)
    session.execute(
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
