"""The dial-a-ride benchmarks of Cordeau, Laporte, Ropke and Berbeglia, served by the dispatch core and checked.

`measure_static()` and `measure_dynamic()` go through everything on this machine; a bench can print what they give.
"""

from __future__ import annotations

import csv
import json
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import dist, inf
from pathlib import Path

from services.on_demand.dispatch import (
    Done,
    Request,
    Route,
    Timetable,
    Travel,
    Vehicle,
    Visit,
    cheapest_insertion,
    drive,
    time_route,
)
from tests.services.on_demand.checker import Driven, Served, check_times


@dataclass(frozen=True)
class Instance:
    """One instance, times in minutes. `known_at` holds when each request becomes known; 0 in the static ones."""

    name: str
    vehicle: Vehicle
    vehicles: int
    requests: tuple[Request, ...]
    travel: Travel
    opens: float
    known_at: tuple[float, ...] = ()


@dataclass(frozen=True)
class Result:
    """What came of an instance: `broken` holds every rule that the plan breaks by the independent checker."""

    name: str
    served: int
    requests: int
    distance: float
    broken: tuple[str, ...]
    ms: tuple[float, ...]

    @property
    def slowest_ms(self) -> float:
        """The slowest insertion."""
        return max(self.ms)


def read_static(path: Path) -> Instance:
    """Reads `ab/` and `pr/` files: `vehicles n T Q L`, then a node per line."""
    lines = [line.split() for line in path.read_text().splitlines() if line.strip()]
    vehicles, _, longest, capacity, max_ride = (float(word) for word in lines[0])
    nodes = [[float(word) for word in line] for line in lines[1:]]
    count = (len(nodes) - 1) // 2
    requests = tuple(_request(index, index + count, nodes, max_ride) for index in range(1, count + 1))
    points = [(node[1], node[2]) for node in nodes[: 2 * count + 1]]
    depot = nodes[0]
    vehicle = Vehicle(path.stem, int(capacity), 0, 0, depot[6], longest)
    return Instance(path.stem, vehicle, int(vehicles), requests, _euclid(points), depot[5])


def _request(origin: int, destination: int, nodes: Sequence[Sequence[float]], max_ride: float) -> Request:
    start, end = nodes[origin], nodes[destination]
    pickup, drop_off = (Visit(int(node[0]), node[5], node[6], node[3]) for node in (start, end))
    return Request(origin, pickup, drop_off, max_ride, int(start[4]))


def read_dynamic(path: Path) -> Instance:
    """Reads `dynamic/` files."""
    told = json.loads(path.read_text())
    about, asked = told["static_info"], told["requests"]
    points = [tuple(about["depot_location"].values())]
    requests = []
    for index, one in enumerate(asked, 1):
        points += [tuple(one["pickup_location"].values()), tuple(one["delivery_location"].values())]
        pickup = Visit(2 * index - 1, one["pickup_lower_tw"], one["pickup_upper_tw"], one["pickup_service_time"])
        drop = Visit(2 * index, one["delivery_lower_tw"], one["delivery_upper_tw"], one["delivery_service_time"])
        requests.append(Request(one["id"], pickup, drop, about["max_ride_time"], one["load"]))
    vehicle = Vehicle(path.stem, about["vehicle_capacity"], 0, 0, inf, about["max_route_time"])
    known_at = tuple(float(one["arrival_time"]) for one in asked)
    travel = _euclid(points)
    return Instance(path.stem, vehicle, about["number_of_vehicles"], tuple(requests), travel, 0.0, known_at)


def _euclid(points: Sequence[tuple[float, ...]]) -> Travel:
    return [[dist(a, b) for b in points] for a in points]


def _fleet(instance: Instance) -> list[Timetable]:
    timed = time_route(Route(instance.vehicle, 0, instance.opens), instance.travel)
    assert timed is not None
    return [timed] * instance.vehicles


Order = Callable[[Request], float]
ORDERS: tuple[Order, ...] = (
    lambda request: request.pickup.earliest,
    lambda request: request.pickup.latest,
    lambda request: request.drop_off.latest,
    lambda request: min(request.pickup.latest, request.drop_off.latest - request.max_ride),
)


def serve_static(instance: Instance) -> Result:
    """Everything known from the beginning: the best of several orders of plain insertion."""
    results = [_serve_in_order(instance, sorted(instance.requests, key=order)) for order in ORDERS]
    return min(results, key=lambda result: (-result.served, result.distance))


def _serve_in_order(instance: Instance, requests: Iterable[Request]) -> Result:
    fleet, served, took = _fleet(instance), 0, []
    for request in requests:
        began = time.perf_counter()
        found = cheapest_insertion(fleet, request, instance.travel)
        took.append((time.perf_counter() - began) * 1000)
        if found is not None:
            fleet[found.index], served = found.timetable, served + 1
    driven = [_as_planned(timetable) for timetable in fleet]
    return _result(instance, served, driven, took)


def _as_planned(timetable: Timetable) -> tuple[Driven, float]:
    stops = tuple(
        Served(stop.request, stop.boards, at)
        for stop, at in zip(timetable.route.stops, timetable.arrivals[1:], strict=False)
    )
    vehicle = timetable.route.vehicle
    driven = Driven(
        vehicle.seats, 0, 0, timetable.arrivals[0], timetable.arrivals[-1], stops, vehicle.until, vehicle.longest_duty
    )
    return driven, timetable.driving


def serve_dynamic(instance: Instance) -> Result:
    """Each request when it becomes known; what has begun is frozen, nothing is ever planned anew."""
    fleet, travel = _fleet(instance), instance.travel
    done: list[list[Done]] = [[] for _ in fleet]
    took, accepted = [], 0
    for known_at, request in sorted(zip(instance.known_at, instance.requests, strict=True), key=lambda pair: pair[0]):
        _drive_all(fleet, done, known_at, travel)
        began = time.perf_counter()
        found = cheapest_insertion(fleet, request, travel)
        took.append((time.perf_counter() - began) * 1000)
        if found is not None:
            fleet[found.index], accepted = found.timetable, accepted + 1
    return _finish(instance, fleet, done, (accepted, took))


def _drive_all(fleet: list[Timetable], done: list[list[Done]], now: float, travel: Travel) -> None:
    for index, timetable in enumerate(fleet):
        fleet[index], ended = drive(timetable, now, travel)
        done[index] += ended


def _finish(
    instance: Instance, fleet: list[Timetable], done: list[list[Done]], outcome: tuple[int, list[float]]
) -> Result:
    accepted, took = outcome
    _drive_all(fleet, done, 1e9, instance.travel)
    known = dict(zip((request.id for request in instance.requests), instance.known_at, strict=True))
    originals = {request.id: request for request in instance.requests}
    driven = []
    early = [
        f"{one.stop.request.id} was served before it was known"
        for ended in done
        for one in ended
        if one.at < known[one.stop.request.id]
    ]
    for ended in done:
        stops = tuple(Served(originals[one.stop.request.id], one.stop.boards, one.at) for one in ended)
        driven.append(_as_driven(instance, stops))
    result = _result(instance, accepted, driven, took)
    return replace(result, broken=(*result.broken, *early))


def _as_driven(instance: Instance, stops: tuple[Served, ...]) -> tuple[Driven, float]:
    travel, vehicle = instance.travel, instance.vehicle
    places = [0, *((stop.request.pickup if stop.boards else stop.request.drop_off).place for stop in stops), 0]
    distance = sum(travel[a][b] for a, b in pairwise(places))
    left_at = stops[0].began - travel[0][places[1]] if stops else 0.0
    last = stops[-1].request.drop_off if stops else None
    back_at = 0.0 if last is None else stops[-1].began + last.stay + travel[last.place][0]
    return Driven(vehicle.seats, 0, 0, left_at, back_at, stops, vehicle.until, vehicle.longest_duty), distance


def _result(instance: Instance, served: int, driven: Sequence[tuple[Driven, float]], took: list[float]) -> Result:
    broken = [rule for one, _ in driven for rule in check_times(one, instance.travel)]
    count = sum(1 for one, _ in driven for stop in one.stops if stop.boards)
    if count != served:
        broken.append(f"{served} requests were accepted and {count} served")
    distance = sum(length for _, length in driven)
    return Result(instance.name, served, len(instance.requests), distance, tuple(broken), tuple(took))


def best_known(directory: Path) -> dict[str, float]:
    """Reference costs by instance; only those confirmed."""
    with (directory / "best_known.csv").open() as lines:
        return {
            row["instance"]: float(row["best_known_cost"]) for row in csv.DictReader(lines) if row["best_known_cost"]
        }


def measure_static(directory: Path) -> list[Result]:
    """Every static instance of the data directory."""
    paths = sorted([*(directory / "ab").glob("*.txt"), *(directory / "pr").glob("*.txt")])
    return [serve_static(read_static(path)) for path in paths]


def measure_dynamic(directory: Path) -> list[Result]:
    """Every dynamic instance of the data directory."""
    return [serve_dynamic(read_dynamic(path)) for path in sorted((directory / "dynamic").glob("*.json"))]
