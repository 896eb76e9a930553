"""How the buses really run on a service day: late in the rush and later in the snow, cut short at no stop, some not.

Each duty (block) is played from its first trip on: what a trip loses it hands to the next, less what the terminus
makes good. Times are seconds of the service day.
"""

from bisect import bisect_right
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from itertools import pairwise

from .chance import draw, pick
from .city import Point
from .clock import HOUR, jst
from .measure import between, heading_deg
from .timetable import Trip, trips_on
from .weather import snowfall_24h_cm, snowfall_cm

MOST_LATE_S = 40 * 60
# Seconds lost per second of timetable: always, in the rush, per cm of new snow in 24 h and in the hour itself.
_DRAG, _RUSH_DRAG, _DAY_DRAG_PER_CM, _HOUR_DRAG_PER_CM = 0.04, 0.08, 0.009, 0.05
_SLACK = 0.08  # what the timetable gives back
_RUSH_HOURS = (7, 8, 17, 18)
# At a terminus a bus needs this long. Where it would leave later than the limit, a relief bus takes over its duty.
_TURNAROUND_S, _RELIEVED_FROM_S = 120, 420
_STARTS_LATE_S = 35  # at most, for no reason but the last passenger
DWELL_S = 15
# New snow in 24 h at noon from which the hill lines lose a trip: the road is kept free for the plough.
_CANCELLING_CM, _CANCELLED_LINES, _CANCELLED_HOURS = 15.0, ("1070", "1080"), (10, 20)
_UNEQUIPPED = 0.06  # share of trips whose bus has no working radio
_FLEET, _FIRST_VEHICLE = 40, 201  # more than there are duties; relief buses have the numbers after


@dataclass(frozen=True, slots=True)
class Run:
    """A trip on a service day; ``passes`` tells when it leaves each pole, or arrives at the last."""

    trip: Trip
    day: date
    vehicle: int
    equipped: bool
    cancelled: bool
    passes: tuple[int, ...]

    def late_s(self, n: int) -> int:
        """How late it passes its pole number ``n``, counted from 0."""
        return self.passes[n] - 60 * self.trip.minutes[n]


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """Where a bus is: ``next_pole`` is the pole it stands at or drives to, counted from 0."""

    point: Point
    heading: float
    speed_m_s: float
    next_pole: int
    stopped: bool


@lru_cache(maxsize=4)
def runs_on(seed: int, day: date) -> tuple[Run, ...]:
    """All runs of a service day, by duty and departure."""
    trips = trips_on(seed, day)
    cancelled = _cancelled(seed, day, trips)
    duties: dict[str, list[Trip]] = {}
    for trip in trips:
        duties.setdefault(trip.block, []).append(trip)
    drag = _drag(seed, day)
    runs: list[Run] = []
    for number, duty in enumerate(duties.values()):
        vehicle = _FIRST_VEHICLE + (number + 5 * day.toordinal()) % _FLEET
        runs += _played(seed, day, duty, vehicle, drag, cancelled)
    return tuple(runs)


def locate_bus(run: Run, second: float) -> Whereabouts:
    """Where a bus is at a second between its departure and its arrival; before and after it stands at the terminus."""
    pattern, passes = run.trip.pattern, run.passes
    following = bisect_right(passes, second)
    if following in (0, len(passes)) or passes[following] - DWELL_S <= second:
        stop = min(following, len(passes) - 1)
        n = pattern.at[stop]
        return Whereabouts(pattern.shape[n], _heading(pattern.shape, min(n, len(pattern.shape) - 2)), 0.0, stop, True)
    left, begins, ends = passes[following - 1], *(pattern.metres[pattern.at[n]] for n in (following - 1, following))
    driving = passes[following] - DWELL_S - left
    metre = begins + (ends - begins) * (second - left) / driving
    n = bisect_right(pattern.metres, metre) - 1
    share = (metre - pattern.metres[n]) / (pattern.metres[n + 1] - pattern.metres[n])
    point = between(pattern.shape[n], pattern.shape[n + 1], share)
    return Whereabouts(point, _heading(pattern.shape, n), (ends - begins) / driving, following, False)


def _played(
    seed: int, day: date, duty: list[Trip], vehicle: int, drag: tuple[float, ...], cancelled: set[str]
) -> list[Run]:
    runs: list[Run] = []
    free_at, late = 0, 0
    for trip in duty:
        departure = 60 * trip.minutes[0]
        handed_on = max(0, late - max(0, departure - free_at - _TURNAROUND_S))
        if handed_on > _RELIEVED_FROM_S:
            vehicle, handed_on = vehicle + _FLEET, 0
        dropped = trip.id in cancelled
        start = 0.0 if dropped else handed_on + _STARTS_LATE_S * draw(seed, "start", day, trip.id)
        passes = _passes(seed, day, trip, start, drag)
        equipped = draw(seed, "radio", day, trip.id) >= _UNEQUIPPED
        runs.append(Run(trip, day, vehicle, equipped, dropped, passes))
        free_at = 60 * trip.minutes[-1]
        late = 0 if dropped else passes[-1] - free_at
    return runs


def _passes(seed: int, day: date, trip: Trip, late: float, drag: tuple[float, ...]) -> tuple[int, ...]:
    minutes = trip.minutes
    passes = [round(60 * minutes[0] + late)]
    for n, (before, after) in enumerate(pairwise(minutes)):
        leg = 60 * (after - before)
        lost = leg * (drag[before // 60] * (0.3 + 1.4 * draw(seed, "leg", day, trip.id, n)) - _SLACK)
        late = min(max(late + lost, 0.0), MOST_LATE_S)
        passes.append(round(60 * after + late))
    return tuple(passes)


def _drag(seed: int, day: date) -> tuple[float, ...]:
    """Seconds lost per second of timetable, by hour of the service day."""
    hours = (jst(day) + n * HOUR for n in range(30))
    return tuple(
        _DRAG
        + _RUSH_DRAG * (hour.hour in _RUSH_HOURS)
        + _DAY_DRAG_PER_CM * snowfall_24h_cm(seed, hour)
        + _HOUR_DRAG_PER_CM * snowfall_cm(seed, hour)
        for hour in hours
    )


def _cancelled(seed: int, day: date, trips: tuple[Trip, ...]) -> set[str]:
    if snowfall_24h_cm(seed, jst(day, 12)) < _CANCELLING_CM:
        return set()
    first, last = (60 * hour for hour in _CANCELLED_HOURS)
    lost = set[str]()
    for route_id in _CANCELLED_LINES:
        able = [t.id for t in trips if t.pattern.line.route_id == route_id and first <= t.minutes[0] < last]
        lost.add(able[pick(seed, len(able), "cancelled", route_id, day)])
    return lost


def _heading(shape: tuple[Point, ...], n: int) -> float:
    return round(heading_deg(shape[n], shape[n + 1]), 1)
