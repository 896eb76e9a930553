"""PostgreSQL as the city's database: one hub writes it, by a session-level advisory lock of the very connection that
writes; nothing but the server's own extension btree_gist is needed."""

from __future__ import annotations

import contextlib
import math
import secrets
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, cast

import psycopg
from sqlalchemy.schema import CreateIndex, CreateTable

from cityos.ngsi.error import BadRequestData
from cityos.store import entity_statement as sql
from cityos.store.connection import Row
from cityos.store.error import DirectoryInUse, QueryTooLong, StoreError, StoreUnavailable
from cityos.store.schema import SCHEMA_VERSION, SPATIAL_INDEX, check_version, metadata
from cityos.store.statement import POSTGRESQL, Bulk, Statement

_LOCK = 7_236_171  # the advisory lock of a hub, one per database: any number that nobody else is likely to take
# A server that goes away under load is found out, and a plan is not worth more than a few round trips.
# The server finds out a hub that went away as soon: its lock goes with the connection.
_OPTIONS = (
    "-c jit=off -c client_min_messages=warning -c tcp_user_timeout=10000"
    " -c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3"
)
# InternalError: the transaction is lost already, since an earlier statement failed.
_UNUSABLE = (psycopg.OperationalError, psycopg.InternalError)
# Rows added before the server is told to look at its tables. It does so by itself within a minute; until then any index
# of a new one seems as good as another, and replacing a thousand entities took half a second more.
_FIRST_SURVEY = 2_000
_FEW_ROWS = 20  # from here on COPY is worth its two round trips


class PostgresConnection:
    """A connection; see `connection.Connection`. Connects again by itself after the server went away.

    One that writes holds the city's lock, or is not opened. Raises DirectoryInUse, StoreUnavailable.
    """

    dialect = "postgresql"

    def __init__(self, url: str, *, read_only: bool) -> None:
        self._url = url
        self._read_only = read_only
        self._limit_s = 0.0
        self._deadline = math.inf
        self._added, self._surveyed_at = 0, _FIRST_SURVEY
        self._connection = self._open()

    def _open(self) -> psycopg.Connection[Row]:
        with _telling("reached"):
            connection = psycopg.connect(self._url, autocommit=True, options=_OPTIONS, prepare_threshold=1)
        if self._read_only:
            connection.read_only = True
        else:
            _take(connection, self._url)
        return connection

    def _ready(self) -> psycopg.Connection[Row]:
        if self._connection.broken or self._connection.closed:
            self._connection = self._open()
        return self._connection

    def _execute(self, text: str, parameters: Mapping[str, Any] | None, *, binary: bool = True) -> psycopg.Cursor[Row]:
        """A read that begins is repeated on a new connection where the server, restarted, had ended this one."""
        connection = self._ready()
        is_first = self._read_only and connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
        try:
            return connection.execute(cast(Any, text), parameters, binary=binary)
        except psycopg.OperationalError:
            if not is_first or not connection.closed:
                raise
            return self._ready().execute(cast(Any, text), parameters, binary=binary)

    def rows(self, statement: Statement, parameters: Mapping[str, Any]) -> list[Row]:
        """See `Connection`."""
        with self._reading():
            cursor = self._execute(statement.postgresql, parameters)
            return cursor.fetchall() if cursor.pgresult is not None and cursor.pgresult.nfields else []

    def change(self, statement: Statement, parameters: Mapping[str, Any]) -> int:
        """See `Connection`."""
        with _telling("written"):
            return self._connection.execute(cast(Any, statement.postgresql), parameters).rowcount

    def many(self, statement: Statement, parameters: Iterable[Mapping[str, Any]]) -> None:
        """See `Connection`."""
        with _telling("written"), self._connection.cursor() as cursor:
            cursor.executemany(cast(Any, statement.postgresql), list(parameters))

    def bulk(self, bulk: Bulk, rows: Sequence[Sequence[Any]]) -> None:
        """See `Connection`."""
        with _telling("written"), self._connection.cursor() as cursor:
            if bulk.on_conflict is None and len(rows) >= _FEW_ROWS:
                # Binary: as text, bytes are written in hexadecimal digits.
                text = f"COPY {bulk.table} ({', '.join(bulk.columns)}) FROM STDIN (FORMAT BINARY)"
                with cursor.copy(cast(Any, text)) as copy:
                    copy.set_types(bulk.types)
                    for row in rows:
                        copy.write_row(row)
            else:
                cursor.execute(cast(Any, bulk.postgresql), [list(column) for column in zip(*rows, strict=True)])
        self._added += len(rows)

    def add_to_tree(self, places: Sequence[Sequence[Any]]) -> None:
        """See `Connection`: the index follows its table by itself."""

    def drop_from_tree(self, entities: Sequence[int]) -> None:
        """See `Connection`: the index follows its table by itself."""

    def list_of(self, values: Iterable[Any]) -> Any:
        """See `Connection`."""
        return list(values)

    def begin(self) -> None:
        """See `Connection`."""
        with _telling("written"):
            self._ready().execute("BEGIN")

    def commit(self) -> None:
        """See `Connection`."""
        with _telling("written"):
            said = self._connection.execute("COMMIT").statusmessage
        if said != "COMMIT":  # one of its statements had failed; the server takes all back and calls that no error
            raise StoreUnavailable("the database took the transaction back, since one of its statements had failed")
        if self._added >= self._surveyed_at:
            self._surveyed_at = 10 * self._added
            with contextlib.suppress(psycopg.Error):  # what was committed is, whatever becomes of this
                self._survey()

    def _survey(self) -> None:
        """Has the server look at its tables where it knows of hardly any rows; waits for none it is working on."""
        row = self._connection.execute("SELECT reltuples FROM pg_class WHERE oid = 'instance'::regclass").fetchone()
        if row is not None and row[0] < self._added / 10:
            self._connection.execute(cast(Any, f"ANALYZE (SKIP_LOCKED) {', '.join(metadata.tables)}"))

    def rollback(self) -> None:
        """See `Connection`."""
        if not self._connection.broken and not self._connection.closed:
            with contextlib.suppress(psycopg.OperationalError):
                self._connection.execute("ROLLBACK")

    def mark(self) -> None:
        """See `Connection`."""
        with _telling("written"):
            self._connection.execute("SAVEPOINT part")

    def keep(self) -> None:
        """See `Connection`."""
        with _telling("written"):
            self._connection.execute("RELEASE SAVEPOINT part")

    def undo(self) -> None:
        """See `Connection`."""
        with _telling("written"):
            self._connection.execute("ROLLBACK TO SAVEPOINT part")
            self._connection.execute("RELEASE SAVEPOINT part")

    def begin_read(self, limit_s: float) -> None:
        """See `Connection`."""
        self._limit_s, self._deadline = limit_s, time.monotonic() + limit_s
        with self._reading():
            timeout = f"SET LOCAL statement_timeout = {int(limit_s * 1000)}"
            self._execute(f"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; {timeout}", None, binary=False)

    def check_time(self) -> None:
        """See `Connection`."""
        if time.monotonic() > self._deadline:
            raise self._too_long()

    def end_read(self) -> None:
        """See `Connection`."""
        self._deadline = math.inf
        self.rollback()

    def close(self) -> None:
        """See `Connection`."""
        self._connection.close()

    def _too_long(self) -> QueryTooLong:
        return QueryTooLong(f"the query took longer than {self._limit_s:g} s")

    @contextlib.contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            yield
        except psycopg.errors.QueryCanceled:
            raise self._too_long() from None
        except psycopg.DataError as error:  # a NUL, which no text of PostgreSQL holds
            raise BadRequestData(f"What is asked for cannot be in the database: {error}") from None
        except _UNUSABLE as error:
            raise StoreUnavailable(f"the database cannot be read: {error}") from None


@contextlib.contextmanager
def _telling(what: str) -> Iterator[None]:
    try:
        yield
    except _UNUSABLE as error:
        raise StoreUnavailable(f"the database cannot be {what}: {str(error).strip()}") from None


class PostgresDatabase:
    """The database behind `url` (postgresql://...). Raises what `Database` raises."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._writing = PostgresConnection(url, read_only=False)
        try:
            self.epoch = _prepare(self._writing, _place(url))
        except StoreError:
            self._writing.close()
            raise

    def connect(self, *, read_only: bool = False) -> PostgresConnection:
        """A new connection to read; the one that holds the lock to write."""
        return PostgresConnection(self._url, read_only=True) if read_only else self._writing

    def close(self) -> None:
        """Lets go of the database."""
        self._writing.close()


def _take(connection: psycopg.Connection[Row], url: str) -> None:
    """One hub per database; the lock goes with the connection that writes, however it ends."""
    row = connection.execute(f"SELECT pg_try_advisory_lock({_LOCK})").fetchone()
    if row is None or not row[0]:
        connection.close()
        raise DirectoryInUse(f"another hub is using {_place(url)}; stop it or name another database")


def _place(url: str) -> str:
    """Where the database is, without the password."""
    known = psycopg.conninfo.conninfo_to_dict(url)
    return f"postgresql://{known.get('host', '')}:{known.get('port', 5432)}/{known.get('dbname', '')}"


def _prepare(connection: PostgresConnection, place: str) -> str:
    """Creates the tables at first use, checks their version, and returns the epoch."""
    has_tables = connection.rows(Statement("", "SELECT to_regclass('meta')"), {})[0][0] is not None
    version = connection.rows(sql.GET_META, {"key": "schema"}) if has_tables else []
    if version:
        check_version(place, int(version[0][0]))
    else:
        _create_tables(connection)
    return str(connection.rows(sql.GET_META, {"key": "epoch"})[0][0])


def _create_tables(connection: PostgresConnection) -> None:
    """All tables in one transaction: they are there, or not."""
    dialect = POSTGRESQL
    tables = metadata.sorted_tables
    lines = [str(CreateTable(table).compile(dialect=dialect)) for table in tables]
    indexes = [index for table in tables for index in sorted(table.indexes, key=lambda one: str(one.name))]
    lines += [str(CreateIndex(index).compile(dialect=dialect)) for index in indexes]
    connection.begin()
    for line in (*lines, *SPATIAL_INDEX["postgresql"]):
        connection.change(Statement("", line), {})
    about = {"epoch": secrets.token_hex(8), "schema": str(SCHEMA_VERSION)}
    for key, value in about.items():
        connection.change(sql.ADD_META, {"key": key, "value": value})
    connection.commit()
