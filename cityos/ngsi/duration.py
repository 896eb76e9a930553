"""Durations as clause 4.5.19 takes them (ISO 8601): PT1H is an hour, P1M a month of the calendar."""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cityos.ngsi.error import BadRequestData
from cityos.ngsi.instant import from_microseconds, to_microseconds

_COUNT = r"(\d{1,9})"
_DURATION = re.compile(
    rf"P(?!\Z)(?:{_COUNT}W|(?:{_COUNT}Y)?(?:{_COUNT}M)?(?:{_COUNT}D)?"
    rf"(?:T(?!\Z)(?:{_COUNT}H)?(?:{_COUNT}M)?(?:(\d{{1,9}}(?:\.\d{{1,6}})?)S)?)?)\Z"
)
_MEAN_MONTH = 2_629_746_000_000  # microseconds of a month of the Gregorian calendar, on average
_LAST = datetime.max.replace(tzinfo=UTC)
_LAST_COUNT = to_microseconds(_LAST)


@dataclass(frozen=True, slots=True)
class Duration:
    """So many months of the calendar and so many microseconds; both 0 means the whole time."""

    months: int = 0
    microseconds: int = 0

    @property
    def is_whole(self) -> bool:
        """Whether it is 0, which stands for all of the time asked for (clause 4.5.19)."""
        return not (self.months or self.microseconds)


WHOLE = Duration()


def parse_duration(text: str, where: str) -> Duration:
    """A duration such as PT10M, P1D, P1M or P2W. Raises BadRequestData naming `where`."""
    said = _DURATION.match(text)
    if said is None:
        raise BadRequestData(f"{where} {text[:40]!r} is no ISO 8601 duration such as PT10M, P1D or P1M")
    weeks, years, months, days, hours, minutes = (int(count or 0) for count in said.groups()[:6])
    try:
        plain = timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=float(said[7] or 0))
    except OverflowError:
        raise BadRequestData(f"{where} {text[:40]!r} is longer than there is time") from None
    return Duration(years * 12 + months, plain // timedelta(microseconds=1))


@dataclass(frozen=True, slots=True)
class Periods:
    """Periods of one duration, one after the other, the first beginning at `anchor` (microseconds since 1970).

    Months are those of a calendar that is `offset` microseconds ahead of UTC: Japan's first of March is not UTC's.
    """

    anchor: int
    duration: Duration
    offset: int = 0

    def around(self, at: int) -> tuple[int, int]:
        """Beginning and end of the period that an instant lies in."""
        months, plain = self.duration.months, self.duration.microseconds
        number = (at - self.anchor) // (months * _MEAN_MONTH + plain)
        if months:  # months differ in length: the first guess may be one off
            while self._begin(number) > at:
                number -= 1
            while self._begin(number + 1) <= at < _LAST_COUNT:
                number += 1
        return self._begin(number), self._begin(number + 1)

    def _begin(self, number: int) -> int:
        plain = number * self.duration.microseconds
        if not self.duration.months:
            return min(self.anchor + plain, _LAST_COUNT)
        begin = _months_later(self.anchor + self.offset, number * self.duration.months) - self.offset
        return min(begin + plain, _LAST_COUNT)


def _months_later(at: int, months: int) -> int:
    """The same day so many months later; the last of the month where it has no such day."""
    instant = from_microseconds(at)
    year, month = divmod(instant.year * 12 + instant.month - 1 + months, 12)
    if year > _LAST.year:
        return _LAST_COUNT
    day = min(instant.day, calendar.monthrange(year, month + 1)[1])
    return to_microseconds(instant.replace(year=year, month=month + 1, day=day))
