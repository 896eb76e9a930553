"""A type that the connector does not declare: nobody watches it, and no retention is set for it."""

from __future__ import annotations

from collections.abc import Iterator

from cityos.connector import Batch
from cityos.quality.rule import Facts, Finding, hold


def check(batch: Batch, facts: Facts) -> Iterator[Finding]:
    """Holds rows of types that are not in the manifest."""
    for at, row in enumerate(batch.rows):
        strange = sorted(set(row.entity.types) - facts.emits)
        if strange or not row.entity.types:
            yield hold(
                at, row, "type_undeclared", f"has type {', '.join(strange)}, which the manifest does not declare"
            )
