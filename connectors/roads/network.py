"""From lines to a graph: lines meet where they share a position, or where the end of one lies close to another."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, pairwise, product

from cityos.vocabulary.road_graph import METRES_PER_DEGREE, Arc, RoadGraph, Way, metres_between
from connectors.roads.line import Direction, Line, Place

_AROUND = tuple(product((-1, 0, 1), repeat=2))


class _Joints:
    """The nodes so far: a position within the tolerance of a node is that node."""

    def __init__(self, tolerance_m: float, lat: float) -> None:
        self.places: list[Place] = []
        self._tolerance_m = tolerance_m
        self._rows = METRES_PER_DEGREE / tolerance_m
        self._columns = self._rows * math.cos(math.radians(lat))
        self._cells: dict[tuple[int, int], list[int]] = {}

    def add(self, place: Place) -> None:
        if self.find(place) is None:
            self._cells.setdefault(self._cell(place), []).append(len(self.places))
            self.places.append(place)

    def find(self, place: Place) -> int | None:
        """The nearest node within the tolerance."""
        column, row = self._cell(place)
        near = chain.from_iterable(self._cells.get((column + east, row + north), ()) for east, north in _AROUND)
        found = min(((metres_between(place, self.places[node]), node) for node in near), default=None)
        return None if found is None or found[0] > self._tolerance_m else found[1]

    def _cell(self, place: Place) -> tuple[int, int]:
        return math.floor(place[0] * self._columns), math.floor(place[1] * self._rows)


def connect(lines: Sequence[Line], tolerance_m: float, speed_of: Callable[[Line], float]) -> RoadGraph:
    """The graph of lines. Nodes are ends and shared positions; bridges that share none stay apart."""
    joints = _joints(lines, tolerance_m)
    ways: dict[Way, int] = {}
    arcs: list[Arc] = []
    for line in lines:
        way = ways.setdefault(line.way, len(ways))
        for start, end, length_m in _pieces(line.places, joints):
            if line.direction is not Direction.BACKWARD:
                arcs.append(Arc(start, end, length_m, speed_of(line), way))
            if line.direction is not Direction.FORWARD:
                arcs.append(Arc(end, start, length_m, speed_of(line), way))
    return RoadGraph.build(joints.places, arcs, ways)


def _joints(lines: Sequence[Line], tolerance_m: float) -> _Joints:
    uses = Counter(place for line in lines for place in set(line.places))
    joints = _Joints(tolerance_m, lines[0].places[0][1] if lines else 0.0)
    for line in lines:
        for at, place in enumerate(line.places):
            if at in _ends(line.places) or uses[place] > 1:
                joints.add(place)
    return joints


def _ends(places: Sequence[Place]) -> tuple[int, ...]:
    """Where a line must have a crossing. A closed one also half-way: else it would be no way to anywhere."""
    last = len(places) - 1
    return (0, last // 2, last) if places[0] == places[last] else (0, last)


def _pieces(places: Sequence[Place], joints: _Joints) -> Iterator[tuple[int, int, float]]:
    """From node to node along a line. A piece that comes back to where it began leads nowhere and is no arc."""
    last, length_m = joints.find(places[0]), 0.0
    for before, place in pairwise(places):
        length_m += metres_between(before, place)
        node = joints.find(place)
        if node is None:
            continue
        if last is not None and node != last:
            yield last, node, length_m
        last, length_m = node, 0.0
