"""The rest of the weather, fitted to the snow that falls: temperature, wind, and the snow that lies."""

import math
from datetime import date, datetime, timedelta
from functools import lru_cache

from .chance import spread
from .clock import DAY, HOUR, JST, jst, midnight
from .weather import snowfall_cm

# The year's mean and swing of a city on the northern Sea of Japan; its coldest day is about 30 January.
_YEAR_C, _SWING_C, _COLDEST_DAY = 10.5, 12.0, 30
_DAY_SWING_C, _WARMEST_HOUR, _MOOD_C = 2.5, 14, 2.5
_SNOWING_C = 0.3  # it is not warmer while snow falls
_SETTLING, _MELT_CM_PER_C = 0.95, 2.0  # what is left of the depth after a day; what a thawing day takes per degree
SNOW_FREE_MONTHS = range(5, 11)


def temperature_c(seed: int, instant: datetime) -> float:
    """The air's temperature."""
    local = instant.astimezone(JST)
    hour = local.hour + local.minute / 60
    today, tomorrow = (_day_c(seed, day) for day in (local.date(), local.date() + DAY))
    daily = _DAY_SWING_C * math.cos((hour - _WARMEST_HOUR) * math.pi / 12)
    warmth = today + (tomorrow - today) * hour / 24 + daily
    return min(warmth, _SNOWING_C) if snowfall_cm(seed, instant) > 0.1 else warmth


def wind(seed: int, instant: datetime) -> tuple[int, float]:
    """Where it blows from in sixteenths (16: north), and m/s. Snow comes with north-westerlies."""
    snow = snowfall_cm(seed, instant)
    tens = int(instant.timestamp()) // 600
    direction = 14 if snow > 0.1 else 1 + int(16 * (0.5 + 0.5 * math.sin(tens / 40)) * 0.999)
    return direction, spread(seed, 0.6, 2.6, "wind", tens) + 1.1 * snow


def snowfall_between_cm(seed: int, start: datetime, end: datetime) -> float:
    """New snow from one instant to the other, in cm."""
    total, at = 0.0, start
    while at < end:
        until = min(at.replace(minute=0, second=0, microsecond=0) + HOUR, end)
        total += snowfall_cm(seed, at) * ((until - at) / HOUR)
        at = until
    return total


def snow_depth_cm(seed: int, instant: datetime) -> float:
    """How deep the snow lies."""
    today = midnight(instant)
    fallen = snowfall_between_cm(seed, today, instant)
    return float(_depth_at_midnight(seed, today.date()) * _SETTLING ** ((instant - today) / DAY) + fallen)


@lru_cache(maxsize=64)
def _depth_at_midnight(seed: int, day: date) -> float:
    """Plays the season up to the day's beginning."""
    if day.month in SNOW_FREE_MONTHS:
        return 0.0
    today = date(day.year if day.month >= 11 else day.year - 1, 11, 1)
    depth = 0.0
    while today < day:
        melted = _MELT_CM_PER_C * max(0.0, _day_c(seed, today))
        depth = max(0.0, depth * _SETTLING - melted) + snowfall_between_cm(seed, jst(today), jst(today + DAY))
        today += timedelta(days=1)
    return depth


def _day_c(seed: int, day: date) -> float:
    """The day's mean."""
    season = math.cos((day.timetuple().tm_yday - _COLDEST_DAY) * 2 * math.pi / 365.25)
    return _YEAR_C - _SWING_C * season + spread(seed, -_MOOD_C, _MOOD_C, "warmth", day)
