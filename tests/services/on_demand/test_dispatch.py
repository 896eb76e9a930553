"""The core by properties: what it plans can be driven, and it finds what trying everything would find."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from services.on_demand.dispatch import (
    Request,
    Route,
    Timetable,
    Travel,
    Vehicle,
    Visit,
    cheapest_insertion,
    drive,
    hold,
    set_off,
    stand,
    time_route,
)
from tests.services.on_demand.checker import Driven, Served, check_times, orders, schedule_exists
from tests.services.on_demand.problems import Problem, insert_all, least_added, problems

_quick = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def _driven(timetable: Timetable) -> Driven:
    route, vehicle = timetable.route, timetable.route.vehicle
    stops = tuple(
        Served(stop.request, stop.boards, at)
        for stop, at in zip(route.stops, timetable.arrivals[1:], strict=False)
    )  # fmt: skip
    return Driven(
        vehicle.seats, vehicle.wheelchairs, route.place, timetable.arrivals[0], timetable.arrivals[-1], stops,
        vehicle.until, vehicle.longest_duty,
    )  # fmt: skip


@_quick
@given(problems(most_requests=6))
def test_every_plan_keeps_windows_rides_duty_and_room(problem: Problem) -> None:
    fleet, served = insert_all(problem)
    for timetable in fleet:
        assert check_times(_driven(timetable), problem.travel) == []
    planned = [stop.request for timetable in fleet for stop in timetable.route.stops if stop.boards]
    assert sorted(planned, key=lambda one: one.id) == served


@_quick
@given(problems(most_requests=4))
def test_insertion_finds_what_trying_everything_finds(problem: Problem) -> None:
    *before, last = problem.requests
    fleet, _ = insert_all(replace(problem, requests=tuple(before)))
    found, least = cheapest_insertion(fleet, last, problem.travel), least_added(fleet, last, problem.travel)
    event("fits" if found else "does not fit")
    assert (found is None) == (least is None)
    if found is not None and least is not None:
        assert found.added == pytest.approx(least, abs=1e-6)
        assert found.timetable.driving - fleet[found.index].driving == pytest.approx(found.added, abs=1e-6)


@_quick
@given(problems(most_requests=3, most_vehicles=1), st.randoms(use_true_random=False))
def test_a_route_is_timed_exactly_where_a_schedule_exists(problem: Problem, chance: Random) -> None:
    route = problem.fleet[0].route
    for request in problem.requests:
        board = chance.randint(0, len(route.stops))
        route = route.with_request(request, board, chance.randint(board, len(route.stops)))
    timed = time_route(route, problem.travel)
    event("can be driven" if timed else "cannot be driven")
    assert (timed is not None) == schedule_exists(route, problem.travel)


@_quick
@given(problems(most_requests=4, most_vehicles=1))
def test_deadlines_are_a_schedule_too_and_the_latest(problem: Problem) -> None:
    timetable = insert_all(problem)[0][0]
    latest = tuple(timetable.deadlines)
    assert all(first <= last + 1e-6 for first, last in zip(timetable.arrivals, latest, strict=True))
    driven = _driven(replace(timetable, arrivals=list(latest)))
    assert check_times(driven, problem.travel) == []


@_quick
@given(problems(most_requests=6), st.lists(st.integers(0, 60), min_size=6, max_size=6))
def test_what_has_begun_stays_and_what_was_promised_is_kept(problem: Problem, gaps: list[int]) -> None:
    fleet, now = list(problem.fleet), 0.0
    served: list[list[Served]] = [[] for _ in fleet]
    taken = {}
    for request, gap in zip(problem.requests, gaps, strict=False):
        now += gap
        _pass_time(fleet, served, now, problem.travel)
        frozen = [timetable.route.stops[: timetable.route.frozen] for timetable in fleet]
        found = cheapest_insertion(fleet, request, problem.travel)
        if found is not None:
            before, after = fleet[found.index].route, found.timetable.route
            assert after.stops[: before.frozen] == frozen[found.index]
            assert orders(before.stops, after.stops)
            fleet[found.index], taken[request.id] = found.timetable, request
    _pass_time(fleet, served, 1e6, problem.travel)
    _check_all_kept(problem, served, taken)


def _pass_time(fleet: list[Timetable], served: list[list[Served]], now: float, travel: Travel) -> None:
    for index, timetable in enumerate(fleet):
        fleet[index], done = drive(timetable, now, travel)
        served[index] += (Served(one.stop.request, one.stop.boards, one.at) for one in done)


def _check_all_kept(problem: Problem, served: list[list[Served]], taken: dict[int, Request]) -> None:
    for timetable, stops in zip(problem.fleet, served, strict=True):
        vehicle = timetable.route.vehicle
        promised = tuple(replace(stop, request=taken[stop.request.id]) for stop in stops)
        driven = Driven(vehicle.seats, vehicle.wheelchairs, vehicle.last_place, 0.0, 1e9, promised)
        assert check_times(driven, problem.travel) == []
    boarded = sorted(stop.request.id for stops in served for stop in stops if stop.boards)
    assert boarded == sorted(taken)


@_quick
@given(problems(most_requests=4, most_vehicles=1), st.integers(0, 120))
def test_standing_longer_is_timed_as_if_anew(problem: Problem, now: int) -> None:
    timetable = insert_all(problem)[0][0]
    route = set_off(timetable, now)
    if not route.frozen:
        anew = time_route(route, problem.travel)
        assert anew is not None
        assert stand(timetable, route).arrivals == pytest.approx(anew.arrivals, abs=1e-6)


@_quick
@given(problems(most_requests=4, most_vehicles=1), st.integers(0, 300))
def test_a_late_vehicle_is_timed_in_any_case_and_nobody_makes_it_later(problem: Problem, delay: int) -> None:
    *before, last = problem.requests
    route = insert_all(replace(problem, requests=tuple(before)))[0][0].route
    late = replace(route, ready_at=route.ready_at + delay)
    held = hold(late, problem.travel)
    if (on_time := time_route(late, problem.travel)) is not None:
        assert held == on_time
    found = cheapest_insertion([held], last, problem.travel)
    if found is not None:
        for stop in held.route.stops:
            at = found.timetable.time_of(stop.request.id, stop.boards)
            assert at <= max(stop.visit.latest, held.time_of(stop.request.id, stop.boards)) + 1e-5


def test_boarding_late_keeps_a_ride_short() -> None:
    """An earliest schedule would board at 0 and ride for 30: the exact test boards later."""
    travel = [[0.0, 10.0], [10.0, 0.0]]
    request = Request(1, Visit(0, 0, 50), Visit(1, 30, 60), max_ride=10)
    timed = time_route(Route(Vehicle("v", 1, 0, 0), 0, 0.0).with_request(request, 0, 0), travel)
    assert timed is not None
    assert timed.arrivals[1:3] == [20.0, 30.0]


def test_a_wheelchair_takes_its_place_and_no_seat() -> None:
    travel = [[0.0, 10.0], [10.0, 0.0]]
    vehicle = Vehicle("v", 1, 1, 0)
    chair = Request(1, Visit(0, 0, 5), Visit(1, 0, 20), seats=0, wheelchairs=1)
    walker = Request(2, Visit(0, 0, 5), Visit(1, 0, 20))
    fleet = [timed] if (timed := time_route(Route(vehicle, 0, 0.0), travel)) else []
    for request in (chair, walker):
        found = cheapest_insertion(fleet, request, travel)
        assert found is not None
        fleet = [found.timetable]
    assert cheapest_insertion(fleet, replace(chair, id=3), travel) is None
    assert cheapest_insertion(fleet, replace(walker, id=3), travel) is None
