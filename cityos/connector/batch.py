"""What one document means: rows, notices, and what the batch covers."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from functools import cached_property
from typing import Any, cast

import orjson

from cityos.ngsi.entity import Entity, entity_from_json, entity_to_json
from cityos.ngsi.instant import format_instant, parse_instant
from cityos.ngsi.value import JsonObject

_LENGTH = struct.Struct(">I")


class Severity(StrEnum):
    """How much a notice matters: `error` means data is missing because of it."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing to know about data: a stable code, where it is (file:line or entity), what it is and what to do.

    `subject` names what it is about where the detail says more than that (a count, an instant): notices of one code and
    subject are the same notice, told once, however its numbers go on. Empty: the detail itself.
    """

    code: str
    severity: Severity
    where: str
    detail: str
    subject: str = ""

    @property
    def identity(self) -> tuple[str, str]:
        """What makes two notices of one document the same."""
        return self.code, self.subject or self.detail


@dataclass(frozen=True, slots=True)
class Row:
    """One statement of the source: an entity with the attributes it speaks of, and the place it stands in.

    `refers` are the things of another feed (kind and id, as `("trip", "t1")`) without which it means nothing.
    """

    entity: Entity
    where: str
    refers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Dataset:
    """Bulk data that is no heap of entities: a timetable, a road graph. `kind` names its schema in `vocabulary`.

    A feed has one dataset of a kind; another content is another version of it. `valid_from` and `valid_until` are the
    first and last day it speaks of, where it does. `keys` are the ids by kind that rows of other feeds may refer to.
    """

    kind: str
    media_type: str
    content: bytes
    valid_from: date | None = None
    valid_until: date | None = None
    keys: Mapping[str, frozenset[str]] = field(default_factory=dict)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the content, hexadecimal."""
        return hashlib.sha256(self.content).hexdigest()

    @property
    def version(self) -> str:
        """What a version is called: short, and the same for the same content."""
        return self.digest[:16]


@dataclass(frozen=True, slots=True)
class Batch:
    """What a document says.

    `covers=None` is a delta. `covers={type IRIs}` says: these are all entities of these types this feed knows; its
    others have ended. `as_of` is the document's own clock, where it has one beside its rows.
    """

    rows: tuple[Row, ...] = ()
    notices: tuple[Notice, ...] = ()
    covers: frozenset[str] | None = None
    as_of: datetime | None = None
    datasets: tuple[Dataset, ...] = ()

    @classmethod
    def of(
        cls,
        rows: Iterable[Row],
        notices: Iterable[Notice] = (),
        covers: Iterable[str] | None = None,
        as_of: datetime | None = None,
        datasets: Iterable[Dataset] = (),
    ) -> Batch:
        """A batch from any iterables."""
        covered = None if covers is None else frozenset(covers)
        return cls(tuple(rows), tuple(notices), covered, as_of, tuple(datasets))


def batch_to_json(batch: Batch) -> dict[str, object]:
    """A batch as JSON; of its datasets, everything but the content."""
    return {
        "rows": [_row_to_json(row) for row in batch.rows],
        "notices": [[n.code, n.severity, n.where, n.detail, n.subject] for n in batch.notices],
        "covers": None if batch.covers is None else sorted(batch.covers),
        "as_of": None if batch.as_of is None else format_instant(batch.as_of),
        "datasets": [_dataset_to_json(dataset) for dataset in batch.datasets],
    }


def _row_to_json(row: Row) -> dict[str, object]:
    told: dict[str, object] = {"entity": entity_to_json(row.entity), "where": row.where}
    return {**told, "refers": row.refers} if row.refers else told


def _row_from_json(told: dict[str, Any]) -> Row:
    refers = tuple((kind, key) for kind, key in told.get("refers", ()))
    return Row(entity_from_json(cast(JsonObject, told["entity"])), told["where"], refers)


def _dataset_to_json(dataset: Dataset) -> dict[str, object]:
    valid = (dataset.valid_from, dataset.valid_until)
    told: dict[str, object] = {
        "kind": dataset.kind,
        "media_type": dataset.media_type,
        "size": len(dataset.content),
        "digest": dataset.digest,
        "valid": [None if day is None else day.isoformat() for day in valid],
    }
    return {**told, "keys": {kind: sorted(keys) for kind, keys in dataset.keys.items()}} if dataset.keys else told


def batch_to_bytes(batch: Batch) -> bytes:
    """For the way from a worker to the hub: a length, JSON, then the datasets' contents as they are.

    Never pickle, since a worker has read what strangers wrote.
    """
    head = orjson.dumps(batch_to_json(batch))
    return b"".join([_LENGTH.pack(len(head)), head, *(dataset.content for dataset in batch.datasets)])


def batch_from_bytes(content: bytes) -> Batch:
    """Reads what `batch_to_bytes` wrote."""
    start = _LENGTH.size + _LENGTH.unpack_from(content)[0]
    told = orjson.loads(content[_LENGTH.size : start])
    return Batch(
        rows=tuple(map(_row_from_json, told["rows"])),
        notices=tuple(Notice(code, Severity(level), *more) for code, level, *more in told["notices"]),
        covers=None if told["covers"] is None else frozenset(told["covers"]),
        as_of=None if told["as_of"] is None else parse_instant(told["as_of"]),
        datasets=tuple(_datasets(told["datasets"], content, start)),
    )


def _datasets(told: list[dict[str, Any]], content: bytes, start: int) -> Iterator[Dataset]:
    for one in told:
        end = start + one["size"]
        valid_from, valid_until = (None if day is None else date.fromisoformat(day) for day in one["valid"])
        keys = {kind: frozenset(ids) for kind, ids in one.get("keys", {}).items()}
        yield Dataset(one["kind"], one["media_type"], content[start:end], valid_from, valid_until, keys)
        start = end
