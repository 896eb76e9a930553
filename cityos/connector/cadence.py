"""When a source is expected to speak: a rhythm and a calendar. Pure; every question takes the instant."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

JST = ZoneInfo("Asia/Tokyo")
_DAY = timedelta(days=1)
_YEAR_AND_A_DAY = 367


@dataclass(frozen=True, slots=True)
class Calendar:
    """The days and hours on which a source speaks.

    `season` is (month, day) to (month, day), both included, and may span New Year; `weekdays` are 0 (Monday) to 6;
    `hours` from and until, local, may span midnight: the night belongs to the day on which it begins. None: always.
    """

    season: tuple[tuple[int, int], tuple[int, int]] | None = None
    weekdays: frozenset[int] | None = None
    hours: tuple[time, time] | None = None
    zone: ZoneInfo = JST

    def has_season(self, on: date) -> bool:
        """Whether the local day lies in the season."""
        if self.season is None:
            return True
        first, last = self.season
        today = (on.month, on.day)
        return first <= today <= last if first <= last else today >= first or today <= last

    def has_day(self, on: date) -> bool:
        """Whether the source speaks on this local day."""
        return self.has_season(on) and (self.weekdays is None or on.weekday() in self.weekdays)

    def has(self, at: datetime) -> bool:
        """Whether the source speaks at this instant."""
        local = at.astimezone(self.zone)
        if self.hours is None:
            return self.has_day(local.date())
        opens, closes = self.hours
        if opens <= closes:
            return self.has_day(local.date()) and opens <= local.time() <= closes
        if local.time() >= opens:
            return self.has_day(local.date())
        return local.time() <= closes and self.has_day(local.date() - _DAY)


@dataclass(frozen=True, slots=True)
class Cadence:
    """A rhythm: published `every` so often, or daily `at` local times; asked for every `poll`.

    `grace` is how late a publication may be before anyone worries.
    """

    poll: timedelta
    every: timedelta | None = None
    at: tuple[time, ...] = ()
    grace: timedelta = timedelta(minutes=5)
    calendar: Calendar = Calendar()

    def __post_init__(self) -> None:
        if (self.every is None) == (not self.at):
            raise ValueError("a cadence is either `every` so often or `at` times of day")

    def next_due(self, after: datetime) -> datetime:
        """The first publication to expect strictly after this instant."""
        if self.every is not None:
            return self._next_by_rhythm(after + self.every)
        local = after.astimezone(self.calendar.zone)
        for days in range(_YEAR_AND_A_DAY):
            day = local.date() + days * _DAY
            if self.calendar.has_day(day):
                for clock in sorted(self.at):
                    due = datetime.combine(day, clock, self.calendar.zone)
                    if due > after:
                        return due.astimezone(after.tzinfo)
        raise ValueError("the calendar holds no day of publication")

    def _next_by_rhythm(self, due: datetime) -> datetime:
        if self.calendar.has(due):
            return due
        local = due.astimezone(self.calendar.zone)
        opens = self.calendar.hours[0] if self.calendar.hours is not None else time()
        for days in range(_YEAR_AND_A_DAY):
            day = local.date() + days * _DAY
            start = datetime.combine(day, opens, self.calendar.zone)
            if start >= due and self.calendar.has_day(day):
                return start.astimezone(due.tzinfo)
        raise ValueError("the calendar holds no day of publication")

    def is_off_season(self, now: datetime) -> bool:
        """Whether nothing is to be expected: outside the season, or before its first publication is due."""
        if self.calendar.season is None:
            return False
        local = now.astimezone(self.calendar.zone)
        if not self.calendar.has_season(local.date()):
            return True
        if not self.at:
            return False
        first = local.date()
        for _ in range(_YEAR_AND_A_DAY):
            if not self.calendar.has_season(first - _DAY):
                break
            first -= _DAY
        else:  # a season all year round has no beginning to wait for
            return False
        opening = datetime.combine(first, time(), self.calendar.zone) - timedelta(microseconds=1)
        return self.next_due(opening) > now
