"""Ages and evidence, and how they are said to people, in Japanese and in plain English: the same everywhere."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

from cityos.vocabulary.snow import Evidence

Language = Literal["ja", "en"]

STALE_AFTER = timedelta(hours=24)
"""Cities publish their snow claims once a day, about 17:00: an older claim has missed a publication."""

_CLOCKS_DIFFER = timedelta(minutes=5)

_MINUTE, _HOUR, _DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)

# From each span on, this unit: hours up to two days, since "1 day ago" may mean 47 hours. Between one and two hours the
# minutes are said as well: "1 hour ago" may mean 119 minutes, and nobody thinks in 119 minutes.
_UNITS = (
    (2 * _DAY, _DAY, "日前", "days ago"),
    (2 * _HOUR, _HOUR, "時間前", "hours ago"),
    (2 * _MINUTE, _MINUTE, "分前", "minutes ago"),
    (_MINUTE, _MINUTE, "分前", "minute ago"),
)

_EVIDENCE: dict[Evidence, dict[Language, str]] = {
    Evidence.SEEN: {"ja": "作業が観測されました", "en": "Work has been observed"},
    Evidence.NOT_SEEN: {"ja": "作業は確認されていません", "en": "No work has been observed, though it could have been"},
    Evidence.NOT_OBSERVABLE: {"ja": "作業は観測できません", "en": "Work cannot be observed here"},
}


def age_of(instant: datetime | None, now: datetime) -> timedelta | None:
    """How old something was at `now` (city time). None: not known.

    That includes an instant more than 5 minutes in the future: a clock that runs so far ahead tells nothing.
    """
    if instant is None or instant - now > _CLOCKS_DIFFER:
        return None
    return max(now - instant, timedelta(0))


def is_stale(age: timedelta | None) -> bool:
    """Whether a claim of this age is old (古い). An unknown age is never taken for a fresh one."""
    return age is None or age > STALE_AFTER


def age_in_words(age: timedelta | None, language: Language) -> str:
    """Such as 「3時間前」, "3 hours ago": rounded down, never to a unit coarser than half the age. None: unknown."""
    if age is None:
        return "時刻不明" if language == "ja" else "at an unknown time"
    if _HOUR <= age < 2 * _HOUR:
        return _hour_and_minutes(age // _MINUTE - 60, language)
    for least, unit, ja, en in _UNITS:
        if age >= least:
            count = age // unit
            return f"{count}{ja}" if language == "ja" else f"{count} {en}"
    return "たった今" if language == "ja" else "just now"


def _hour_and_minutes(minutes: int, language: Language) -> str:
    if language == "ja":
        return f"1時間{minutes}分前" if minutes else "1時間前"
    return "1 hour ago" if not minutes else f"1 hour {minutes} minute{'' if minutes == 1 else 's'} ago"


def updated_in_words(age: timedelta | None, language: Language) -> str:
    """Such as 「3時間前に更新」, "updated 3 hours ago"."""
    if language == "en":
        return f"updated {age_in_words(age, 'en')}"
    if age is None:
        return "更新時刻は不明"
    return f"{age_in_words(age, 'ja')}{'に' if age >= _MINUTE else ''}更新"


def evidence_in_words(evidence: Evidence, language: Language) -> str:
    """What was observed of the work, as a sentence without full stop."""
    return _EVIDENCE[evidence][language]
