"""Service alerts: what is said comes back; when they are active."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from cityos.ngsi.entity import from_bytes, to_bytes
from cityos.vocabulary.alert import NO_LANGUAGE, ActivePeriod, ServiceAlert, Target

text = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=6)
instants = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
languages = st.dictionaries(st.sampled_from(["ja", "en", "zh-Hans", NO_LANGUAGE]), text)
targets = st.builds(
    Target,
    agency_id=text,
    route_id=text,
    route_type=st.none() | st.integers(0, 12),
    direction_id=st.none() | st.integers(0, 1),
    stop_id=text,
    trip_id=text,
    start_on=st.none() | st.dates(date(2000, 1, 1), date(2100, 1, 1)),
)
known_alerts = st.builds(
    ServiceAlert,
    local_id=st.from_regex(r"[A-Za-zあ-ん0-9_-]{1,8}", fullmatch=True),
    header=languages,
    description=languages,
    url=languages,
    cause=st.sampled_from(["WEATHER", "UNKNOWN_CAUSE"]),
    effect=st.sampled_from(["DETOUR", "UNKNOWN_EFFECT"]),
    severity=st.sampled_from(["SEVERE", "UNKNOWN_SEVERITY"]),
    targets=st.lists(targets, max_size=3).map(tuple),
    periods=st.lists(st.builds(ActivePeriod, st.none() | instants, st.none() | instants), max_size=3).map(tuple),
)
AT = datetime(2026, 1, 15, tzinfo=UTC)


@given(known_alerts)
def test_alert_comes_back(alert: ServiceAlert) -> None:
    assert ServiceAlert.from_entity(from_bytes(to_bytes(alert.to_entity("gtfs_rt")))) == alert


@given(known_alerts)
def test_alert_has_no_observation_time(alert: ServiceAlert) -> None:
    assert alert.to_entity("f").latest_observation() is None


def test_alert_is_active_in_any_of_its_periods_and_always_without() -> None:
    alert = ServiceAlert("a")
    hour = timedelta(hours=1)
    assert alert.is_active(AT)
    limited = replace(alert, periods=(ActivePeriod(AT, AT + hour), ActivePeriod(AT + 3 * hour)))
    active = [limited.is_active(AT + hours * hour) for hours in (-1, 0, 1, 2, 3, 99)]
    assert active == [False, True, False, False, True, True]
