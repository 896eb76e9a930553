"""The past of one entity as a file for spreadsheets: a line for each instant, a column for each attribute.

The file is written while it is read, a portion of each series at a time: a month of it never lies in memory whole.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from typing import cast
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from cityos.api import reading
from cityos.api.spreadsheet import (
    BOM,
    CSV,
    Cell,
    cell_of,
    headings_of,
    is_point,
    lines_of,
    local_time,
    particular_cells,
    particulars_of,
    text_cell,
)
from cityos.api.temporal_asking import TemporalAsked
from cityos.ngsi.error import BadRequestData, ResourceNotFound
from cityos.ngsi.evolution import Point
from cityos.ngsi.instant import from_microseconds
from cityos.ngsi.representation import View
from cityos.ngsi.value import JsonObject
from cityos.store.history_entity import Found
from cityos.store.history_series import Key, span_of
from cityos.store.reading import Reader
from cityos.store.record import HistoryQuery
from cityos.store.store import Store
from cityos.vocabulary.heading import GONE, WHEN

_PORTION = 2_000  # instances of each series at a time
_ROWS = 1_000  # of the file, written and sent at once


@dataclass(slots=True)
class _Column:
    """A series and what has been read of it. `since` and `skip` are where its next portion begins."""

    key: Key
    attribute: str
    since: int
    skip: int = 0
    points: deque[Point] = field(default_factory=deque)
    is_whole: bool = False
    is_place: bool = False
    particulars: list[str] = field(default_factory=list)  # sub-attributes met in the first portion

    def take(self, points: list[Point], portion: int) -> None:
        """Adds a portion."""
        self.points.extend(points)
        self.is_whole = len(points) < portion
        if points:
            last = points[-1].at
            same = sum(point.at == last for point in points)
            self.skip = same + (self.skip if last == self.since else 0)
            self.since = last


async def download(request: Request, tenant: str, entity_id: str, asked: TemporalAsked) -> Response:
    """The answer to GET /temporal/entities/{id} where a file is asked for. Raises ResourceNotFound, BadRequestData."""
    if asked.query.temporal.last is not None:
        raise BadRequestData("A file holds a span of time: lastN goes with the other forms")
    store = reading.rooms_of(request).store
    query = replace(asked.query, portion=_PORTION)
    view = replace(asked.view.view, form="simplified")
    file = await store.read(lambda reader: _open(reader, tenant, entity_id, query, view))
    name = quote(f"{entity_id}.csv", safe="")
    return StreamingResponse(
        _sent(store, file),
        media_type=f"{CSV}; charset=utf-8",
        headers={"Content-Disposition": f"attachment; filename=\"history.csv\"; filename*=UTF-8''{name}"},
    )


@dataclass(slots=True)
class _File:
    """A file on its way: whose past, what of it, and how far it is."""

    tenant: str
    found: Found
    query: HistoryQuery
    view: View
    columns: list[_Column]

    def fill(self, reader: Reader) -> None:
        """Reads on in every series of which nothing is left to write."""
        for column in self.columns:
            if not column.points and not column.is_whole:
                points = reader.history.portion(
                    self.tenant, self.found.no, column.key, self.query, column.since, column.skip
                )
                column.take(points, self.query.portion)

    def heading(self) -> bytes:
        """The first line, after the mark by which spreadsheets know UTF-8."""
        names = [heading for column in self.columns for heading in _headings(column, self.view)]
        return lines_of([[WHEN, *map(text_cell, names)]], BOM)

    def next_lines(self, reader: Reader) -> bytes:
        """The next lines; nothing at the end."""
        rows: list[list[Cell]] = []
        while len(rows) < _ROWS:
            self.fill(reader)
            at = min((column.points[0].at for column in self.columns if column.points), default=None)
            if at is None:
                break
            rows.append([local_time(from_microseconds(at)), *_cells(self.columns, at, self.view)])
        return lines_of(rows)


def _open(reader: Reader, tenant: str, entity_id: str, query: HistoryQuery, view: View) -> _File:
    found = reader.history.find(tenant, entity_id)
    if found is None:
        raise ResourceNotFound(f"{entity_id} is not found")
    since, _ = span_of(query.temporal)
    columns = [_Column(key, iri, since) for key, iri in reader.history.series_shown(tenant, found.no, query)]
    file = _File(tenant, found, query, view, columns)
    file.fill(reader)
    file.columns = [column for column in columns if column.points]
    for column in file.columns:
        column.is_place = all(is_point(point.body) or point.is_deleted for point in column.points)
        told = (name for point in column.points if not point.is_deleted for name in particulars_of(point.body))
        column.particulars = list(dict.fromkeys(told))
    return file


async def _sent(store: Store, file: _File) -> AsyncIterator[bytes]:
    yield file.heading()
    while lines := await store.read(file.next_lines):
        yield lines


def _headings(column: _Column, view: View) -> list[str]:
    dataset = column.key[1]
    return headings_of(column.attribute, dataset, column.particulars, view, is_place=column.is_place)


def _cells(columns: list[_Column], at: int, view: View) -> list[Cell]:
    """What was so at an instant; empty where a series says nothing of it."""
    cells: list[Cell] = []
    for column in columns:
        point = column.points.popleft() if column.points and column.points[0].at == at else None
        if not column.is_place:
            cells.append("" if point is None else GONE if point.is_deleted else cell_of(point.body, view))
        elif point is None or not is_point(point.body):
            cells += ["" if point is None else GONE, ""]
        else:
            longitude, latitude = cast(list[float], cast(JsonObject, point.body["value"])["coordinates"])[:2]
            cells += [latitude, longitude]
        told = None if point is None or point.is_deleted else point.body
        cells += particular_cells(told, column.particulars, view)
    return cells
