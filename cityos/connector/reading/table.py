"""CSV and tab-separated tables, with the line of every row."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass

from cityos.connector.batch import Notice, Severity
from cityos.connector.error import SourceChanged
from cityos.connector.reading.text import fold_width, is_readable

# A quoted field may hold line breaks; one that never ends must not swallow the rest of the document.
_LONGEST_ROW_LINES = 20


@dataclass(frozen=True, slots=True)
class Line:
    """One row of a table; `where` is `file:line`."""

    fields: tuple[str, ...]
    where: str


@dataclass(frozen=True, slots=True)
class Table:
    """`header` in one width (NFKC). `is_whole` unless a row was left out or the document ends inside a line."""

    name: str
    header: tuple[str, ...]
    lines: tuple[Line, ...]
    notices: tuple[Notice, ...]
    is_whole: bool


def read_table(text: str, name: str, least: int | None = None, ends_with_line_break: bool = True) -> Table:
    """Reads a table whose first line with content is the header; blank lines are skipped.

    Rows need as many fields as the header, or, where `least` is given, at least so many. A row that has not, or is
    unreadable, becomes a notice. So does a last line without line break: it may be cut (123 for 1234) and looks whole;
    `ends_with_line_break=False` believes it. Raises SourceChanged where there is no header.
    """
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    records = list(_records(lines))
    is_cut = ends_with_line_break and bool(lines[-1].strip())
    if not records or (is_cut and len(records) == 1):
        raise SourceChanged(f"Document {name} has no header line with a line break after it")
    _, header = records.pop(0)
    notices = [_cut(name, records.pop()[0])] if is_cut else []
    allowed = range(len(header), len(header) + 1) if least is None else range(least, len(text) + 2)
    found, faults = _sorted_out(records, name, allowed, is_readable(text))
    return Table(name, tuple(map(fold_width, header)), tuple(found), (*faults, *notices), not (faults or notices))


def _sorted_out(
    records: list[tuple[int, tuple[str, ...]]], name: str, allowed: range, is_clean: bool
) -> tuple[list[Line], list[Notice]]:
    found: list[Line] = []
    faults: list[Notice] = []
    for number, fields in records:
        where = f"{name}:{number}"
        if len(fields) not in allowed:
            detail = f"Row has {len(fields)} fields instead of {_expected(allowed)}; it is left out"
            faults.append(Notice("row_fields", Severity.ERROR, where, detail))
        elif not (is_clean or all(map(is_readable, fields))):
            faults.append(Notice("row_unreadable", Severity.ERROR, where, "Row is not readable text; it is left out"))
        else:
            found.append(Line(fields, where))
    return found, faults


def _expected(allowed: range) -> str:
    return str(allowed.start) if len(allowed) == 1 else f"at least {allowed.start}"


def _cut(name: str, number: int) -> Notice:
    detail = "Document ends inside this line, which is left out; if it always does, set ends_with_line_break = false"
    return Notice("document_cut", Severity.WARNING, f"{name}:{number}", detail)


def _records(lines: list[str]) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Line number and fields of every line with content."""
    header = next((line for line in lines if line.strip()), "")
    separator = "\t" if "\t" in header and "," not in header else ","
    index = 0
    while index < len(lines):
        line, start = lines[index], index
        if '"' in line:
            index = _end_of_quotes(lines, index)
            fields = _unquoted("\n".join(lines[start : index + 1]), separator)
        else:
            fields = tuple(line.split(separator))
        index += 1
        if any(field.strip() for field in fields):
            yield start + 1, fields


def _end_of_quotes(lines: list[str], start: int) -> int:
    quotes = 0
    for index in range(start, min(start + _LONGEST_ROW_LINES, len(lines))):
        quotes += lines[index].count('"')
        if quotes % 2 == 0:
            return index
    return start


def _unquoted(row: str, separator: str) -> tuple[str, ...]:
    try:
        records = list(csv.reader([row], delimiter=separator))
    except csv.Error:
        return (row,)
    return tuple(records[0]) if records else ()
