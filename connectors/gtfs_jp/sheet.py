"""A table of the feed as rows with the number of their line: `reading.read_table` for files too large to hold."""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from cityos.connector import Notice, Severity
from cityos.connector.reading import fold_width, is_readable
from connectors.gtfs_jp.finding import Findings
from connectors.gtfs_jp.package import Package

# A quoted field may hold line breaks; one that never ends must not swallow the rest of the table.
_LONGEST_ROW_LINES = 20
# Nothing a city says in one line is longer; what is, loses its end and with it the right number of fields.
_LONGEST_LINE = 100_000
Fields = list[str]


@dataclass
class Sheet:
    """One table, read once, row by row; without header where the feed has no such table.

    A row's fields end with one empty field more, at position -1: where a column that the table has not points to.
    `said` counts the rows that the file has, `left_out` those of them that cannot be taken.
    """

    name: str
    header: tuple[str, ...]
    package: Package
    findings: Findings
    records: Iterator[tuple[int, Fields | None]]
    said: int = 0
    left_out: int = 0

    @property
    def file(self) -> str:
        """How notices call it."""
        return f"{self.name}.txt"

    def where(self, number: int) -> str:
        """How notices call a line of it."""
        return f"{self.name}.txt:{number}"

    def positions(self, *columns: str) -> list[int]:
        """Where these columns stand in a row; -1, the empty field, for one that the table has not."""
        return [self.header.index(column) if column in self.header else -1 for column in columns]

    def has(self, *columns: str) -> bool:
        """Whether the table is there with these columns; a notice says which it has not."""
        missing = [column for column in columns if column not in self.header]
        if missing and self.header:
            detail = f"{self.file} has no column {', '.join(missing)}; it cannot be read"
            self.findings.add(Notice("column_missing", Severity.ERROR, self.where(1), detail, self.file))
        return not missing

    def rows(self) -> Iterator[tuple[int, Fields]]:
        """Line number and fields of every row that has as many as the header."""
        width = len(self.header)
        count_row = self.package.count_row
        for number, fields in self.records:
            if fields is None or len(fields) != width:
                fields = self._fitted(number, fields)
                if fields is None:
                    continue
            count_row()
            self.said += 1
            fields.append("")
            yield number, fields

    def picked(self, *columns: str) -> Iterator[tuple[int, Fields]]:
        """The fields of these columns, without space at their ends."""
        places = self.positions(*columns)
        for number, fields in self.rows():
            yield number, [fields[place].strip() for place in places]

    def leave_out(self, notice: Notice) -> None:
        """Notes why a row is not taken."""
        self.left_out += 1
        self.findings.add(notice)

    def _fitted(self, number: int, fields: Fields | None) -> Fields | None:
        """The row without empty fields too many; None, and noted, where it is not one of this table's."""
        width = len(self.header)
        if fields is not None and not any(map(str.strip, fields)):
            return None
        if fields is not None and len(fields) > width and not any(map(str.strip, fields[width:])):
            return fields[:width]
        self.said += 1
        if fields is None:
            detail = "Row is not readable text; it is left out"
            self.leave_out(Notice("row_unreadable", Severity.ERROR, self.where(number), detail, self.file))
        else:
            detail = f"Row has {len(fields)} fields instead of {width}; it is left out"
            self.leave_out(Notice("row_fields", Severity.ERROR, self.where(number), detail, self.file))
        return None


def open_sheet(package: Package, name: str, findings: Findings) -> Sheet:
    """A table of the feed."""
    records = _Lines(package.text(name)).records() if name in package.names else iter(())
    first = next(records, None)
    header = () if first is None or first[1] is None else tuple(map(fold_width, first[1]))
    return Sheet(name, header, package, findings, records)


class _Lines:
    """The records of a text that comes in pieces."""

    def __init__(self, texts: Iterator[str]) -> None:
        self._texts = texts
        self._waiting: deque[str] = deque()
        self._rest = ""
        self._is_clean = True

    def records(self) -> Iterator[tuple[int, Fields | None]]:
        """Line number and fields of every line that is not empty; None for those that are not readable."""
        number = 0
        while (line := self._next()) is not None:
            number += 1
            if not line:
                continue
            start = number
            if '"' in line:
                line, more = self._whole_row(line)
                number += more
            if not (self._is_clean or is_readable(line)):
                yield start, None
            else:
                yield start, _unquoted(line) if '"' in line else line.split(",")

    def _whole_row(self, line: str) -> tuple[str, int]:
        """A row with the lines that its quotes hold; only its first line where they never end."""
        lines, quotes = [line], line.count('"')
        while quotes % 2 and len(lines) < _LONGEST_ROW_LINES and (following := self._next()) is not None:
            lines.append(following)
            quotes += following.count('"')
        if quotes % 2:
            self._waiting.extendleft(reversed(lines[1:]))
            return line, 0
        return "\n".join(lines), len(lines) - 1

    def _next(self) -> str | None:
        if not self._waiting:
            self._refill()
        return self._waiting.popleft() if self._waiting else None

    def _refill(self) -> None:
        """Takes the lines of the next piece; its unfinished last line waits for the rest."""
        for text in self._texts:
            self._is_clean = self._is_clean and is_readable(text)
            lines = (self._rest + text).split("\n")
            self._rest = lines.pop()[:_LONGEST_LINE]
            if lines:
                self._waiting.extend(lines)
                return
        if self._rest:
            self._waiting.append(self._rest)
            self._rest = ""


def _unquoted(row: str) -> Fields:
    try:
        records = list(csv.reader([row]))
    except csv.Error:
        return [row]
    return records[0] if records else []
