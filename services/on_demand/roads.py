"""Driving times over the city's road graph, slower where snow lies. Pure."""

from __future__ import annotations

import unicodedata
from array import array
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from heapq import heappop, heappush
from math import inf

from cityos.client import Entity
from cityos.vocabulary.road_graph import RoadGraph
from cityos.vocabulary.snow import ClaimCode, SnowRemoval
from services.on_demand.place import Position

CLOSED = 50.0
"""How much slower a closed road is. Not endless: a vehicle that stands behind it is late, and must be told so."""

# A claim tells that a zone waits for the plough, not that it cannot be driven: streets are narrow, vehicles wait for
# each other. Our assumption, to be replaced by what vehicles are seen to need.
_SLOWER = {ClaimCode.CHECKING: 1.1, ClaimCode.ADJUSTING: 1.2, ClaimCode.SCHEDULED: 1.3, ClaimCode.ORDERED: 1.3}
_ACCESS_M_S = 3.0  # from the nearest junction to the kerb

Slowness = Mapping[str, float]
"""How many times longer drives take, by zone or id of a way; what is not named takes its time."""


def slowness_of(zones: Iterable[Entity]) -> dict[str, float]:
    """What the snow removal zones say of the roads in them. What is no zone is left out."""
    slow: dict[str, float] = {}
    for entity in zones:
        try:
            zone = SnowRemoval.from_entity(entity)
        except ValueError:
            continue
        factor = _SLOWER.get(zone.claim_code)
        if factor is not None:
            slow |= {_plain(zone.local_id): factor, _plain(zone.name): factor}
    return slow


def _plain(name: str) -> str:
    # Sources write the same zone half-width or full-width.
    return unicodedata.normalize("NFKC", name)


class RoadTimes:
    """Shortest driving times between places, each from its nearest junction. One thread at a time.

    Searches are kept by junction until the roads change. `snow` makes every drive that much longer; it is the season,
    `slowness` the day.
    """

    def __init__(self, graph: RoadGraph, snow: float = 1.0) -> None:
        """ValueError for a graph without junctions that reach each other."""
        self._graph, self._snow = graph, snow
        self._slowness: Slowness = {}
        self._weights = self._weigh()
        self._found: dict[int, dict[int, float]] = {}
        self._snapped: dict[Position, tuple[int, float]] = {}

    def change(self, slowness: Slowness) -> bool:
        """Takes up what the roads are like now; whether that changes anything."""
        if slowness == self._slowness:
            return False
        self._slowness = dict(slowness)
        self._weights, self._found = self._weigh(), {}
        return True

    def matrix(self, places: Sequence[Position], at: datetime) -> list[list[float]]:
        """Seconds from each place to each other as the roads are now, whatever the instant."""
        snapped = [self._snap(place) for place in places]
        nodes = {node for node, _ in snapped}
        return [
            [0.0 if a == b else there + self._from(start, nodes)[end] + here for b, (end, here) in enumerate(snapped)]
            for a, (start, there) in enumerate(snapped)
        ]

    def _snap(self, place: Position) -> tuple[int, float]:
        if place not in self._snapped:
            near = self._graph.nearest(place.lon, place.lat)
            if near is None:
                raise ValueError("the road graph has no junctions that reach each other")
            self._snapped[place] = near.node, near.distance_m / _ACCESS_M_S
        return self._snapped[place]

    def _from(self, start: int, wanted: set[int]) -> dict[int, float]:
        found = self._found.get(start)
        if found is None or not wanted <= found.keys():
            found = self._found[start] = self._search(start, wanted)
        return found

    def _search(self, start: int, wanted: set[int]) -> dict[int, float]:
        """Dijkstra from one junction until all wanted ones are reached."""
        first_arc, ends, weights = self._graph.first_arc, self._graph.ends, self._weights
        times = [inf] * self._graph.node_count
        times[start] = 0.0
        found, left, heap = {}, set(wanted), [(0.0, start)]
        while heap and left:
            time, node = heappop(heap)
            if time > times[node]:
                continue
            if node in left:
                left.remove(node)
                found[node] = time
            for arc in range(first_arc[node], first_arc[node + 1]):
                end, reached = ends[arc], time + weights[arc]
                if reached < times[end]:
                    times[end] = reached
                    heappush(heap, (reached, end))
        return found

    def _weigh(self) -> array[float]:
        ways, slow = self._graph.ways, self._slowness
        factors = [max(slow.get(_plain(way.zone), 1.0), slow.get(way.way_id, 1.0)) * self._snow for way in ways]
        pairs = zip(self._graph.seconds, self._graph.way_of, strict=True)
        return array("d", (seconds * factors[way] for seconds, way in pairs))
