"""A road graph of square blocks."""

from __future__ import annotations

from itertools import product

from cityos.vocabulary.road_graph import Arc, RoadGraph, Way

STEP = 0.005  # degrees
SIDE = 9
WEST, SOUTH = 140.73, 40.80


def street_grid(side: int = SIDE, west: float = WEST, south: float = SOUTH) -> RoadGraph:
    """Streets running north belong to zone A-1 in the west and Ｂ－１ in the east."""
    nodes = [(west + column * STEP, south + row * STEP) for row, column in product(range(side), repeat=2)]
    ways = [Way("east-west", zone=""), Way("north-west", zone="A-1"), Way("north-east", zone="Ｂ－１")]
    arcs = []
    for row, column in product(range(side), repeat=2):
        node = row * side + column
        if column + 1 < side:
            arcs += _both(node, node + 1, 421.0, 0)
        if row + 1 < side:
            arcs += _both(node, node + side, 556.0, 1 if column < side // 2 else 2)
    return RoadGraph.build(nodes, arcs, ways)


def whole_town() -> RoadGraph:
    """The blocks of all of 雪野市."""
    return street_grid(21, 140.70, 40.78)


def _both(one: int, other: int, length_m: float, way: int) -> list[Arc]:
    return [Arc(one, other, length_m, 30.0, way), Arc(other, one, length_m, 30.0, way)]
