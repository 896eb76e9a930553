"""All rules over one batch."""

from __future__ import annotations

from dataclasses import dataclass

from cityos.connector import Batch, Notice, Row
from cityos.quality import contradiction, future, position, reference, storable, undeclared
from cityos.quality.rule import Facts, Rule

RULES: tuple[Rule, ...] = (
    storable.check,
    undeclared.check,
    future.check,
    position.check,
    contradiction.check,
    reference.check,
)


@dataclass(frozen=True, slots=True)
class Examined:
    """A batch's rows, each in one of two piles and as it was; a held row with the first reason found.

    `notices` are about the batch as a whole.
    """

    accepted: tuple[Row, ...]
    held: tuple[tuple[Row, Notice], ...]
    notices: tuple[Notice, ...] = ()


def examine(batch: Batch, facts: Facts) -> Examined:
    """Which rows may be applied. Held rows are still named by the source: what `covers` must not end them."""
    reasons: dict[int, Notice] = {}
    notices: list[Notice] = []
    for check in RULES:
        for finding in check(batch, facts):
            if isinstance(finding, Notice):
                notices.append(finding)
            else:
                reasons.setdefault(finding.position, finding.notice)
    accepted = tuple(row for at, row in enumerate(batch.rows) if at not in reasons)
    held = tuple((row, reasons[at]) for at, row in enumerate(batch.rows) if at in reasons)
    return Examined(accepted, held, tuple(notices))
