"""A small invented town with a service, and a desk over it whose clock is set by hand."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from services.on_demand.booking import Desk, Now
from services.on_demand.config import SAMPLE, Area, Van, read_area
from services.on_demand.dispatch import Request
from services.on_demand.place import MeetingPoint, Position
from services.on_demand.refusal import Refused
from services.on_demand.ride import Booking, Party, Wish, request_of
from services.on_demand.store import Store
from services.on_demand.travel import CrowFlies

MORNING = datetime(2026, 1, 15, 0, 0, tzinfo=UTC)  # 09:00 in 雪野市
YUKINO = read_area(SAMPLE)


@dataclass
class HandClock:
    """City time that stands still until it is moved."""

    at: datetime = MORNING
    speed: float = 1.0

    def now(self) -> Now:
        return Now(self.at.timestamp(), self.speed)

    def forward(self, **span: float) -> None:
        self.at += timedelta(**span)


@dataclass
class Town:
    """A desk that can be closed and opened again on the same data."""

    directory: Path
    area: Area = YUKINO
    clock: HandClock = field(default_factory=HandClock)

    def open(self) -> None:
        self.store = Store(self.directory)
        self.desk = Desk(self.area, self.store, self.travel(), self.clock.now)

    def travel(self) -> list[list[float]]:
        """Driving times as the desk has them."""
        roads = self.area.roads
        return CrowFlies(roads.speed_kmh, roads.detour, roads.snow).matrix(self.area.positions, self.clock.at)

    def close(self) -> None:
        self.store.close()

    def again(self) -> None:
        self.close()
        self.open()

    def request(self, booking: Booking) -> Request:
        """A booking's promise, for the checker."""
        return request_of(booking.number, booking.offer, self.area.index)

    def book(self, origin: str = "station-west", destination: str = "hospital", **about: object) -> Booking:
        return self.desk.confirm(self.desk.quote(wish(origin, destination, **about)).id, None)


def wish(origin: str = "station-west", destination: str = "hospital", **about: object) -> Wish:
    """A wish of one adult, as soon as possible unless said otherwise."""
    return replace(Wish(origin, destination, Party(1)), **about)  # type: ignore[arg-type]


@contextmanager
def town(directory: Path, area: Area = YUKINO) -> Iterator[Town]:
    opened = Town(directory, area)
    opened.open()
    try:
        yield opened
    finally:
        opened.close()


def one_van(seats: int = 8, wheelchairs: int = 1) -> Area:
    """The sample service with a single vehicle."""
    van = replace(YUKINO.vans["van-1"], seats=seats, wheelchairs=wheelchairs)
    return replace(YUKINO, vans={"van-1": van})


def large_area(vans: int, points: int, seed: int = 1) -> Area:
    """The sample city with so many vehicles and meeting points, open all day."""
    chance = random.Random(seed)
    west, south, east, north = YUKINO.box
    placed = [
        MeetingPoint(
            f"p{n}", f"乗り場{n}", f"Stop {n}", Position(chance.uniform(west, east), chance.uniform(south, north))
        )
        for n in range(points)
    ]
    day = timedelta(0), timedelta(hours=24)
    fleet = {f"v{n}": Van(f"v{n}", f"{n}号", 8, 1, f"p{n % 10}", *day) for n in range(vans)}
    index = {point.id: number for number, point in enumerate(placed)}
    return replace(YUKINO, points={point.id: point for point in placed}, vans=fleet, index=index)


def fill(opened: Town, rides: int, hours: float, seed: int = 2) -> None:
    """Books so many rides within the next hours."""
    chance, names = random.Random(seed), list(opened.area.points)
    begin = opened.clock.at.timestamp()
    booked = 0
    while booked < rides:
        origin, destination = chance.sample(names, 2)
        at = begin + chance.uniform(0, hours * 3600)
        try:
            opened.book(origin, destination, party=Party(chance.randint(1, 3)), depart_after=at)
        except Refused:
            continue
        booked += 1
