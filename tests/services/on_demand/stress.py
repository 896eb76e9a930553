"""A large fleet with much before it: what one more request costs."""

from __future__ import annotations

import random
import time
from math import dist

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

SPEED_M_S = 6.0
WINDOW_S = 1200.0


def busy_fleet(
    vehicles: int, pending: int, hours: float = 4.0, seed: int = 1
) -> tuple[list[Timetable], Travel, random.Random]:
    """So many vehicles with so many requests on their routes, in a city of 10 x 10 km with 300 meeting points."""
    chance = random.Random(seed)
    points = [(chance.uniform(0, 10_000), chance.uniform(0, 10_000)) for _ in range(300)]
    travel = [[dist(a, b) / SPEED_M_S for b in points] for a in points]
    homes = [Route(Vehicle(str(n), 8, 1, n % 10, hours * 3600 * 3), n % 10, 0.0) for n in range(vehicles)]
    fleet = [timed for route in homes if (timed := time_route(route, travel)) is not None]
    count = 0
    while count < pending:
        found = cheapest_insertion(fleet, some_request(chance, count, travel, hours), travel)
        if found is not None:
            fleet[found.index], count = found.timetable, count + 1
    return fleet, travel, chance


def some_request(chance: random.Random, name: int, travel: Travel, hours: float) -> Request:
    """A party of 1 to 3 that wants to go from one point to another within the next hours."""
    origin, destination = chance.sample(range(len(travel)), 2)
    at, direct = chance.uniform(0, hours * 3600), travel[origin][destination]
    pickup = Visit(origin, at, at + WINDOW_S, 30.0)
    drop_off = Visit(destination, at, at + WINDOW_S + 1.5 * direct + 600, 30.0)
    return Request(name, pickup, drop_off, 1.5 * direct + 600, chance.randint(1, 3))


def insertion_ms(vehicles: int = 50, pending: int = 483, samples: int = 200, hours: float = 4.0) -> list[float]:
    """How long each of so many insertions into such a fleet takes, in milliseconds of processor time."""
    fleet, travel, chance = busy_fleet(vehicles, pending, hours)
    took = []
    for name in range(samples):
        request = some_request(chance, pending + name, travel, hours)
        began = time.process_time()
        cheapest_insertion(fleet, request, travel)
        took.append((time.process_time() - began) * 1000)
    return took
