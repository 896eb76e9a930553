"""The booking desk: quotes, confirmations, cancellations, and what drivers tell. One thread; the plan is in memory.

Every change is written first and becomes the plan only then, so that what was acknowledged is on disk and a restart
finds the plan as it was.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from services.on_demand import driving, search
from services.on_demand.config import Area, ConfigError
from services.on_demand.dispatch import Insertion, Request, Timetable, Travel, cheapest_insertion, hold
from services.on_demand.driving import Told
from services.on_demand.duty import Duty, days_around, moved_on, new_duty, route_of, shift_of
from services.on_demand.refusal import Reason, Refused
from services.on_demand.ride import Booking, Offer, Quote, RideState, Wish, request_of, stop_number
from services.on_demand.store import Change, Store

Key = tuple[str, date]
"""A duty's key: vehicle and day."""

_UNREPORTED_AFTER_S = 6 * 3600.0
_QUOTE_KEPT_S = 3600.0  # a late answer should be "expired", not "unknown"


@dataclass(frozen=True, slots=True)
class Now:
    """The city's time, seconds since 1970 UTC, and how many city seconds pass in a real one."""

    time: float
    speed: float = 1.0


@dataclass(frozen=True, slots=True)
class Ride:
    """A booking with when it is now planned to be picked up and dropped off; None for what is over.

    `late_s` is how much later than promised that is.
    """

    booking: Booking
    pickup_at: float | None = None
    drop_at: float | None = None
    late_s: float = 0.0


@dataclass(frozen=True, slots=True)
class PlannedStop:
    """A stop as its driver sees it."""

    number: int
    booking: Booking
    place: str
    at: float
    arrived: bool


@dataclass(frozen=True, slots=True)
class Seen:
    """A vehicle as anybody may see it: where it last stopped, its free seats, where it stops next (None: nowhere)."""

    vehicle: str
    place: str
    free_seats: int
    heading_for: str | None


class Desk:
    """All use cases over one area and one store. Methods raise Refused, StoreError."""

    def __init__(self, area: Area, store: Store, travel: Travel, now: Callable[[], Now]) -> None:
        """Takes up the plan where the store has it. `travel` is in seconds between the area's meeting points.

        ConfigError where the area no longer fits what was promised.
        """
        self._area, self._store, self._travel, self._now = area, store, travel, now
        self._bookings = {one.number: one for one in store.list_open()}
        self._duties: dict[Key, Duty] = {}
        self._last_number = store.last_number()
        self._take_up()
        self._shifts: dict[date, list[tuple[float, float, Key]]] = {}
        # The plan of each duty, when it was last looked at, and the duty it is the plan of.
        self._plans: dict[Key, tuple[Timetable, float, Duty]] = {}
        self._check_room()

    def _take_up(self) -> None:
        yesterday = self._date(self._now().time) - timedelta(days=1)
        self._duties = {(duty.vehicle, duty.day): duty for duty in self._store.list_duties(yesterday)}
        for booking in self._bookings.values():
            missing = {booking.offer.origin, booking.offer.destination} - self._area.points.keys()
            if missing or booking.vehicle not in self._area.vans:
                what = f"meeting point {missing.pop()}" if missing else f"vehicle {booking.vehicle}"
                raise ConfigError(f"{what} is not in the config, but ride {booking.number} was promised with it")
        self._duties = {key: duty for key, duty in self._duties.items() if duty.vehicle in self._area.vans}

    def _check_room(self) -> None:
        now = self._now().time
        try:
            for key in [key for key, duty in self._duties.items() if duty.stops]:
                self._plan(key, now)
        except ValueError as error:
            raise ConfigError(f"the config no longer fits what was promised: {error}") from error

    def take_roads(self, travel: Travel) -> None:
        """Takes up driving times as they are now: all plans are timed anew, from what was promised."""
        self._travel = travel
        self._plans.clear()

    # Riders

    def quote(self, wish: Wish) -> Quote:
        """The best that can be offered, good for some minutes. It holds no seat."""
        now = self._now()
        search.check_party(wish.party, self._area)
        search.check_time(wish, self._area, now.time)
        offer = self._find_offer_or_wait(wish, search.trips_of(wish, self._area), now.time)
        # Minutes of the reader's life, not of the city's: a sample city plays an hour in a minute.
        lifetime = 60.0 * self._area.rules.quote_minutes * max(1.0, now.speed)
        # Whoever confirms after the vehicle would have had to leave could not be picked up as promised.
        expires_at = min(now.time + lifetime, self._leaves_by(offer, now.time))
        quote = Quote(secrets.token_urlsafe(12), offer, wish.contact, now.time, expires_at)
        self._store.add_quote(quote)
        return quote

    def _leaves_by(self, offer: Offer, now: float) -> float:
        """When the vehicle of an offer must be on its way to the pick-up at the latest, as things stand now."""
        request = request_of(0, offer, self._area.index)
        keys = self._keys_for(request)
        found = self._insert(request, keys, now)
        if found is None:
            return now
        stop = next(n for n, one in enumerate(found.timetable.route.stops) if one.request is request)
        latest = found.timetable.deadlines[stop] + found.timetable.stays[stop]
        plan = self._plan(keys[found.index], now)
        # It would have left for what it has to do next, if that comes first.
        has_next = stop < len(plan.route.stops)
        return min(latest, plan.arrivals[stop + 1] - plan.legs[stop]) if has_next else latest

    def _find_offer_or_wait(self, wish: Wish, trips: Sequence[search.Trip], now: float) -> Offer:
        try:
            return self._find_offer(wish, trips, now)
        except Refused as refused:
            if not wish.may_wait or refused.reason not in (Reason.OUTSIDE_HOURS, Reason.NO_VEHICLE):
                raise
            begins = self._next_begin(now)
            if begins is None:
                raise
            return self._find_offer(replace(wish, depart_after=begins), trips, now)

    def _find_offer(self, wish: Wish, trips: Sequence[search.Trip], now: float) -> Offer:
        if not any(self._keys_for(self._request(wish, trips[0], wait_s, now)) for wait_s in search.stages(self._area)):
            raise Refused(Reason.OUTSIDE_HOURS, next_at=self._next_begin(search.asked_for(wish, now)))
        for wait_s in search.stages(self._area):
            offers = [offer for trip in trips for offer in self._offers(wish, trip, wait_s, now)]
            if offers:
                return min(offers, key=lambda one: one[0])[1]
        raise Refused(Reason.NO_VEHICLE)

    def _offers(self, wish: Wish, trip: search.Trip, wait_s: float, now: float) -> Iterator[tuple[float, Offer]]:
        """The best offer for one pair of meeting points, if any, after what it costs in driving and walking."""
        request = self._request(wish, trip, wait_s, now)
        found = self._insert(request, self._keys_for(request), now)
        if found is not None:
            times = found.timetable.time_of(request.id, True), found.timetable.time_of(request.id, False)
            yield found.added + trip.walking_s, search.offer_of(wish, trip, self._area, request, times)

    def _request(self, wish: Wish, trip: search.Trip, wait_s: float, now: float) -> Request:
        return search.request_for(wish, trip, self._area, self._travel, wait_s, now)

    def _keys_for(self, request: Request) -> list[Key]:
        return self._keys_between(request.pickup.earliest, request.pickup.latest)

    def confirm(self, quote_id: str, key: str | None) -> Booking:
        """Makes a quote a ride: on disk when this returns. The same key answers with the same ride."""
        if key is not None and (known := self._store.find_by_key(key)) is not None:
            if known.quote_id != quote_id:
                raise Refused(Reason.KEY_REUSED)
            return known
        quote, now = self._confirmable(quote_id), self._now().time
        number = self._last_number + 1
        request = request_of(number, quote.offer, self._area.index)
        keys = self._keys_for(request)
        found = self._insert(request, keys, now)
        if found is None:
            raise Refused(Reason.SEAT_GONE)
        vehicle, day = keys[found.index]
        booking = Booking(
            number, secrets.token_urlsafe(16), quote_id, key, quote.offer, quote.contact, vehicle, day,
            RideState.CONFIRMED, now,
        )  # fmt: skip
        duty = _with_plan(self._duty(keys[found.index]), found.timetable, now)
        self._store.add(Change("confirmed", now, booking, duty))
        self._last_number = number
        self._keep(booking, duty)
        return booking

    def _confirmable(self, quote_id: str) -> Quote:
        quote = self._store.find_quote(quote_id)
        if quote is None:
            taken = self._store.find_by_quote(quote_id) is not None
            raise Refused(Reason.QUOTE_TAKEN) if taken else Refused(Reason.NOT_FOUND, "there is no such quote")
        now = self._now().time
        if now > quote.offer.pickup_until:
            raise Refused(Reason.PICKUP_PASSED)
        if now > quote.expires_at:
            raise Refused(Reason.QUOTE_EXPIRED)
        return quote

    def ride(self, token: str) -> Ride:
        """A ride as it stands and is planned now."""
        booking = self._store.find_by_token(token)
        if booking is None:
            raise Refused(Reason.NOT_FOUND, "there is no such ride")
        if not booking.open:
            return Ride(booking)
        return _ride(booking, self._plan((booking.vehicle, booking.day), self._now().time))

    def cancel(self, token: str) -> Ride:
        """Cancels a ride; the same answer when it is asked again."""
        booking, now = self.ride(token).booking, self._now().time
        if booking.state is RideState.CANCELLED:
            return Ride(booking)
        changed = driving.cancelled(booking, now)
        self._end("cancelled", changed, now)
        return Ride(changed)

    # Drivers

    def stops(self, vehicle: str) -> list[PlannedStop]:
        """What a vehicle still has to do, duty by duty, in order."""
        if vehicle not in self._area.vans:
            raise Refused(Reason.NOT_FOUND, f"there is no vehicle {vehicle}")
        now = self._now().time
        keys = sorted(key for key, duty in self._duties.items() if key[0] == vehicle and duty.stops)
        return [stop for key in keys if self._begins(key) <= now + 86400 for stop in self._planned(key, now)]

    def _planned(self, key: Key, now: float) -> list[PlannedStop]:
        timetable, duty = self._plan(key, now), self._duties[key]
        planned = []
        for stop, at in zip(timetable.route.stops, timetable.arrivals[1:], strict=False):
            number, booking = stop_number(stop), self._bookings[stop.request.id]
            here = duty.arrived and duty.heading == number
            planned.append(PlannedStop(number, booking, driving.place_of(number, booking), at, here))
        return planned

    def tell(self, vehicle: str, number: int, told: Told) -> Booking:
        """Takes up what a driver tells of a stop. Telling it again changes nothing."""
        booking = self._store.find_by_number(number // 2)
        if booking is None or booking.vehicle != vehicle:
            raise Refused(Reason.NOT_FOUND, f"vehicle {vehicle} has no stop {number}")
        duty, now = self._duty((vehicle, booking.day)), self._now().time
        driving.check(told, number, booking, now)
        if driving.was_told(told, number, booking, duty):
            return booking
        if number not in self._first_stops(duty):
            raise Refused(Reason.WRONG_STOP)
        changed, duty = driving.after(told, number, booking, duty, now)
        self._store.alter(Change(told.value, now, changed, duty))
        self._keep(changed, duty)
        return changed

    def _first_stops(self, duty: Duty) -> list[int]:
        """The stop that comes first, and those after it at the same place: there the order is the driver's."""
        first: list[int] = []
        places = [driving.place_of(number, self._bookings[number // 2]) for number in duty.stops]
        for number, place in zip(duty.stops, places, strict=True):
            if place != places[0]:
                break
            first.append(number)
        return first

    # Everybody

    def seen(self) -> list[Seen]:
        """Every vehicle as the public may see it."""
        now = self._now().time
        return [self._seen(vehicle, now) for vehicle in self._area.vans]

    def _seen(self, vehicle: str, now: float) -> Seen:
        van = self._area.vans[vehicle]
        running = [key for key in self._keys_between(now, now) if key[0] == vehicle]
        if not running:
            return Seen(vehicle, van.home, van.seats, None)
        duty, timetable = self._duty(running[0]), self._plan(running[0], now)
        stops = timetable.route.stops
        # Only what it is driving to: a stop planned for later would tell when somebody wants to leave.
        heading_for = self._point(stops[0].visit.place) if stops and timetable.route.frozen else None
        return Seen(vehicle, duty.place, timetable.free_seats[0], heading_for)

    def counts(self) -> dict[str, int]:
        """How many rides are open, and how many of them will be later than promised."""
        now = self._now().time
        rides = [_ride(one, self._plan((one.vehicle, one.day), now)) for one in self._bookings.values()]
        return {"openRides": len(rides), "lateRides": sum(ride.late_s > 0 for ride in rides)}

    def tidy(self) -> int:
        """Ends what nobody reported, and deletes contacts whose time has come; returns how many were deleted."""
        now = self._now().time
        for booking in list(self._bookings.values()):
            if booking.offer.drop_by < now - _UNREPORTED_AFTER_S:
                self._end("unreported", replace(booking, state=RideState.UNREPORTED, ended_at=now), now)
        today = self._date(now)
        old = [key for key, duty in self._duties.items() if not duty.stops and key[1] < today - timedelta(days=1)]
        for key in old:
            del self._duties[key]
            self._plans.pop(key, None)
            self._shifts.pop(key[1], None)
        return self._store.forget(now - 86400.0 * self._area.rules.contact_days, now - _QUOTE_KEPT_S)

    # The plan

    def _end(self, kind: str, booking: Booking, now: float) -> None:
        key = booking.vehicle, booking.day
        plan = self._plan(key, now)
        duty = driving.without(_with_plan(self._duty(key), plan, now), booking, plan.arrivals[1], now)
        self._store.alter(Change(kind, now, booking, duty))
        self._keep(booking, duty)

    def _insert(self, request: Request, keys: Sequence[Key], now: float) -> Insertion | None:
        return cheapest_insertion([self._plan(key, now) for key in keys], request, self._travel)

    def _plan(self, key: Key, now: float) -> Timetable:
        duty = self._duty(key)
        plan, seen_at, seen = self._plans.get(key, (None, now, duty))
        # A city's clock can be set back; a plan that has moved on cannot.
        if plan is None or seen is not duty or now < seen_at:
            plan = hold(route_of(duty, self._area, self._bookings), self._travel)
        plan = moved_on(plan, self._travel, now)
        self._plans[key] = plan, now, duty
        return plan

    def _duty(self, key: Key) -> Duty:
        if key not in self._duties:
            self._duties[key] = new_duty(self._area.vans[key[0]], key[1], self._area)
        return self._duties[key]

    def _keep(self, booking: Booking, duty: Duty) -> None:
        self._duties[duty.vehicle, duty.day] = duty
        if booking.open:
            self._bookings[booking.number] = booking
        else:
            self._bookings.pop(booking.number, None)

    def _keys_between(self, first: float, last: float) -> list[Key]:
        """Duties that run at some time between two instants."""
        return [
            key
            for day in days_around(first, last, self._area.zone)
            for begins, ends, key in self._shifts_on(day)
            if begins <= last and first <= ends
        ]

    def _next_begin(self, after: float) -> float | None:
        """When the next vehicle begins its duty, within the days that can be booked."""
        until = after + 86400.0 * max(1, self._area.rules.days_ahead)
        days = days_around(after, until, self._area.zone)
        begins = [at for day in days for at, _, _ in self._shifts_on(day) if after < at <= until]
        return min(begins, default=None)

    def _shifts_on(self, day: date) -> list[tuple[float, float, Key]]:
        if day not in self._shifts:
            zone, vans = self._area.zone, self._area.vans.values()
            self._shifts[day] = [(*shift_of(van, day, zone), (van.id, day)) for van in vans]
        return self._shifts[day]

    def _begins(self, key: Key) -> float:
        return shift_of(self._area.vans[key[0]], key[1], self._area.zone)[0]

    def _date(self, instant: float) -> date:
        return datetime.fromtimestamp(instant, self._area.zone).date()

    def _point(self, place: int) -> str:
        return list(self._area.points)[place]


def _with_plan(duty: Duty, timetable: Timetable, now: float) -> Duty:
    """The duty with the stops of a timetable, and on its way where that is."""
    route = timetable.route
    stops = tuple(stop_number(stop) for stop in route.stops)
    heading = stops[0] if route.frozen and stops else None
    if heading is not None and heading == duty.heading:
        return replace(duty, stops=stops)
    first_is_new = stops[:1] != duty.stops[:1]
    ready_at = max(duty.ready_at, now) if first_is_new else route.ready_at if heading is not None else duty.ready_at
    return replace(duty, stops=stops, heading=heading, ready_at=ready_at)


def _ride(booking: Booking, plan: Timetable) -> Ride:
    at: Mapping[tuple[int, bool], float] = {
        (stop.request.id, stop.boards): time for stop, time in zip(plan.route.stops, plan.arrivals[1:], strict=False)
    }
    pickup_at, drop_at = at.get((booking.number, True)), at[booking.number, False]
    late_s = drop_at - booking.offer.drop_by
    if pickup_at is not None:
        late_s = max(late_s, pickup_at - booking.offer.pickup_until)
    return Ride(booking, pickup_at, drop_at, max(0.0, late_s))
