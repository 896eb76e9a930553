"""雪野市 on the map: zones that tile it, and routes along the zones' borders. Positions are WGS 84 (lon, lat)."""

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from .chance import spread

Point = tuple[float, float]
Node = tuple[int, int]  # column (west to east), row (south to north) of the lattice the city is drawn on

WEST, SOUTH, EAST, NORTH = 140.70, 40.78, 140.80, 40.86
CELLS = 6  # a side, in zones
_WIDTH, _HEIGHT = (EAST - WEST) / CELLS, (NORTH - SOUTH) / CELLS
# How far a corner may wander and a border may bend, in cells; small enough that no two borders cross.
_WANDER, _BEND = 0.22, 0.07

# Row by row from the south, names in the half-width spelling of the older format (v1).
_ZONE_NAMES = (
    ("湯ﾉ沢工区", "大萱工区", "白鳥平1工区", "白鳥平2工区", "桐ｹ森･沢田工区", "上沼工区"),
    ("笹倉工区", "A-1", "A-2", "B-1", "B-2-1", "柏葉台団地工区"),
    ("北萩野工区", "A-3", "A-4", "B-2-2", "B-3", "鷺沼工区"),
    ("萩野工区", "C-1", "C-2A", "D-1", "D-2", "小舟渡工区"),
    ("三ﾂ橋工区", "C-2B", "C-3", "D-3", "D-4", "鳴瀬工区"),
    ("E-1", "E-2", "E-3", "E-4", "E-5", "E-6"),
)
# A hamlet in the hills that the operator keeps on its list with a date but never orders; real lists have such rows.
CONTRADICTORY_ZONE = "湯ﾉ沢工区"


@dataclass(frozen=True, slots=True)
class Zone:
    """A work district (工区); ``ring`` is closed and runs counter-clockwise."""

    name: str
    ring: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class Street:
    """One drawn piece of a route (路線). The route's name is shared by its pieces and is no key.

    ``work`` names what is ordered as one job: the whole route, or on the bypass each piece.
    """

    route: str
    work: str
    line: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class _Course:
    route: str
    nodes: tuple[Node, ...]
    piecewise: bool = False


_COURSES = (
    _Course("中央通線", tuple((col, 3) for col in range(1, 6))),
    _Course("駅前通線", tuple((3, row) for row in range(2, 6))),
    _Course("港町地区線", tuple((col, 5) for col in range(1, 6))),
    _Course("学園線", tuple((1, row) for row in range(1, 5))),
    _Course("雪見橋線", tuple((4, row) for row in range(1, 4))),
    _Course("雪野バイパス線", tuple((col, 1) for col in range(7)), piecewise=True),
)
_ROUTES = {piece: course.route for course in _COURSES for piece in pairwise(course.nodes)}


@lru_cache(maxsize=8)
def list_zones(seed: int) -> tuple[Zone, ...]:
    """All zones, in the order of the official list."""
    cells = [(col, row) for row in range(CELLS) for col in range(CELLS)]
    return tuple(Zone(_ZONE_NAMES[row][col], _ring(seed, col, row)) for col, row in cells)


@lru_cache(maxsize=8)
def list_streets(seed: int) -> tuple[Street, ...]:
    """All pieces of all routes."""
    return tuple(
        Street(course.route, f"{course.route}/{number}" if course.piecewise else course.route, border(seed, start, end))
        for course in _COURSES
        for number, (start, end) in enumerate(pairwise(course.nodes))
    )


def border(seed: int, start: Node, end: Node) -> tuple[Point, ...]:
    """Four points from one node to the next; the way back is the same points, so neighbours share every border."""
    if end < start:
        return border(seed, end, start)[::-1]
    (lon_a, lat_a), (lon_b, lat_b) = _place(seed, start), _place(seed, end)
    eastward = start[1] == end[1]
    outer = start[1] in (0, CELLS) if eastward else start[0] in (0, CELLS)
    points = [(lon_a, lat_a)]
    for third in (1, 2):
        bend = 0.0 if outer else spread(seed, -_BEND, _BEND, "bend", start, end, third)
        lon = lon_a + (lon_b - lon_a) * third / 3 + (0.0 if eastward else bend * _WIDTH)
        lat = lat_a + (lat_b - lat_a) * third / 3 + (bend * _HEIGHT if eastward else 0.0)
        points.append((round(lon, 6), round(lat, 6)))
    return (*points, (lon_b, lat_b))


def find_route(start: Node, end: Node) -> str | None:
    """The name of the route along the border between two neighbouring nodes, if there is one."""
    return _ROUTES.get((min(start, end), max(start, end)))


def _ring(seed: int, col: int, row: int) -> tuple[Point, ...]:
    corners = [(col, row), (col + 1, row), (col + 1, row + 1), (col, row + 1), (col, row)]
    sides = [border(seed, start, end) for start, end in pairwise(corners)]
    return tuple(point for side in sides for point in side[:-1]) + sides[0][:1]


def _place(seed: int, node: Node) -> Point:
    """Where a node lies; those on the city limits wander along the limits only."""
    col, row = node
    aside = spread(seed, -_WANDER, _WANDER, "lon", node) if 0 < col < CELLS else 0.0
    upward = spread(seed, -_WANDER, _WANDER, "lat", node) if 0 < row < CELLS else 0.0
    return round(WEST + (col + aside) * _WIDTH, 6), round(SOUTH + (row + upward) * _HEIGHT, 6)
