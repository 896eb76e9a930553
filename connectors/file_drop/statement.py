"""From a record to what it says: an entity, with a notice for everything in it that is not understood."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from cityos.connector import Notice, Row, Severity
from cityos.connector.reading import JsonObject, fold_width
from cityos.ngsi.entity import Entity, Instance
from cityos.vocabulary.attribute import put, put_location
from cityos.vocabulary.context import iri
from cityos.vocabulary.identifier import mint_id
from connectors.file_drop.cell import Cell, read_cell, read_moment, read_words, words_of
from connectors.file_drop.form import Record
from connectors.file_drop.mapping import Column, FileDropConfig
from connectors.file_drop.place import missing, read_pair, read_place

# Percent-encoded, an id stays far below what a topic may hold.
_LONGEST_ID = 256


@dataclass(frozen=True, slots=True)
class Statement:
    """One record understood. `is_empty`: it says nothing but its id (a footnote below the table, say)."""

    row: Row
    observed_at: datetime | None
    is_empty: bool


class Interpreter:
    """Reads records by a config and gathers what it has to remark."""

    def __init__(self, config: FileDropConfig) -> None:
        self._config = config
        self._zone = config.clock
        self._nothing = frozenset(map(fold_width, config.nothing)) | {""}
        self.notices: list[Notice] = []

    def read(self, record: Record) -> Statement | Notice:
        """What a record says, or why it cannot be told at all."""
        local_id = self._local_id(record)
        if local_id is None:
            detail = f"Row has no readable {', '.join(self._config.id)}, by which it is known; it is left out"
            return Notice("id_missing", Severity.ERROR, record.where, detail)
        type_name = self._config.type
        entity = Entity(mint_id(type_name, self._config.feed, local_id), (iri(type_name),))
        observed_at, is_dated = self._observed_at(record)
        put(entity, "name", self._name(record))
        if is_dated:
            self._put_values(entity, record, observed_at)
        says_more = bool(entity.attributes)
        place = self._place(record, is_expected=says_more)
        put_location(entity, place)
        is_empty = not says_more and place is None
        return Statement(Row(entity, record.where), observed_at, is_empty)

    def _local_id(self, record: Record) -> str | None:
        parts = [fold_width(read_words(self._cell(record, column)) or "") for column in self._config.id]
        local_id = "-".join(parts)
        return local_id if all(parts) and len(local_id) <= _LONGEST_ID else None

    def _name(self, record: Record) -> str | None:
        cell = self._cell(record, self._config.name)
        name = read_words(cell)
        if name is None and cell is not None:
            self._remark_unreadable(self._config.name, Column(attribute="name"), cell, record.where)
        return name

    def _put_values(self, entity: Entity, record: Record, observed_at: datetime | None) -> None:
        for name, column in self._config.columns.items():
            cell = self._cell(record, name)
            if cell is None:
                continue
            value = read_cell(cell, column.kind, self._zone)
            if value is None:
                self._remark_unreadable(name, column, cell, record.where)
                continue
            unit = self._config.unit_codes.get(column.attribute)
            notes: JsonObject = {"unitCode": unit} if unit else {}
            entity.set(iri(column.attribute), Instance("Property", value, observed_at, notes=notes))

    def _observed_at(self, record: Record) -> tuple[datetime | None, bool]:
        """When the record was true, and whether its values may be told: not if it says a time that nobody can read.

        Without a time they would replace newer ones.
        """
        said = self._config.observed_at
        if not isinstance(said, str):
            return said, True
        cell = self._cell(record, said)
        moment = None if cell is None else read_moment(cell, self._zone)
        if cell is None or moment is not None:
            return moment, True
        detail = f"{said} {words_of(cell)[:80]!r} is no time that we can read; the values of the row are left out"
        self.notices.append(Notice("time_unreadable", Severity.ERROR, record.where, detail))
        return None, False

    def _place(self, record: Record, *, is_expected: bool) -> JsonObject | None:
        config = self._config
        columns = (config.location,) if config.location else (config.latitude, config.longitude)
        if not any(columns):
            return None
        cells = [self._cell(record, column) for column in columns]
        if all(cell is None for cell in cells):
            self.notices += [missing(record.where)] if is_expected else []
            return None
        place = read_place(cells[0], record.where) if config.location else read_pair(cells[0], cells[1], record.where)
        if isinstance(place, Notice):
            self.notices.append(place)
            return None
        return place

    def _cell(self, record: Record, column: str) -> Cell:
        """The cell, None where it says nothing: missing is not zero."""
        cell = record.cells.get(column)
        return None if isinstance(cell, str) and fold_width(cell) in self._nothing else cell

    def _remark_unreadable(self, name: str, column: Column, cell: Cell, where: str) -> None:
        detail = f"{name} {words_of(cell)[:80]!r} is no {column.kind} that we can read; it is left out"
        self.notices.append(Notice("value_unreadable", Severity.WARNING, where, detail))
