"""Whether a route can be driven, and when: the exact test of time windows, ride times, duty and capacity.

Serving a stop at the earliest possible moment is no valid test: boarding later may be what keeps a ride short.
Cordeau & Laporte (2003, Transportation Research B 37, 579-594) delay departures by their forward time slack in eight
steps. Every condition has the form t_a >= t_b + c, so we raise all times from below to the least ones that satisfy
them all: the same answer, exact because the least solution exists if any does, and lowering from above gives each
stop's latest possible time, which is what makes insertion fast.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import inf

from services.on_demand.dispatch.model import Route, Stop, Travel

TOLERANCE = 1e-6
"""Sums of the same legs in another order differ by rounding; this is far below anything that matters."""

Ride = tuple[int, int, float]
"""(index where it begins, index where it ends, longest time between leaving the one and beginning the other)."""


@dataclass(frozen=True, slots=True)
class Timetable:
    """A route that can be driven. Index 0 is where it stands, the last index the end of the duty, stops between.

    `arrivals` are the least possible beginnings, `deadlines` the latest possible ones (each alone is a valid
    schedule); `free_seats` and `free_wheelchairs` hold after leaving each index.
    """

    route: Route
    places: list[int]
    stays: list[float]
    legs: list[float]
    arrivals: list[float]
    deadlines: list[float]
    free_seats: list[int]
    free_wheelchairs: list[int]

    @property
    def driving(self) -> float:
        """Driving time from here to the end of the duty."""
        return sum(self.legs)

    def time_of(self, request_id: int, boards: bool) -> float:
        """When this request is planned to board or alight. KeyError where the route does not serve it."""
        for index, stop in enumerate(self.route.stops, 1):
            if stop.request.id == request_id and stop.boards == boards:
                return self.arrivals[index]
        raise KeyError(request_id)


def time_route(route: Route, travel: Travel) -> Timetable | None:
    """The timetable of a route; None where no schedule keeps every window, ride, duty and seat."""
    free_seats = _room(route, route.vehicle.seats, [stop.request.seats for stop in route.stops])
    free_wheelchairs = _room(route, route.vehicle.wheelchairs, [stop.request.wheelchairs for stop in route.stops])
    if min(free_seats) < 0 or min(free_wheelchairs) < 0:
        return None
    stops, vehicle = route.stops, route.vehicle
    visits = [stop.visit for stop in stops]
    places = [route.place, *(visit.place for visit in visits), vehicle.last_place]
    stays = [0.0, *(visit.stay for visit in visits), 0.0]
    legs = [travel[a][b] for a, b in pairwise(places)]
    latest = [inf, *(visit.latest for visit in visits), _home_by(route)]
    spans = [stay + leg for stay, leg in zip(stays, legs, strict=False)]
    rides = _rides(route, stays)
    arrivals = _least([route.ready_at, *(visit.earliest for visit in visits), -inf], latest, spans, rides, stays)
    if arrivals is None:
        return None
    deadlines = _greatest(latest, spans, rides, stays)
    return Timetable(route, places, stays, legs, arrivals, deadlines, free_seats, free_wheelchairs)


def _room(route: Route, capacity: int, sizes: list[int]) -> list[int]:
    boarding = {stop.request.id for stop in route.stops if stop.boards}
    room = capacity - sum(
        size for stop, size in zip(route.stops, sizes, strict=True) if stop.request.id not in boarding
    )
    rooms = [room]
    for stop, size in zip(route.stops, sizes, strict=True):
        room += -size if stop.boards else size
        rooms.append(room)
    return rooms


def _home_by(route: Route) -> float:
    vehicle = route.vehicle
    return vehicle.until if route.departed_at is None else min(vehicle.until, route.departed_at + vehicle.longest_duty)


def _rides(route: Route, stays: list[float]) -> list[Ride]:
    """Rides that both begin and end on the route; the last stops first. A duty not yet begun counts as one."""
    ends = {_key(stop): index for index, stop in enumerate(route.stops, 1)}
    rides = [
        (index, ends[stop.request.id, False], stop.request.max_ride)
        for index, stop in enumerate(route.stops, 1)
        if stop.boards
    ]
    if route.departed_at is None and route.vehicle.longest_duty < inf:
        rides.insert(0, (0, len(stays) - 1, route.vehicle.longest_duty))
    rides.reverse()
    return rides


def _key(stop: Stop) -> tuple[int, bool]:
    return stop.request.id, stop.boards


def _least(
    times: list[float], latest: list[float], spans: list[float], rides: list[Ride], stays: list[float]
) -> list[float] | None:
    """Raises `times` to the least solution; None where there is none."""
    # A longest chain of conditions uses each ride at most once, and a sweep follows everything between two rides.
    for _ in range(len(rides) + 2):
        time = times[0]
        for index, span in enumerate(spans, 1):
            time += span
            if time < times[index]:
                time = times[index]
            else:
                times[index] = time
            if time > latest[index] + TOLERANCE:
                return None
        if not _shorten_rides(times, rides, stays):
            return times
    return None


def _shorten_rides(times: list[float], rides: list[Ride], stays: list[float]) -> bool:
    """Lets rides that take too long begin later; whether there were any."""
    changed = False
    for start, end, longest in rides:
        begin = times[end] - longest - stays[start]
        if begin > times[start] + TOLERANCE:
            times[start] = begin
            changed = True
    return changed


def _greatest(latest: list[float], spans: list[float], rides: list[Ride], stays: list[float]) -> list[float]:
    """Lowers the latest times to the greatest solution, which exists because the least one does."""
    times = latest.copy()
    for _ in range(len(rides) + 2):
        for index in range(len(spans) - 1, -1, -1):
            times[index] = min(times[index], times[index + 1] - spans[index])
        changed = False
        for start, end, longest in rides:
            finish = times[start] + stays[start] + longest
            if finish < times[end] - TOLERANCE:
                times[end] = finish
                changed = True
        if not changed:
            break
    return times
