"""Excel workbooks (.xlsx): the values of one sheet. A workbook is a zip of XML, so a stranger's may be a bomb."""

from __future__ import annotations

import io
import warnings
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from cityos.connector import Document, SourceChanged
from connectors.file_drop.cell import Cell
from connectors.file_drop.form import listed

if TYPE_CHECKING:
    from openpyxl.workbook import Workbook
    from openpyxl.worksheet._read_only import ReadOnlyWorksheet
    from openpyxl.worksheet.worksheet import Worksheet

_ZIP = b"PK\x03\x04"
_COMPOUND = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_CHUNK = 1 << 16
_LAST_ROW = 1 << 20  # Excel's own; what is written beyond it was not written by Excel
_KNOWN = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})


@dataclass(frozen=True, slots=True)
class Limits:
    """What a worker can read well within its deadline: bytes when inflated, parts of the zip, cells of the sheet."""

    size: int = 64_000_000
    parts: int = 2_000
    cells: int = 1_000_000


_LIMITS = Limits()


def is_workbook(content: bytes) -> bool:
    """Whether the content is an Excel file, whatever its name says."""
    return content.startswith((_ZIP, _COMPOUND))


def read_workbook(document: Document, sheet: str = "", limits: Limits = _LIMITS) -> list[tuple[int, tuple[Cell, ...]]]:
    """The rows with content and their numbers, of the named sheet or the first. Raises SourceChanged."""
    if document.content.startswith(_COMPOUND):
        advice = "an Excel file of before 2007 (.xls) or one with a password; save it as .xlsx without"
        raise SourceChanged(f"Document {document.name} is {advice}")
    try:
        _check_size(document, limits)
        return list(_rows(document, sheet, limits.cells))
    except (SourceChanged, MemoryError):
        raise
    except Exception as error:  # noqa: BLE001 - a broken workbook makes openpyxl raise nearly anything
        fault = f"{type(error).__name__}: {error}"[:200]
        raise SourceChanged(f"Document {document.name} is no Excel workbook that can be read ({fault})") from None


def _check_size(document: Document, limits: Limits) -> None:
    """Inflates everything once and counts: what a zip says of its sizes is a claim."""
    inflated = 0
    with zipfile.ZipFile(io.BytesIO(document.content)) as archive:
        parts = archive.infolist()
        if len(parts) > limits.parts:
            raise SourceChanged(
                f"Document {document.name} has {len(parts)} parts; a workbook has at most {limits.parts}"
            )
        for part in parts:
            if part.compress_type not in _KNOWN:
                raise SourceChanged(f"Document {document.name} is compressed as no workbook is")
            for chunk in _chunks(archive, part, document.name):
                inflated += len(chunk)
                if inflated > limits.size:
                    raise SourceChanged(f"Document {document.name} inflates to more than {limits.size} bytes")


def _chunks(archive: zipfile.ZipFile, part: zipfile.ZipInfo, name: str) -> Iterator[bytes]:
    """The content of a part. No workbook declares a document type, whose entities could grow without end."""
    tail = b""
    with archive.open(part) as content:
        while chunk := content.read(_CHUNK):
            seen = tail + chunk.replace(b"\x00", b"")  # UTF-16 is a way to write XML, too
            if b"<!DOCTYPE" in seen or b"<!ENTITY" in seen:
                raise SourceChanged(f"Document {name} declares a document type in {part.filename}; no workbook does")
            tail = seen[-len(b"<!DOCTYPE") :]
            yield chunk


def _rows(document: Document, sheet: str, most_cells: int) -> Iterator[tuple[int, tuple[Cell, ...]]]:
    # Imported late: most cities never drop a workbook, and every worker would pay for it.
    from openpyxl import load_workbook

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about styles and extensions that have no value
        content = io.BytesIO(document.content)
        with closing(load_workbook(content, read_only=True, data_only=True, keep_links=False)) as book:
            found = _sheet(book, document.name, sheet)
            found.reset_dimensions()  # a file says any size it likes
            rows = cast("Worksheet", found).iter_rows(values_only=True)
            yield from _filled(rows, document.name, most_cells)


def _sheet(book: Workbook, name: str, sheet: str) -> ReadOnlyWorksheet:
    sheets = {one.title: one for one in book.worksheets}
    found = sheets.get(sheet) if sheet else next(iter(sheets.values()), None)
    if found is None:
        raise SourceChanged(f"Document {name} has no sheet {sheet!r}; its sheets are {listed(sheets)}")
    return cast("ReadOnlyWorksheet", found)


def _filled(rows: Iterable[tuple[Any, ...]], name: str, most: int) -> Iterator[tuple[int, tuple[Cell, ...]]]:
    cells = 0
    for number, row in enumerate(rows, 1):
        cells += len(row)
        if cells > most or number > _LAST_ROW:
            raise SourceChanged(f"Document {name} has more than {most} cells or {_LAST_ROW} rows")
        if any(cell not in (None, "") for cell in row):
            yield number, row
