"""What a driver tells, and a cancellation: how a duty and a booking go on from there. Pure."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum

from services.on_demand.duty import Duty
from services.on_demand.refusal import Reason, Refused
from services.on_demand.ride import Booking, RideState


class Told(StrEnum):
    """What a driver can tell of a stop."""

    ARRIVED = "arrived"
    BOARDED = "boarded"
    NO_SHOW = "no_show"
    ALIGHTED = "alighted"


_OUTCOME = {
    Told.BOARDED: RideState.ABOARD,
    Told.NO_SHOW: RideState.NO_SHOW,
    Told.ALIGHTED: RideState.FINISHED,
}
_AFTER = {  # states in which this was told already: a driver's phone without a signal tells things twice
    Told.BOARDED: (RideState.ABOARD, RideState.FINISHED),
    Told.NO_SHOW: (RideState.NO_SHOW,),
    Told.ALIGHTED: (RideState.FINISHED,),
}


def place_of(number: int, booking: Booking) -> str:
    """The meeting point of a stop."""
    return booking.offer.origin if number % 2 == 0 else booking.offer.destination


def was_told(told: Told, number: int, booking: Booking, duty: Duty) -> bool:
    """Whether this is known already."""
    if told is Told.ARRIVED:
        return number not in duty.stops or (duty.arrived and duty.heading == number)
    return booking.state in _AFTER[told]


def check(told: Told, number: int, booking: Booking, now: float) -> None:
    """Refused where this cannot be told of this stop."""
    boards = number % 2 == 0
    if (told is Told.ALIGHTED) == boards and told is not Told.ARRIVED:
        raise Refused(Reason.WRONG_EVENT, f"{told.value} cannot be told of stop {number}")
    if told is Told.NO_SHOW and now < booking.offer.pickup_from:
        raise Refused(Reason.TOO_EARLY_TO_LEAVE)


def after(told: Told, number: int, booking: Booking, duty: Duty, now: float) -> tuple[Booking, Duty]:
    """The booking and the duty once this has happened."""
    here = replace(duty, place=place_of(number, booking), ready_at=now, heading=number, arrived=True)
    if told is Told.ARRIVED:
        rest = tuple(one for one in duty.stops if one != number)
        return booking, replace(here, stops=(number, *rest))
    boarded_at = now if told is Told.BOARDED else booking.boarded_at
    ended_at = None if told is Told.BOARDED else now
    changed = replace(booking, state=_OUTCOME[told], boarded_at=boarded_at, ended_at=ended_at)
    gone = {number, number + 1} if told is Told.NO_SHOW else {number}
    stops = tuple(one for one in duty.stops if one not in gone)
    return changed, replace(here, stops=stops, heading=None, arrived=False)


def cancelled(booking: Booking, now: float) -> Booking:
    """The booking once it is cancelled. Refused where it is too late; no change where it was cancelled before."""
    if booking.state is not RideState.CONFIRMED:
        raise Refused(Reason.TOO_LATE_TO_CANCEL, f"the ride is {booking.state.value}")
    return replace(booking, state=RideState.CANCELLED, ended_at=now)


def without(duty: Duty, booking: Booking, reaches_first_at: float, now: float) -> Duty:
    """The duty without a booking. A leg that was begun is driven to its end, at `reaches_first_at`."""
    gone = {2 * booking.number, 2 * booking.number + 1}
    stops = tuple(one for one in duty.stops if one not in gone)
    if not duty.stops or duty.stops[0] not in gone:
        return replace(duty, stops=stops)
    rest = replace(duty, stops=stops, heading=None, arrived=False)
    if duty.heading is None:
        return replace(rest, ready_at=max(duty.ready_at, now))
    return replace(rest, place=place_of(duty.heading, booking), ready_at=max(now, reaches_first_at))
