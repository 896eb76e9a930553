"""What session and reader ask of a database connection: the little in which SQLite and PostgreSQL differ."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from cityos.store.statement import Bulk, Statement

Row = tuple[Any, ...]


class Connection(Protocol):
    """One connection, used by one thread at a time. Raises StoreUnavailable, and QueryTooLong in `read`s."""

    dialect: str

    def rows(self, statement: Statement, parameters: Mapping[str, Any]) -> list[Row]:
        """Runs a statement and gives its rows, all at once."""
        ...

    def change(self, statement: Statement, parameters: Mapping[str, Any]) -> int:
        """Runs a statement that answers nothing; how many rows it touched."""
        ...

    def many(self, statement: Statement, parameters: Iterable[Mapping[str, Any]]) -> None:
        """Runs a statement once for each set of parameters."""
        ...

    def bulk(self, bulk: Bulk, rows: Sequence[Sequence[Any]]) -> None:
        """Writes rows."""
        ...

    def add_to_tree(self, places: Sequence[Sequence[Any]]) -> None:
        """Puts new rows of `place` into the spatial index, where it is a table of its own."""
        ...

    def drop_from_tree(self, entities: Sequence[int]) -> None:
        """Takes the places of entities out of the spatial index, before they are deleted."""
        ...

    def list_of(self, values: Iterable[Any]) -> Any:
        """A list as the parameter of `AnyOf`."""
        ...

    def begin(self) -> None:
        """Opens a write transaction."""
        ...

    def commit(self) -> None:
        """Makes it durable: when this returns, it is on disk."""
        ...

    def rollback(self) -> None:
        """Takes the transaction back, if one is open."""
        ...

    def mark(self) -> None:
        """Opens a part of the transaction that may be taken back alone."""
        ...

    def keep(self) -> None:
        """Keeps the part."""
        ...

    def undo(self) -> None:
        """Takes the part back."""
        ...

    def begin_read(self, limit_s: float) -> None:
        """All reads until `end_read` see one and the same state; QueryTooLong beyond the limit."""
        ...

    def check_time(self) -> None:
        """Raises QueryTooLong where the time of a read is over: the database looks at the clock only while it works."""
        ...

    def end_read(self) -> None:
        """Lets go of that state."""
        ...

    def close(self) -> None:
        """Closes the connection."""
        ...


class Database(Protocol):
    """Where connections come from. Opening it raises DirectoryInUse, SchemaTooNew, SchemaTooOld, StoreUnavailable."""

    epoch: str

    def connect(self, *, read_only: bool = False) -> Connection:
        """A new connection."""
        ...

    def close(self) -> None:
        """Lets go of the database, once all connections are closed."""
        ...
