"""The forms in which the zone status has been published, read into one: what is said, as it is said, and where."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from cityos.connector import Document, Notice, Severity, SourceChanged
from cityos.connector.reading import (
    Json,
    JsonObject,
    Table,
    as_list,
    as_object,
    as_text,
    fold_width,
    read_geometry,
    read_table,
    read_text,
    read_time,
    read_tree,
)

POLLED, ZONE, STATUS = "取得日時", "工区", "ステータス"
NAME, PLANNED, ORDER, UPDATED, REMARK = "名前", "直近作業予定日", "指令", "更新日時", "お知らせ"
# Since 2026-02 the CSV has these four behind the three that its header still names.
_UNNAMED = (PLANNED, ORDER, UPDATED, REMARK)
_LINES = ("LineString", "MultiLineString")


@dataclass(frozen=True, slots=True)
class Said:
    """One statement in the source's words. `polled_at` is when the list was taken, where it says so."""

    where: str
    name: str
    status: str
    polled_at: datetime | None = None
    planned: str = ""
    order: str = ""
    updated: str = ""
    remark: str = ""
    geometry: JsonObject | None = None

    @property
    def is_section(self) -> bool:
        """Whether it speaks of a line on the map, not of an area."""
        return self.geometry is not None and self.geometry["type"] in _LINES


@dataclass(frozen=True, slots=True)
class Reading:
    """A document's statements in its order; `is_whole` unless some could not be read."""

    said: tuple[Said, ...]
    notices: tuple[Notice, ...]
    is_whole: bool


def read_layout(document: Document, ends_with_line_break: bool) -> Reading:
    """Recognises the form and reads it. Raises SourceChanged for a form that is not known."""
    text = read_text(document)
    if text.content.lstrip()[:1] in ("{", "["):
        reading = _read_json(read_tree(text.content, document.name), document.name)
    else:
        reading = _read_csv(read_table(text.content, document.name, 3, ends_with_line_break))
    return Reading(reading.said, (*text.notices, *reading.notices), reading.is_whole)


def _read_csv(table: Table) -> Reading:
    missing = [name for name in (POLLED, ZONE, STATUS) if name not in table.header]
    if missing:
        columns = ", ".join(table.header)
        raise SourceChanged(f"Document {table.name} has no column {', '.join(missing)}; its columns are {columns}")
    names = (*table.header, *(name for name in _UNNAMED if name not in table.header))
    said: list[Said] = []
    notices: list[Notice] = list(table.notices)
    lost = 0
    for line in table.lines:
        if len(line.fields) > len(table.header):
            notices.append(_beyond_header(len(line.fields), len(table.header), names, line.where))
        one = _said(line.where, dict(zip(names, line.fields, strict=False)), ZONE)
        if one is None or one.polled_at is None:
            lost += 1
            notices.append(_left_out(line.where, f"Row has no readable {POLLED} or no {ZONE}"))
        else:
            said.append(one)
    return Reading(tuple(said), tuple(notices), table.is_whole and not lost)


def _read_json(tree: Json, name: str) -> Reading:
    told = as_object(tree)
    if told.get("type") == "FeatureCollection" and isinstance(told.get("features"), list):
        found = list(_features(as_list(told["features"]), name))
    elif isinstance(told.get("data"), list) and "timestamp" in told:
        polled = as_text(told["timestamp"])
        if read_time(polled) is None:
            raise SourceChanged(f"Document {name} has timestamp {polled!r}, which is no date-time")
        found = [_entry(item, f"{name}:data[{n}]", polled) for n, item in enumerate(as_list(told["data"]))]
    else:
        known = "a FeatureCollection or an object with timestamp and data"
        raise SourceChanged(f"Document {name} is JSON in a form we do not know; it should be {known}")
    said = tuple(one for one in found if isinstance(one, Said))
    notices = tuple(one for one in found if isinstance(one, Notice))
    return Reading(said, notices, not notices)


def _entry(item: Json, where: str, polled: str) -> Said | Notice:
    told = as_object(item)
    fields = {key: as_text(value) for key, value in told.items()} | {POLLED: polled}
    return _said(where, fields, NAME if NAME in fields else ZONE) or _left_out(where, f"Entry has no {NAME}")


def _features(features: list[Json], name: str) -> Iterator[Said | Notice]:
    for number, item in enumerate(features):
        where = f"{name}:features[{number}]"
        told = as_object(item)
        fields = {key: as_text(value) for key, value in as_object(told.get("properties")).items()}
        geometry = read_geometry(told.get("geometry"))
        if geometry is None:
            # Area or line? Without its shape nobody can say, and a line has no identity beside it.
            yield _left_out(where, "Feature has no readable geometry")
        else:
            yield _said(where, fields, NAME, geometry) or _left_out(where, f"Feature has no {NAME}")


def _said(where: str, fields: dict[str, str], name: str, geometry: JsonObject | None = None) -> Said | None:
    if not fold_width(fields.get(name, "")):
        return None
    said = {key: value.strip() for key, value in fields.items()}
    return Said(
        where=where,
        name=said[name],
        status=said.get(STATUS, ""),
        polled_at=read_time(said.get(POLLED, "")),
        planned=said.get(PLANNED, ""),
        order=said.get(ORDER, ""),
        updated=said.get(UPDATED, ""),
        remark=said.get(REMARK, ""),
        geometry=geometry,
    )


def _beyond_header(width: int, named: int, names: tuple[str, ...], where: str) -> Notice:
    detail = f"Row has {width} fields under a header of {named}; they are read as {', '.join(names[named:width])}"
    unknown = width - len(names)
    if unknown <= 0:
        return Notice("columns_beyond_header", Severity.INFO, where, detail)
    return Notice("columns_beyond_header", Severity.WARNING, where, f"{detail}; the last {unknown} are not known")


def _left_out(where: str, why: str) -> Notice:
    return Notice("row_left_out", Severity.ERROR, where, f"{why}; it is left out")
