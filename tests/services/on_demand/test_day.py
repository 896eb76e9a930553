"""Half a day at the desk: people book now and ahead, some cancel, vehicles are driven as planned, the desk restarts.

Nobody is picked up or dropped off later than was promised when the ride was confirmed.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from services.on_demand.booking import PlannedStop
from services.on_demand.driving import Told
from services.on_demand.refusal import Refused
from services.on_demand.ride import Booking, Party
from tests.services.on_demand.town import Town, large_area, town

HOURS = 4
ASKED = 90


@dataclass
class _Day:
    at: Town
    chance: random.Random
    booked: list[Booking] = field(default_factory=list)
    late: list[str] = field(default_factory=list)
    done: int = 0

    def live(self) -> None:
        begin = self.at.clock.at.timestamp()
        calls = sorted(begin + self.chance.uniform(0, HOURS * 3600) for _ in range(ASKED))
        for call in calls:
            self._drive_until(call)
            self._set(call)
            self._ask(call)
            if self.chance.random() < 0.1:
                self.at.again()
        self._drive_until(begin + 12 * 3600)

    def _ask(self, now: float) -> None:
        origin, destination = self.chance.sample(list(self.at.area.points), 2)
        party = Party(self.chance.randint(1, 4), 0, self.chance.choice([0, 0, 0, 1]))
        about = self.chance.choice([{}, {"depart_after": now + 5400}, {"arrive_by": now + 7200}])
        if self.booked and self.chance.random() < 0.15:
            self._cancel(self.chance.choice(self.booked))
        try:
            self.booked.append(self.at.book(origin, destination, party=party, **about))
        except Refused:
            return

    def _cancel(self, booking: Booking) -> None:
        try:
            self.at.desk.cancel(booking.token)
        except Refused:
            return
        self.booked.remove(booking)

    def _drive_until(self, instant: float) -> None:
        """Does what drivers see as their next stop at the time they see, the earliest of all vehicles first."""
        while due := min(self._due(), key=lambda one: one[0], default=None):
            if due[0] > instant:
                return
            self._serve(*due)

    def _due(self) -> Iterator[tuple[float, str, PlannedStop]]:
        for vehicle in self.at.area.vans:
            stops = self.at.desk.stops(vehicle)
            if stops:
                first = stops[0]
                yield first.at + (first.booking.offer.stay_s if first.arrived else 0.0), vehicle, first

    def _serve(self, when: float, vehicle: str, stop: PlannedStop) -> None:
        self._set(when)
        boards, offer = stop.number % 2 == 0, stop.booking.offer
        if not stop.arrived:
            self.at.desk.tell(vehicle, stop.number, Told.ARRIVED)
            due = offer.pickup_until if boards else offer.drop_by
            if when > due + 1:
                self.late.append(f"{stop} is {when - due:.0f} s late")
            return
        self.at.desk.tell(vehicle, stop.number, Told.BOARDED if boards else Told.ALIGHTED)
        self.done += not boards

    def _set(self, instant: float) -> None:
        self.at.clock.at = max(self.at.clock.at, datetime.fromtimestamp(instant, UTC))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_no_promise_of_the_day_is_broken(tmp_path: Path, seed: int) -> None:
    with town(tmp_path, large_area(3, 25, seed)) as at:
        day = _Day(at, random.Random(seed))
        day.live()
        assert at.desk.counts()["openRides"] == 0
    assert day.late == []
    assert day.done == len(day.booked) > ASKED / 3
