"""What passes between the readers of tables and those who ask for one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from cityos.connector import Notice, Severity, SourceChanged
from cityos.connector.reading import fold_width
from connectors.file_drop.cell import Cell

_LONGEST_LIST = 400


@dataclass(frozen=True, slots=True)
class Form:
    """What a city says of a table's form. `wanted` are the columns it maps, as it writes them."""

    wanted: tuple[str, ...]
    header_row: int | None
    comment: str
    sheet: str
    records: str
    ends_with_line_break: bool


@dataclass(frozen=True, slots=True)
class Record:
    """One row: the cells of the wanted columns."""

    cells: Mapping[str, Cell]
    where: str


@dataclass(frozen=True, slots=True)
class Reading:
    """A table as read. `is_whole` unless a row was left out or the document ends inside one."""

    records: tuple[Record, ...]
    notices: tuple[Notice, ...]
    is_whole: bool


def key_of(column: str) -> str:
    """The one spelling of a column: NFKC, without any white space (`緯　度` is `緯度`)."""
    return "".join(fold_width(column).split())


def demand(name: str, missing: Iterable[str], columns: Iterable[str]) -> None:
    """Raises SourceChanged where a mapped column is missing."""
    if absent := ", ".join(missing):
        raise SourceChanged(f"Document {name} has no column {absent}; its columns are {listed(columns)}")


def ignored(name: str, columns: Iterable[str]) -> list[Notice]:
    """One notice of all columns that nothing is mapped to."""
    if not (others := listed(columns)):
        return []
    return [Notice("columns_ignored", Severity.INFO, name, f"Columns without a mapping are not read: {others}")]


def listed(columns: Iterable[str]) -> str:
    """Columns in a text that stays readable, whatever they hold."""
    text = ", ".join(" ".join(column.split()) for column in columns if column.strip())
    return text if len(text) <= _LONGEST_LIST else f"{text[:_LONGEST_LIST]}..."
