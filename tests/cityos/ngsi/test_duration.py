"""Durations of aggregation periods (clause 4.5.19)."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from cityos.ngsi.duration import Duration, Periods, parse_duration
from cityos.ngsi.error import BadRequestData
from cityos.ngsi.instant import format_instant, from_microseconds, to_microseconds


@pytest.mark.parametrize(
    ("text", "months", "seconds"),
    [
        ("PT1H", 0, 3600),
        ("P1D", 0, 86_400),
        ("P2W", 0, 14 * 86_400),
        ("P1M", 1, 0),
        ("P1Y2M3DT4H5M6.5S", 14, 3 * 86_400 + 4 * 3600 + 5 * 60 + 6.5),
        ("PT0S", 0, 0),
        ("P0D", 0, 0),
    ],
)
def test_a_duration_is_months_of_the_calendar_and_seconds(text: str, months: int, seconds: float) -> None:
    assert parse_duration(text, "aggrPeriodDuration") == Duration(months, round(seconds * 1_000_000))


@pytest.mark.parametrize(
    "text", ["", "P", "PT", "1H", "P1H", "PT1D", "P1DT", "P-1D", "P1.5D", "P9999999999D", "ＰＴ１Ｈ"]
)
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(BadRequestData, match="aggrPeriodDuration"):
        parse_duration(text, "aggrPeriodDuration")


def _around(anchor: str, duration: str, at: str, offset: int = 0) -> tuple[str, str]:
    count = to_microseconds(datetime.fromisoformat(anchor))
    periods = Periods(count, parse_duration(duration, "d"), offset)
    begin, end = periods.around(to_microseconds(datetime.fromisoformat(at)))
    return format_instant(from_microseconds(begin)), format_instant(from_microseconds(end))


def test_periods_follow_each_other_from_the_anchor() -> None:
    assert _around("2026-01-01T12:03:00Z", "PT1H", "2026-01-01T12:03:00Z") == (
        "2026-01-01T12:03:00Z",
        "2026-01-01T13:03:00Z",
    )
    assert _around("2026-01-01T12:03:00Z", "PT1H", "2026-01-01T15:02:59Z")[0] == "2026-01-01T14:03:00Z"


def test_months_are_those_of_the_calendar_also_where_they_are_short() -> None:
    months = [_around("2026-01-31T00:00:00Z", "P1M", f"2026-{month:02}-15T00:00:00Z") for month in (2, 3, 4)]
    assert months == [
        ("2026-01-31T00:00:00Z", "2026-02-28T00:00:00Z"),
        ("2026-02-28T00:00:00Z", "2026-03-31T00:00:00Z"),
        ("2026-03-31T00:00:00Z", "2026-04-30T00:00:00Z"),
    ]


def test_months_are_those_of_the_offset_in_which_the_time_was_written() -> None:
    """Midnight in Japan is 15:00 UTC of the day before: March there begins on UTC's 28 February."""
    anchor, nine_hours = "2026-02-28T15:00:00Z", 9 * 3_600_000_000
    assert _around(anchor, "P1M", "2026-03-30T00:00:00Z", nine_hours) == (anchor, "2026-03-31T15:00:00Z")
    assert _around(anchor, "P1M", "2026-02-10T00:00:00Z", nine_hours) == ("2026-01-31T15:00:00Z", anchor)
    assert _around(anchor, "P1M", "2026-03-30T00:00:00Z") == ("2026-03-28T15:00:00Z", "2026-04-28T15:00:00Z")


def test_a_period_beyond_the_end_of_time_ends_there() -> None:
    anchor = to_microseconds(datetime(9999, 6, 1, tzinfo=UTC))
    for duration in ("P1Y", "P900000000D"):
        begin, end = Periods(anchor, parse_duration(duration, "d")).around(anchor)
        assert begin == anchor
        assert from_microseconds(end).year == 9999
