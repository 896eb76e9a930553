"""The road graph (道路網): a dataset of kind `roadGraph`, not entities. Nodes, directed arcs, and the ways they lie on.

The file is a zip, stored, of `road_graph.json` and one member of raw little-endian numbers per column, named in it:
`nodes.lon`, `nodes.lat`, `nodes.in_core`, `nodes.first_arc`, `arcs.end`, `arcs.length_m`, `arcs.speed_kmh`, `arcs.way`.
Arcs stand in the order of the node they start from, so that `first_arc` is the index of a compressed sparse row: the
arcs of node n are first_arc[n] to before first_arc[n + 1]. numpy and scipy take the columns as they lie.
"""

from __future__ import annotations

import math
import sys
import zipfile
from array import array
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from io import BytesIO
from typing import Any, NamedTuple

import orjson

ROAD_GRAPH = "roadGraph"
ROAD_NETWORK = "RoadNetwork"  # the type of the entity that sums a graph up
MEDIA_TYPE = "application/vnd.cityos.road-graph+zip"
SCHEMA, VERSION = "cityos.road_graph", 1

METRES_PER_DEGREE = 111_195.0  # of a meridian, on a sphere of the mean radius
_KMH_OF_MS = 3.6
_CELL_M = 250.0  # a few junctions each, in a town
_HEAD = "road_graph.json"
_EPOCH = (1980, 1, 1, 0, 0, 0)  # members carry no time of writing: the same graph must be the same version
_TYPES = {"d": "float64", "f": "float32", "I": "uint32", "B": "uint8"}


class Way(NamedTuple):
    """A road as the source names it; "" is not said. `zone` is the work district (工区) or round it belongs to."""

    way_id: str
    name: str = ""
    road_class: str = ""
    zone: str = ""


class Arc(NamedTuple):
    """One direction of a piece of a way between two nodes; `speed_kmh` is that of free flow on a clear road."""

    start: int
    end: int
    length_m: float
    speed_kmh: float
    way: int


class Near(NamedTuple):
    """A node and how far it is, in metres as the crow flies."""

    node: int
    distance_m: float


class RoadGraph:
    """A graph as columns. Nodes, arcs and ways are called by their position; do not alter the columns.

    `in_core` is 1 for nodes of the largest part in which every node reaches every other: a vehicle sent anywhere else
    either cannot get there or cannot come back.
    """

    def __init__(
        self, ways: tuple[Way, ...], nodes: tuple[array[float], array[float]], in_core: array[int], arcs: _ArcColumns
    ) -> None:
        self.ways = ways
        self.lons, self.lats = nodes
        self.in_core = in_core
        self.first_arc, self.ends, self.lengths_m, self.speeds_kmh, self.way_of = arcs

    @classmethod
    def build(cls, nodes: Sequence[tuple[float, float]], arcs: Iterable[Arc], ways: Iterable[Way]) -> RoadGraph:
        """A graph of nodes (lon, lat; WGS 84) and arcs in any order. ValueError for an arc that leads nowhere."""
        ordered = sorted(arcs)
        known_ways = tuple(ways)
        for arc in ordered:
            _check(arc, len(nodes), len(known_ways))
        first_arc = _first_arcs([arc.start for arc in ordered], len(nodes))
        columns = _ArcColumns(
            first_arc,
            array("I", (arc.end for arc in ordered)),
            array("f", (arc.length_m for arc in ordered)),
            array("f", (arc.speed_kmh for arc in ordered)),
            array("I", (arc.way for arc in ordered)),
        )
        places = array("d", (node[0] for node in nodes)), array("d", (node[1] for node in nodes))
        return cls(known_ways, places, _core(first_arc, columns.ends), columns)

    @property
    def node_count(self) -> int:
        """How many nodes there are."""
        return len(self.lons)

    @property
    def arc_count(self) -> int:
        """How many arcs there are."""
        return len(self.ends)

    def arcs_from(self, node: int) -> range:
        """The arcs that start at a node."""
        return range(self.first_arc[node], self.first_arc[node + 1])

    def list_arcs(self) -> Iterator[Arc]:
        """All arcs, in their order."""
        for start in range(self.node_count):
            for at in self.arcs_from(start):
                yield Arc(start, self.ends[at], self.lengths_m[at], self.speeds_kmh[at], self.way_of[at])

    @cached_property
    def seconds(self) -> array[float]:
        """The time each arc takes in free flow, in seconds: the weights to start from when roads are slow or closed."""
        pairs = zip(self.lengths_m, self.speeds_kmh, strict=True)
        return array("d", (length_m * _KMH_OF_MS / speed_kmh for length_m, speed_kmh in pairs))

    @cached_property
    def arcs_of_way(self) -> dict[str, list[int]]:
        """The arcs by the id of their way: what a closed or unploughed road concerns. Several ways may share one id."""
        found: dict[str, list[int]] = {}
        for at, way in enumerate(self.way_of):
            found.setdefault(self.ways[way].way_id, []).append(at)
        return found

    def nearest(self, lon: float, lat: float, *, in_core: bool = True) -> Near | None:
        """The nearest node; by default one that can be reached and left. None where there is none."""
        return (self._core_index if in_core else self._index).nearest(lon, lat)

    @cached_property
    def _index(self) -> _NodeIndex:
        return _NodeIndex(self.lons, self.lats, range(self.node_count))

    @cached_property
    def _core_index(self) -> _NodeIndex:
        return _NodeIndex(self.lons, self.lats, [node for node in range(self.node_count) if self.in_core[node]])


def metres_between(one: tuple[float, float], other: tuple[float, float]) -> float:
    """How far two places (lon, lat) are apart in metres; flat, so good for the distances of a city."""
    scale = math.cos(math.radians((one[1] + other[1]) / 2))
    return math.hypot((one[0] - other[0]) * scale, one[1] - other[1]) * METRES_PER_DEGREE


class _ArcColumns(NamedTuple):
    first_arc: array[int]
    ends: array[int]
    lengths_m: array[float]
    speeds_kmh: array[float]
    way_of: array[int]


class _NodeIndex:
    """Nodes by square cells of a plane; a city is small enough for the earth to be flat."""

    def __init__(self, lons: Sequence[float], lats: Sequence[float], nodes: Sequence[int]) -> None:
        self._scale = math.cos(math.radians(lats[nodes[0]])) * METRES_PER_DEGREE if nodes else METRES_PER_DEGREE
        self._cells: dict[tuple[int, int], list[tuple[int, float, float]]] = {}
        for node in nodes:
            x, y = self._plane(lons[node], lats[node])
            self._cells.setdefault((int(x // _CELL_M), int(y // _CELL_M)), []).append((node, x, y))
        columns, rows = [column for column, _ in self._cells] or [0], [row for _, row in self._cells] or [0]
        self._bounds = min(columns), min(rows), max(columns), max(rows)

    def _plane(self, lon: float, lat: float) -> tuple[float, float]:
        return lon * self._scale, lat * METRES_PER_DEGREE

    def nearest(self, lon: float, lat: float) -> Near | None:
        x, y = self._plane(lon, lat)
        column, row = int(x // _CELL_M), int(y // _CELL_M)
        west, south, east, north = self._bounds
        ring = max(0, west - column, column - east, south - row, row - north)
        last = max(abs(column - west), abs(column - east), abs(row - south), abs(row - north))
        best: Near | None = None
        # A node in the next ring may be nearer than one in the corner of this.
        while ring <= last and (best is None or best.distance_m > (ring - 1) * _CELL_M):
            for cell in self._ring(column, row, ring):
                for node, node_x, node_y in self._cells.get(cell, ()):
                    distance_m = math.hypot(node_x - x, node_y - y)
                    if best is None or distance_m < best.distance_m:
                        best = Near(node, distance_m)
            ring += 1
        return best

    def _ring(self, column: int, row: int, ring: int) -> Iterator[tuple[int, int]]:
        west, south, east, north = self._bounds
        for at in range(max(row - ring, south), min(row + ring, north) + 1):
            is_edge = at in (row - ring, row + ring)
            columns = range(column - ring, column + ring + 1) if is_edge else {column - ring, column + ring}
            yield from ((one, at) for one in columns if west <= one <= east)


def write_road_graph(graph: RoadGraph) -> bytes:
    """The file of a graph."""
    columns = _columns_of(graph)
    head = {
        "schema": SCHEMA,
        "version": VERSION,
        "nodes": graph.node_count,
        "arcs": graph.arc_count,
        "ways": [list(way) for way in graph.ways],
        "columns": {name: _TYPES[column.typecode] for name, column in columns.items()},
    }
    content = BytesIO()
    # Stored: how small it can be made depends on the version of zlib, and with it the digest that names this version.
    with zipfile.ZipFile(content, "w", zipfile.ZIP_STORED) as file:
        file.writestr(zipfile.ZipInfo(_HEAD, _EPOCH), orjson.dumps(head))
        for name, column in columns.items():
            file.writestr(zipfile.ZipInfo(name, _EPOCH), _little_endian(column).tobytes())
    return content.getvalue()


def read_road_graph(content: bytes) -> RoadGraph:
    """Reads what `write_road_graph` wrote. ValueError where it is no road graph of a version known here."""
    try:
        with zipfile.ZipFile(BytesIO(content)) as file:
            told = orjson.loads(file.read(_HEAD))
            if told["schema"] != SCHEMA or told["version"] > VERSION:
                raise ValueError(f"road graph is of schema {told['schema']} {told['version']}, not {SCHEMA} {VERSION}")
            return _graph(told["ways"], file)
    except (zipfile.BadZipFile, KeyError, TypeError) as error:
        raise ValueError(f"content is no road graph: {error}") from None


def _graph(ways: list[list[str]], file: zipfile.ZipFile) -> RoadGraph:
    return RoadGraph(
        ways=tuple(map(Way._make, ways)),
        nodes=(_column(file, "nodes.lon", "d"), _column(file, "nodes.lat", "d")),
        in_core=_column(file, "nodes.in_core", "B"),
        arcs=_ArcColumns(
            _column(file, "nodes.first_arc", "I"),
            _column(file, "arcs.end", "I"),
            _column(file, "arcs.length_m", "f"),
            _column(file, "arcs.speed_kmh", "f"),
            _column(file, "arcs.way", "I"),
        ),
    )


def _columns_of(graph: RoadGraph) -> dict[str, array[Any]]:
    return {
        "nodes.lon": graph.lons,
        "nodes.lat": graph.lats,
        "nodes.in_core": graph.in_core,
        "nodes.first_arc": graph.first_arc,
        "arcs.end": graph.ends,
        "arcs.length_m": graph.lengths_m,
        "arcs.speed_kmh": graph.speeds_kmh,
        "arcs.way": graph.way_of,
    }


def _column(file: zipfile.ZipFile, name: str, typecode: str) -> array[Any]:
    column: array[Any] = array(typecode)
    column.frombytes(file.read(name))
    return _little_endian(column)


def _little_endian(column: array[Any]) -> array[Any]:
    if sys.byteorder == "big":
        column = array(column.typecode, column)
        column.byteswap()
    return column


def _check(arc: Arc, nodes: int, ways: int) -> None:
    if not (0 <= arc.start < nodes and 0 <= arc.end < nodes and 0 <= arc.way < ways):
        raise ValueError(f"{arc} names a node or way that is not there")
    if not (math.isfinite(arc.length_m) and arc.length_m >= 0 and math.isfinite(arc.speed_kmh) and arc.speed_kmh > 0):
        raise ValueError(f"{arc} has no length or speed to drive it by")


def _first_arcs(starts: Sequence[int], nodes: int) -> array[int]:
    """The index of a compressed sparse row over arcs sorted by their start."""
    first_arc = array("I", bytes(4 * (nodes + 1)))
    for start in starts:
        first_arc[start + 1] += 1
    for node in range(nodes):
        first_arc[node + 1] += first_arc[node]
    return first_arc


def _core(first_arc: array[int], ends: array[int]) -> array[int]:
    """1 for the nodes of the largest strongly connected part (Kosaraju's two passes, without recursion)."""
    nodes = len(first_arc) - 1
    backward: list[list[int]] = [[] for _ in range(nodes)]
    for start in range(nodes):
        for at in range(first_arc[start], first_arc[start + 1]):
            backward[ends[at]].append(start)
    part_of, sizes = [-1] * nodes, [0]
    for root in reversed(_finished(first_arc, ends)):
        if part_of[root] < 0:
            sizes.append(_flood(root, len(sizes), backward, part_of))
    largest = max(range(len(sizes)), key=sizes.__getitem__)
    return array("B", (part == largest for part in part_of))


def _finished(first_arc: array[int], ends: array[int]) -> list[int]:
    """Nodes in the order in which a depth-first walk leaves them."""
    nodes = len(first_arc) - 1
    next_arc, is_seen = list(first_arc[:nodes]), bytearray(nodes)
    finished: list[int] = []
    for root in range(nodes):
        path = [] if is_seen[root] else [root]
        is_seen[root] = 1
        while path:
            node = path[-1]
            if next_arc[node] == first_arc[node + 1]:
                finished.append(path.pop())
                continue
            end = ends[next_arc[node]]
            next_arc[node] += 1
            if not is_seen[end]:
                is_seen[end] = 1
                path.append(end)
    return finished


def _flood(root: int, part: int, backward: list[list[int]], part_of: list[int]) -> int:
    """Gives a part's number to all that reach the root; how many these are."""
    part_of[root] = part
    reached = [root]
    for node in reached:
        for before in backward[node]:
            if part_of[before] < 0:
                part_of[before] = part
                reached.append(before)
    return len(reached)
