"""Judges plans by the definitions alone: nothing here is shared with how plans are made, but the words for them.

`check_times` takes what happened, stop by stop, and names every rule it breaks. `schedule_exists` answers whether any
schedule could keep the rules, by longest paths over explicit conditions (Bellman-Ford), which is slow and plain.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import inf

from services.on_demand.dispatch import Request, Route, Travel

SLACK = 1e-5


@dataclass(frozen=True)
class Served:
    """A stop as driven: when it began."""

    request: Request
    boards: bool
    began: float


@dataclass(frozen=True)
class Driven:
    """All a vehicle did on a duty: left `home` at `left_at`, back at `back_at`."""

    seats: int
    wheelchairs: int
    home: int
    left_at: float
    back_at: float
    stops: tuple[Served, ...]
    until: float = inf
    longest_duty: float = inf


def check_times(driven: Driven, travel: Travel) -> list[str]:
    """Every rule that a driven route breaks, in words; [] for a good one."""
    broken = [*_windows(driven), *_rides(driven), *_driving(driven, travel)]
    broken += [*_room(driven, "seats", driven.seats), *_room(driven, "wheelchairs", driven.wheelchairs)]
    if driven.back_at > driven.until + SLACK:
        broken.append(f"back at {driven.back_at}, after {driven.until}")
    if driven.back_at - driven.left_at > driven.longest_duty + SLACK:
        broken.append(f"on duty for {driven.back_at - driven.left_at}")
    return broken


def _visit(stop: Served) -> tuple[int, float, float, float]:
    visit = stop.request.pickup if stop.boards else stop.request.drop_off
    return visit.place, visit.earliest, visit.latest, visit.stay


def _windows(driven: Driven) -> Iterator[str]:
    for stop in driven.stops:
        _, earliest, latest, _ = _visit(stop)
        if not earliest - SLACK <= stop.began <= latest + SLACK:
            yield f"request {stop.request.id} at {stop.began}, outside {earliest} to {latest}"


def _rides(driven: Driven) -> Iterator[str]:
    boarded: dict[int, float] = {}
    for stop in driven.stops:
        name = stop.request.id
        if stop.boards:
            if name in boarded:
                yield f"request {name} boards twice"
            boarded[name] = stop.began + stop.request.pickup.stay
        elif name not in boarded:
            yield f"request {name} alights without having boarded"
        elif stop.began - boarded.pop(name) > stop.request.max_ride + SLACK:
            yield f"request {name} rides for longer than {stop.request.max_ride}"
    yield from (f"request {name} never alights" for name in boarded)


def _driving(driven: Driven, travel: Travel) -> Iterator[str]:
    free_at, place = driven.left_at, driven.home
    for stop in driven.stops:
        there, _, _, stay = _visit(stop)
        if free_at + travel[place][there] > stop.began + SLACK:
            yield f"request {stop.request.id} begins at {stop.began}, before the vehicle can be there"
        free_at, place = stop.began + stay, there
    if free_at + travel[place][driven.home] > driven.back_at + SLACK:
        yield f"home at {driven.back_at}, before the vehicle can be there"


def _room(driven: Driven, kind: str, capacity: int) -> Iterator[str]:
    load = 0
    for stop in driven.stops:
        size = getattr(stop.request, kind)
        load += size if stop.boards else -size
        if load > capacity:
            yield f"{load} {kind} taken of {capacity}"


def schedule_exists(route: Route, travel: Travel) -> bool:
    """Whether a route not yet begun can be driven at all. Capacity included."""
    if _overloaded(route):
        return False
    edges = list(_conditions(route, travel))
    nodes = len(route.stops) + 3  # the origin of time, where it stands, the stops, the end
    times = [0.0, *([-inf] * (nodes - 1))]
    for _ in range(nodes + 1):
        changed = False
        for before, after, gap in edges:
            if times[before] + gap > times[after] + SLACK / 10:
                times[after] = times[before] + gap
                changed = True
        if not changed:
            return True
    return False


def _overloaded(route: Route) -> bool:
    boarding = {stop.request.id for stop in route.stops if stop.boards}
    already = {stop.request.id: stop.request for stop in route.stops if stop.request.id not in boarding}
    seats = sum(request.seats for request in already.values())
    chairs = sum(request.wheelchairs for request in already.values())
    most = [(seats, chairs)]
    for stop in route.stops:
        sign = 1 if stop.boards else -1
        seats, chairs = seats + sign * stop.request.seats, chairs + sign * stop.request.wheelchairs
        most.append((seats, chairs))
    return max(m[0] for m in most) > route.vehicle.seats or max(m[1] for m in most) > route.vehicle.wheelchairs


def _conditions(route: Route, travel: Travel) -> Iterator[tuple[int, int, float]]:
    """(a, b, gap): time of b >= time of a + gap. Node 0 is the instant zero, node 1 where the vehicle stands."""
    places, stays = [route.place], [0.0]
    yield 0, 1, route.ready_at
    position: dict[tuple[int, bool], int] = {}
    for node, stop in enumerate(route.stops, 2):
        visit = stop.visit
        position[stop.request.id, stop.boards] = node
        yield 0, node, visit.earliest
        if visit.latest < inf:
            yield node, 0, -visit.latest
        places.append(visit.place)
        stays.append(visit.stay)
    end = len(route.stops) + 2
    places.append(route.vehicle.last_place)
    for node, (a, b) in enumerate(pairwise(places), 1):
        yield node, node + 1, stays[node - 1] + travel[a][b]
    yield from _limits(route, position, end)


def _limits(route: Route, position: dict[tuple[int, bool], int], end: int) -> Iterator[tuple[int, int, float]]:
    if route.vehicle.until < inf:
        yield end, 0, -route.vehicle.until
    if route.vehicle.longest_duty < inf:
        yield end, 1, -route.vehicle.longest_duty
    for (name, boards), node in position.items():
        if not boards and (name, True) in position:
            stop = route.stops[node - 2]
            yield node, position[name, True], -(stop.request.max_ride + stop.request.pickup.stay)


def orders(one: Sequence[object], other: Sequence[object]) -> bool:
    """Whether `one` stands in `other` in the same order."""
    rest = iter(other)
    return all(any(mine == theirs for theirs in rest) for mine in one)
