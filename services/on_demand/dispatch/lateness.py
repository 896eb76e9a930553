"""When a promise can no longer be kept: what can still be done becomes the window, and nothing may make it worse."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import inf

from services.on_demand.dispatch.model import Request, Route, Stop, Travel
from services.on_demand.dispatch.schedule import Timetable, time_route


def hold(route: Route, travel: Travel) -> Timetable:
    """Times a route in any case. Where it runs late, windows are widened to what can still be done, and no further.

    ValueError where more are aboard than there is room: no delay explains that.
    """
    timetable = time_route(route, travel) or time_route(_widened(route, _soonest(route, travel)), travel)
    if timetable is None:
        raise ValueError(f"vehicle {route.vehicle.id} is planned for more people than it holds")
    return timetable


def _soonest(route: Route, travel: Travel) -> list[float]:
    """The beginning of each stop, and of the end, when nobody waits for anything but earliest times."""
    times = []
    time, place, stay = route.ready_at, route.place, 0.0
    for stop in route.stops:
        visit = stop.visit
        time = max(visit.earliest, time + stay + travel[place][visit.place])
        times.append(time)
        place, stay = visit.place, visit.stay
    return [*times, time + stay + travel[place][route.vehicle.last_place]]


def _widened(route: Route, times: list[float]) -> Route:
    at = {(stop.request.id, stop.boards): time for stop, time in zip(route.stops, times, strict=False)}
    stops = tuple(Stop(_widen(stop.request, at), stop.boards) for stop in route.stops)
    vehicle = replace(route.vehicle, until=max(route.vehicle.until, times[-1]), longest_duty=inf)
    return replace(route, stops=stops, vehicle=vehicle)


def _widen(request: Request, at: Mapping[tuple[int, bool], float]) -> Request:
    boarding, alighting = at.get((request.id, True)), at[request.id, False]
    pickup, drop_off = request.pickup, request.drop_off
    longest = request.max_ride
    if boarding is not None:
        longest = max(longest, alighting - boarding - pickup.stay)
        pickup = replace(pickup, latest=max(pickup.latest, boarding))
    drop_off = replace(drop_off, latest=max(drop_off.latest, alighting))
    return replace(request, pickup=pickup, drop_off=drop_off, max_ride=longest)
