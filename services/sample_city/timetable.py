"""The bus timetable: which trips run on a service day, when, and by which vehicle's duty (block) one after another.

Times are minutes of the service day, which ends in the small hours of the next: 25:10 is ten past one.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache

from .clock import HOUR, JST, jst
from .holiday import is_holiday_service
from .line import LINES, Headways, Line, Pattern, list_patterns

WEEKDAY, HOLIDAY = "平日", "土日祝"
SERVICES = (WEEKDAY, HOLIDAY)
# A service day's last bus has come home, its first has not left: a new timetable is published and in force.
_CHANGES_AT_HOUR = 4
# When a timetable begins each year: the name it bears and whether it allows for snow.
_CHANGES = ((1, 16, "冬ダイヤ", True), (4, 1, "夏ダイヤ", False), (10, 1, "秋ダイヤ", False))
_METRES_PER_MINUTE, _SNOW_METRES_PER_MINUTE = 285.0, 255.0  # 17 and 15 km/h, stops included
_RUSH = ((7 * 60, 9 * 60), (16 * 60 + 30, 19 * 60))
_BACK_AFTER = 7  # the first bus back leaves this much after the first outward
_LAYOVER, _EMPTY_RETURN = 4, 20  # minutes at a terminus at least; of the night bus back without passengers


@dataclass(frozen=True, slots=True)
class Edition:
    """One version of the timetable and of the feed."""

    name: str
    starts_on: date
    ends_on: date
    snowy: bool

    @property
    def published_at(self) -> datetime:
        """When its feed takes the place of the one before."""
        return jst(self.starts_on, _CHANGES_AT_HOUR)

    @property
    def version(self) -> str:
        """What the feed calls itself."""
        return f"{self.starts_on:%Y%m%d}_{self.name}"


@dataclass(frozen=True, slots=True)
class Trip:
    """A trip (便): a pattern with the minute at each of its poles."""

    id: str
    pattern: Pattern
    service: str
    block: str
    minutes: tuple[int, ...]


def edition_of(day: date) -> Edition:
    """The timetable in force on a service day."""
    starts = ((date(year, m, d), name, snowy) for year in (day.year - 1, day.year) for m, d, name, snowy in _CHANGES)
    starts_on, name, snowy = max(start for start in starts if start[0] <= day)
    ends_on = (
        date(starts_on.year, 9, 30) if starts_on.month == 4 else date(starts_on.year + (starts_on.month == 10), 3, 31)
    )
    return Edition(name, starts_on, ends_on, snowy)


def edition_at(instant: datetime) -> Edition:
    """The timetable whose feed is published at ``instant``."""
    return edition_of((instant.astimezone(JST) - _CHANGES_AT_HOUR * HOUR).date())


def service_of(day: date) -> str:
    """Which service runs on a service day."""
    return HOLIDAY if is_holiday_service(day) else WEEKDAY


def trips_on(seed: int, day: date) -> tuple[Trip, ...]:
    """The trips of a service day."""
    service = service_of(day)
    return tuple(trip for trip in list_trips(seed, edition_of(day).snowy) if trip.service == service)


@lru_cache(maxsize=4)
def list_trips(seed: int, snowy: bool) -> tuple[Trip, ...]:
    """All trips of an edition, by service, line and departure."""
    return tuple(trip for service in SERVICES for line in LINES for trip in _duties(seed, line, service, snowy))


def moment(day: date, minutes: float) -> datetime:
    """The instant of a minute of a service day."""
    return jst(day) + timedelta(minutes=minutes)


def _duties(seed: int, line: Line, service: str, snowy: bool) -> Iterator[Trip]:
    """The trips of a line by departure, each given to the vehicle that came to the terminus last, or to one more."""
    waiting: list[tuple[int, tuple[int, int], int]] = []  # free from, where, number of the duty
    duties = 0
    for departure, pattern in _departures(seed, line, service):
        minutes = _minutes(pattern, departure, snowy)
        start, end = pattern.poles[0].spot, pattern.poles[-1].spot
        fit = max((w for w in waiting if w[0] <= departure and w[1] == start), default=None)
        if fit is None:
            duties += 1
        else:
            waiting.remove(fit)
        duty = duties if fit is None else fit[2]
        free = (minutes[-1] + _EMPTY_RETURN, start, duty) if line.night else (minutes[-1] + _LAYOVER, end, duty)
        waiting.append(free)
        name = f"{service}_{departure // 60:02}時{departure % 60:02}分_系統{pattern.id}"
        yield Trip(name, pattern, service, f"{service}_{line.route_id}-{duty:02}", minutes)


def _departures(seed: int, line: Line, service: str) -> list[tuple[int, Pattern]]:
    headways = line.weekday if service == WEEKDAY else line.holiday
    if headways is None:
        return []
    patterns = [pattern for pattern in list_patterns(seed) if pattern.line == line]
    found = [
        (minute, pattern) for pattern in patterns for minute in _slots(headways, 0 if pattern.outward else _BACK_AFTER)
    ]
    return sorted(found, key=lambda departure: (departure[0], departure[1].id))


def _slots(headways: Headways, later: int) -> Iterator[int]:
    minute = headways.first + later
    while minute <= headways.last + later:
        yield minute
        rush = any(begins <= minute < ends for begins, ends in _RUSH)
        minute += headways.rush if rush else headways.quiet


def _minutes(pattern: Pattern, departure: int, snowy: bool) -> tuple[int, ...]:
    """Whole minutes, as timetables print them, at least one from stop to stop."""
    pace = _SNOW_METRES_PER_MINUTE if snowy else _METRES_PER_MINUTE
    minutes = [departure]
    for n in pattern.at[1:]:
        minutes.append(max(minutes[-1] + 1, departure + round(pattern.metres[n] / pace)))
    return tuple(minutes)
