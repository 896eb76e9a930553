"""The people-flow files: 5-minute counters, AI cameras and an hourly list, each in the layout of a real publisher.

No file carries a time zone; all wall clocks are JST. Every file is rebuilt whole and only grows until its
window moves on with the first row of a new day.
"""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from functools import lru_cache

from .chance import arrivals, draw, pick, spread
from .clock import DAY, HOUR, JST, jst, last_daily, last_hourly, midnight
from .site import ALL_SITES, HOURLY, Site, expected_per_h

FIVE_MINUTE_DAYS, CAMERA_DAYS, CAMERA_HOURLY_DAYS, HOURLY_DAYS = 3, 60, 7, 7
# When a file is rebuilt: the camera's day is counted at 0:40, an hour is in the lists some minutes after its end.
_DAY_COUNTED = (0, 40)
_CAMERA_MINUTE, _LIST_MINUTE = 12, 7

# The real counters are woken by a timer that runs a little fast: steps of 298 and 299 s, now and then one lost.
_TICK_S = 298.87
_LOST_TICKS = 0.006
_TICKS_FROM = datetime(2025, 1, 1, tzinfo=JST)

# Traps of the real camera files, by calendar so that they stay where they are while the file grows.
_STITCH_EVERY = 28  # days; the export is stitched: blank lines, then days that are already there
_STITCH_BLANKS, _STITCH_DAYS = 9, 3
_DARK_EVERY, _DARK_DAYS = 31, 2  # days; the camera is down and its count is 0

_CAMERA_HEADER = "placement,object class,aggregate from,aggregate to,total count"
_LIST_HEADER = "Date,Day_of_week,Hour,SensorID,SensorName,PedestrianCount"
_SENSORS_HEADER = "Sensor ID,Sensor Name,Sensor Description,Latitude,Longitude,Year Installed,SensorName"
# The real sensor list repeats rows; one is enough to catch a reader that trusts its key.
_REPEATED_SENSOR = HOURLY[1]


def five_minute_csv(seed: int, site: Site, instant: datetime) -> bytes:
    """``dt,n``: one row per tick, since the midnight two days before the last."""
    newest = _newest_tick(seed, site, instant)
    start = midnight(_tick_at(seed, site, newest)) - (FIVE_MINUTE_DAYS - 1) * DAY
    numbers = range(_newest_tick(seed, site, start) + 1, newest + 1)
    rows = (_tick_row(seed, site, n) for n in numbers if draw(seed, "lost", site.slug, n) >= _LOST_TICKS)
    return _csv("dt,n", rows)


def five_minute_changed_at(seed: int, site: Site, instant: datetime) -> datetime:
    """The last tick at or before ``instant``, lost or not."""
    return _tick_at(seed, site, _newest_tick(seed, site, instant))


def camera_daily_csv(seed: int, site: Site, instant: datetime) -> bytes:
    """One row per finished day of the last 60, with blank lines, repeated days and zero days as in the real export."""
    end = midnight(camera_daily_changed_at(instant))
    days = [(end - n * DAY).date() for n in range(CAMERA_DAYS, 0, -1)]
    return _csv(_CAMERA_HEADER, (row for day in days for row in _camera_days(seed, site, day)))


def camera_daily_changed_at(instant: datetime) -> datetime:
    """When the last finished day was counted."""
    return last_daily(instant, *_DAY_COUNTED)


def camera_hourly_csv(seed: int, site: Site, instant: datetime) -> bytes:
    """The same layout, one row per finished hour since the midnight six days ago."""
    hours = _hours(camera_hourly_changed_at(instant), CAMERA_HOURLY_DAYS)
    return _csv(_CAMERA_HEADER, (_camera_row(site, hour, HOUR, count_hour(seed, site, hour)) for hour in hours))


def camera_hourly_changed_at(instant: datetime) -> datetime:
    """When the last finished hour was counted."""
    return last_hourly(instant, _CAMERA_MINUTE)


def hourly_csv(seed: int, instant: datetime) -> bytes:
    """Long layout with numbers as floats: all listed sensors hour by hour, since the midnight six days ago."""
    hours = _hours(hourly_changed_at(instant), HOURLY_DAYS)
    return _csv(_LIST_HEADER, (_list_row(seed, site, hour) for hour in hours for site in HOURLY))


def hourly_changed_at(instant: datetime) -> datetime:
    """When the last finished hour entered the list."""
    return last_hourly(instant, _LIST_MINUTE)


def sensors_csv() -> bytes:
    """Number, code, Japanese and English name and position of every counter of the city; one row is repeated."""
    sites = (*ALL_SITES, _REPEATED_SENSOR)
    return _csv(
        _SENSORS_HEADER,
        (f"{s.number},{s.slug},{s.title},{s.lat},{s.lon},{2019 + s.number % 5},{s.title_en}" for s in sites),
    )


@lru_cache(maxsize=65536)
def count_hour(seed: int, site: Site, start: datetime) -> int:
    """Persons that passed in the hour from ``start``."""
    mean = expected_per_h(seed, site, start + HOUR / 2)
    return arrivals(mean, draw(seed, "hour", site.slug, int(start.timestamp())))


def is_dark(seed: int, site: Site, day: date) -> bool:
    """Whether the site's camera was down that day."""
    return (day.toordinal() + pick(seed, _DARK_EVERY, "dark", site.slug)) % _DARK_EVERY < _DARK_DAYS


def _camera_days(seed: int, site: Site, day: date) -> Iterable[str]:
    stitched = (day.toordinal() + pick(seed, _STITCH_EVERY, "stitch", site.slug)) % _STITCH_EVERY == 0
    if stitched:
        yield from [""] * _STITCH_BLANKS
        yield from (_day_row(seed, site, day - n * DAY) for n in range(_STITCH_DAYS, 0, -1))
    yield _day_row(seed, site, day)


def _day_row(seed: int, site: Site, day: date) -> str:
    start = jst(day)
    count = 0 if is_dark(seed, site, day) else sum(count_hour(seed, site, start + n * HOUR) for n in range(24))
    return _camera_row(site, start, DAY, count)


def _camera_row(site: Site, start: datetime, length: timedelta, count: int) -> str:
    return f"{site.slug},Person,{start:%Y-%m-%d %H:%M:%S},{start + length:%Y-%m-%d %H:%M:%S},{count}"


def _list_row(seed: int, site: Site, start: datetime) -> str:
    count = float(count_hour(seed, site, start))
    return f"{start:%d-%b-%Y},{start:%A},{start.hour},{float(site.number)},{site.title_en},{count}"


def _hours(counted: datetime, days: int) -> list[datetime]:
    """The starts of the finished hours in a file rebuilt at ``counted``."""
    end = counted.replace(minute=0)
    start = midnight(end) - (days - 1) * DAY
    return [start + n * HOUR for n in range(int((end - start) / HOUR))]


def _newest_tick(seed: int, site: Site, instant: datetime) -> int:
    """The number of the last tick at or before ``instant``."""
    number = int((instant - _TICKS_FROM).total_seconds() / _TICK_S)
    while _tick_at(seed, site, number) > instant:
        number -= 1
    return number


def _tick_at(seed: int, site: Site, number: int) -> datetime:
    phase = spread(seed, 0.0, _TICK_S, "phase", site.slug)
    return _TICKS_FROM + timedelta(seconds=int(phase + number * _TICK_S))


@lru_cache(maxsize=16384)
def _tick_row(seed: int, site: Site, number: int) -> str:
    at = _tick_at(seed, site, number)
    mean = expected_per_h(seed, site, at) * _TICK_S / 3600
    return f"{at:%Y-%m-%dT%H:%M:%S},{arrivals(mean, draw(seed, 'tick', site.slug, number))}"


def _csv(header: str, rows: Iterable[str]) -> bytes:
    return "\n".join([header, *rows, ""]).encode()
