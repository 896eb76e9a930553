"""From a wish to what dispatch can look for, and from what it found to an offer. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil, floor, inf

from services.on_demand.config import Area
from services.on_demand.dispatch import Request, Travel, Visit
from services.on_demand.place import Position, Walk, nearest
from services.on_demand.refusal import Reason, Refused
from services.on_demand.ride import Offer, Party, Wish

WALKING_M_S = 1.0  # on snow, with a bag: slower than the 1.2 to 1.4 of route planners
_STAGES_MIN = (15, 30)  # how long the wait may be, tried one after the other before the longest


@dataclass(frozen=True, slots=True)
class Trip:
    """One way to grant a wish: from one meeting point to another."""

    origin: Walk
    destination: Walk

    @property
    def walking_s(self) -> float:
        """Time spent walking."""
        return (self.origin.metres + self.destination.metres) / WALKING_M_S


def trips_of(wish: Wish, area: Area) -> list[Trip]:
    """Every pair of meeting points that would do. Refused where there is none."""
    origins, destinations = _walks(wish.origin, area), _walks(wish.destination, area)
    trips = [Trip(one, other) for one in origins for other in destinations if one.point != other.point]
    if not trips:
        raise Refused(Reason.SAME_PLACE)
    return trips


def _walks(place: str | Position, area: Area) -> list[Walk]:
    if isinstance(place, str):
        point = area.points.get(place)
        if point is None or point.closed:
            raise Refused(Reason.UNKNOWN_POINT, f"{place} is no meeting point in service")
        return [Walk(point, 0.0)]
    if not area.covers(place):
        raise Refused(Reason.OUTSIDE_AREA)
    walks = nearest(list(area.points.values()), place, area.rules.nearest, area.roads.detour)
    near = [walk for walk in walks if walk.metres <= area.rules.walk_limit_m]
    if not near:
        raise Refused(Reason.TOO_FAR_TO_WALK, f"the nearest meeting point is {round(walks[0].metres)} m away")
    return near


def check_party(party: Party, area: Area) -> None:
    """Refused where no vehicle of the service could ever take it."""
    vans = area.vans.values()
    if not any(party.seats <= van.seats and party.wheelchairs <= van.wheelchairs for van in vans):
        raise Refused(Reason.PARTY_TOO_LARGE)


def check_time(wish: Wish, area: Area, now: float) -> None:
    """Refused where the wish is for the past, or for a day that cannot be booked yet."""
    asked = wish.depart_after if wish.arrive_by is None else wish.arrive_by
    if asked is None:
        return
    if asked < now - 60:  # whoever asks for "now" has a clock of his own
        raise Refused(Reason.IN_THE_PAST)
    if asked > now + area.rules.days_ahead * 86400:
        raise Refused(Reason.TOO_FAR_AHEAD)


def asked_for(wish: Wish, now: float) -> float:
    """The instant a wish is about; now where it names none."""
    asked = wish.depart_after if wish.arrive_by is None else wish.arrive_by
    return now if asked is None else max(now, asked)


def stages(area: Area) -> Iterator[float]:
    """How long the wait may be, seconds: the shortest that can be served is the best answer."""
    longest = area.rules.longest_wait_minutes
    yield from (60.0 * minutes for minutes in (*_STAGES_MIN, longest) if minutes <= longest)


def request_for(wish: Wish, trip: Trip, area: Area, travel: Travel, wait_s: float, now: float) -> Request:
    """What dispatch has to fit in: a vehicle that comes no more than `wait_s` from the best moment."""
    origin, destination = area.index[trip.origin.point.id], area.index[trip.destination.point.id]
    direct, stay = travel[origin][destination], stay_s(wish.party, area)
    longest = area.rules.ride_factor * direct + 60.0 * area.rules.ride_extra_minutes
    if wish.arrive_by is None:
        begin = max(now, wish.depart_after or now) + trip.origin.metres / WALKING_M_S
        end = drop_by = inf
    else:
        drop_by = wish.arrive_by - trip.destination.metres / WALKING_M_S
        end = drop_by - direct - stay
        begin = max(now + trip.origin.metres / WALKING_M_S, end - wait_s)
    begin = 60.0 * ceil(begin / 60)
    pickup = Visit(origin, begin, min(end, begin + wait_s), stay)
    drop_off = Visit(destination, begin, drop_by, stay)
    return Request(0, pickup, drop_off, longest, wish.party.seats, wish.party.wheelchairs)


def stay_s(party: Party, area: Area) -> float:
    """How long boarding or alighting takes."""
    return float(area.rules.wheelchair_seconds if party.wheelchairs else area.rules.boarding_seconds)


def offer_of(wish: Wish, trip: Trip, area: Area, request: Request, times: tuple[float, float]) -> Offer:
    """What can be promised around the times that dispatch found for boarding and alighting.

    Whole minutes, rounded away from the plan, so that what was found keeps its promise.
    """
    boards, alights = times
    rules, party = area.rules, wish.party
    pickup_from = 60.0 * floor(boards / 60)
    return Offer(
        origin=trip.origin.point.id,
        destination=trip.destination.point.id,
        party=party,
        pickup_from=pickup_from,
        pickup_until=pickup_from + 60.0 * rules.pickup_window_minutes,
        drop_by=min(60.0 * (ceil(alights / 60) + rules.drop_off_slack_minutes), request.drop_off.latest),
        max_ride_s=request.max_ride,
        stay_s=request.pickup.stay,
        fare=fare_of(party, area),
        walk_there_m=round(trip.origin.metres),
        walk_on_m=round(trip.destination.metres),
    )


def fare_of(party: Party, area: Area) -> int:
    """Yen for the whole party."""
    fares = area.fares
    total = party.adults * fares.adult + party.children * fares.child + party.wheelchairs * fares.wheelchair
    return int(total)
