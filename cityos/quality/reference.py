"""A row that speaks of something its other feed does not know: a bus on a trip that is in no timetable."""

from __future__ import annotations

from collections.abc import Iterator

from cityos.connector import Batch, Notice, Row, Severity
from cityos.quality.rule import Facts, Finding, Known, hold

# A few unknown trips are slips; when most are unknown, it is the timetable that is behind, on the night it changes.
_MOST_UNKNOWN = 0.5
_FEWEST_FOR_A_SHARE = 10


def check(batch: Batch, facts: Facts) -> Iterator[Finding | Notice]:
    """Holds rows that refer to what is unknown; none, but with one notice, where the known cannot be relied on."""
    known = facts.known
    referring = [at for at, row in enumerate(batch.rows) if row.refers]
    if known is None or not referring:
        return
    if not known.ids:
        yield _absent(known)
        return
    found = [(at, name) for at in referring if (name := _first_unknown(batch.rows[at], known)) is not None]
    if len(referring) >= _FEWEST_FOR_A_SHARE and len(found) > _MOST_UNKNOWN * len(referring):
        yield _outdated(known, len(found), len(referring), found[0][1])
        return
    for at, name in found:
        detail = f"refers to {name}, which feed {known.feed} does not know"
        yield hold(at, batch.rows[at], "reference_unknown", detail)


def _first_unknown(row: Row, known: Known) -> str | None:
    return next((f"{kind} {key!r}" for kind, key in row.refers if key not in known.ids.get(kind, ())), None)


def _absent(known: Known) -> Notice:
    detail = (
        f"Feed {known.feed} has told no dataset yet, so what this feed refers to is not checked and no row is held "
        f"for it. See: cityos feeds {known.feed}"
    )
    return Notice("references_unchecked", Severity.WARNING, known.feed, detail, subject=known.feed)


def _outdated(known: Known, unknown: int, referring: int, first: str) -> Notice:
    detail = (
        f"{unknown} of {referring} rows refer to what feed {known.feed} does not know, {first} for one; that many are "
        f"not held: is its dataset out of date? cityos run-feed {known.feed}"
    )
    return Notice("references_outdated", Severity.ERROR, known.feed, detail, subject=known.feed)
