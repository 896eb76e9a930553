"""The ploughs that carry a tracker, as their operator shows them: where each is now. Most zones have none.

What they do is what was really done, which is not always what was stated: an order that was put off shows no plough,
and a zone without trackers shows none whatever happens there.
"""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from itertools import accumulate, pairwise

from .chance import draw, spread
from .city import CELLS, CONTRADICTORY_ZONE, Point, list_zones
from .clearing import Phase, zone_claim
from .clock import DAY, JST, jst, last_step
from .geojson import collection, compact, feature
from .measure import between, distance_m, heading_deg
from .road import PER_CELL, Crossing, Segment, list_segments, locate
from .snow import widen
from .weather import snowfall_24h_cm

STEP_S = 30
_TRACKED = 0.4  # share of the zones whose contractor has trackers
_NIGHT, _NIGHT_H = 21, 9  # the night shift begins at 21:00 and ends at 06:00
# In heavy snow some tracked zones are also ploughed by day, from this much new snow in 24 h at the beginning.
_DAYTIME, _DAYTIME_H, _DAYTIME_SHARE, _HEAVY_CM = 9, 7, 0.35, 20.0
_KMH = (9.0, 14.0)
_BREAK_EVERY_S, _BREAK_S = 7200, 900
_LISTED_AT = datetime(2025, 11, 1, 9, tzinfo=JST)


@dataclass(frozen=True, slots=True)
class Plough:
    """A tracked plough, and the round it drives: every street of its part of a zone once in each direction."""

    id: str
    zone: str
    round: tuple[Point, ...]
    metres: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class _Fix:
    point: Point
    heading: float
    speed_kmh: float
    status: str


def changed_at(instant: datetime) -> datetime:
    """When the positions of ``instant`` were taken."""
    return last_step(instant, STEP_S)


def coverage_listed_at(instant: datetime) -> datetime:
    """The list of tracked zones is made once, before the season."""
    return _LISTED_AT


def positions_geojson(seed: int, instant: datetime) -> bytes:
    """Every tracked plough at work or at rest in its shift, as Points."""
    at = changed_at(instant)
    return collection(feature(_told(plough, fix, at), "Point", fix.point) for plough, fix in _fixes(seed, at))


def coverage_json(seed: int) -> bytes:
    """The zones in which ploughs can be seen at all, under the names of the newer zone list."""
    zones: dict[str, list[str]] = {}
    for plough in list_ploughs(seed):
        zones.setdefault(widen(plough.zone), []).append(plough.id)
    listed = [{"zone": zone, "vehicles": vehicles} for zone, vehicles in zones.items()]
    return compact({"updated": _LISTED_AT.isoformat(), "interval_s": STEP_S, "zones": listed})


@lru_cache(maxsize=4)
def list_ploughs(seed: int) -> tuple[Plough, ...]:
    """All tracked ploughs; a zone that the river parts has one for each bank."""
    ploughs: list[Plough] = []
    for number, zone in enumerate(list_zones(seed)):
        if zone.name != CONTRADICTORY_ZONE and draw(seed, "tracked", zone.name) < _TRACKED:
            for part in _rounds(_streets(seed, (number % CELLS, number // CELLS))):
                points = tuple(locate(seed, crossing) for crossing in part)
                metres = accumulate((distance_m(a, b) for a, b in pairwise(points)), initial=0.0)
                ploughs.append(Plough(f"YP-{len(ploughs) + 1:02}", zone.name, points, tuple(metres)))
    return tuple(ploughs)


@lru_cache(maxsize=2048)
def is_worked(seed: int, zone: str, day: date) -> bool:
    """Whether the zone is really cleared in the night after ``day``: what the next publication takes as done."""
    claim, following = zone_claim(seed, zone, day), zone_claim(seed, zone, day + DAY)
    due = claim.phase in (Phase.PLANNED, Phase.WORKING) and claim.planned_on is not None and claim.planned_on <= day
    return due and (following.phase is Phase.WORKING or following.cleared_on == day + DAY)


def _told(plough: Plough, fix: _Fix, at: datetime) -> dict[str, object]:
    return {
        "vehicle_id": plough.id,
        "time": at.isoformat(),
        "lon": fix.point[0],
        "lat": fix.point[1],
        "speed_kmh": fix.speed_kmh,
        "heading": round(fix.heading),
        "status": fix.status,
    }


def _fixes(seed: int, at: datetime) -> Iterator[tuple[Plough, _Fix]]:
    for plough in list_ploughs(seed):
        begun = _shift_begun(seed, plough.zone, at)
        if begun is not None:
            yield plough, _fix(seed, plough, begun, at)


def _shift_begun(seed: int, zone: str, at: datetime) -> datetime | None:
    """The beginning of the shift in which the zone is being worked at ``at``."""
    night = jst((at - timedelta(hours=_NIGHT)).date(), _NIGHT)
    if at < night + timedelta(hours=_NIGHT_H):
        return night if is_worked(seed, zone, night.date()) else None
    day = jst(at.date(), _DAYTIME)
    if not day <= at < day + timedelta(hours=_DAYTIME_H) or snowfall_24h_cm(seed, day) < _HEAVY_CM:
        return None
    return day if draw(seed, "by day", zone, day.date()) < _DAYTIME_SHARE else None


def _fix(seed: int, plough: Plough, begun: datetime, at: datetime) -> _Fix:
    # Not all rest at once.
    passed = (at - begun).total_seconds() + _BREAK_EVERY_S * draw(seed, "rest", plough.id)
    stints, rest = divmod(passed, _BREAK_EVERY_S + _BREAK_S)
    at_rest = rest >= _BREAK_EVERY_S
    driven = stints * _BREAK_EVERY_S + min(rest, _BREAK_EVERY_S)
    kmh = spread(seed, *_KMH, "plough", plough.id, begun)
    start = plough.metres[-1] * draw(seed, "depot", plough.id, begun)
    point, heading = _along(plough, (start + driven * kmh / 3.6) % plough.metres[-1])
    return _Fix(point, heading, 0.0 if at_rest else round(kmh, 1), "待機" if at_rest else "作業中")


def _along(plough: Plough, metre: float) -> tuple[Point, float]:
    n = bisect_right(plough.metres, metre) - 1
    start, end = plough.round[n], plough.round[n + 1]
    share = (metre - plough.metres[n]) / (plough.metres[n + 1] - plough.metres[n])
    return between(start, end, share), heading_deg(start, end)


def _streets(seed: int, cell: tuple[int, int]) -> list[Segment]:
    """The streets inside a zone; those on its border are cleared as routes."""
    return [segment for segment in list_segments(seed) if _cell_inside(segment) == cell]


def _cell_inside(segment: Segment) -> tuple[int, int] | None:
    (x, y), (x_end, y_end) = segment.start, segment.end
    if (x == x_end and x % PER_CELL == 0) or (y == y_end and y % PER_CELL == 0):
        return None
    return (x + x_end) // 2 // PER_CELL, (y + y_end) // 2 // PER_CELL


def _rounds(streets: list[Segment]) -> Iterator[list[Crossing]]:
    """A round through each connected part: into every street and out again, one-way lanes too, as nobody is about."""
    leaving: dict[Crossing, list[Crossing]] = {}
    for street in streets:
        leaving.setdefault(street.start, []).append(street.end)
        leaving.setdefault(street.end, []).append(street.start)
    driven = set[tuple[Crossing, Crossing]]()
    for begin in sorted(leaving):
        if not any(begin in way for way in driven):
            yield _round(begin, leaving, driven)


def _round(
    begin: Crossing, leaving: dict[Crossing, list[Crossing]], driven: set[tuple[Crossing, Crossing]]
) -> list[Crossing]:
    came: list[Crossing] = []
    way = [begin]
    while True:
        here = way[-1]
        onward = next((there for there in leaving[here] if (here, there) not in driven), None)
        if onward is not None:
            driven |= {(here, onward), (onward, here)}
            came.append(here)
            way.append(onward)
        elif came:
            back = came.pop()
            way.append(back)
        else:
            return way
