"""When a source is expected to speak: seasons, weekdays, hours, and what is due next."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cityos.connector.cadence import JST, Cadence, Calendar

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
ALWAYS = Calendar()
WINTER = Calendar(season=((12, 1), (3, 15)))


def at(text: str) -> datetime:
    """A local time in Japan as an instant."""
    return datetime.fromisoformat(text).replace(tzinfo=JST).astimezone(UTC)


def daily(*times: time, calendar: Calendar = ALWAYS) -> Cadence:
    return Cadence(poll=HOUR, at=times, calendar=calendar)


def hourly(calendar: Calendar = ALWAYS) -> Cadence:
    return Cadence(poll=HOUR, every=HOUR, calendar=calendar)


@pytest.mark.parametrize(
    ("on", "holds"),
    [
        ("2025-11-30", False),
        ("2025-12-01", True),
        ("2025-12-31", True),
        ("2026-01-01", True),
        ("2026-03-15", True),
        ("2026-03-16", False),
        ("2024-02-29", True),
    ],
)
def test_a_season_spans_new_year(on: str, holds: bool) -> None:
    assert WINTER.has_season(date.fromisoformat(on)) is holds


def test_a_season_within_a_year_has_both_its_ends() -> None:
    summer = Calendar(season=((4, 1), (9, 30)))
    assert [summer.has_season(date(2026, month, day)) for month, day in ((3, 31), (4, 1), (9, 30), (10, 1))] == [
        False,
        True,
        True,
        False,
    ]


def test_weekdays_and_hours_are_local() -> None:
    office = Calendar(weekdays=frozenset(range(5)), hours=(time(9), time(17)))
    assert office.has(at("2026-01-16T09:00"))  # a Friday; in UTC it is midnight
    assert office.has(at("2026-01-16T17:00"))
    assert not office.has(at("2026-01-16T17:01"))
    assert not office.has(at("2026-01-17T12:00"))


def test_hours_over_midnight_belong_to_the_day_they_begin() -> None:
    night = Calendar(weekdays=frozenset((4,)), hours=(time(21), time(5)))
    assert night.has(at("2026-01-16T23:00"))
    assert night.has(at("2026-01-17T04:00"))
    assert not night.has(at("2026-01-16T04:00"))
    assert not night.has(at("2026-01-16T12:00"))


@pytest.mark.parametrize(
    ("after", "due"),
    [
        ("2026-01-15T08:00", "2026-01-15T09:30"),
        ("2026-01-15T09:30", "2026-01-15T17:00"),
        ("2026-01-15T17:00", "2026-01-16T09:30"),
        ("2026-03-15T17:00", "2026-12-01T09:30"),
        ("2026-06-01T00:00", "2026-12-01T09:30"),
    ],
)
def test_the_next_publication_at_set_times(after: str, due: str) -> None:
    assert daily(time(17), time(9, 30), calendar=WINTER).next_due(at(after)) == at(due)


@pytest.mark.parametrize(
    ("after", "due"),
    [
        ("2026-01-15T10:00", "2026-01-15T11:00"),
        ("2026-01-15T16:30", "2026-01-16T09:00"),
        ("2026-01-16T16:30", "2026-01-19T09:00"),
        ("2026-01-15T03:00", "2026-01-15T09:00"),
        ("2026-03-13T17:00", "2026-12-01T09:00"),
    ],
)
def test_the_next_publication_by_rhythm_waits_for_the_calendar(after: str, due: str) -> None:
    calendar = Calendar(WINTER.season, frozenset(range(5)), (time(9), time(17)))
    assert hourly(calendar).next_due(at(after)) == at(due)


@settings(max_examples=60, deadline=None)
@given(
    st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1)),  # noqa: DTZ001 - made aware below
    st.sampled_from([None, ((12, 1), (3, 15)), ((4, 1), (9, 30)), ((1, 1), (12, 31))]),
    st.sampled_from([None, frozenset(range(5)), frozenset((6,))]),
    st.sampled_from([None, (time(9), time(17)), (time(21), time(5))]),
    st.booleans(),
)
def test_what_is_due_lies_ahead_and_in_the_calendar(
    local: datetime,
    season: tuple[tuple[int, int], tuple[int, int]] | None,
    weekdays: frozenset[int] | None,
    hours: tuple[time, time] | None,
    by_rhythm: bool,
) -> None:
    calendar = Calendar(season, weekdays, hours)
    cadence = hourly(calendar) if by_rhythm else daily(time(22), calendar=calendar)
    now = local.replace(tzinfo=UTC)
    due = cadence.next_due(now)
    assert due > now
    assert calendar.has(due) if by_rhythm else calendar.has_day(due.astimezone(JST).date())
    cadence.is_off_season(now)


def test_it_is_off_season_until_the_first_publication_of_the_season() -> None:
    evening = daily(time(17), calendar=WINTER)
    assert evening.is_off_season(at("2025-11-30T23:59"))
    assert evening.is_off_season(at("2025-12-01T16:59"))
    assert not evening.is_off_season(at("2025-12-01T17:00"))
    assert not evening.is_off_season(at("2026-01-01T00:00"))
    assert not evening.is_off_season(at("2026-03-15T23:59"))
    assert evening.is_off_season(at("2026-03-16T00:00"))


def test_a_rhythm_begins_with_the_season() -> None:
    assert hourly(WINTER).is_off_season(at("2025-11-30T23:59"))
    assert not hourly(WINTER).is_off_season(at("2025-12-01T00:00"))


@pytest.mark.parametrize("season", [None, ((1, 1), (12, 31)), ((4, 1), (3, 31))])
def test_a_season_all_year_round_is_never_off(season: tuple[tuple[int, int], tuple[int, int]] | None) -> None:
    assert not daily(time(17), calendar=Calendar(season)).is_off_season(at("2026-04-01T00:00"))


def test_a_cadence_is_a_rhythm_or_times_of_day() -> None:
    for every, times in ((None, ()), (HOUR, (time(9),))):
        with pytest.raises(ValueError, match="either"):
            Cadence(poll=HOUR, every=every, at=times)
