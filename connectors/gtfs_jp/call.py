"""発着時刻: stop_times, by far the longest table, into columns of numbers."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from itertools import pairwise
from math import isnan, nan
from typing import Any

from cityos.connector import Notice, Severity
from cityos.connector.reading import read_int, read_number
from cityos.vocabulary.timetable import RECKONED, UNSAID, StopTimes
from connectors.gtfs_jp.sheet import Sheet
from connectors.gtfs_jp.value import Times

_MOST_SEQUENCE = 1_000_000_000
_BLANK = -1  # a call without time, until it is reckoned or left out
_CODES = {"": 0, "0": 0, "1": 1, "2": 2, "3": 3}
_TIMEPOINTS = {"": UNSAID, "0": 0, "1": 1}


@dataclass
class Calls:
    """The columns, the headsigns they point to, and the line in which each row stands."""

    columns: StopTimes = field(default_factory=StopTimes)
    headsigns: dict[str, int] = field(default_factory=lambda: {"": 0})
    lines: array[int] = field(default_factory=lambda: array("I"))


@dataclass(frozen=True, slots=True)
class _Known:
    """What rows may name: trips and stops by id, as positions; sequences and times as they were written before."""

    trips: dict[str, int]
    stops: dict[str, int]
    sequences: dict[str, int]
    times: Times


def read_calls(sheet: Sheet, trips: Mapping[str, int], stops: Mapping[str, int]) -> Calls:
    """All calls of trips and stops that exist, by trip and sequence; each has times, said or reckoned."""
    if not sheet.has("trip_id", "stop_id", "stop_sequence", "arrival_time", "departure_time"):
        return Calls()
    calls = _read(sheet, _Known(dict(trips), dict(stops), {}, Times(sheet)))
    calls = _sorted(calls)
    wrong = _doubled(calls, sheet) | _reckoned(calls, sheet)
    calls = _without(calls, wrong)
    return _without(calls, _going_back(calls, sheet))


def _read(sheet: Sheet, known: _Known) -> Calls:
    """The rows as they stand. One loop over a million rows: every look-up is a dictionary's, the rest is below."""
    calls = Calls()
    columns, headsigns, lines = calls.columns, calls.headsigns, calls.lines
    trips, stops, sequences, times = known.trips, known.stops, known.sequences, known.times.known
    places = sheet.positions("trip_id", "stop_id", "stop_sequence", "arrival_time", "departure_time")
    at_trip, at_stop, at_sequence, at_arrival, at_departure = places
    more = sheet.positions("stop_headsign", "pickup_type", "drop_off_type", "timepoint", "shape_dist_traveled")
    at_headsign, at_pickup, at_drop_off, at_timepoint, at_distance = more
    for number, row in sheet.rows():
        trip, stop, sequence = trips.get(row[at_trip]), stops.get(row[at_stop]), sequences.get(row[at_sequence])
        arrival, departure = times.get(row[at_arrival]), times.get(row[at_departure])
        if trip is None or stop is None or sequence is None or arrival is None or departure is None:
            slowly = _looked_at(sheet, number, known, [row[place] for place in places])
            if slowly is None:
                continue
            trip, stop, sequence, arrival, departure = slowly
        columns.trip.append(trip)
        columns.stop.append(stop)
        columns.sequence.append(sequence)
        columns.arrival.append(arrival)
        columns.departure.append(departure)
        columns.headsign.append(headsigns.setdefault(row[at_headsign].strip(), len(headsigns)))
        columns.pickup.append(_code(row[at_pickup], _CODES, sheet, number))
        columns.drop_off.append(_code(row[at_drop_off], _CODES, sheet, number))
        columns.timepoint.append(_code(row[at_timepoint], _TIMEPOINTS, sheet, number))
        lines.append(number)
        if at_distance >= 0:
            columns.distance.append(_distance(row[at_distance]))
    if all(map(isnan, columns.distance)):
        del columns.distance[:]  # a column that says nothing
    return calls


def _looked_at(sheet: Sheet, number: int, known: _Known, row: Sequence[str]) -> tuple[int, int, int, int, int] | None:
    """A row that the dictionaries do not know as written; None, with a notice, where it is wrong."""
    trip_id, stop_id, said, *clocks = (one.strip() for one in row)
    trip, stop, sequence = known.trips.get(trip_id), known.stops.get(stop_id), read_int(said)
    fault: Notice | None = None
    if trip is None or stop is None:
        noun, local_id = ("trip", trip_id) if trip is None else ("stop", stop_id)
        detail = f"{noun}_id {local_id or '(empty)'} does not exist; the call is left out"
        # The calls of a trip that was left out are many, and the notice about the trip says why.
        subject = f"stop {local_id}" if noun == "stop" else "calls of unknown trips"
        fault = Notice("reference_unknown", Severity.ERROR, sheet.where(number), detail, subject)
    elif sequence is None or not 0 <= sequence <= _MOST_SEQUENCE:
        detail = f"stop_sequence {said!r} is no whole number; the call is left out"
        fault = Notice("value_unreadable", Severity.ERROR, sheet.where(number), detail, f"{sheet.file} sequence")
    times = _clocks(clocks, number, known.times)
    if times is None and fault is None:
        detail = f"Times {clocks[0]!r}, {clocks[1]!r} are none such as 25:30:00; the call is left out"
        fault = Notice("time_unreadable", Severity.ERROR, sheet.where(number), detail)
    if fault is not None or trip is None or stop is None or sequence is None or times is None:
        if fault is not None:
            sheet.leave_out(fault)
        return None
    known.trips.setdefault(row[0], trip)
    known.stops.setdefault(row[1], stop)
    known.sequences.setdefault(row[2], sequence)
    return trip, stop, sequence, *times


def _clocks(said: Sequence[str], number: int, times: Times) -> tuple[int, int] | None:
    """Arrival and departure; one stands for the other where only one is said, both blank are reckoned later."""
    arrival, departure = (times.read(one, number) if one else _BLANK for one in said)
    if arrival is None or departure is None:
        return None
    return (departure if arrival == _BLANK else arrival), (arrival if departure == _BLANK else departure)


def _code(said: str, known: Mapping[str, int], sheet: Sheet, number: int) -> int:
    code = known.get(said)
    if code is not None:
        return code
    if said.strip() not in known:
        detail = f"{said[:40]!r} is no pickup_type, drop_off_type or timepoint; it is taken as unsaid"
        notice = Notice("value_unreadable", Severity.WARNING, sheet.where(number), detail, f"{sheet.file} codes")
        sheet.findings.add(notice)
    return known.get(said.strip(), known[""])


def _distance(said: str) -> float:
    number = read_number(said) if said else None
    return nan if number is None else number


def _sorted(calls: Calls) -> Calls:
    """By trip and sequence; most feeds already are, or nearly so."""
    keys = [trip << 32 | sequence for trip, sequence in zip(calls.columns.trip, calls.columns.sequence, strict=True)]
    if all(one <= other for one, other in pairwise(keys)):
        return calls
    return _taken(calls, sorted(range(len(keys)), key=keys.__getitem__))


def _taken(calls: Calls, rows: Sequence[int]) -> Calls:
    columns = {one.name: _picked(getattr(calls.columns, one.name), rows) for one in fields(StopTimes)}
    return Calls(StopTimes(**columns), calls.headsigns, _picked(calls.lines, rows))


def _picked(column: array[Any], rows: Sequence[int]) -> array[Any]:
    return array(column.typecode, map(column.__getitem__, rows)) if column else column


def _without(calls: Calls, wrong: set[int]) -> Calls:
    if not wrong:
        return calls
    return _taken(calls, [row for row in range(len(calls.lines)) if row not in wrong])


def _doubled(calls: Calls, sheet: Sheet) -> set[int]:
    """Calls of one trip with the sequence of the call before: the first is taken."""
    columns = calls.columns
    pairs = pairwise(zip(columns.trip, columns.sequence, strict=True))
    wrong = {row for row, (one, other) in enumerate(pairs, 1) if one == other}
    for row in sorted(wrong):
        detail = f"stop_sequence {columns.sequence[row]} is there twice in this trip; this call is left out"
        sheet.leave_out(
            Notice("duplicate_id", Severity.ERROR, sheet.where(calls.lines[row]), detail, f"{sheet.file} sequence")
        )
    return wrong


def _reckoned(calls: Calls, sheet: Sheet) -> set[int]:
    """Gives calls without time one between their neighbours', as GTFS wants it; returns those that have none."""
    wrong: set[int] = set()
    for first, last in _gaps(calls.columns):
        where = sheet.where(calls.lines[first])
        if not _fill(calls.columns, first, last):
            detail = "A trip's first or last call has no time; it is left out"
            notice = Notice("trip_edge_untimed", Severity.ERROR, where, detail)
            for row in range(first, last):
                wrong.add(row)
                sheet.leave_out(notice)
            continue
        detail = "Calls without time get one between those of their neighbours"
        for _ in range(first, last):
            sheet.findings.add(Notice("time_reckoned", Severity.INFO, where, detail))
    return wrong


def _gaps(columns: StopTimes) -> Iterator[tuple[int, int]]:
    """Runs of calls of one trip without time: first row, and the row after the last."""
    blank = [row for row, time in enumerate(columns.departure) if time == _BLANK]
    start = 0
    for place, row in enumerate(blank):
        following = blank[place + 1] if place + 1 < len(blank) else -1
        if following != row + 1 or columns.trip[following] != columns.trip[row]:
            yield blank[start], row + 1
            start = place + 1


def _fill(columns: StopTimes, first: int, last: int) -> bool:
    """Evenly between the calls before and after, where the trip has both."""
    trip = columns.trip[first]
    if first == 0 or last == len(columns.trip) or not columns.trip[first - 1] == trip == columns.trip[last]:
        return False
    since, until = columns.departure[first - 1], columns.arrival[last]
    for step, row in enumerate(range(first, last), 1):
        columns.arrival[row] = columns.departure[row] = since + (until - since) * step // (last - first + 1)
        columns.timepoint[row] = RECKONED
    return True


def _going_back(calls: Calls, sheet: Sheet) -> set[int]:
    """Calls that arrive before the last departure that is believed, or depart before they arrive."""
    wrong: set[int] = set()
    columns = calls.columns
    current, latest = -1, 0
    for row, (trip, arrival, departure) in enumerate(
        zip(columns.trip, columns.arrival, columns.departure, strict=True)
    ):
        if trip != current:
            current, latest = trip, 0
        if latest <= arrival <= departure:
            latest = departure
            continue
        wrong.add(row)
        detail = (
            "A call arrives before the departure of the call before it, or departs before it arrives; it is left out"
        )
        sheet.leave_out(Notice("time_goes_back", Severity.ERROR, sheet.where(calls.lines[row]), detail))
    return wrong
