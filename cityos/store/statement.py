"""How statements are made: written in SQLAlchemy Core, compiled once to text with named parameters for both databases.

The hot paths hand that text to the driver: SQLAlchemy's execution costs four times the statement itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import BindParameter, ColumnClause, ColumnElement, Table, bindparam, literal_column
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.expression import ClauseElement

# Constants written into the text: a bare Python value would become a parameter to pass with every call.
ZERO: ColumnClause[int] = literal_column("0")
ONE: ColumnClause[int] = literal_column("1")
_SQLITE = sqlite.dialect(paramstyle="named")
POSTGRESQL = postgresql.dialect(paramstyle="pyformat")  # type: ignore[no-untyped-call]


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement in the words of both databases; `columns` names what it answers."""

    sqlite: str
    postgresql: str
    columns: tuple[str, ...] = ()


def compiled(statement: ClauseElement) -> Statement:
    """A statement whose parameters are written `:name` for SQLite and `%(name)s` for PostgreSQL."""
    return _both(statement, statement)


def _both(for_sqlite: ClauseElement, for_postgresql: ClauseElement) -> Statement:
    told = getattr(for_sqlite, "selected_columns", ())
    return Statement(
        str(for_sqlite.compile(dialect=_SQLITE)),
        str(for_postgresql.compile(dialect=POSTGRESQL)),
        tuple(column.key or "" for column in told),
    )


def of_now(statement: Statement) -> Statement:
    """The statement with SQLite told to look for what is so now in `instance_now`.

    Without statistics that index and the one of all history match alike, and it takes whichever was made last.
    """
    told = statement.sqlite
    for words in ("UPDATE instance", "FROM instance"):
        told = re.sub(rf"\b{words}\b(?= (SET|\n))", f"{words} INDEXED BY instance_now", told)
    return replace(statement, sqlite=told)


def upserting(build: Callable[[Callable[[Table], Any]], ClauseElement]) -> Statement:
    """A statement with ON CONFLICT, which each dialect spells with its own `insert`."""
    return _both(build(sqlite.insert), build(postgresql.insert))


def rendered(statement: ClauseElement) -> tuple[Statement, dict[str, Any]]:
    """A statement put together for one occasion, its values taken out as parameters (lists expanded)."""
    made = statement.compile(dialect=_SQLITE, compile_kwargs={"render_postcompile": True})
    other = statement.compile(dialect=POSTGRESQL, compile_kwargs={"render_postcompile": True})
    return Statement(str(made), str(other)), dict(made.params)


def columns_of(table: Table) -> list[str]:
    """The names of a table's columns, in order."""
    return [column.name for column in table.columns]


def parameter(key: str) -> BindParameter[Any]:
    """A value handed over under this name each time the statement runs."""
    return bindparam(key)


class AnyOf(ColumnElement[bool]):
    """`column` is one of a list handed over as one parameter, so that the text does not depend on its length."""

    inherit_cache = False

    def __init__(self, column: ColumnElement[Any], key: str) -> None:
        self.column = column
        self.key = key


@compiles(AnyOf, "sqlite")
def _any_of_sqlite(element: AnyOf, compiler: SQLCompiler, **words: Any) -> str:
    return f"{compiler.process(element.column, **words)} IN (SELECT value FROM json_each(:{element.key}))"


@compiles(AnyOf, "postgresql")
def _any_of_postgresql(element: AnyOf, compiler: SQLCompiler, **words: Any) -> str:
    return f"{compiler.process(element.column, **words)} = ANY(%({element.key})s)"


class Unindexed(ColumnElement[Any]):
    """A column by whose index SQLite is not to look. Without statistics it walks the index that gives the order asked
    for, all of a tenant's entities, where a short list of numbers would do."""

    inherit_cache = False

    def __init__(self, column: ColumnElement[Any]) -> None:
        self.column = column
        self.type = column.type


@compiles(Unindexed, "sqlite")
def _unindexed_sqlite(element: Unindexed, compiler: SQLCompiler, **words: Any) -> str:
    return f"+{compiler.process(element.column, **words)}"


@compiles(Unindexed, "postgresql")
def _unindexed_postgresql(element: Unindexed, compiler: SQLCompiler, **words: Any) -> str:
    return compiler.process(element.column, **words)


@dataclass(frozen=True, slots=True)
class Bulk:
    """Many rows into one table at once, each a tuple in the order of its columns; for PostgreSQL a list per column."""

    table: str
    columns: tuple[str, ...]
    types: tuple[str, ...]  # PostgreSQL's names of the columns' types
    sqlite: str
    postgresql: str
    on_conflict: str | None = None  # None: COPY serves as well, which knows no conflicts


def bulk_into(table: Table, on_conflict: str | None = None) -> Bulk:
    """All columns of a table, in order."""
    columns = tuple(columns_of(table))
    into, rest = f"INSERT INTO {table.name}({', '.join(columns)})", on_conflict or ""
    for_sqlite = f"{into} VALUES ({', '.join('?' * len(columns))}) {rest}"
    # As lists, a column each: one statement, where one per row would each be carried out by itself.
    types = tuple(column.type.compile(POSTGRESQL).partition(" COLLATE")[0].lower() for column in table.columns)
    lists = ", ".join(f"%b::{of_type}[]" for of_type in types)
    for_postgresql = f"{into} SELECT * FROM unnest({lists}) {rest}"
    return Bulk(table.name, columns, types, for_sqlite, for_postgresql, on_conflict)
