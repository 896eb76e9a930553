"""The road graph: its file, its index, its core, and driving on it."""

from __future__ import annotations

import heapq
import math
import zipfile
from io import BytesIO
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cityos.vocabulary.road_graph import (
    Arc,
    RoadGraph,
    Way,
    metres_between,
    read_road_graph,
    write_road_graph,
)

MAIN, LANE = Way("w1", "中央通り", "primary", "A-1"), Way("w2")
# 0 and 1 both ways, 1 to 2 one way only: who drives to 2 does not come back.
NODES = [(140.74, 40.82), (140.75, 40.82), (140.76, 40.82)]
ARCS = [Arc(1, 2, 843.0, 20.0, 1), Arc(0, 1, 843.0, 40.0, 0), Arc(1, 0, 843.0, 40.0, 0)]
GRAPH = RoadGraph.build(NODES, ARCS, [MAIN, LANE])


@st.composite
def graphs(draw: st.DrawFn) -> RoadGraph:
    count = draw(st.integers(1, 12))
    places = st.tuples(st.floats(140.0, 141.0), st.floats(40.0, 41.0))
    node = st.integers(0, count - 1)
    arcs = st.builds(Arc, node, node, st.integers(0, 9999).map(float), st.integers(1, 99).map(float), st.integers(0, 1))
    return RoadGraph.build(draw(st.lists(places, min_size=count, max_size=count)), draw(st.lists(arcs)), [MAIN, LANE])


@given(graphs())
def test_graph_comes_back_from_its_file(graph: RoadGraph) -> None:
    again = read_road_graph(write_road_graph(graph))
    assert (again.lons, again.lats, again.ways) == (graph.lons, graph.lats, graph.ways)
    assert list(again.list_arcs()) == list(graph.list_arcs())
    assert again.in_core == graph.in_core


def test_same_graph_is_the_same_file_in_whatever_order_its_arcs_come() -> None:
    shuffled = RoadGraph.build(NODES, reversed(ARCS), [MAIN, LANE])
    assert write_road_graph(shuffled) == write_road_graph(GRAPH)


@pytest.mark.parametrize("content", [b"", b"PK", write_road_graph(GRAPH)[:200]])
def test_other_content_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match="no road graph"):
        read_road_graph(content)


def test_newer_schema_is_refused() -> None:
    with zipfile.ZipFile(BytesIO(write_road_graph(GRAPH))) as file:
        head = file.read("road_graph.json")
    other = BytesIO()
    with zipfile.ZipFile(other, "w") as file:
        file.writestr("road_graph.json", head.replace(b'"version":1', b'"version":9'))
    with pytest.raises(ValueError, match=r"road_graph 9"):
        read_road_graph(other.getvalue())


@pytest.mark.parametrize(
    "arc", [Arc(0, 3, 1.0, 1.0, 0), Arc(0, 1, 1.0, 1.0, 2), Arc(0, 1, 1.0, 0.0, 0), Arc(0, 1, math.nan, 1.0, 0)]
)
def test_arc_that_leads_nowhere_or_cannot_be_driven_is_refused(arc: Arc) -> None:
    with pytest.raises(ValueError, match="Arc"):
        RoadGraph.build(NODES, [arc], [MAIN, LANE])


def test_arcs_stand_by_the_node_they_start_from() -> None:
    assert [list(GRAPH.arcs_from(node)) for node in range(3)] == [[0], [1, 2], []]
    assert list(GRAPH.first_arc) == [0, 1, 3, 3]
    assert GRAPH.arcs_of_way == {"w1": [0, 1], "w2": [2]}
    assert GRAPH.seconds[0] == pytest.approx(843.0 / (40 / 3.6))


def test_core_is_where_one_can_come_back_from() -> None:
    assert list(GRAPH.in_core) == [1, 1, 0]
    reachable, any_node = GRAPH.nearest(140.7601, 40.8201), GRAPH.nearest(140.7601, 40.8201, in_core=False)
    assert reachable is not None
    assert any_node is not None
    assert (reachable.node, any_node.node) == (1, 2)
    assert (reachable.distance_m, any_node.distance_m) == pytest.approx((850, 14), abs=5)


@given(graphs())
def test_core_is_the_largest_part_of_mutual_reach(graph: RoadGraph) -> None:
    times = [drive(graph, node) for node in range(graph.node_count)]
    parts = {
        frozenset(b for b in range(graph.node_count) if math.isfinite(times[a][b]) and math.isfinite(times[b][a]))
        for a in range(graph.node_count)
    }
    core = frozenset(node for node in range(graph.node_count) if graph.in_core[node])
    assert core in parts
    assert len(core) == max(map(len, parts))


@settings(max_examples=60)
@given(graphs(), st.tuples(st.floats(139.5, 141.5), st.floats(39.5, 41.5)))
def test_nearest_is_the_nearest(graph: RoadGraph, place: tuple[float, float]) -> None:
    found = graph.nearest(*place, in_core=False)
    scale = math.cos(math.radians(graph.lats[0]))
    flat = [
        math.hypot((lon - place[0]) * scale, lat - place[1]) for lon, lat in zip(graph.lons, graph.lats, strict=True)
    ]
    assert found is not None
    assert flat[found.node] == pytest.approx(min(flat))


def test_graph_without_nodes_has_no_nearest() -> None:
    assert RoadGraph.build([], [], []).nearest(140.7, 40.8) is None


def test_a_degree_of_latitude_is_111_kilometres() -> None:
    assert metres_between((140.0, 40.0), (140.0, 41.0)) == pytest.approx(111_195)
    assert metres_between((140.0, 40.8), (141.0, 40.8)) == pytest.approx(84_174, rel=1e-3)


def test_columns_are_adjacency_for_dijkstra() -> None:
    assert drive(GRAPH, 0) == pytest.approx([0.0, 75.87, 75.87 + 151.74])
    assert drive(GRAPH, 2) == [math.inf, math.inf, 0.0]


def test_graph_of_a_small_city_is_written_and_read_at_once() -> None:
    """14,400 nodes, 51,000 arcs: measured 0.5 ms to write, 0.7 ms to read, 100 ms to build, 1.1 MB."""
    graph = grid(120)
    content = write_road_graph(graph)
    assert (graph.node_count, len(content) < 2_000_000) == (14_400, True)
    assert graph.arc_count == pytest.approx(51_000, rel=0.02)
    assert read_road_graph(content).ends == graph.ends


def drive(graph: RoadGraph, start: int) -> list[float]:
    """Dijkstra over the columns as they are: seconds to every node."""
    best = [math.inf] * graph.node_count
    best[start] = 0.0
    ahead = [(0.0, start)]
    while ahead:
        seconds, node = heapq.heappop(ahead)
        for at in graph.arcs_from(node) if seconds == best[node] else ():
            there = seconds + graph.seconds[at]
            if there < best[graph.ends[at]]:
                best[graph.ends[at]] = there
                heapq.heappush(ahead, (there, graph.ends[at]))
    return best


def grid(size: int) -> RoadGraph:
    """A square of streets, a tenth of them missing."""
    chance = Random(1)
    nodes = [(140.7 + column * 0.001, 40.8 + row * 0.0008) for row in range(size) for column in range(size)]
    arcs: list[Arc] = []
    for node in range(size * size):
        ends = [node + 1] * (node % size < size - 1) + [node + size] * (node < size * (size - 1))
        for end in ends:
            if chance.random() > 0.107:
                length_m = metres_between(nodes[node], nodes[end])
                arcs += [Arc(node, end, length_m, 30.0, 0), Arc(end, node, length_m, 30.0, 0)]
    return RoadGraph.build(nodes, arcs, [MAIN])
