"""The bus lines of 雪野市: the way of each over the road graph, its poles and its shape."""

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from .city import Point
from .measure import beside, distance_m, heading_deg
from .road import CENTRE, Crossing, is_crossing, locate_on_road
from .stop_name import STOP_NAMES

Spot = tuple[int, int]  # a place of the road lattice, also half-way between two crossings

# Poles stand at the kerb on the left, where buses keep; those before the station around its square.
_KERB_M, _SQUARE_M = 6.0, 28.0
_PLATFORMS = 7


@dataclass(frozen=True, slots=True)
class Headways:
    """Minutes between departures in the rush and out of it; ``first`` and ``last`` departure in minutes of the day."""

    first: int
    last: int
    rush: int
    quiet: int


@dataclass(frozen=True, slots=True)
class Line:
    """A line; ``way`` are its turning points outward, ``platforms`` those at the station outward and back."""

    route_id: str
    parent_id: str
    name: str
    reading: str
    english: str
    colour: str
    way: tuple[Crossing, ...]
    platforms: tuple[int, int]
    weekday: Headways
    holiday: Headways | None
    night: bool = False


@dataclass(frozen=True, slots=True)
class Pole:
    """A pole (標柱) of a stop, for buses of one direction."""

    id: str
    spot: Spot
    platform: str
    point: Point


@dataclass(frozen=True, slots=True)
class Pattern:
    """A line in one direction: its shape with the metres to each point, and its poles, ``at`` these points of it."""

    id: str
    line: Line
    outward: bool
    shape: tuple[Point, ...]
    metres: tuple[float, ...]
    poles: tuple[Pole, ...]
    at: tuple[int, ...]

    @property
    def headsign(self) -> str:
        """What the bus shows: where it goes, and by which way if it comes back."""
        target = STOP_NAMES[self.poles[-1].spot][0]
        if self.poles[0].spot != self.poles[-1].spot:
            return target
        return f"{target}（{'港町東' if self.outward else '港町西'}先回り）"


def _hours(first: float, last: float, rush: int, quiet: int) -> Headways:
    return Headways(int(first * 60), int(last * 60), rush, quiet)


LINES = (
    Line("1010", "0001", "中央通線", "ちゅうおうどおりせん", "Chuo-dori Line", "C62828", ((6, 36), (66, 36)), (1, 2),
         _hours(5.9, 22.2, 15, 20), _hours(6.5, 21.5, 30, 30)),
    Line("1020", "0002", "港町線", "みなとまちせん", "Minatomachi Line", "1565C0", (CENTRE, (36, 60), (60, 60)), (3, 3),
         _hours(6.2, 21.8, 20, 30), _hours(7, 21, 40, 40)),
    Line("1030", "0003", "学園線", "がくえんせん", "Gakuen Line", "2E7D32",
         (CENTRE, (12, 36), (12, 12), (6, 12)), (4, 4), _hours(6.3, 21.6, 20, 30), _hours(7.2, 20.6, 60, 60)),
    Line("1040", "0004", "雪見橋・白鳥平線", "ゆきみばし・しらとりたいせん", "Shiratoritai Line", "6A1B9A",
         (CENTRE, (48, 36), (48, 12), (36, 12), (36, 6)), (5, 5), _hours(6.5, 20.5, 30, 60), _hours(8, 19, 60, 60)),
    Line("1050", "0005", "柏葉台団地線", "かしわばだいだんちせん", "Kashiwabadai Line", "EF6C00",
         (CENTRE, (36, 24), (66, 24)), (6, 6), _hours(6, 22.4, 20, 40), _hours(7, 21.4, 40, 60)),
    Line("1060", "0006", "市内循環線", "しないじゅんかんせん", "City Loop", "00838F",
         (CENTRE, (48, 36), (48, 60), (24, 60), (24, 36), CENTRE), (3, 4),
         _hours(6.6, 20.6, 30, 40), _hours(8, 19.4, 40, 40)),
    Line("1070", "0007", "湯ノ沢温泉線", "ゆのさわおんせんせん", "Yunosawa Line", "795548",
         (CENTRE, (12, 36), (12, 6), (6, 6)), (4, 4), _hours(7.1, 19.6, 120, 120), _hours(8.1, 18.6, 150, 150)),
    Line("1080", "0008", "上沼線", "かみぬません", "Kaminuma Line", "546E7A",
         (CENTRE, (48, 36), (48, 12), (66, 12), (66, 6)), (5, 5),
         _hours(6.7, 19.9, 60, 90), _hours(8.2, 18.4, 120, 150)),
    # Outward only, for the last trains: departures at 23:20, 24:10 and 25:00 of the service day.
    Line("1090", "0005", "深夜 柏葉台団地線", "しんや かしわばだいだんちせん", "Kashiwabadai Night Line", "212121",
         (CENTRE, (36, 24), (66, 24)), (7, 7), _hours(23.34, 25.1, 50, 50), None, night=True),
)  # fmt: skip


@lru_cache(maxsize=4)
def list_patterns(seed: int) -> tuple[Pattern, ...]:
    """All lines in both directions, outward first; the night line does not come back."""
    return tuple(
        _pattern(seed, line, outward) for line in LINES for outward in (True, False) if outward or not line.night
    )


@lru_cache(maxsize=4)
def list_poles(seed: int) -> tuple[Pole, ...]:
    """All poles that a line serves, by id."""
    poles = {pole.id: pole for pattern in list_patterns(seed) for pole in pattern.poles}
    return tuple(pole for _, pole in sorted(poles.items()))


def station_id(spot: Spot) -> str:
    """The stop (停留所) that groups the poles of one name."""
    return f"{100 + list(STOP_NAMES).index(spot)}"


def crossings_of(line: Line) -> list[Crossing]:
    """The crossings a line passes, outward."""
    return [spot for spot in _spots(line.way) if is_crossing(spot)]


def _pattern(seed: int, line: Line, outward: bool) -> Pattern:
    way = line.way if outward else line.way[::-1]
    spots = _spots(way)
    shape = tuple(locate_on_road(seed, spot) for spot in spots)
    metres = [0.0]
    for start, end in pairwise(shape):
        metres.append(metres[-1] + distance_m(start, end))
    at = tuple(n for n, spot in enumerate(spots) if spot in STOP_NAMES)
    poles = tuple(_pole(spots, shape, n, line.platforms[0 if outward else 1]) for n in at)
    rounded = tuple(round(metre, 1) for metre in metres)
    return Pattern(f"{line.route_id}_{1 if outward else 2}", line, outward, shape, rounded, poles, at)


def _spots(way: tuple[Crossing, ...]) -> list[Spot]:
    """Every crossing and every stop on the way."""
    spots: list[Spot] = [way[0]]
    for (x, y), (x_end, y_end) in pairwise(way):
        step_x, step_y = (x_end > x) - (x_end < x), (y_end > y) - (y_end < y)
        steps = range(1, abs(x_end - x) + abs(y_end - y) + 1)
        passed = [(x + n * step_x, y + n * step_y) for n in steps]
        spots += [spot for spot in passed if is_crossing(spot) or spot in STOP_NAMES]
    return spots


def _pole(spots: list[Spot], shape: tuple[Point, ...], n: int, platform: int) -> Pole:
    spot, point = spots[n], shape[n]
    if spot == CENTRE:
        around = beside(point, 360 * platform / _PLATFORMS, _SQUARE_M)
        return Pole(f"{station_id(spot)}_{platform:02}", spot, str(platform), around)
    before, after = (n - 1, n) if n else (n, n + 1)
    (x, y), (x_after, y_after) = spots[before], spots[after]
    side = 1 if x_after > x or y_after > y else 2
    kerb = beside(point, heading_deg(shape[before], shape[after]) - 90, _KERB_M)
    return Pole(f"{station_id(spot)}_{side:02}", spot, str(side), kerb)
