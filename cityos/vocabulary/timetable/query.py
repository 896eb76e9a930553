"""Questions to a timetable: which services run, what leaves a stop, what is on the road. Pure, by the standard library.

What a question needs is arranged when it is first asked; after that an answer takes well below a millisecond.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from itertools import islice, pairwise
from math import ceil
from operator import attrgetter
from typing import NamedTuple, TypeVar
from zoneinfo import ZoneInfo

from cityos.vocabulary.timetable.file import read_tables
from cityos.vocabulary.timetable.schema import (
    RECKONED,
    SHAPE_UNITS_PER_DEGREE,
    Agency,
    Fare,
    Route,
    Service,
    Station,
    Stop,
    Tables,
    Trip,
)

_HALF_A_DAY = timedelta(hours=12)
_DAY = timedelta(days=1)
_DAY_S = 86_400
_NO_PICKUP = 1
R = TypeVar("R")


class Call(NamedTuple):
    """A trip at a stop. Times are seconds of the service day; `headsign` is the call's own, else the trip's.

    `is_said` is false where the feed leaves the time out and it was reckoned from its neighbours.
    """

    trip_id: str
    stop_id: str
    sequence: int
    arrival: int
    departure: int
    headsign: str
    pickup: int
    drop_off: int
    is_said: bool
    is_last: bool


class Departure(NamedTuple):
    """A call on a day. `at` is aware UTC; `seconds` is its departure, of `service_date`."""

    at: datetime
    service_date: date
    seconds: int
    call: Call


class Journey(NamedTuple):
    """A trip on a day: from its first departure to its last arrival, in seconds of `service_date`."""

    trip_id: str
    service_date: date
    starts: int
    ends: int


class _Board(NamedTuple):
    """What leaves one stop on any day, by time: seconds, and rows of stop_times with what a frequency adds to them."""

    times: list[int]
    rows: list[int]
    shifts: list[int]


class _Span(NamedTuple):
    starts: int
    ends: int
    trip: int


def start_of(service_date: date, zone: ZoneInfo) -> datetime:
    """The instant from which times of a service day count: noon minus twelve hours, whatever the clocks do at night."""
    return datetime.combine(service_date, time(12), zone).astimezone(UTC) - _HALF_A_DAY


class Timetable:
    """A timetable that can be asked."""

    def __init__(self, tables: Tables) -> None:
        self.tables = tables
        self.zone = ZoneInfo(tables.info.zone)

    @classmethod
    def from_bytes(cls, content: bytes) -> Timetable:
        """Reads a dataset of kind `timetable`. ValueError where it is none."""
        return cls(read_tables(content))

    @cached_property
    def agencies(self) -> dict[str, Agency]:
        """Agencies by id."""
        return {one.agency_id: one for one in self.tables.agencies}

    @cached_property
    def stops(self) -> dict[str, Stop]:
        """Rows of stops by id."""
        return {one.stop_id: one for one in self.tables.stops}

    @cached_property
    def stations(self) -> dict[str, Station]:
        """Stops (停留所) by id."""
        return {one.station_id: one for one in self.tables.stations}

    @cached_property
    def routes(self) -> dict[str, Route]:
        """Routes by id."""
        return {one.route_id: one for one in self.tables.routes}

    @cached_property
    def trips(self) -> dict[str, Trip]:
        """Trips by id."""
        return {one.trip_id: one for one in self.tables.trips}

    @cached_property
    def services(self) -> dict[str, Service]:
        """Services by id."""
        return {one.service_id: one for one in self.tables.services}

    @cached_property
    def platforms(self) -> dict[str, tuple[str, ...]]:
        """The stop_ids of each stop (停留所) at which a bus can call."""
        grouped = _grouped((one for one in self.tables.stops if one.location_type == 0), attrgetter("station_id"))
        return {station_id: tuple(one.stop_id for one in rows) for station_id, rows in grouped.items()}

    def service_ids_on(self, day: date) -> frozenset[str]:
        """The services that run on a service day."""
        return frozenset(one.service_id for one in self.tables.services if one.runs_on(day))

    def trips_on(self, day: date) -> Sequence[Trip]:
        """The trips of a service day, in the feed's order."""
        running = self.service_ids_on(day)
        return [trip for trip in self.tables.trips if trip.service_id in running]

    def calls_of(self, trip_id: str) -> Sequence[Call]:
        """The calls of a trip in order; none where it is unknown."""
        position = self._trip_positions.get(trip_id)
        return [] if position is None else [self._call(row) for row in self._rows_of(position)]

    def departures_on(self, stop_ids: Iterable[str], day: date) -> Sequence[Departure]:
        """All calls at these stops that belong to a service day, by time, trip and sequence."""
        boards = [self._board(one) for one in self._stop_positions_of(stop_ids)]
        running, origin = self.service_ids_on(day), start_of(day, self.zone)
        found = [one for board in boards for one in self._departures(board, running, day, origin, 0, len(board.times))]
        return sorted(found, key=_order)

    def departures(
        self,
        stop_ids: Iterable[str],
        at: datetime,
        count: int,
        within: timedelta = _DAY,
        boarding_only: bool = False,
    ) -> Sequence[Departure]:
        """The next `count` calls at these stops at or after an instant, of whichever service day they are.

        `boarding_only` leaves out calls where nobody may get on (a trip's end, pickup_type 1).
        """
        boards = [self._board(one) for one in self._stop_positions_of(stop_ids)]
        found: list[Departure] = []
        for day in self._days(at, at + within):
            running, origin = self.service_ids_on(day), start_of(day, self.zone)
            since, until = ceil((at - origin).total_seconds()), int((at + within - origin).total_seconds())
            for board in boards if running else ():
                first, last = bisect_left(board.times, since), bisect_right(board.times, until)
                leaving = self._departures(board, running, day, origin, first, last, boarding_only)
                found.extend(islice(leaving, count))
        return sorted(found, key=_order)[:count]

    def trips_in_service(self, at: datetime) -> Sequence[Journey]:
        """Trips between their first departure and last arrival, both ends included, of whichever service day."""
        found = []
        for day in self._days(at, at):
            second = (at - start_of(day, self.zone)).total_seconds()
            for service_id in self.service_ids_on(day):
                spans = self._spans.get(service_id, [])
                begun = bisect_right(spans, second, key=attrgetter("starts"))
                found += [
                    Journey(self.tables.trips[span.trip].trip_id, day, span.starts, span.ends)
                    for span in spans[:begun]
                    if span.ends >= second
                ]
        return found

    def shape(self, shape_id: str) -> Sequence[tuple[float, float]]:
        """The points of a shape as lon, lat; none where the feed has none."""
        rows = self._shape_rows.get(shape_id, range(0))
        points = self.tables.shapes
        return [(points.lon[row] / SHAPE_UNITS_PER_DEGREE, points.lat[row] / SHAPE_UNITS_PER_DEGREE) for row in rows]

    def fares(self, route_id: str, origin_zone: str, destination_zone: str) -> Sequence[Fare]:
        """What a ride on a route between two fare zones may cost: by the rules that name most, then the wider ones."""
        for route in (route_id, ""):
            for zones in ((origin_zone, destination_zone), (origin_zone, ""), ("", destination_zone), ("", "")):
                found = self._fare_ids.get((route, *zones))
                if found:
                    return [self._fares[one] for one in found if one in self._fares]
        return []

    def translate(self, text: str, language: str, table: str = "", field: str = "", record_id: str = "") -> str | None:
        """A text in another language (BCP 47: `en`, `ja-Hrkt`), None where the feed says none.

        The new form of translations needs table, field and the record's id; the old form knows only the text.
        """
        for key in ((table, field, record_id, ""), (table, field, "", text), ("", "", "", text)):
            found = self._words.get((language, *key))
            if found is not None:
                return found
        return None

    @cached_property
    def languages(self) -> frozenset[str]:
        """The languages into which anything is translated."""
        return frozenset(one.language for one in self.tables.translations)

    @cached_property
    def _words(self) -> dict[tuple[str, str, str, str, str], str]:
        return {
            (one.language, one.table, one.field, one.record_id, one.field_value): one.text
            for one in reversed(self.tables.translations)
            if not one.record_sub_id
        }

    @cached_property
    def _fares(self) -> dict[str, Fare]:
        return {one.fare_id: one for one in self.tables.fares}

    @cached_property
    def _fare_ids(self) -> dict[tuple[str, str, str], list[str]]:
        found: dict[tuple[str, str, str], list[str]] = {}
        for rule in self.tables.fare_rules:
            found.setdefault((rule.route_id, rule.origin_id, rule.destination_id), []).append(rule.fare_id)
        return found

    @cached_property
    def _stop_positions(self) -> dict[str, int]:
        return {one.stop_id: position for position, one in enumerate(self.tables.stops)}

    @cached_property
    def _trip_positions(self) -> dict[str, int]:
        return {one.trip_id: position for position, one in enumerate(self.tables.trips)}

    def _stop_positions_of(self, stop_ids: Iterable[str]) -> list[int]:
        known = (self._stop_positions.get(one) for one in dict.fromkeys(stop_ids))
        return [position for position in known if position is not None]

    @cached_property
    def _shape_rows(self) -> dict[str, range]:
        shape = self.tables.shapes.shape
        return {
            one: range(bisect_left(shape, position), bisect_right(shape, position))
            for position, one in enumerate(self.tables.shape_ids)
        }

    def _rows_of(self, trip: int) -> range:
        column = self.tables.stop_times.trip
        return range(bisect_left(column, trip), bisect_right(column, trip))

    @cached_property
    def _rows_by_stop(self) -> list[array[int]]:
        found = [array("I") for _ in self.tables.stops]
        for row, stop in enumerate(self.tables.stop_times.stop):
            found[stop].append(row)
        return found

    @cached_property
    def _boards(self) -> dict[int, _Board]:
        return {}

    def _board(self, stop: int) -> _Board:
        """Arranged per stop when first asked: nobody asks for all of a large feed's stops."""
        if stop not in self._boards:
            self._boards[stop] = self._arranged(self._rows_by_stop[stop])
        return self._boards[stop]

    def _arranged(self, rows: Sequence[int]) -> _Board:
        times, trips = self.tables.stop_times, self.tables.trips
        found = sorted(
            (times.departure[row] + shift, trips[times.trip[row]].trip_id, times.sequence[row], row, shift)
            for row in rows
            for shift in self._shifts.get(times.trip[row], (0,))
        )
        return _Board([one[0] for one in found], [one[3] for one in found], [one[4] for one in found])

    @cached_property
    def _shifts(self) -> dict[int, list[int]]:
        """How much later than written each run of a trip with frequencies is."""
        found: dict[int, list[int]] = {}
        for one in self.tables.frequencies:
            trip = self._trip_positions.get(one.trip_id)
            rows = range(0) if trip is None else self._rows_of(trip)
            if trip is not None and rows and one.headway > 0:
                written = self.tables.stop_times.departure[rows[0]]
                runs = range(one.start - written, one.end - written, one.headway)
                found.setdefault(trip, []).extend(runs)
        return found

    @cached_property
    def _spans(self) -> dict[str, list[_Span]]:
        """By service: when its trips are on the road, by start."""
        column, times = self.tables.stop_times.trip, self.tables.stop_times
        starts = [row for row, (one, other) in enumerate(pairwise(column), 1) if one != other]
        edges = [0, *starts, len(column)] if column else [0]
        found: dict[str, list[_Span]] = {}
        for first, after in pairwise(edges):
            trip, starts_at, ends_at = column[first], times.departure[first], times.arrival[after - 1]
            spans = found.setdefault(self.tables.trips[trip].service_id, [])
            spans += [_Span(starts_at + shift, ends_at + shift, trip) for shift in self._shifts.get(trip, (0,))]
        for spans in found.values():
            spans.sort()
        return found

    @cached_property
    def _latest(self) -> int:
        return max((span.ends for spans in self._spans.values() for span in spans), default=0)

    def _days(self, since: datetime, until: datetime) -> list[date]:
        """Service days whose times may fall between two instants; one more at each end for the clocks of summer."""
        first = since.astimezone(self.zone).date() - (self._latest // _DAY_S + 1) * _DAY
        last = until.astimezone(self.zone).date() + _DAY
        return [first + days * _DAY for days in range((last - first).days + 1)]

    def _departures(
        self,
        board: _Board,
        running: frozenset[str],
        day: date,
        origin: datetime,
        first: int,
        last: int,
        boarding_only: bool = False,
    ) -> Iterator[Departure]:
        times, trips = self.tables.stop_times, self.tables.trips
        for place in range(first, last):
            row = board.rows[place]
            if trips[times.trip[row]].service_id not in running:
                continue
            call = self._call(row, board.shifts[place])
            if not (boarding_only and (call.is_last or call.pickup == _NO_PICKUP)):
                yield Departure(origin + timedelta(seconds=call.departure), day, call.departure, call)

    def _call(self, row: int, shift: int = 0) -> Call:
        times = self.tables.stop_times
        position = times.trip[row]
        trip = self.tables.trips[position]
        return Call(
            trip_id=trip.trip_id,
            stop_id=self.tables.stops[times.stop[row]].stop_id,
            sequence=times.sequence[row],
            arrival=times.arrival[row] + shift,
            departure=times.departure[row] + shift,
            headsign=self.tables.headsigns[times.headsign[row]] or trip.headsign,
            pickup=times.pickup[row],
            drop_off=times.drop_off[row],
            is_said=times.timepoint[row] != RECKONED,
            is_last=row + 1 == len(times.trip) or times.trip[row + 1] != position,
        )


def _grouped(rows: Iterable[R], key: Callable[[R], str]) -> dict[str, list[R]]:
    found: dict[str, list[R]] = {}
    for one in rows:
        found.setdefault(key(one), []).append(one)
    return found


def _order(one: Departure) -> tuple[datetime, str, int]:
    return one.at, one.call.trip_id, one.call.sequence
