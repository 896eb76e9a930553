"""SQLite, the embedded database: WAL mode with synchronous=FULL, one file in the data directory."""

from __future__ import annotations

import contextlib
import fcntl
import math
import secrets
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import orjson
from sqlalchemy import create_engine, insert

from cityos.store import entity_statement as sql
from cityos.store.connection import Row
from cityos.store.error import DirectoryInUse, QueryTooLong, StoreUnavailable
from cityos.store.schema import SCHEMA_VERSION, SPATIAL_INDEX, check_version, meta, metadata
from cityos.store.statement import Bulk, Statement

_STEPS = 20_000  # of the database's machine between two looks at the clock: well below a millisecond


class SqliteConnection:
    """A connection; see `connection.Connection`."""

    dialect = "sqlite"

    def __init__(self, path: Path, *, read_only: bool) -> None:
        # Statements are kept prepared: there are about as many of them as the hub has in all.
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=512)
        self._connection = connection
        # Of a new file. Rows of a kilobyte leave a third of SQLite's 4 KB pages empty.
        connection.execute("PRAGMA page_size = 8192")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA busy_timeout = 5000")
        # KB, beside the system's own cache. A reader of its own finds little of what it read last time still true.
        connection.execute(f"PRAGMA cache_size = -{2_000 if read_only else 4_000}")
        if read_only:
            connection.execute("PRAGMA query_only = ON")
        self._deadline = math.inf
        self._limit_s = 0.0

    def rows(self, statement: Statement, parameters: Mapping[str, Any]) -> list[Row]:
        """See `Connection`."""
        try:
            return self._connection.execute(statement.sqlite, parameters).fetchall()
        except sqlite3.OperationalError as error:
            raise self._failure(error) from None

    def change(self, statement: Statement, parameters: Mapping[str, Any]) -> int:
        """See `Connection`."""
        with _telling():
            return self._connection.execute(statement.sqlite, parameters).rowcount

    def many(self, statement: Statement, parameters: Iterable[Mapping[str, Any]]) -> None:
        """See `Connection`."""
        with _telling():
            self._connection.executemany(statement.sqlite, parameters)

    def bulk(self, bulk: Bulk, rows: Sequence[Sequence[Any]]) -> None:
        """See `Connection`."""
        with _telling():
            self._connection.executemany(bulk.sqlite, rows)

    def add_to_tree(self, places: Sequence[Sequence[Any]]) -> None:
        """See `Connection`."""
        with _telling():
            self._connection.executemany(
                sql.ADD_PLACE_TREE,
                [(no, *box, layer, layer) for no, _, _, layer, *box in places],
            )

    def drop_from_tree(self, entities: Sequence[int]) -> None:
        """See `Connection`."""
        self.change(sql.DROP_PLACE_TREE, {"entities": self.list_of(entities)})

    def list_of(self, values: Iterable[Any]) -> Any:
        """See `Connection`."""
        return orjson.dumps(list(values)).decode()

    def begin(self) -> None:
        """See `Connection`."""
        with _telling():
            self._connection.execute("BEGIN IMMEDIATE")

    def commit(self) -> None:
        """See `Connection`."""
        with _telling():
            self._connection.execute("COMMIT")

    def rollback(self) -> None:
        """See `Connection`."""
        if self._connection.in_transaction:
            with _telling():
                self._connection.execute("ROLLBACK")

    def mark(self) -> None:
        """See `Connection`."""
        with _telling():
            self._connection.execute("SAVEPOINT part")

    def keep(self) -> None:
        """See `Connection`."""
        with _telling():
            self._connection.execute("RELEASE part")

    def undo(self) -> None:
        """See `Connection`."""
        with _telling():
            self._connection.execute("ROLLBACK TO part")
            self._connection.execute("RELEASE part")

    def begin_read(self, limit_s: float) -> None:
        """See `Connection`."""
        self._limit_s, self._deadline = limit_s, time.monotonic() + limit_s
        # Asked by the database itself every few thousand steps: a timer would be a thread per read.
        self._connection.set_progress_handler(self._is_over, _STEPS)
        try:
            self._connection.execute("BEGIN")
        except sqlite3.OperationalError as error:
            raise self._failure(error) from None

    def check_time(self) -> None:
        """See `Connection`."""
        if self._is_over():
            raise self._too_long()

    def end_read(self) -> None:
        """See `Connection`."""
        self._deadline = math.inf
        self._connection.set_progress_handler(None, 0)
        self._connection.rollback()

    def close(self) -> None:
        """See `Connection`."""
        self._connection.close()

    def _is_over(self) -> bool:
        return time.monotonic() > self._deadline

    def _too_long(self) -> QueryTooLong:
        return QueryTooLong(f"the query took longer than {self._limit_s:g} s")

    def _failure(self, error: sqlite3.OperationalError) -> Exception:
        if "interrupted" in str(error):
            return self._too_long()
        return StoreUnavailable(f"the database cannot be read: {error}")


@contextlib.contextmanager
def _telling() -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        raise StoreUnavailable(f"the database cannot be written: {error}") from None


class SqliteDatabase:
    """`<directory>/city.db`. Raises DirectoryInUse, SchemaTooNew or SchemaTooOld."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._lock = _lock(directory)
        self._path = directory / "city.db"
        with contextlib.ExitStack() as undo:
            undo.callback(self._lock.close)
            self.epoch = _prepare(self._path)
            undo.pop_all()

    def connect(self, *, read_only: bool = False) -> SqliteConnection:
        """A new connection."""
        return SqliteConnection(self._path, read_only=read_only)

    def close(self) -> None:
        """Lets go of the directory."""
        self._lock.close()


def _lock(directory: Path) -> IO[str]:
    """One hub per data directory; the lock goes with the process, however it ends."""
    handle = (directory / "lock").open("a")
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        handle.close()
        raise DirectoryInUse(f"another hub is using {directory}; stop it or choose another --data") from None
    return handle


def _prepare(path: Path) -> str:
    """Creates the tables at first use, checks their version, and returns the epoch."""
    connection = SqliteConnection(path, read_only=False)
    with contextlib.closing(connection):
        has_tables = connection.rows(Statement("SELECT 1 FROM sqlite_master WHERE name = 'meta'", ""), {})
        version = connection.rows(sql.GET_META, {"key": "schema"}) if has_tables else []
        if version:
            check_version(str(path), int(version[0][0]))
        else:
            _create_tables(path)
        return str(connection.rows(sql.GET_META, {"key": "epoch"})[0][0])


def _create_tables(path: Path) -> None:
    """Creates what is missing; the version is written last, so that a creation cut short is simply done again."""
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        metadata.create_all(connection)
        for line in SPATIAL_INDEX["sqlite"]:
            connection.exec_driver_sql(line)
        connection.execute(insert(meta).prefix_with("OR IGNORE").values(key="epoch", value=secrets.token_hex(8)))
        connection.execute(insert(meta).prefix_with("OR IGNORE").values(key="schema", value=str(SCHEMA_VERSION)))
    engine.dispose()
