"""Times, days and names as people read them, in either language. Pure."""

from __future__ import annotations

import unicodedata
from datetime import date, datetime
from zoneinfo import ZoneInfo

from cityos.client.words import Language

JST = ZoneInfo("Asia/Tokyo")

_LONGEST = 200  # characters of a text from a source: more than any honest remark, less than a broken page
_WEEKDAYS_JA = "月火水木金土日"


def time_in_words(instant: datetime, language: Language) -> str:
    """Day and time in Japan."""
    local = instant.astimezone(JST)
    if language == "en":
        return f"{local.day} {local:%B}, {local:%H:%M}"
    return f"{day_in_words(local.date(), 'ja')}{local.hour}時{local.minute:02}分"


def day_in_words(day: date, language: Language) -> str:
    """A day without its year."""
    if language == "en":
        return f"{day.day} {day:%B}"
    return f"{day.month}月{day.day}日（{_WEEKDAYS_JA[day.weekday()]}）"


def clip(text: str) -> str:
    """A text from a source, no longer than a page can bear."""
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def normal(name: str) -> str:
    """Sources write the same name half-width or full-width, depending on the season; so do people."""
    return unicodedata.normalize("NFKC", name).casefold()


def dial(telephone: str) -> str:
    """A telephone number as a link wants it."""
    return "".join(one for one in normal(telephone) if one in "0123456789+")
