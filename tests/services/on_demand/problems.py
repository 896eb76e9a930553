"""Small dispatch problems for hypothesis, tight enough that much of what is tried does not fit."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise, product
from math import dist

from hypothesis import strategies as st

from services.on_demand.dispatch import (
    Request,
    Route,
    Timetable,
    Travel,
    Vehicle,
    Visit,
    cheapest_insertion,
    time_route,
)
from tests.services.on_demand.checker import schedule_exists


@dataclass(frozen=True)
class Problem:
    """Vehicles standing at home, and requests to be served one after the other."""

    travel: Travel
    fleet: tuple[Timetable, ...]
    requests: tuple[Request, ...]


@st.composite
def problems(draw: st.DrawFn, most_requests: int = 4, most_vehicles: int = 2) -> Problem:
    """Points on a grid, euclidean driving times, windows of all widths, small vehicles."""
    points = draw(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), min_size=2, max_size=6))
    travel = [[dist(a, b) for b in points] for a in points]
    place = st.integers(0, len(points) - 1)
    requests = tuple(
        _request(draw, number, place, travel) for number in range(draw(st.integers(1, most_requests)))
    )  # fmt: skip
    fleet = []
    for name in range(draw(st.integers(1, most_vehicles))):
        home = draw(place)
        duty = draw(st.sampled_from([40.0, 90.0, 1e9]))
        vehicle = Vehicle(str(name), draw(st.integers(1, 3)), draw(st.integers(0, 1)), home, 150.0, duty)
        timed = time_route(Route(vehicle, home, float(draw(st.integers(0, 20)))), travel)
        assert timed is not None
        fleet.append(timed)
    return Problem(travel, tuple(fleet), requests)


def _request(draw: st.DrawFn, number: int, place: st.SearchStrategy[int], travel: Travel) -> Request:
    origin, destination = draw(place), draw(place)
    early, wide = float(draw(st.integers(0, 60))), float(draw(st.integers(0, 40)))
    due = early + float(draw(st.integers(0, 60)))
    stay = draw(st.sampled_from([0.0, 1.0, 3.0]))
    longest = travel[origin][destination] * draw(st.sampled_from([1.0, 1.5, 3.0])) + draw(st.sampled_from([0.0, 2.0]))
    pickup = Visit(origin, early, early + wide, stay)
    drop_off = Visit(destination, max(0.0, due - draw(st.sampled_from([0.0, 5.0, 100.0]))), due, stay)
    return Request(number, pickup, drop_off, longest, draw(st.integers(1, 2)), draw(st.integers(0, 1)))


def insert_all(problem: Problem) -> tuple[list[Timetable], list[Request]]:
    """The fleet after each request was offered a place in turn, and those that got one."""
    fleet, served = list(problem.fleet), []
    for request in problem.requests:
        found = cheapest_insertion(fleet, request, problem.travel)
        if found is not None:
            fleet[found.index] = found.timetable
            served.append(request)
    return fleet, served


def least_added(fleet: list[Timetable], request: Request, travel: Travel) -> float | None:
    """The least driving that any feasible insertion adds, by trying every one."""
    costs = []
    for timetable in fleet:
        route = timetable.route
        for board, alight in product(range(len(route.stops) + 1), repeat=2):
            if route.frozen <= board <= alight:
                longer = route.with_request(request, board, alight)
                if schedule_exists(longer, travel):
                    costs.append(driving(longer, travel) - driving(route, travel))
    return min(costs, default=None)


def driving(route: Route, travel: Travel) -> float:
    """Driving time of a route."""
    places = [route.place, *(stop.visit.place for stop in route.stops), route.vehicle.last_place]
    return sum(travel[a][b] for a, b in pairwise(places))
