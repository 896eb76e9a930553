"""The checker against published solutions, and against the same ones spoilt."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise

import pytest

from tests.services.on_demand.checker import Driven, Served, check_times
from tests.services.on_demand.darp import Instance, best_known, read_static
from tests.shared_data import shared

_NAMES = ("pr01", "pr03", "pr05", "pr07", "pr10", "pr11", "pr14", "pr16", "pr18")
_STOP = re.compile(r"(\d+) \((.*?)\)")


def _published(name: str) -> tuple[Instance, list[Driven]]:
    instance = read_static(shared(f"darp/pr/{name}.txt"))
    lines = next(shared("darp/pr_solutions").glob(f"{name}*")).read_text().splitlines()[1:]
    return instance, [_route(instance, line) for line in lines if "(" in line]


def _route(instance: Instance, line: str) -> Driven:
    count = len(instance.requests)
    visits = [(int(node), _began(times)) for node, times in _STOP.findall(line)]
    (_, left_at), *stops, (_, back_at) = visits
    served = tuple(
        Served(instance.requests[(node - 1) % count], node <= count, began) for node, began in stops
    )  # fmt: skip
    vehicle = instance.vehicle
    return Driven(vehicle.seats, 0, 0, left_at, back_at, served, longest_duty=vehicle.longest_duty)


def _began(times: str) -> float:
    """`w:wait a:start t:ride q:load`, `b:start; t:..`, or `wait start; ride; load` by layout."""
    named = re.search(r"[ab]:\s*([\d.]+)", times)
    return float(named[1] if named else re.findall(r"[\d.]+", times.split(";")[0])[-1])


@pytest.mark.parametrize("name", _NAMES)
def test_published_solutions_are_good(name: str) -> None:
    instance, routes = _published(name)
    # Published times have two decimals, so each step may be off by a hundredth.
    eased = [[leg - 0.02 for leg in row] for row in instance.travel]
    for route in routes:
        assert check_times(_eased(route), eased) == []
    served = sorted(stop.request.id for route in routes for stop in route.stops if stop.boards)
    assert served == [request.id for request in instance.requests]


def _eased(route: Driven) -> Driven:
    stops = tuple(
        replace(stop, request=replace(stop.request, max_ride=stop.request.max_ride + 0.02)) for stop in route.stops
    )
    return replace(route, stops=stops, longest_duty=route.longest_duty + 0.02)


def test_published_costs_are_those_of_the_routes() -> None:
    known = best_known(shared("darp"))
    for name in _NAMES:
        instance, routes = _published(name)
        assert sum(_length(route, instance) for route in routes) == pytest.approx(known[name], abs=0.02)


def _length(route: Driven, instance: Instance) -> float:
    places = [0, *((stop.request.pickup if stop.boards else stop.request.drop_off).place for stop in route.stops), 0]
    return sum(instance.travel[a][b] for a, b in pairwise(places))


def test_spoilt_solutions_are_refused() -> None:
    instance, routes = _published("pr01")
    for route in routes:
        assert check_times(replace(route, stops=route.stops[::-1]), instance.travel)
        assert check_times(replace(route, stops=route.stops[:-1]), instance.travel)
        crowded = tuple(replace(stop, request=replace(stop.request, seats=9)) for stop in route.stops)
        assert check_times(replace(route, stops=crowded), instance.travel)
        hasty = tuple(replace(stop, request=replace(stop.request, max_ride=1.0)) for stop in route.stops)
        assert any("rides for longer" in rule for rule in check_times(replace(route, stops=hasty), instance.travel))
        hurried = tuple(replace(stop, began=stop.began - 60) for stop in route.stops)
        assert check_times(replace(route, stops=hurried), instance.travel)
