"""Snow clearing as the operator states it: what is ordered where, decided once a day at the hour of publication."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import Enum, auto
from functools import lru_cache

from .chance import draw, pick, spread
from .city import CONTRADICTORY_ZONE
from .clock import DAY, jst, last_daily
from .weather import snowfall_24h_cm

PUBLISHED_HOUR = 17
# Snow pressed on the road at which work is ordered: side streets wait longer than routes (real orders: 5-15 cm).
_ZONE_CM, _ROUTE_CM = (11.0, 26.0), (5.0, 9.0)
_SETTLING = 0.92  # what settling and traffic leave of the snow from one day to the next


class Phase(Enum):
    """Where an order stands."""

    CHECKING = auto()  # no order; the site is being looked at
    ADJUSTING = auto()  # ordered, the night is not fixed
    PLANNED = auto()  # ordered for the night after ``planned_on``
    WORKING = auto()  # work goes on into a further night


@dataclass(frozen=True, slots=True)
class Claim:
    """What is stated about one zone or route; ``planned_on`` may stand without an order, as in real lists."""

    phase: Phase = Phase.CHECKING
    planned_on: date | None = None
    ordered_on: date | None = None
    cleared_on: date | None = None
    snow_cm: float = 0.0
    nights: int = 0


def published_at(instant: datetime) -> datetime:
    """The last publication at or before ``instant``."""
    return last_daily(instant, PUBLISHED_HOUR)


@lru_cache(maxsize=2048)
def zone_claim(seed: int, zone: str, day: date) -> Claim:
    """What is published about a zone on ``day``."""
    if zone == CONTRADICTORY_ZONE:
        return Claim(planned_on=day)
    return _history(seed, zone, _ZONE_CM, day)


@lru_cache(maxsize=2048)
def route_claim(seed: int, work: str, day: date) -> Claim:
    """What is published about a route, or one piece of the bypass, on ``day``."""
    return _history(seed, work, _ROUTE_CM, day)


def _history(seed: int, name: str, threshold_cm: tuple[float, float], day: date) -> Claim:
    """Plays the season up to ``day``: the claim of a day follows from the one before and the snow between."""
    limit = spread(seed, *threshold_cm, "threshold", name)
    claim = Claim()
    today = date(day.year if day.month >= 11 else day.year - 1, 11, 1)
    while today <= day:
        snow = claim.snow_cm * _SETTLING + snowfall_24h_cm(seed, jst(today, PUBLISHED_HOUR))
        claim = _NEXT[claim.phase](seed, name, today, replace(claim, snow_cm=snow), limit)
        today += DAY
    return claim


def _checked(seed: int, name: str, today: date, claim: Claim, limit: float) -> Claim:
    if claim.snow_cm < limit:
        return claim
    ordered = replace(claim, ordered_on=today, nights=1 + pick(seed, 3, "nights", name, today))
    if draw(seed, "adjust", name, today) < 0.25:
        return replace(ordered, phase=Phase.ADJUSTING)
    return _planned(seed, name, today, ordered)


def _adjusted(seed: int, name: str, today: date, claim: Claim, limit: float) -> Claim:
    return claim if draw(seed, "adjust", name, today) < 0.4 else _planned(seed, name, today, claim)


def _planned(seed: int, name: str, today: date, claim: Claim) -> Claim:
    wait = (0, 0, 1, 2)[pick(seed, 4, "wait", name, today)]
    return replace(claim, phase=Phase.PLANNED, planned_on=today + timedelta(days=wait))


def _kept(seed: int, name: str, today: date, claim: Claim, limit: float) -> Claim:
    """The planned night comes, or is put off: the case residents complain about most."""
    if claim.planned_on is not None and claim.planned_on >= today:
        return claim
    if draw(seed, "put off", name, today) < 0.2:
        return replace(claim, planned_on=today)
    return _worked(seed, name, today, replace(claim, phase=Phase.WORKING, planned_on=today), limit)


def _worked(seed: int, name: str, today: date, claim: Claim, limit: float) -> Claim:
    if claim.nights > 1:
        return replace(claim, nights=claim.nights - 1, planned_on=today)
    return Claim(cleared_on=today)


_Step = Callable[[int, str, date, Claim, float], Claim]
_NEXT: dict[Phase, _Step] = {
    Phase.CHECKING: _checked,
    Phase.ADJUSTING: _adjusted,
    Phase.PLANNED: _kept,
    Phase.WORKING: _worked,
}
