"""The city's clock: its own time, running at its own speed beside the real one."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone

JST = timezone(timedelta(hours=9), "JST")
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Clock:
    """``at`` was true in the city at the real instant ``started`` (Unix seconds); since then ``speed`` s pass per s."""

    at: datetime
    started: float
    speed: float

    def now(self, real: float) -> datetime:
        """The city's instant, in JST, at the real instant ``real`` (Unix seconds)."""
        return (self.at + timedelta(seconds=(real - self.started) * self.speed)).astimezone(JST)


def jst(day: date, hour: int = 0, minute: int = 0) -> datetime:
    """The instant of a wall-clock time in the city; the city knows no summer time."""
    return datetime.combine(day, time(hour, minute), JST)


def midnight(instant: datetime) -> datetime:
    """The last midnight at or before ``instant``."""
    return jst(instant.astimezone(JST).date())


def last_daily(instant: datetime, hour: int, minute: int = 0) -> datetime:
    """The last time the wall clock showed hour:minute, at or before ``instant``."""
    today = jst(instant.astimezone(JST).date(), hour, minute)
    return today if today <= instant else today - DAY


def last_hourly(instant: datetime, minute: int) -> datetime:
    """The last time the wall clock showed ``minute`` past an hour, at or before ``instant``."""
    this = instant.astimezone(JST).replace(minute=minute, second=0, microsecond=0)
    return this if this <= instant else this - HOUR


def last_step(instant: datetime, seconds: int) -> datetime:
    """The last instant at or before ``instant`` that is a whole number of steps after midnight, in the city's zone."""
    today = midnight(instant)
    return today + timedelta(seconds=int((instant - today).total_seconds()) // seconds * seconds)
