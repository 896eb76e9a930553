"""What one document means: rows, notices, and what the batch covers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import cast

import orjson

from cityos.ngsi.entity import Entity, entity_from_json, entity_to_json
from cityos.ngsi.instant import format_instant, parse_instant
from cityos.ngsi.value import JsonObject


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
    """One statement of the source: an entity with the attributes it speaks of, and the place it stands in."""

    entity: Entity
    where: str


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

    @classmethod
    def of(
        cls,
        rows: Iterable[Row],
        notices: Iterable[Notice] = (),
        covers: Iterable[str] | None = None,
        as_of: datetime | None = None,
    ) -> Batch:
        """A batch from any iterables."""
        return cls(tuple(rows), tuple(notices), None if covers is None else frozenset(covers), as_of)


def batch_to_bytes(batch: Batch) -> bytes:
    """JSON for the way from a worker to the hub; never pickle, since a worker has read what strangers wrote."""
    return orjson.dumps(
        {
            "rows": [{"entity": entity_to_json(row.entity), "where": row.where} for row in batch.rows],
            "notices": [[n.code, n.severity, n.where, n.detail, n.subject] for n in batch.notices],
            "covers": None if batch.covers is None else sorted(batch.covers),
            "as_of": None if batch.as_of is None else format_instant(batch.as_of),
        }
    )


def batch_from_bytes(content: bytes) -> Batch:
    """Reads what `batch_to_bytes` wrote."""
    told = orjson.loads(content)
    return Batch(
        rows=tuple(Row(entity_from_json(cast(JsonObject, row["entity"])), row["where"]) for row in told["rows"]),
        notices=tuple(Notice(code, Severity(level), *more) for code, level, *more in told["notices"]),
        covers=None if told["covers"] is None else frozenset(told["covers"]),
        as_of=None if told["as_of"] is None else parse_instant(told["as_of"]),
    )
