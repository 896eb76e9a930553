"""An observation from the future: a source's clock is wrong, and its values would outrank all true ones."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from cityos.connector import Batch
from cityos.ngsi.instant import format_instant
from cityos.quality.rule import Facts, Finding, hold

# Clocks that are set by hand run a few minutes ahead; Toronto's ploughs were 50 minutes and more ahead.
TOLERANCE = timedelta(minutes=5)


def check(batch: Batch, facts: Facts) -> Iterator[Finding]:
    """Holds rows observed later than they were fetched."""
    latest = facts.fetched_at + TOLERANCE
    for at, row in enumerate(batch.rows):
        observed_at = row.entity.latest_observation()
        if observed_at is not None and observed_at > latest:
            fetched = format_instant(facts.fetched_at)
            yield hold(
                at, row, "observed_in_future", f"is observed at {format_instant(observed_at)}, fetched {fetched}"
            )
