"""Lengths and directions on the ground, as on a plane: the city is 9 km wide."""

import math

from .city import NORTH, SOUTH, Point

_LAT_M = 111_035.0  # a degree along the meridian at this latitude (WGS 84)
_LON_M = 111_320.0 * math.cos(math.radians((NORTH + SOUTH) / 2)) * 1.00143  # the ellipsoid is wider than the sphere


def distance_m(start: Point, end: Point) -> float:
    """How far it is."""
    return math.hypot((end[0] - start[0]) * _LON_M, (end[1] - start[1]) * _LAT_M)


def heading_deg(start: Point, end: Point) -> float:
    """The direction from one point to the other, clockwise from north, 0 .. 360."""
    return math.degrees(math.atan2((end[0] - start[0]) * _LON_M, (end[1] - start[1]) * _LAT_M)) % 360


def between(start: Point, end: Point, share: float) -> Point:
    """The point that far along the straight line."""
    return (
        round(start[0] + (end[0] - start[0]) * share, 6),
        round(start[1] + (end[1] - start[1]) * share, 6),
    )


def beside(point: Point, heading: float, metres: float) -> Point:
    """The point that many metres from ``point`` in the direction ``heading``."""
    angle = math.radians(heading)
    return (
        round(point[0] + math.sin(angle) * metres / _LON_M, 6),
        round(point[1] + math.cos(angle) * metres / _LAT_M, 6),
    )
