"""What is told of the buses on the road now, and what it means for a departure. Pure.

Applied only while it is fresh by its own clock; what nobody tells is not "on time" but not known. Delays are carried
to later stops as GTFS Realtime defines it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum
from typing import TypeVar

from cityos.client import Entity
from cityos.vocabulary.timetable import Call, Departure, Timetable
from cityos.vocabulary.vehicle import TRIP_UPDATE, VEHICLE, StopUpdate, TripReference, TripUpdate, Vehicle

LIVE_FOR = timedelta(minutes=5)
"""How old a foretold delay may be. Sources tell it every 15 to 30 s; in five minutes a bus is one or two stops on."""

_HALF_A_DAY = timedelta(hours=12)
_CLOCKS_DIFFER = timedelta(minutes=5)
_GONE = frozenset({"CANCELED", "DELETED"})
_SKIPPED, _NO_DATA = "SKIPPED", "NO_DATA"

T = TypeVar("T", TripUpdate, Vehicle)


class Basis(Enum):
    """Where the time of a departure comes from."""

    LIVE = "live"  # foretold by the operator
    VEHICLE = "vehicle"  # reckoned from where the bus is: it is at least so late
    SCHEDULED = "scheduled"  # the timetable alone


class Status(Enum):
    """Whether one can board."""

    RUNNING = "running"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"
    LEFT = "left"


@dataclass(frozen=True, slots=True)
class Position:
    """A bus on its way to this departure; `stops_away` is 0 when it stands there or drives there next."""

    vehicle_id: str
    stops_away: int
    lon: float | None
    lat: float | None
    occupancy: str
    observed_at: datetime


@dataclass(frozen=True, slots=True)
class Outlook:
    """A departure as it is expected; `observed_at` is when its source said so, None with the timetable alone."""

    basis: Basis
    status: Status
    at: datetime
    delay_s: int | None = None
    observed_at: datetime | None = None
    position: Position | None = None


@dataclass(frozen=True, slots=True)
class _Run:
    """A run of a trip: its calls as written, at which of them the departure is, and when its second 0 was."""

    departure: Departure
    calls: Sequence[Call]
    place: int
    origin: datetime

    @classmethod
    def of(cls, departure: Departure, timetable: Timetable) -> _Run:
        calls = timetable.calls_of(departure.call.trip_id)
        place = next(n for n, call in enumerate(calls) if call.sequence == departure.call.sequence)
        # A trip by frequency is written once and runs later: its second 0 is as much later.
        return cls(departure, calls, place, departure.at - timedelta(seconds=calls[place].departure))

    @property
    def start_time(self) -> str:
        shift = self.departure.call.departure - self.calls[self.place].departure
        return _clock_text(self.calls[0].departure + shift)


class Picture:
    """The trips and vehicles of one realtime feed as they are known at `now`, by the trips of its timetable."""

    def __init__(
        self, timetable: Timetable, updates: Iterable[TripUpdate], vehicles: Iterable[Vehicle], now: datetime
    ) -> None:
        self._timetable, self._now = timetable, now
        self._by_frequency = {one.trip_id for one in timetable.tables.frequencies}
        self._updates = _by_trip((one for one in updates if is_fresh(one.observed_at, now)), lambda one: one.trip)
        self._vehicles = _by_trip((one for one in vehicles if one.is_fresh(now)), lambda one: one.trip)

    @property
    def is_empty(self) -> bool:
        """Whether nothing is told of any trip now."""
        return not (self._updates or self._vehicles)

    def outlook(self, departure: Departure) -> Outlook:
        """What is to be expected of a departure."""
        update = self._find(self._updates, departure, lambda one: one.trip)
        vehicle = self._find(self._vehicles, departure, lambda one: one.trip)
        if update is None and vehicle is None:
            return Outlook(Basis.SCHEDULED, Status.RUNNING, departure.at)
        run = _Run.of(departure, self._timetable)
        position = None if vehicle is None else _position(vehicle, run)
        found = None if update is None else _foretold(update, run, self._now)
        if found is None and vehicle is not None:
            found = _reckoned(vehicle, run)
        found = found or Outlook(Basis.SCHEDULED, Status.RUNNING, departure.at)
        has_passed = position is not None and position.stops_away < 0
        return replace(found, status=Status.LEFT) if has_passed else replace(found, position=position)

    def _find(
        self, known: dict[str, list[T]], departure: Departure, trip_of: Callable[[T], TripReference | None]
    ) -> T | None:
        for one in known.get(departure.call.trip_id, ()):
            trip = trip_of(one)
            if trip is not None and one.observed_at is not None and self._is_run(trip, departure, one.observed_at):
                return one
        return None

    def _is_run(self, trip: TripReference, departure: Departure, told_at: datetime) -> bool:
        if trip.start_on is not None and trip.start_on != departure.service_date:
            return False
        if trip.start_on is None and abs(departure.at - told_at) > _HALF_A_DAY:
            return False
        # Runs of a trip by frequency are told apart by when they start alone.
        is_by_frequency = departure.call.trip_id in self._by_frequency
        return not is_by_frequency or trip.start_time == _Run.of(departure, self._timetable).start_time


class Realtime:
    """Reads what is told of trips and vehicles, each entity once for as long as it stays the same."""

    def __init__(self) -> None:
        self._read: dict[str, tuple[Entity, TripUpdate | Vehicle]] = {}

    def of(self, feeds: Iterable[str], entities: Iterable[Entity]) -> tuple[list[TripUpdate], list[Vehicle]]:
        """The trip updates and vehicles whose ids these feeds minted."""
        kinds = tuple(f"urn:ngsi-ld:{kind}:{feed}:" for feed in feeds for kind in (TRIP_UPDATE, VEHICLE))
        read = [self._told(entity) for entity in entities if entity.id.startswith(kinds)]
        return [one for one in read if isinstance(one, TripUpdate)], [one for one in read if isinstance(one, Vehicle)]

    def forget(self, ids: Iterable[str]) -> None:
        """Lets go of all but these."""
        known = set(ids)
        self._read = {name: one for name, one in self._read.items() if name in known}

    def _told(self, entity: Entity) -> TripUpdate | Vehicle:
        known = self._read.get(entity.id)
        if known is not None and known[0] is entity:
            return known[1]
        is_vehicle = entity.id.startswith(f"urn:ngsi-ld:{VEHICLE}:")
        told = Vehicle.from_entity(entity) if is_vehicle else TripUpdate.from_entity(entity)
        self._read[entity.id] = entity, told
        return told


def newest(told: Iterable[TripUpdate | Vehicle]) -> datetime | None:
    """When the newest of them was observed."""
    return max((one.observed_at for one in told if one.observed_at is not None), default=None)


def is_fresh(at: datetime | None, now: datetime) -> bool:
    """Whether what was told then may be applied now."""
    return at is not None and -_CLOCKS_DIFFER <= now - at <= LIVE_FOR


def _by_trip(told: Iterable[T], trip_of: Callable[[T], TripReference | None]) -> dict[str, list[T]]:
    found: dict[str, list[T]] = {}
    for one in told:
        trip = trip_of(one)
        if trip is not None and trip.trip_id:
            found.setdefault(trip.trip_id, []).append(one)
    return found


def _foretold(update: TripUpdate, run: _Run, now: datetime) -> Outlook | None:
    """By a trip update; None where it says nothing about this stop."""
    departure, seen = run.departure, update.observed_at
    if update.trip.relationship in _GONE:
        return Outlook(Basis.LIVE, Status.CANCELLED, departure.at, observed_at=seen)
    if not update.stops:
        return None if update.delay_s is None else _late(departure, update.delay_s, seen)
    told = _in_order(update.stops, run.calls)
    if any(place == run.place and stop.relationship == _SKIPPED for place, stop in told):
        return Outlook(Basis.LIVE, Status.SKIPPED, departure.at, observed_at=seen)
    before = [(place, stop) for place, stop in told if place <= run.place and stop.relationship != _SKIPPED]
    if not before:
        # Told from a later stop on: the bus has been here, unless its time is still to come.
        return Outlook(Basis.LIVE, Status.LEFT, departure.at, observed_at=seen) if departure.at <= now else None
    place, stop = before[-1]
    delay_s = None if stop.relationship == _NO_DATA else _delay_at(stop, run.calls[place], run.origin)
    return None if delay_s is None else _late(departure, delay_s, seen)


def _late(departure: Departure, delay_s: int, seen: datetime | None) -> Outlook:
    return Outlook(Basis.LIVE, Status.RUNNING, departure.at + timedelta(seconds=delay_s), delay_s, seen)


def _in_order(stops: Sequence[StopUpdate], calls: Sequence[Call]) -> list[tuple[int, StopUpdate]]:
    """The stops told, by their place in the trip; those that are not in it are left out."""
    told: list[tuple[int, StopUpdate]] = []
    last = -1
    for stop in stops:
        places = (
            place
            for place, call in enumerate(calls)
            if call.sequence == stop.stop_sequence
            # A loop passes a stop twice: the next time after the stop told before.
            or (stop.stop_sequence is None and call.stop_id == stop.stop_id and place > last)
        )
        place = next(places, None)
        if place is not None:
            told.append((place, stop))
            last = place
    return sorted(told, key=lambda one: one[0])


def _delay_at(stop: StopUpdate, call: Call, origin: datetime) -> int | None:
    """How late the bus leaves a stop, by its delay or by its foretold instant."""
    if stop.departure_delay_s is not None:
        return stop.departure_delay_s
    if stop.departure_at is not None:
        return round((stop.departure_at - origin).total_seconds()) - call.departure
    if stop.arrival_delay_s is not None:
        return stop.arrival_delay_s
    if stop.arrival_at is not None:
        return round((stop.arrival_at - origin).total_seconds()) - call.arrival
    return None


def _place_of(vehicle: Vehicle, calls: Sequence[Call]) -> int | None:
    """Which call of its trip a vehicle is at or drives to, counted from 0."""
    for place, call in enumerate(calls):
        if vehicle.stop_sequence is not None and call.sequence == vehicle.stop_sequence:
            return place
    by_stop = [place for place, call in enumerate(calls) if call.stop_id == vehicle.stop_id]
    return by_stop[0] if len(by_stop) == 1 else None


def _position(vehicle: Vehicle, run: _Run) -> Position | None:
    place = _place_of(vehicle, run.calls)
    if place is None or vehicle.observed_at is None:
        return None
    point = None if vehicle.location is None else vehicle.location.get("coordinates")
    lon, lat = point if isinstance(point, list) and len(point) == 2 else (None, None)
    away = run.place - place
    return Position(vehicle.local_id, away, _degrees(lon), _degrees(lat), vehicle.occupancy, vehicle.observed_at)


def _degrees(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def _reckoned(vehicle: Vehicle, run: _Run) -> Outlook | None:
    """A bus that should have been further on by now is at least so late. That it is early cannot be seen so."""
    place = _place_of(vehicle, run.calls)
    if place is None or vehicle.observed_at is None:
        return None
    late_s = round((vehicle.observed_at - run.origin).total_seconds()) - run.calls[place].arrival
    if late_s <= 0:
        return None
    at = run.departure.at + timedelta(seconds=late_s)
    return Outlook(Basis.VEHICLE, Status.RUNNING, at, late_s, vehicle.observed_at)


def _clock_text(seconds: int) -> str:
    return f"{seconds // 3600:02}:{seconds % 3600 // 60:02}:{seconds % 60:02}"
