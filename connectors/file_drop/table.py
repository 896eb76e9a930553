"""A table as records under their columns, from CSV, Excel or JSON; the form is recognised from the content."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cityos.connector import Document, Notice, Severity, SourceChanged
from cityos.connector.reading import read_table, read_text, read_tree
from connectors.file_drop.cell import Cell, words_of
from connectors.file_drop.form import Form, Reading, Record, demand, ignored, key_of
from connectors.file_drop.tree import read_objects
from connectors.file_drop.workbook import is_workbook, read_workbook

# Titles, remarks and licences stand above the header of real tables, never more of them than this.
_LAST_HEADER_ROW = 50


@dataclass(frozen=True, slots=True)
class _Line:
    cells: tuple[Cell, ...]
    where: str

    def keys(self) -> list[str]:
        return [key_of(words_of(cell)) for cell in self.cells]


def read_records(document: Document, form: Form) -> Reading:
    """Raises SourceChanged where the document is no table or has not the wanted columns."""
    if is_workbook(document.content):
        return _read_workbook(document, form)
    text = read_text(document)
    if text.content.lstrip("\ufeff \t\r\n")[:1] in ("[", "{"):
        reading = read_objects(read_tree(text.content, document.name), document.name, form)
    else:
        reading = _read_text_table(text.content, document.name, form)
    return Reading(reading.records, (*text.notices, *reading.notices), reading.is_whole)


def _read_workbook(document: Document, form: Form) -> Reading:
    """A spreadsheet's rows end at their last cell: short ones are whole."""
    found = read_workbook(document, form.sheet)
    lines = [_Line(cells, f"{document.name}:{number}") for number, cells in found]
    at = _find_header(document.name, lines, form)
    width = len(lines[at].cells)
    below = _without_comments(lines[at + 1 :], form.comment)
    padded = [_Line((line.cells + (None,) * width)[:width], line.where) for line in below]
    return _under_header(document.name, lines[at], padded, form)


def _read_text_table(text: str, name: str, form: Form) -> Reading:
    table = read_table(text, name, least=1, ends_with_line_break=form.ends_with_line_break)
    lines = [_Line(table.header, name), *(_Line(line.fields, line.where) for line in table.lines)]
    at = _find_header(name, lines, form)
    width = len(lines[at].cells)
    below = list(_without_comments(lines[at + 1 :], form.comment))
    faults = [_misfit(line, width) for line in below if not _fits(line, width)]
    reading = _under_header(name, lines[at], [line for line in below if _fits(line, width)], form)
    notices = (*table.notices, *faults, *reading.notices)
    return Reading(reading.records, notices, table.is_whole and not faults)


def _find_header(name: str, lines: Sequence[_Line], form: Form) -> int:
    """The row that names the most wanted columns: titles and licences above it need not be counted."""
    wanted = {key_of(column): column for column in form.wanted}
    first, last = (form.header_row - 1, form.header_row) if form.header_row else (0, _LAST_HEADER_ROW)
    found = {first + n: len(wanted.keys() & set(line.keys())) for n, line in enumerate(lines[first:last])}
    if not found:
        raise SourceChanged(f"Document {name} has no row {first + 1} to be its header")
    at = max(found, key=found.__getitem__)
    keys = lines[at].keys()
    demand(name, (said for key, said in wanted.items() if key not in keys), map(words_of, lines[at].cells))
    if twice := [said for key, said in wanted.items() if keys.count(key) > 1]:
        raise SourceChanged(f"Document {name} has the column {', '.join(twice)} more than once; rename one of them")
    return at


def _under_header(name: str, header: _Line, lines: Sequence[_Line], form: Form) -> Reading:
    """All lines are at least as wide as the header."""
    keys = header.keys()
    places = {column: keys.index(key_of(column)) for column in form.wanted}
    others = (words_of(cell) for n, cell in enumerate(header.cells) if n not in places.values())
    cells = ({column: line.cells[n] for column, n in places.items()} for line in lines)
    records = (Record(one, line.where) for one, line in zip(cells, lines, strict=True))
    return Reading(tuple(records), tuple(ignored(name, others)), is_whole=True)


def _without_comments(lines: Sequence[_Line], comment: str) -> Iterator[_Line]:
    """Rows from the first that is no comment on: further below, `#12` is a name like others."""
    is_preamble = bool(comment)
    for line in lines:
        is_preamble = is_preamble and bool(line.cells) and words_of(line.cells[0]).startswith(comment)
        if not is_preamble:
            yield line


def _fits(line: _Line, width: int) -> bool:
    """Whether every column has its field; surplus fields do no harm as long as they are empty."""
    return len(line.cells) >= width and not any(words_of(cell) for cell in line.cells[width:])


def _misfit(line: _Line, width: int) -> Notice:
    detail = f"Row has {len(line.cells)} fields instead of {width}; it is left out"
    return Notice("row_fields", Severity.ERROR, line.where, detail)
