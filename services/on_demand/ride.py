"""Rides: what is wished for, what is offered, what is booked. One type each; instants are seconds since 1970 UTC."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from services.on_demand.dispatch import Request, Stop, Visit
from services.on_demand.place import Position


@dataclass(frozen=True, slots=True)
class Party:
    """Who rides. A wheelchair user takes a wheelchair place, everybody else a seat."""

    adults: int
    children: int = 0
    wheelchairs: int = 0

    @property
    def seats(self) -> int:
        """Seats taken."""
        return self.adults + self.children


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody asks for. A place is the id of a meeting point, or a position, which is used and never kept.

    At most one of the instants is set; none means as soon as possible. `may_wait`: if nothing can be offered then, from
    the next time on that vehicles begin to run.
    """

    origin: str | Position
    destination: str | Position
    party: Party
    depart_after: float | None = None
    arrive_by: float | None = None
    contact: str | None = None
    may_wait: bool = False


@dataclass(frozen=True, slots=True)
class Offer:
    """What is promised once it is confirmed: picked up between two instants, dropped off by a third.

    Places are ids of meeting points; walks are metres to the first and from the last; `fare` is in yen.
    """

    origin: str
    destination: str
    party: Party
    pickup_from: float
    pickup_until: float
    drop_by: float
    max_ride_s: float
    stay_s: float
    fare: int
    walk_there_m: int
    walk_on_m: int


@dataclass(frozen=True, slots=True)
class Quote:
    """An offer that may be confirmed until it expires. It holds no seat."""

    id: str
    offer: Offer
    contact: str | None
    created_at: float
    expires_at: float


class RideState(StrEnum):
    """How far a booking (予約) has come."""

    CONFIRMED = "confirmed"
    ABOARD = "aboard"
    FINISHED = "finished"
    CANCELLED = "cancelled"
    NO_SHOW = "no_show"
    UNREPORTED = "unreported"  # its time passed long ago, and no driver has told what became of it


@dataclass(frozen=True, slots=True)
class Booking:
    """A confirmed ride (予約). `token` is what the rider holds; `number` counts bookings from 1."""

    number: int
    token: str
    quote_id: str
    key: str | None
    offer: Offer
    contact: str | None
    vehicle: str
    day: date
    state: RideState
    created_at: float
    boarded_at: float | None = None
    ended_at: float | None = None

    @property
    def open(self) -> bool:
        """Whether there is still something to be driven."""
        return self.state in (RideState.CONFIRMED, RideState.ABOARD)


def request_of(number: int, offer: Offer, places: Mapping[str, int], boarded_at: float | None = None) -> Request:
    """A booking as dispatch sees it: its windows are its promises."""
    drop_by = offer.drop_by if boarded_at is None else min(offer.drop_by, boarded_at + offer.max_ride_s)
    pickup = Visit(places[offer.origin], offer.pickup_from, offer.pickup_until, offer.stay_s)
    drop_off = Visit(places[offer.destination], offer.pickup_from, drop_by, offer.stay_s)
    return Request(number, pickup, drop_off, offer.max_ride_s, offer.party.seats, offer.party.wheelchairs)


def stop_number(stop: Stop) -> int:
    """A stop's number for its driver, the same for as long as it exists: its place in the order may change."""
    return 2 * stop.request.id + (0 if stop.boards else 1)
