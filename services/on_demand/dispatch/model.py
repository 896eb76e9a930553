"""The problem: vehicles on their routes, and requests to be taken along."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import inf

Travel = Sequence[Sequence[float]]
"""Driving times: `travel[a][b]` from place a to place b. They obey the triangle inequality, as shortest ones do."""


@dataclass(frozen=True, slots=True)
class Visit:
    """Where and when somebody boards or alights: it begins within [earliest, latest] and lasts `stay`."""

    place: int
    earliest: float
    latest: float
    stay: float = 0.0


@dataclass(frozen=True, slots=True)
class Request:
    """A party to be taken from one place to another. Once confirmed, its windows are what was promised.

    `max_ride` limits the time from the end of boarding to the beginning of alighting.
    """

    id: int
    pickup: Visit
    drop_off: Visit
    max_ride: float = inf
    seats: int = 1
    wheelchairs: int = 0


@dataclass(frozen=True, slots=True)
class Stop:
    """A vehicle's visit for one request, which boards or alights there."""

    request: Request
    boards: bool

    @property
    def visit(self) -> Visit:
        """Where and when."""
        return self.request.pickup if self.boards else self.request.drop_off


@dataclass(frozen=True, slots=True)
class Vehicle:
    """A vehicle on one duty, back at its last place by `until`, away for no longer than `longest_duty`.

    A wheelchair stands on a place of its own and takes no seat.
    """

    id: str
    seats: int
    wheelchairs: int
    last_place: int
    until: float = inf
    longest_duty: float = inf


@dataclass(frozen=True, slots=True)
class Route:
    """What a vehicle has before it: from `place`, which it can leave from `ready_at` on, along `stops`.

    The first `frozen` stops stay where they are: the vehicle is on its way to them (without stops: home). A request of
    which only the drop-off is left is aboard. `departed_at` is when the duty began, None while the vehicle still
    stands at home.
    """

    vehicle: Vehicle
    place: int
    ready_at: float
    stops: tuple[Stop, ...] = ()
    frozen: int = 0
    departed_at: float | None = None

    def with_request(self, request: Request, board_after: int, alight_before: int) -> Route:
        """The request boards after so many of the stops, and alights before the stop of the second index."""
        before, between = self.stops[:board_after], self.stops[board_after:alight_before]
        after = self.stops[alight_before:]
        return replace(self, stops=(*before, Stop(request, True), *between, Stop(request, False), *after))

    def without(self, request_id: int) -> Route:
        """The route without this request."""
        return replace(self, stops=tuple(stop for stop in self.stops if stop.request.id != request_id))
