"""Feed health (鮮度・欠測): a pure function from what is known of a feed's runs, its rhythm and the time, to a state.

The data's own clock decides, not the fetch: a source that answers 200 with yesterday's data is late, then stale.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from cityos.connector.feed import Feed
from cityos.store.record import SUCCESSFUL, FeedRecord
from cityos.vocabulary.feed import FeedHealth, FeedState

LABELS: dict[FeedState, tuple[str, str]] = {
    FeedState.WAITING: ("開始待ち", "not asked yet"),
    FeedState.FRESH: ("正常", "fresh"),
    FeedState.LATE: ("更新遅れ", "late"),
    FeedState.STALE: ("古い", "stale"),
    FeedState.DEAD: ("受信停止", "dead"),
    FeedState.CHANGED: ("形式変更", "format changed"),
    FeedState.OFF_SEASON: ("休止中", "off season"),
}


@dataclass(frozen=True, slots=True)
class FeedReport:
    """One row of `GET /feeds`: a feed, its record, its state now, the age of its data in seconds (None: no data)."""

    feed: Feed
    record: FeedRecord
    state: FeedState
    age_s: float | None
    next_run_at: datetime | None


def state_of(feed: Feed, record: FeedRecord, now: datetime) -> FeedState:
    """The state of a feed at an instant of its own clock."""
    if feed.cadence.is_off_season(now):
        return FeedState.OFF_SEASON
    if record.attempted_at is None or _has_nothing(record):
        return FeedState.WAITING
    if record.outcome == "source_changed":
        return FeedState.CHANGED
    if record.outcome == "source_refused":
        return FeedState.DEAD
    if record.outcome not in SUCCESSFUL and _is_silent(feed, record, now):
        return FeedState.DEAD
    return _freshness(feed, record, now)


def _has_nothing(record: FeedRecord) -> bool:
    """Asked without fault and answered with nothing so far: an empty folder, say. That is not fresh."""
    return record.outcome in SUCCESSFUL and record.data_at is None and record.accepted + record.held == 0


def _is_silent(feed: Feed, record: FeedRecord, now: datetime) -> bool:
    since = record.succeeded_at or record.failing_since
    return since is not None and now - since > feed.stale_after


def _freshness(feed: Feed, record: FeedRecord, now: datetime) -> FeedState:
    """Measured from the first publication that should have come after the newest data."""
    newest = record.data_at or record.succeeded_at
    if newest is None:
        return FeedState.LATE
    overdue = now - feed.cadence.next_due(newest)
    if overdue <= feed.cadence.grace:
        return FeedState.FRESH
    return FeedState.LATE if overdue <= feed.stale_after else FeedState.STALE


def report(feed: Feed, record: FeedRecord | None, next_run_at: datetime | None) -> FeedReport:
    """A feed's row, by the feed's own clock."""
    known = record or FeedRecord(feed.name)
    now = feed.clock.now()
    age_s = None if known.data_at is None else max(0.0, (now - known.data_at).total_seconds())
    return FeedReport(feed, known, state_of(feed, known, now), age_s, next_run_at)


def as_health(row: FeedReport) -> FeedHealth:
    """What the feed's entity tells: it changes when something happened, not with every poll."""
    return FeedHealth(
        name=row.feed.name,
        title=row.feed.title,
        state=row.state,
        provider=row.feed.provider,
        licence=row.feed.licence,
        attribution=row.feed.attribution,
        data_at=row.record.data_at,
        accepted=row.record.accepted,
        held=row.record.held,
        open_notices=row.record.open_notices,
        owner=row.feed.owner,
        telephone=row.feed.telephone,
    )
