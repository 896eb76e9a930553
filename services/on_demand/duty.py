"""A duty: one vehicle on one day, what it has done and what stands before it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta, tzinfo

from services.on_demand.config import Area, Van
from services.on_demand.dispatch import Route, Stop, Timetable, Travel, Vehicle, hold, set_off, stand
from services.on_demand.ride import Booking, RideState, request_of


@dataclass(frozen=True, slots=True)
class Duty:
    """Where the vehicle last was, since when it can leave, and the numbers of its stops, in order.

    `ready_at` is also set when the first stop changes: nobody drove towards a stop before it was planned.
    `heading` is the stop it is known to be on its way to, or to stand at (`arrived`).
    """

    vehicle: str
    day: date
    place: str
    ready_at: float
    stops: tuple[int, ...] = ()
    heading: int | None = None
    arrived: bool = False


def shift_of(van: Van, day: date, zone: tzinfo) -> tuple[float, float]:
    """When a van's duty of a day begins and ends."""
    midnight = datetime(day.year, day.month, day.day, tzinfo=zone)
    return (midnight + van.starts).timestamp(), (midnight + van.ends).timestamp()


def new_duty(van: Van, day: date, area: Area) -> Duty:
    """A duty on which nothing has been planned."""
    return Duty(van.id, day, van.home, shift_of(van, day, area.zone)[0])


def days_around(first: float, last: float, zone: tzinfo) -> Sequence[date]:
    """The days whose duties may run between two instants; a duty may go on after midnight."""
    begin = datetime.fromtimestamp(first, zone).date() - timedelta(days=1)
    end = datetime.fromtimestamp(last, zone).date()
    return [begin + timedelta(days=count) for count in range((end - begin).days + 1)]


def route_of(duty: Duty, area: Area, bookings: Mapping[int, Booking]) -> Route:
    """The duty as dispatch sees it, as it was last written down."""
    van = area.vans[duty.vehicle]
    vehicle = Vehicle(van.id, van.seats, van.wheelchairs, area.index[van.home], shift_of(van, duty.day, area.zone)[1])
    stops = tuple(_stop(number, area, bookings) for number in duty.stops)
    frozen = 0 if duty.heading is None else 1
    return Route(vehicle, area.index[duty.place], duty.ready_at, stops, frozen)


def _stop(number: int, area: Area, bookings: Mapping[int, Booking]) -> Stop:
    booking = bookings[number // 2]
    boarded_at = booking.boarded_at if booking.state is RideState.ABOARD else None
    return Stop(request_of(booking.number, booking.offer, area.index, boarded_at), number % 2 == 0)


def moved_on(plan: Timetable, travel: Travel, now: float) -> Timetable:
    """A plan as it goes on from `now`, which never goes back: what has to be under way is frozen."""
    route = set_off(plan, now)
    if not route.frozen:
        return stand(plan, route)
    # It cannot be there yet, nor be done there, since the driver would have told: what is left ends now or later.
    first = route.stops[0].visit if route.stops else None
    leg = 0.0 if first is None else travel[route.place][first.place]
    left = leg if first is None or leg > 0 else first.stay
    if route is plan.route and now <= route.ready_at + left:
        return plan
    return hold(replace(route, ready_at=max(route.ready_at, now - left)), travel)
