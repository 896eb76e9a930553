"""Two values of one attribute at one instant: both cannot be true, and the order of rows does not tell which is."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from cityos.connector import Batch, Row
from cityos.ngsi.entity import Instance
from cityos.ngsi.instant import format_instant
from cityos.quality.rule import Facts, Finding, hold

Observed = tuple[str, str, str, datetime]


def check(batch: Batch, facts: Facts) -> Iterator[Finding]:
    """Holds the later of two rows that contradict each other."""
    first: dict[Observed, tuple[Instance, Row]] = {}
    for at, row in enumerate(batch.rows):
        for key, instance in _observations(row):
            known, place = first.setdefault(key, (instance, row))
            if not known.says_the_same(instance):
                detail = f"has another value of {key[1]} at {format_instant(key[3])} than in {place.where}"
                yield hold(at, row, "contradicting_observation", detail)


def _observations(row: Row) -> Iterator[tuple[Observed, Instance]]:
    for name, instances in row.entity.attributes.items():
        for dataset, instance in instances.items():
            if instance.observed_at is not None:
                yield (row.entity.id, name, dataset, instance.observed_at), instance
