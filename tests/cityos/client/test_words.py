from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cityos.client.words import age_in_words, age_of, evidence_in_words, is_stale, updated_in_words
from cityos.vocabulary.snow import Evidence

_NOW = datetime(2026, 1, 15, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    ("age", "ja", "en"),
    [
        (timedelta(seconds=59), "たった今更新", "updated just now"),
        (timedelta(seconds=60), "1分前に更新", "updated 1 minute ago"),
        (timedelta(minutes=60), "1時間前に更新", "updated 1 hour ago"),
        (timedelta(minutes=61), "1時間1分前に更新", "updated 1 hour 1 minute ago"),
        (timedelta(minutes=78), "1時間18分前に更新", "updated 1 hour 18 minutes ago"),
        (timedelta(minutes=119), "1時間59分前に更新", "updated 1 hour 59 minutes ago"),
        (timedelta(hours=3, minutes=59), "3時間前に更新", "updated 3 hours ago"),
        (timedelta(hours=47), "47時間前に更新", "updated 47 hours ago"),
        (timedelta(days=2), "2日前に更新", "updated 2 days ago"),
        (None, "更新時刻は不明", "updated at an unknown time"),
    ],
)
def test_age_in_words(age: timedelta | None, ja: str, en: str) -> None:
    assert updated_in_words(age, "ja") == ja
    assert updated_in_words(age, "en") == en


@given(st.timedeltas(timedelta(minutes=2), timedelta(days=3000)))
def test_words_never_hide_more_than_half_of_an_age(age: timedelta) -> None:
    *said, ago = age_in_words(age, "en").split()
    assert ago == "ago"
    units = {"minute": timedelta(minutes=1), "hour": timedelta(hours=1), "day": timedelta(days=1)}
    parts = (int(count) * units[unit.rstrip("s")] for count, unit in zip(said[::2], said[1::2], strict=True))
    told = sum(parts, timedelta())
    assert age / 2 < told <= age


def test_an_instant_in_the_future_has_no_age_unless_clocks_just_differ() -> None:
    assert age_of(_NOW + timedelta(minutes=4), _NOW) == timedelta(0)
    assert age_of(_NOW + timedelta(minutes=50), _NOW) is None
    assert age_of(None, _NOW) is None


def test_a_claim_is_old_after_a_day_or_when_its_age_is_unknown() -> None:
    assert not is_stale(timedelta(hours=24))
    assert is_stale(timedelta(hours=24, seconds=1))
    assert is_stale(None)


def test_every_evidence_has_words() -> None:
    assert evidence_in_words(Evidence.NOT_OBSERVABLE, "ja") == "作業は観測できません"
    assert all(evidence_in_words(evidence, "en") for evidence in Evidence)
