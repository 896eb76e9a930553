"""Time passes: legs that have begun are frozen, stops that have begun are done.

A vehicle waits where it is until it must leave to begin its next stop on time (wait first): as long as it stands, its
next leg can still change.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from services.on_demand.dispatch.model import Request, Route, Stop, Travel
from services.on_demand.dispatch.schedule import Timetable, time_route


@dataclass(frozen=True, slots=True)
class Done:
    """A stop that was served, and when it began."""

    stop: Stop
    at: float


def set_off(timetable: Timetable, now: float) -> Route:
    """The route at `now`: on its way to its first stop if it has to be by now, else free to leave from now on."""
    route = timetable.route
    if route.frozen:
        return route
    # Without stops it may stand until it must go home; then nothing can be put before that any more.
    leaves_at = timetable.arrivals[1] - timetable.legs[0] if route.stops else timetable.deadlines[0]
    if leaves_at > now:
        return route if now <= route.ready_at else replace(route, ready_at=now)
    departed_at = leaves_at if route.departed_at is None else route.departed_at
    return replace(route, ready_at=leaves_at, frozen=1, departed_at=departed_at)


def stand(timetable: Timetable, route: Route) -> Timetable:
    """The timetable of a route that `set_off` found still standing, without timing it anew.

    Standing longer costs nothing as long as the vehicle leaves on time: only where it stands, and an empty way home,
    come later.
    """
    if route is timetable.route or route.ready_at <= timetable.arrivals[0]:
        return timetable
    first, *rest = timetable.arrivals
    arrivals = [max(first, route.ready_at), *rest]
    if not route.stops:
        arrivals[1] = max(arrivals[1], arrivals[0] + timetable.legs[0])
    return replace(timetable, route=route, arrivals=arrivals)


def drive(timetable: Timetable, now: float, travel: Travel) -> tuple[Timetable, list[Done]]:
    """Drives a route as planned until `now`; returns what is left of it and the stops that were begun."""
    done: list[Done] = []
    while True:
        route = set_off(timetable, now)
        if route.frozen and route.stops and timetable.arrivals[1] <= now:
            done.append(Done(route.stops[0], timetable.arrivals[1]))
            route = _after_first_stop(route, timetable.arrivals[1])
        moved = time_route(route, travel)
        if moved is None:
            raise ValueError(f"vehicle {route.vehicle.id} cannot go on from {route.place} at {route.ready_at}")
        if len(moved.route.stops) == len(timetable.route.stops):
            return moved, done
        timetable = moved


def _after_first_stop(route: Route, began: float) -> Route:
    first, *rest = route.stops
    left = began + first.visit.stay
    if first.boards:
        rest = [Stop(aboard(stop.request, left), False) if stop.request is first.request else stop for stop in rest]
    return replace(route, place=first.visit.place, ready_at=left, stops=tuple(rest), frozen=0)


def aboard(request: Request, since: float) -> Request:
    """A request that has boarded: its longest ride has become an instant."""
    latest = min(request.drop_off.latest, since + request.max_ride)
    return replace(request, drop_off=replace(request.drop_off, latest=latest))
