"""Cheapest insertion: of all vehicles and all positions, the feasible one that adds the least driving.

Constant-time conditions, each necessary, leave few candidates; these are tested exactly, cheapest first. So the first
that passes is the answer that testing all of them would give.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop

from services.on_demand.dispatch.model import Request, Travel
from services.on_demand.dispatch.schedule import TOLERANCE, Timetable, time_route

Candidate = tuple[float, int, int, int]
"""(added driving, which timetable, board after so many stops, alight before the stop of this index)."""


@dataclass(frozen=True, slots=True)
class Insertion:
    """Where a request goes: the index of the timetable, what becomes of it, and the driving it adds."""

    index: int
    timetable: Timetable
    added: float


def cheapest_insertion(timetables: Sequence[Timetable], request: Request, travel: Travel) -> Insertion | None:
    """The cheapest place for a request; None where no vehicle can take it without breaking what it has."""
    candidates = [
        candidate
        for index, timetable in enumerate(timetables)
        if _fits(timetable, request)
        for candidate in _candidates(timetable, request, travel, index)
    ]
    heapify(candidates)
    while candidates:
        added, index, board_after, alight_before = heappop(candidates)
        route = timetables[index].route.with_request(request, board_after, alight_before)
        found = time_route(route, travel)
        if found is not None:
            return Insertion(index, found, added)
    return None


def _fits(timetable: Timetable, request: Request) -> bool:
    vehicle = timetable.route.vehicle
    return (
        request.seats <= vehicle.seats
        and request.wheelchairs <= vehicle.wheelchairs
        and timetable.arrivals[0] <= request.pickup.latest
        and timetable.deadlines[-1] >= request.drop_off.earliest
    )


def _candidates(timetable: Timetable, request: Request, travel: Travel, index: int) -> Iterator[Candidate]:
    """Boarding between two neighbours: both must still be reachable in time, whoever is aboard must leave room."""
    pickup, seats, wheelchairs = request.pickup, request.seats, request.wheelchairs
    arrivals, deadlines, stays, legs = timetable.arrivals, timetable.deadlines, timetable.stays, timetable.legs
    here = travel[pickup.place]
    done = pickup.earliest + pickup.stay - TOLERANCE
    # Deadlines rise along the route: before this index, what follows the boarding would come too late.
    first = max(timetable.route.frozen, bisect_left(deadlines, done, 1) - 1)
    for after in range(first, len(legs)):
        if arrivals[after] + stays[after] > pickup.latest + TOLERANCE:
            return
        if timetable.free_seats[after] < seats or timetable.free_wheelchairs[after] < wheelchairs:
            continue
        there = travel[timetable.places[after]][pickup.place]
        time = max(pickup.earliest, arrivals[after] + stays[after] + there)
        following = timetable.places[after + 1]
        if time > pickup.latest + TOLERANCE or time + pickup.stay + here[following] > deadlines[after + 1] + TOLERANCE:
            continue
        yield from _drop_offs(timetable, request, travel, (there, index, after, after), time)


def _drop_offs(
    timetable: Timetable, request: Request, travel: Travel, start: Candidate, time: float
) -> Iterator[Candidate]:
    """Alighting before each later stop, as long as the detour lets the stops between be reached in time."""
    there, index, after, _ = start
    drop, longest = request.drop_off, request.max_ride + TOLERANCE
    seats, wheelchairs = request.seats, request.wheelchairs
    places, stays, legs, arrivals, deadlines = (
        timetable.places, timetable.stays, timetable.legs, timetable.arrivals, timetable.deadlines,
    )  # fmt: skip
    onward, onto = travel[drop.place], request.pickup.place
    detour, ridden, stay = there - legs[after], 0.0, request.pickup.stay
    last_boarding = request.pickup.latest + request.pickup.stay
    for before in range(after + 1, len(places)):
        leg = travel[onto][drop.place]
        reached = max(drop.earliest, time + stay + leg)
        if reached > drop.latest + TOLERANCE or ridden + leg > longest or reached - last_boarding > longest:
            return  # later is worse still: driving times obey the triangle inequality
        following = places[before]
        if reached + drop.stay + onward[following] <= deadlines[before] + TOLERANCE:
            added = detour + leg + onward[following]
            yield (added if before == after + 1 else added - legs[before - 1], index, after, before - 1)
        if before == len(places) - 1:
            return
        leg = travel[onto][following]
        if before == after + 1:
            detour += leg
        time = max(arrivals[before], time + stay + leg)
        stay = stays[before]
        ridden += leg + stay
        no_room = timetable.free_seats[before] < seats or timetable.free_wheelchairs[before] < wheelchairs
        if no_room or time > deadlines[before] + TOLERANCE or ridden > longest:
            return
        onto = following
