"""What a rule is: it gets a batch and the facts it cannot know, and yields the rows it would hold."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from cityos.connector import Batch, Notice, Row, Severity
from cityos.ngsi.geo import Box


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known beside the batch: when it was fetched, what its connector declares, where the city lies."""

    fetched_at: datetime
    emits: frozenset[str]
    box: Box | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """The position of a row in its batch and why it must not be applied."""

    position: int
    notice: Notice


Rule = Callable[[Batch, Facts], Iterator[Finding]]


def hold(position: int, row: Row, code: str, detail: str) -> Finding:
    """A finding that says which entity it is about."""
    said = f"{row.entity.id} {detail}; the row is held"
    return Finding(position, Notice(code, Severity.ERROR, row.where, said, subject=row.entity.id))
