"""運行日: calendar and calendar_dates as the days on which each service runs. As the feed says, never corrected."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from cityos.connector import Notice, Severity, SourceChanged
from cityos.vocabulary.timetable import Service
from connectors.gtfs_jp.sheet import Sheet
from connectors.gtfs_jp.value import read_code, read_day

_WEEK = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_ADDED = 1
# Days of all services together: real feeds reach 0.8 million (Yamanashi, 125 services over 17 years).
_MOST_DAYS = 100_000_000
Exceptions = dict[str, dict[int, bool]]


@dataclass(frozen=True, slots=True)
class _Span:
    first: int  # ordinals, both included
    last: int
    week: int  # bit i: weekday i, Monday first

    def days(self) -> int:
        """Bit i: whether it runs on the first day + i."""
        length = max(0, self.last - self.first + 1)
        shift = (self.first - 1) % 7  # the ordinal 1 is a Monday
        week = (self.week >> shift | self.week << 7 - shift) & 0x7F
        weeks = length // 7 + 1
        return week * (((1 << 7 * weeks) - 1) // 0x7F) & ((1 << length) - 1)


def read_services(calendar: Sheet, dates: Sheet) -> tuple[Service, ...]:
    """The services of both tables, those of calendar first."""
    spans = _spans(calendar)
    exceptions = _exceptions(dates)
    ids = list(dict.fromkeys([*spans, *exceptions]))
    _check_size(spans, exceptions, calendar.package.name)
    return tuple(_resolved(one, spans.get(one), exceptions.get(one, {})) for one in ids)


def _spans(sheet: Sheet) -> dict[str, _Span]:
    found: dict[str, _Span] = {}
    columns = ("service_id", "start_date", "end_date", *_WEEK)
    for number, fields in sheet.picked(*columns) if sheet.has(*columns) else ():
        service_id, start, end, *week = fields
        first, last = (read_day(text, sheet.where(number), sheet.findings) for text in (start, end))
        runs = [read_code(text, range(2), sheet, number, day) for text, day in zip(week, _WEEK, strict=True)]
        if not service_id or first is None or last is None:
            detail = f"Service {service_id or 'without id'} has no first or last day; its weekdays are left out"
            sheet.leave_out(Notice("service_unreadable", Severity.ERROR, sheet.where(number), detail, service_id))
        elif service_id in found:
            detail = f"service_id {service_id} is there twice; this row is left out"
            notice = Notice("duplicate_id", Severity.ERROR, sheet.where(number), detail, f"service {service_id}")
            sheet.leave_out(notice)
        else:
            bits = sum(1 << place for place, flag in enumerate(runs) if flag)
            found[service_id] = _Span(first.toordinal(), last.toordinal(), bits)
    return found


def _exceptions(sheet: Sheet) -> Exceptions:
    """By service: days that are added (true) or taken away."""
    found: Exceptions = {}
    columns = ("service_id", "date", "exception_type")
    for number, (service_id, text, kind) in sheet.picked(*columns) if sheet.has(*columns) else ():
        day = read_day(text, sheet.where(number), sheet.findings)
        change = read_code(kind, range(1, 3), sheet, number, "exception_type")
        if not service_id or day is None or change is None:
            detail = f"Exception {text!r} of service {service_id or 'without id'} cannot be read; it is left out"
            sheet.leave_out(Notice("service_unreadable", Severity.ERROR, sheet.where(number), detail, service_id))
            continue
        days = found.setdefault(service_id, {})
        if days.setdefault(day.toordinal(), change == _ADDED) != (change == _ADDED):
            detail = f"Service {service_id} is both added and taken away on {day}; the first row is taken"
            notice = Notice("service_contradiction", Severity.ERROR, sheet.where(number), detail, f"{service_id} {day}")
            sheet.leave_out(notice)
    return found


def _resolved(service_id: str, span: _Span | None, exceptions: Mapping[int, bool]) -> Service:
    added = [day for day, runs in exceptions.items() if runs]
    starts = [*([span.first] if span else []), *added]
    first = min(starts, default=min(exceptions, default=1))
    days = span.days() << span.first - first if span else 0
    days |= _bits(added, first)
    days &= ~_bits((day for day, runs in exceptions.items() if not runs and day >= first), first)
    return Service(service_id, date.fromordinal(first), days)


def _bits(ordinals: Iterable[int], first: int) -> int:
    """One number with the bits of many days: set byte by byte, since a large number is copied for each bit."""
    offsets = [day - first for day in ordinals]
    content = bytearray(max(offsets, default=0) // 8 + 1)
    for offset in offsets:
        content[offset // 8] |= 1 << offset % 8
    return int.from_bytes(content, "little")


def _check_size(spans: Mapping[str, _Span], exceptions: Exceptions, name: str) -> None:
    days = sum(span.last - span.first for span in spans.values() if span.last > span.first)
    days += sum(max(one) - min(one) for one in exceptions.values() if one)
    if days > _MOST_DAYS:
        raise SourceChanged(f"Document {name} has services of {days} days together, more than {_MOST_DAYS}")


def last_day(services: Sequence[Service]) -> date | None:
    """The last day on which anything runs."""
    return max((day for one in services if (day := one.last_on) is not None), default=None)


def first_day(services: Sequence[Service]) -> date | None:
    """The first day on which anything runs."""
    starts = (one.first_on.toordinal() + (one.days & -one.days).bit_length() - 1 for one in services if one.days)
    first = min(starts, default=None)
    return None if first is None else date.fromordinal(first)
