"""Days on which buses run as on a Sunday: weekends, national holidays, Obon and the turn of the year."""

import math
from datetime import date, timedelta
from functools import lru_cache

_FIXED = ((1, 1), (2, 11), (2, 23), (4, 29), (5, 3), (5, 4), (5, 5), (8, 11), (11, 3), (11, 23))
_MONDAYS = ((1, 2), (7, 3), (9, 3), (10, 2))  # month, which Monday of it
# Not by law, but by the timetables of nearly every Japanese bus operator.
_CUSTOMARY = {(8, 13), (8, 14), (8, 15), (12, 30), (12, 31), (1, 2), (1, 3)}


def is_holiday_service(day: date) -> bool:
    """Whether the Saturday and holiday timetable is run."""
    return day.weekday() >= 5 or (day.month, day.day) in _CUSTOMARY or day in national_holidays(day.year)


@lru_cache(maxsize=16)
def national_holidays(year: int) -> frozenset[date]:
    """The holidays by law, with those given in place of a holiday that falls on a Sunday."""
    legal = {date(year, month, day) for month, day in _FIXED}
    legal |= {_monday(year, month, number) for month, number in _MONDAYS}
    legal |= {_equinox(year, 3, 20.8431), _equinox(year, 9, 23.2488)}
    bridged = {day + timedelta(days=1) for day in legal if day + timedelta(days=2) in legal}
    return frozenset(legal | bridged | {_substitute(day, legal) for day in legal if day.weekday() == 6})


def _monday(year: int, month: int, number: int) -> date:
    first = date(year, month, 1)
    return first + timedelta(days=(7 - first.weekday()) % 7 + 7 * (number - 1))


def _equinox(year: int, month: int, day_1980: float) -> date:
    """Good from 1980 to 2099."""
    passed = year - 1980
    return date(year, month, math.floor(day_1980 + 0.242194 * passed) - passed // 4)


def _substitute(sunday: date, legal: set[date]) -> date:
    day = sunday
    while day in legal:
        day += timedelta(days=1)
    return day
