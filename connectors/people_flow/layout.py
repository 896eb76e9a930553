"""The forms in which counts are published, read into one: who counted how many, from when to when."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from cityos.connector import Document, Notice, Severity, SourceChanged
from cityos.connector.reading import (
    Line,
    Table,
    fold_width,
    read_int,
    read_local_time,
    read_table,
    read_text,
    to_instant,
)

_HOUR = timedelta(hours=1)
# The English months of the Melbourne layout; strptime would ask the machine's locale.
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAY_MONTH_YEAR = re.compile(r"(\d{1,2})-([A-Za-z]{3})[a-z]*-(\d{4})\Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class Count:
    """One count as read: instants, not wall clocks."""

    counter: str
    name: str
    kind: str
    since: datetime
    until: datetime
    count: int
    where: str
    in_full_width: bool = False


@dataclass(frozen=True, slots=True)
class Terms:
    """What the layouts leave unsaid: whose counts a nameless list holds, its rhythm, and the zone of its clock."""

    zone: ZoneInfo
    counter: str
    interval: timedelta
    longest_gap: timedelta
    ends_with_line_break: bool


class WallClock:
    """Reads a zone's wall clock. The hour that comes twice in autumn is told apart by coming again in one counter."""

    def __init__(self, zone: ZoneInfo) -> None:
        self._zone = zone
        self._repeated: set[tuple[str, datetime]] = set()

    def instant(self, counter: str, local: datetime) -> datetime | None:
        """The instant, None where the clocks skip this time."""
        first = to_instant(local, self._zone)
        second = to_instant(local, self._zone, fold=1)
        if first == second:
            return first
        is_again = (counter, local) in self._repeated
        self._repeated.add((counter, local))
        return second if is_again else first


def read_layout(document: Document, terms: Terms) -> tuple[list[Count], list[Notice]]:
    """Recognises the layout by its columns and reads it. Raises SourceChanged for one that is not known."""
    text = read_text(document)
    table = read_table(text.content, document.name, ends_with_line_break=terms.ends_with_line_break)
    found = list(_reader(table)(table, terms))
    counts = [one for one in found if isinstance(one, Count)]
    notices = [one for one in found if isinstance(one, Notice)]
    widened = [_full_width(one) for one in counts if one.in_full_width]
    return counts, [*text.notices, *table.notices, *notices, *widened]


def _read_cameras(table: Table, terms: Terms) -> Iterator[Count | Notice]:
    """AI cameras. Columns behind the total split it by class; few persons each, so they are never read."""
    at = _columns(table, _CAMERAS)
    clock = WallClock(terms.zone)
    for line in table.lines:
        placement, kind, since_text, until_text, number = (line.fields[n].strip() for n in at)
        # What is counted beside persons (Face, LicensePlate) is another counter at the same place.
        counter = placement if kind == "Person" else f"{placement}-{kind}"
        since, end = _instant(clock, counter, since_text), read_local_time(until_text)
        until = None if end is None else to_instant(end, terms.zone)
        yield _count(line, counter, placement, kind, since, until, number)


def _read_ticks(table: Table, terms: Terms) -> Iterator[Count | Notice]:
    """One nameless counter that reports what it counted since its last report."""
    at, number = _columns(table, _TICKS)
    if not terms.counter:
        raise SourceChanged(f"Document {table.name} names no counter (columns dt, n); set `counter` in the city file")
    clock = WallClock(terms.zone)
    ticks = [(_instant(clock, terms.counter, line.fields[at]), line) for line in table.lines]
    yield from (_no_time(line) for until, line in ticks if until is None)
    last: datetime | None = None
    since: datetime | None = None
    for until, line in sorted(((u, li) for u, li in ticks if u is not None), key=lambda tick: tick[0]):
        if until != last:
            since, last = _last_report(last, until, terms), until
        yield _count(line, terms.counter, "", "Person", since, until, line.fields[number])


def _last_report(last: datetime | None, until: datetime, terms: Terms) -> datetime:
    """When the counting began: at the last report, unless reports were lost; then only the rhythm is known."""
    is_near = last is not None and until - last <= terms.longest_gap
    return last if last is not None and is_near else until - terms.interval


def _read_hours(table: Table, terms: Terms) -> Iterator[Count | Notice]:
    """Many counters, one row per hour and counter."""
    on, hour, sensor, name, number = _columns(table, _HOURS)
    clock = WallClock(terms.zone)
    for line in table.lines:
        counter = _sensor(line.fields[sensor])
        since = _hour(clock, counter, line.fields[on], line.fields[hour])
        until = None if since is None else since + _HOUR
        yield _count(line, counter, line.fields[name].strip(), "Person", since, until, line.fields[number])


def _read_wide_hours(table: Table, terms: Terms) -> Iterator[Count | Notice]:
    """One row per hour, one column per counter; an empty cell says that nothing was counted."""
    clock = WallClock(terms.zone)
    for line in table.lines:
        local = read_local_time(line.fields[0])
        for sensor, number in zip(table.header[1:], line.fields[1:], strict=True):
            if number.strip():
                counter = _sensor(sensor)
                since = None if local is None else clock.instant(counter, local)
                yield _count(line, counter, "", "Person", since, None if since is None else since + _HOUR, number)


Reader = Callable[[Table, Terms], Iterator[Count | Notice]]
_CAMERAS = ("placement", "object class", "aggregate from", "aggregate to", "total count")
_TICKS = ("dt", "n")
_HOURS = ("Date", "Hour", "SensorID", "SensorName", "PedestrianCount")
_WIDE_HOURS = ("local_time",)
_LAYOUTS: dict[tuple[str, ...], Reader] = {
    _CAMERAS: _read_cameras,
    _TICKS: _read_ticks,
    _HOURS: _read_hours,
    _WIDE_HOURS: _read_wide_hours,
}


def _reader(table: Table) -> Reader:
    for columns, reader in _LAYOUTS.items():
        if set(columns) <= set(table.header):
            return reader
    nearest = max(_LAYOUTS, key=lambda columns: len(set(columns) & set(table.header)))
    missing = ", ".join(name for name in nearest if name not in table.header)
    raise SourceChanged(f"Document {table.name} has no column {missing}; its columns are {', '.join(table.header)}")


def _columns(table: Table, names: tuple[str, ...]) -> tuple[int, ...]:
    return tuple(map(table.header.index, names))


def _count(
    line: Line,
    counter: str,
    name: str,
    kind: str,
    since: datetime | None,
    until: datetime | None,
    number: str,
) -> Count | Notice:
    count = read_int(number)
    if count is None or count < 0:
        detail = f"Count {number.strip()!r} is no number of people; the row is left out"
        return Notice("count_unreadable", Severity.ERROR, line.where, detail)
    if not fold_width(counter):
        return Notice("counter_missing", Severity.ERROR, line.where, "Row names no counter; it is left out")
    if since is None or until is None or until <= since:
        return _no_time(line)
    return Count(counter, name, kind, since, until, count, line.where, not number.isascii())


def _no_time(line: Line) -> Notice:
    # The row stays unsaid: its count may be a small one.
    detail = "Row has no readable time, or one that the clocks skip; it is left out"
    return Notice("time_unreadable", Severity.ERROR, line.where, detail)


def _full_width(one: Count) -> Notice:
    return Notice(
        "full_width_digits", Severity.INFO, one.where, "Count is in full-width digits; it is read as a number"
    )


def _instant(clock: WallClock, counter: str, text: str) -> datetime | None:
    local = read_local_time(text)
    return None if local is None else clock.instant(counter, local)


def _hour(clock: WallClock, counter: str, day: str, hour: str) -> datetime | None:
    on, number = _day(day), read_int(hour)
    if on is None or number is None or not 0 <= number < 24:
        return None
    return clock.instant(counter, datetime(on.year, on.month, on.day, number))  # noqa: DTZ001


def _day(text: str) -> date | None:
    """`01-Mar-2013`, or any date that the readers know."""
    found = _DAY_MONTH_YEAR.match(text.strip())
    if found is None:
        local = read_local_time(text)
        return None if local is None else local.date()
    name = found[2].lower()
    month = _MONTHS.index(name) + 1 if name in _MONTHS else 0
    local = read_local_time(f"{found[3]}-{month:02}-{found[1]}")
    return None if local is None else local.date()


def _sensor(text: str) -> str:
    """A sensor's number without the `.0` that a spreadsheet gave it."""
    number = read_int(text)
    return str(number) if number is not None else text.strip()
