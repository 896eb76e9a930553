"""Places: positions, public meeting points (乗降場所), and how far apart they are. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from heapq import nsmallest
from math import asin, cos, radians, sin, sqrt

_EARTH_M = 6_371_008.8  # mean radius (IUGG)


@dataclass(frozen=True, slots=True)
class Position:
    """WGS 84, degrees."""

    lon: float
    lat: float


@dataclass(frozen=True, slots=True)
class MeetingPoint:
    """A public place where vehicles stop. A closed one (behind a snow bank, say) is offered to nobody."""

    id: str
    name: str
    name_en: str
    position: Position
    closed: bool = False


@dataclass(frozen=True, slots=True)
class Walk:
    """A meeting point, and the walk between it and somebody's door, metres."""

    point: MeetingPoint
    metres: float


def metres_between(one: Position, other: Position) -> float:
    """Great-circle distance (haversine)."""
    lat_1, lat_2 = radians(one.lat), radians(other.lat)
    across = sin(radians(other.lon - one.lon) / 2) ** 2 * cos(lat_1) * cos(lat_2)
    return 2 * _EARTH_M * asin(sqrt(min(1.0, sin((lat_2 - lat_1) / 2) ** 2 + across)))


def nearest(points: Sequence[MeetingPoint], door: Position, count: int, detour: float) -> list[Walk]:
    """The `count` nearest open meeting points, nearest first; walks are `detour` times as long as the crow flies."""
    shrink = cos(radians(door.lat))  # a degree of longitude is that much shorter than one of latitude

    def off(point: MeetingPoint) -> float:
        return ((point.position.lon - door.lon) * shrink) ** 2 + (point.position.lat - door.lat) ** 2

    near = nsmallest(count, (point for point in points if not point.closed), key=off)
    return [Walk(point, metres_between(point.position, door) * detour) for point in near]
