"""The road graph: a lattice of streets that follows the zones' borders, cut by a river that two bridges cross.

Crossings are named by their place in the lattice, in twelfths of a zone: (x eastward, y northward), so that bus lines
and ploughs can be laid out by hand and hold for every seed. The lattice is finer in the town centre.
"""

import math
from collections import deque
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from itertools import pairwise

from .chance import draw
from .city import CELLS, Point, border, find_route
from .geojson import collection, feature
from .measure import between

Crossing = tuple[int, int]

PER_CELL = 12
SIZE = CELLS * PER_CELL
CENTRE: Crossing = (36, 36)  # before the station
# Two borders cross here and there; main roads run half a zone apart, and only they reach the city limits.
_MAIN_EVERY = PER_CELL // 2
_TOWN = range(24, 61)  # east-west and north-south, where one-way lanes halve the blocks
_BRIDGES = {12: "学園橋", 48: "雪見橋"}
_MISSING = 0.08  # share of the residential streets nobody needs that were never built


class RoadClass(StrEnum):
    """What a road is for."""

    ARTERIAL = "arterial"
    COLLECTOR = "collector"
    RESIDENTIAL = "residential"
    LANE = "lane"


_SPEED_KMH = {RoadClass.ARTERIAL: 50, RoadClass.COLLECTOR: 40, RoadClass.RESIDENTIAL: 30, RoadClass.LANE: 20}


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of road between two crossings; a one-way piece is driven from ``start`` to ``end``."""

    start: Crossing
    end: Crossing
    road_class: RoadClass
    name: str | None
    bridge: bool = False

    @property
    def id(self) -> str:
        """Names the piece by its south-western crossing and the way it goes from there."""
        (x, y), east = min(self.start, self.end), self.start[1] == self.end[1]
        return f"{x:02}{y:02}{'E' if east else 'N'}"

    @property
    def oneway(self) -> bool:
        """Whether it is driven one way only."""
        return self.road_class is RoadClass.LANE


@lru_cache(maxsize=4)
def list_segments(seed: int) -> tuple[Segment, ...]:
    """Every segment once, from the south-west on."""
    planned = [_segment(start, end) for start, end in _planned_pieces()]
    needed = _tree(planned)

    def is_built(segment: Segment) -> bool:
        if segment.road_class is not RoadClass.RESIDENTIAL or segment.id in needed:
            return True
        return draw(seed, "street", segment.id) >= _MISSING

    return tuple(segment for segment in planned if is_built(segment))


@lru_cache(maxsize=16384)
def locate(seed: int, crossing: Crossing) -> Point:
    """Where a crossing lies: between the borders of its zone, bent as they are."""
    (col, u), (row, v) = (_cell(number) for number in crossing)
    south, north = (_along(border(seed, (col, r), (col + 1, r)), u) for r in (row, row + 1))
    west, east = (_along(border(seed, (c, row), (c, row + 1)), v) for c in (col, col + 1))
    corners = [border(seed, (col, r), (col + 1, r)) for r in (row, row + 1)]

    def blend(axis: int) -> float:
        sides = (1 - v) * south[axis] + v * north[axis] + (1 - u) * west[axis] + u * east[axis]
        low, high = ((1 - u) * line[0][axis] + u * line[-1][axis] for line in corners)
        return round(sides - (1 - v) * low - v * high, 6)

    return blend(0), blend(1)


def locate_on_road(seed: int, spot: tuple[int, int]) -> Point:
    """Where a spot on a road lies, be it a crossing or half-way between two."""
    x, y = spot
    if is_crossing(spot):
        return locate(seed, spot)
    ends = ((x - 1, y), (x + 1, y)) if x % 2 else ((x, y - 1), (x, y + 1))
    return between(locate(seed, ends[0]), locate(seed, ends[1]), 0.5)


def is_crossing(spot: tuple[int, int]) -> bool:
    """Whether there is a crossing in this place of the lattice."""
    x, y = spot
    return y % 2 == 0 and (x % 2 == 0 or (x in _TOWN and y in _TOWN))


@lru_cache(maxsize=2)
def road_geojson(seed: int) -> bytes:
    """The graph as LineStrings; segments that share an end share its coordinates."""
    return collection(feature(_told(s), "LineString", _line(seed, s)) for s in list_segments(seed))


def _told(segment: Segment) -> dict[str, object]:
    return {
        "id": segment.id,
        "class": segment.road_class,
        "name": segment.name,
        "speed_kmh": _SPEED_KMH[segment.road_class],
        "oneway": segment.oneway,
        "bridge": segment.bridge,
    }


def _line(seed: int, segment: Segment) -> tuple[Point, Point]:
    return locate(seed, segment.start), locate(seed, segment.end)


def _planned_pieces() -> list[tuple[Crossing, Crossing]]:
    """All pairs of neighbouring crossings with a street between them, before some are left out."""
    spots = [(x, y) for x in range(SIZE + 1) for y in range(SIZE + 1) if is_crossing((x, y))]
    rows = sorted(spots, key=lambda spot: (spot[1], spot[0]))
    pieces = [*pairwise(rows), *pairwise(spots)]
    return sorted((a, b) for a, b in pieces if _is_street(a, b))


def _is_street(start: Crossing, end: Crossing) -> bool:
    (x, y), (x_end, y_end) = start, end
    if (x != x_end and y != y_end) or x_end - x > 2 or y_end - y > 2:
        return False  # the end of one row and the beginning of the next
    across, along = (y, (x, x_end)) if y == y_end else (x, (y, y_end))
    if across in (0, SIZE) or ((along[0] == 0 or along[1] == SIZE) and across % _MAIN_EVERY):
        return False
    return _is_south(start) == _is_south(end) or (x == x_end and x in _BRIDGES)


def _is_south(crossing: Crossing) -> bool:
    """Whether it lies south of the river, which winds from the hills in the east to the sea in the west."""
    x, y = crossing
    return y <= 18 + 2 * round(1.4 * math.sin((x - 48) * math.pi / 18))


def _segment(start: Crossing, end: Crossing) -> Segment:
    east = start[1] == end[1]
    across = start[1] if east else start[0]
    if not east and _is_south(start) != _is_south(end):
        return Segment(start, end, _class_on_border(start, end), _BRIDGES[across], bridge=True)
    if across % 2:
        # Lanes take turns: one up, the next down.
        return Segment(*((start, end) if across % 4 == 1 else (end, start)), RoadClass.LANE, None)
    if across % PER_CELL == 0:
        return Segment(start, end, _class_on_border(start, end), _route(start, end) or _number(east, across))
    if across % _MAIN_EVERY == 0:
        return Segment(start, end, RoadClass.COLLECTOR, _number(east, across))
    return Segment(start, end, RoadClass.RESIDENTIAL, None)


def _class_on_border(start: Crossing, end: Crossing) -> RoadClass:
    return RoadClass.ARTERIAL if _route(start, end) else RoadClass.COLLECTOR


def _route(start: Crossing, end: Crossing) -> str | None:
    """The route whose border this piece is a part of."""
    low = (start[0] // PER_CELL, start[1] // PER_CELL)
    return find_route(low, (-(-end[0] // PER_CELL), -(-end[1] // PER_CELL)))


def _number(east: bool, across: int) -> str:
    return f"市道{'東西' if east else '南北'}{across // _MAIN_EVERY}号線"


def _tree(segments: list[Segment]) -> set[str]:
    """The segments of one way to reach each crossing from the station: without them the graph would fall apart."""
    leaving: dict[Crossing, list[Segment]] = {}
    for segment in segments:
        leaving.setdefault(segment.start, []).append(segment)
        leaving.setdefault(segment.end, []).append(segment)
    reached, tree, waiting = {CENTRE}, set[str](), deque([CENTRE])
    while waiting:
        here = waiting.popleft()
        for segment in leaving[here]:
            there = segment.end if segment.start == here else segment.start
            if there not in reached:
                reached.add(there)
                tree.add(segment.id)
                waiting.append(there)
    return tree


def _cell(number: int) -> tuple[int, float]:
    """The zone a lattice line runs through, and how far through it."""
    cell = min(number // PER_CELL, CELLS - 1)
    return cell, number / PER_CELL - cell


def _along(line: tuple[Point, ...], share: float) -> Point:
    """The point that far along a border, whose bends are at its thirds."""
    third = min(int(share * 3 + 1e-9), 2)
    (lon_a, lat_a), (lon_b, lat_b) = line[third], line[third + 1]
    rest = share * 3 - third
    return lon_a + (lon_b - lon_a) * rest, lat_a + (lat_b - lat_a) * rest
