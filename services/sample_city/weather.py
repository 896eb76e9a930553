"""Snowfall over the city, in cm of new snow, hour by hour."""

import math
from datetime import date, datetime
from functools import lru_cache

from .chance import draw, spread
from .clock import HOUR, JST

# Share of a January day's snow that a day of the month gets; months not named have none.
_SEASON = {11: 0.15, 12: 0.7, 1: 1.0, 2: 0.9, 3: 0.35}
_DRY_DAYS = 0.45
_MEAN_CM = 7.0
_MOST_CM = 40.0
# The scenario: a heavy fall that passes 25 cm in 24 h, at which a snowy city goes on alert.
_SCENARIO_CM = {date(2026, 1, 13): 6.0, date(2026, 1, 14): 19.0, date(2026, 1, 15): 31.0, date(2026, 1, 16): 4.0}


def snowfall_cm(seed: int, instant: datetime) -> float:
    """New snow of the clock hour that holds ``instant``, in cm."""
    local = instant.astimezone(JST)
    return _hours(seed, local.date())[local.hour]


@lru_cache(maxsize=1024)
def snowfall_24h_cm(seed: int, instant: datetime) -> float:
    """New snow of the 24 full clock hours before ``instant``, in cm."""
    return sum(snowfall_cm(seed, instant - n * HOUR) for n in range(1, 25))


@lru_cache(maxsize=512)
def _hours(seed: int, day: date) -> tuple[float, ...]:
    """The day's snow as 24 hourly amounts: bursts, as from bands drifting in from the sea."""
    weights = [draw(seed, "burst", day, hour) ** 2 for hour in range(24)]
    return tuple(_day_cm(seed, day) * weight / sum(weights) for weight in weights)


def _day_cm(seed: int, day: date) -> float:
    if day in _SCENARIO_CM:
        return _SCENARIO_CM[day] * spread(seed, 0.95, 1.05, "snow", day)
    if draw(seed, "dry", day) < _DRY_DAYS:
        return 0.0
    amount = -math.log(draw(seed, "snow", day)) * _MEAN_CM * _SEASON.get(day.month, 0.0)
    return min(amount, _MOST_CM)
