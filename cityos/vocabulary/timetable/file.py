"""A timetable as one file: a zip of `timetable.json` and one member of raw numbers for each large column.

Numbers of 1.2 million calls are read as they lie (little-endian): 0.2 s, where reading CSV takes seconds. Zip and JSON
can be read by anything. The same timetable gives the same bytes. In the JSON a table is its columns; a column is a
list, `{"all": value, "rows": n}`, or `{"values": [...], "codes": [...]}` where values repeat.
"""

from __future__ import annotations

import sys
import zipfile
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import fields
from datetime import date
from io import BytesIO
from typing import Any, TypeVar, cast

import orjson

from cityos.vocabulary.timetable.schema import (
    VERSION,
    Agency,
    Fare,
    FareRule,
    Frequency,
    Info,
    Office,
    Pattern,
    Route,
    Service,
    ShapePoints,
    Station,
    Stop,
    StopTimes,
    Tables,
    Transfer,
    Translation,
    Trip,
)

MEDIA_TYPE = "application/vnd.cityos.timetable+zip"
SCHEMA = "cityos.timetable"
_HEAD = "timetable.json"
_LEVEL = 6
_STORED_BELOW = 16 * 1024  # deflating gains little there, and what it gives differs from one build of zlib to another
_EPOCH = (1980, 1, 1, 0, 0, 0)  # members carry no time of writing: the same content must be the same version
_TYPES = {"I": "uint32", "i": "int32", "b": "int8", "d": "float64"}
_SMALL_TABLES = (
    ("agencies", Agency),
    ("stops", Stop),
    ("stations", Station),
    ("routes", Route),
    ("trips", Trip),
    ("services", Service),
    ("fares", Fare),
    ("fare_rules", FareRule),
    ("translations", Translation),
    ("transfers", Transfer),
    ("frequencies", Frequency),
    ("offices", Office),
    ("patterns", Pattern),
)
R = TypeVar("R")
L = TypeVar("L", StopTimes, ShapePoints)


def write_tables(tables: Tables) -> bytes:
    """The file of a timetable."""
    content = BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        _put(file, _HEAD, orjson.dumps(_head(tables)))
        for large, columns in (("stop_times", tables.stop_times), ("shapes", tables.shapes)):
            for one in fields(columns):
                _put(file, f"{large}.{one.name}", _raw(getattr(columns, one.name)))
    return content.getvalue()


def read_tables(content: bytes) -> Tables:
    """Reads what `write_tables` wrote. ValueError where it is no timetable of a version known here."""
    try:
        with zipfile.ZipFile(BytesIO(content)) as file:
            told = orjson.loads(file.read(_HEAD))
            if told["schema"] != SCHEMA or told["version"] > VERSION:
                raise ValueError(f"timetable is of schema {told['schema']} {told['version']}, not {SCHEMA} {VERSION}")
            return _tables(told, file)
    except (zipfile.BadZipFile, KeyError, TypeError) as error:
        raise ValueError(f"content is no timetable: {error}") from None


def _head(tables: Tables) -> dict[str, object]:
    small = {name: _columns(kind._fields, _plain(getattr(tables, name))) for name, kind in _SMALL_TABLES}
    return {
        "schema": SCHEMA,
        "version": VERSION,
        "info": tables.info._asdict(),
        "headsigns": tables.headsigns,
        "shape_ids": tables.shape_ids,
        "tables": small,
        "columns": {
            f"{large}.{one.name}": _TYPES[getattr(columns, one.name).typecode]
            for large, columns in (("stop_times", tables.stop_times), ("shapes", tables.shapes))
            for one in fields(columns)
        },
    }


def _plain(rows: Sequence[tuple[Any, ...]]) -> Iterable[tuple[Any, ...]]:
    if rows and isinstance(rows[0], Service):
        return ((one.service_id, one.first_on, f"{one.days:x}") for one in cast(Sequence[Service], rows))
    return rows


def _columns(names: Sequence[str], rows: Iterable[tuple[Any, ...]]) -> dict[str, object]:
    columns = list(zip(*rows, strict=True))
    return {name: _packed(column) for name, column in zip(names, columns, strict=True)} if columns else {}


def _packed(column: tuple[Any, ...]) -> object:
    codes: dict[Any, int] = {}
    coded = [codes.setdefault(value, len(codes)) for value in column]
    if len(codes) == 1 and len(column) > 1:
        return {"all": column[0], "rows": len(column)}
    return {"values": list(codes), "codes": coded} if len(codes) * 2 < len(column) else column


def _unpacked(column: Any) -> Sequence[Any]:
    if isinstance(column, list):
        return column
    if "all" in column:
        return [column["all"]] * int(column["rows"])
    values = column["values"]
    return [values[code] for code in column["codes"]]


def _put(file: zipfile.ZipFile, name: str, content: bytes) -> None:
    member = zipfile.ZipInfo(name, _EPOCH)
    member.compress_type = zipfile.ZIP_STORED if len(content) < _STORED_BELOW else zipfile.ZIP_DEFLATED
    file.writestr(member, content, compresslevel=_LEVEL)


def _raw(column: array[Any]) -> bytes:
    return _little_endian(column).tobytes()


def _little_endian(column: array[Any]) -> array[Any]:
    if sys.byteorder == "big":
        column = array(column.typecode, column)
        column.byteswap()
    return column


def _tables(told: dict[str, Any], file: zipfile.ZipFile) -> Tables:
    small = told["tables"]
    return Tables(
        info=_info(told["info"]),
        agencies=tuple(_rows(small["agencies"], Agency._make)),
        stops=tuple(_rows(small["stops"], Stop._make)),
        stations=tuple(_rows(small["stations"], Station._make)),
        routes=tuple(_rows(small["routes"], Route._make)),
        trips=tuple(_rows(small["trips"], Trip._make)),
        services=tuple(_rows(small["services"], _service)),
        fares=tuple(_rows(small["fares"], Fare._make)),
        fare_rules=tuple(_rows(small["fare_rules"], FareRule._make)),
        translations=tuple(_rows(small["translations"], Translation._make)),
        transfers=tuple(_rows(small["transfers"], Transfer._make)),
        frequencies=tuple(_rows(small["frequencies"], Frequency._make)),
        offices=tuple(_rows(small["offices"], Office._make)),
        patterns=tuple(_rows(small["patterns"], Pattern._make)),
        headsigns=tuple(told["headsigns"]),
        stop_times=_large(file, "stop_times", StopTimes()),
        shape_ids=tuple(told["shape_ids"]),
        shapes=_large(file, "shapes", ShapePoints()),
    )


def _rows(columns: dict[str, Any], make: Callable[[Iterable[Any]], R]) -> Iterator[R]:
    """Columns stand in the order of the row's fields."""
    return map(make, zip(*map(_unpacked, columns.values()), strict=True))


def _service(told: Iterable[Any]) -> Service:
    service_id, first_on, days = told
    return Service(service_id, date.fromisoformat(first_on), int(days, 16))


def _info(told: dict[str, Any]) -> Info:
    days = {name: date.fromisoformat(told[name]) if told[name] else None for name in ("starts_on", "ends_on")}
    return Info(**{**told, **days})


def _large(file: zipfile.ZipFile, name: str, empty: L) -> L:
    for one in fields(empty):
        column: array[Any] = getattr(empty, one.name)
        column.frombytes(file.read(f"{name}.{one.name}"))
        if sys.byteorder == "big":
            column.byteswap()
    return empty
