"""A feed's state as time goes by: the data's own clock decides."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, time, timedelta

import pytest

from cityos.clock import Clock
from cityos.connector.cadence import Cadence, Calendar
from cityos.connector.feed import Feed
from cityos.ingest.catalogue import get_connector
from cityos.monitor.health import LABELS, as_health, report, state_of
from cityos.store.record import FeedRecord
from cityos.vocabulary.feed import FeedHealth, FeedState
from tests.fakes import START

HOUR = timedelta(hours=1)
_CONNECTOR = get_connector("people_flow")
_HOURLY = Cadence(poll=timedelta(minutes=5), every=HOUR, grace=timedelta(minutes=10))


def _feed(cadence: Cadence = _HOURLY) -> Feed:
    config = _CONNECTOR.config_type(url="http://source.example/a.csv")
    return Feed("hiroba", "広場", _CONNECTOR, config, cadence, 3 * HOUR, Clock(START, 1.0, 0.0))


def _record(outcome: str = "applied", **said: datetime | None) -> FeedRecord:
    times: dict[str, datetime | None] = {"attempted_at": START, "succeeded_at": START, "data_at": START, **said}
    return replace(FeedRecord("hiroba", outcome=outcome), **times)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("minutes", "state"),
    [
        (0, FeedState.FRESH),
        (70, FeedState.FRESH),
        (71, FeedState.LATE),
        (240, FeedState.LATE),
        (241, FeedState.STALE),
        (10_000, FeedState.STALE),
    ],
)
def test_data_ages_from_fresh_over_late_to_stale(minutes: int, state: FeedState) -> None:
    assert state_of(_feed(), _record(), START + timedelta(minutes=minutes)) is state


def test_a_frozen_source_that_answers_is_stale_by_its_own_clock() -> None:
    now = START + 10 * HOUR
    answering = _record("applied", attempted_at=now, succeeded_at=now, data_at=START)
    assert state_of(_feed(), answering, now) is FeedState.STALE
    assert state_of(_feed(), replace(answering, outcome="unchanged"), now) is FeedState.STALE


def test_data_without_a_clock_is_as_old_as_the_last_success() -> None:
    record = replace(_record(data_at=None), accepted=3)
    assert state_of(_feed(), record, START + HOUR) is FeedState.FRESH
    assert state_of(_feed(), record, START + 9 * HOUR) is FeedState.STALE


def test_a_silent_source_is_late_then_dead() -> None:
    down = _record("source_unavailable")
    assert state_of(_feed(), down, START + HOUR) is FeedState.FRESH
    assert state_of(_feed(), down, START + 2 * HOUR) is FeedState.LATE
    assert state_of(_feed(), down, START + 3 * HOUR + timedelta(seconds=1)) is FeedState.DEAD


def test_a_source_that_never_answered_is_late_then_dead() -> None:
    never = replace(FeedRecord("hiroba", START, outcome="source_unavailable"), failing_since=START)
    assert state_of(_feed(), never, START + HOUR) is FeedState.LATE
    assert state_of(_feed(), never, START + 4 * HOUR) is FeedState.DEAD


def test_what_needs_the_operator_is_told_at_once() -> None:
    assert state_of(_feed(), _record("source_changed"), START) is FeedState.CHANGED
    assert state_of(_feed(), _record("source_refused"), START) is FeedState.DEAD


def test_a_feed_not_asked_yet_waits() -> None:
    assert state_of(_feed(), FeedRecord("hiroba"), START) is FeedState.WAITING


def test_off_season_nothing_is_wrong() -> None:
    summer = Cadence(poll=HOUR, at=(time(17),), calendar=Calendar(season=((6, 1), (8, 31))))
    for record in (_record("source_unavailable"), _record("source_changed"), FeedRecord("hiroba")):
        assert state_of(_feed(summer), record, START + 100 * HOUR) is FeedState.OFF_SEASON


def test_a_weekend_without_publication_is_not_late() -> None:
    office = Cadence(poll=HOUR, at=(time(17),), calendar=Calendar(weekdays=frozenset(range(5))))
    friday = datetime.fromisoformat("2026-01-16T17:00:00+09:00")
    record = _record(data_at=friday, succeeded_at=friday)
    assert state_of(_feed(office), record, friday + timedelta(days=2, hours=12)) is FeedState.FRESH
    assert state_of(_feed(office), record, friday + timedelta(days=3, minutes=6)) is FeedState.LATE


def test_a_report_tells_the_age_of_the_data() -> None:
    row = report(_feed(), _record(data_at=_feed().clock.now() - HOUR), None)
    assert row.age_s == pytest.approx(3600, abs=5)
    assert report(_feed(), None, None).age_s is None


def test_every_state_has_a_label_in_two_languages() -> None:
    assert set(LABELS) == set(FeedState)


def test_health_survives_the_way_through_its_entity() -> None:
    row = report(_feed(), _record(), None)
    assert FeedHealth.from_entity(as_health(row).to_entity()) == as_health(row)
