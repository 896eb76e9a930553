"""Names read: which number stands for an IRI, and which IRI for a number."""

from __future__ import annotations

from typing import cast

from cityos.store import entity_statement as sql
from cityos.store.connection import Connection


class Names:
    """Reads each name once; they never change."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._iris: dict[int, str] = {}
        self._numbers: dict[str, int] = {}

    def iri_of(self, no: int) -> str:
        """The IRI of a number that stands in a row."""
        if no not in self._iris:
            self._iris[no] = cast(str, self._connection.rows(sql.GET_IRI, {"no": no})[0][0])
        return self._iris[no]

    def find_number(self, iri: str) -> int | None:
        """The number of an IRI; None where nothing has this name."""
        if iri not in self._numbers:
            rows = self._connection.rows(sql.GET_NAME, {"iri": iri})
            if not rows:
                return None
            self._numbers[iri] = cast(int, rows[0][0])
        return self._numbers[iri]
