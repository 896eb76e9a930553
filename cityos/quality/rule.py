"""What a rule is: it gets a batch and the facts it cannot know, and yields the rows it would hold.

What is wrong with no row in particular it yields as a notice.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from cityos.connector import Batch, Notice, Row, Severity
from cityos.ngsi.geo import Box


@dataclass(frozen=True, slots=True)
class Known:
    """What another feed knows: ids by kind; none where its dataset has not come yet."""

    feed: str
    ids: Mapping[str, Collection[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known beside the batch: when it was fetched, what its connector declares, where the city lies.

    `known` is what its rows may refer to; None where the feed refers to no other.
    """

    fetched_at: datetime
    emits: frozenset[str]
    box: Box | None = None
    known: Known | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """The position of a row in its batch and why it must not be applied."""

    position: int
    notice: Notice


Rule = Callable[[Batch, Facts], Iterator[Finding | Notice]]


def hold(position: int, row: Row, code: str, detail: str) -> Finding:
    """A finding that says which entity it is about."""
    said = f"{row.entity.id} {detail}; the row is held"
    return Finding(position, Notice(code, Severity.ERROR, row.where, said, subject=row.entity.id))
