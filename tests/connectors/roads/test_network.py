"""Roads: what is said of them, and how lines become a graph."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from cityos.connector import Batch, Document, SourceChanged
from cityos.vocabulary.road_graph import MEDIA_TYPE, ROAD_GRAPH, RoadGraph, Way, read_road_graph
from connectors.roads import RoadsConfig, connector
from connectors.roads.line import read_speed
from tests.shared_data import shared

A, B, C, D = [140.74, 40.82], [140.75, 40.82], [140.76, 40.82], [140.75, 40.83]
Position = list[float]


def line(*places: Position, **properties: object) -> dict[str, object]:
    return {"properties": properties, "geometry": {"type": "LineString", "coordinates": list(places)}}


def read(*features: object, **config: Any) -> Batch:
    content = json.dumps({"type": "FeatureCollection", "features": features}).encode()
    return read_bytes(content, **config)


def read_bytes(content: bytes, **config: Any) -> Batch:
    document = Document("roads.geojson", content, datetime(2026, 1, 15, tzinfo=UTC))
    return connector.normalise(document, RoadsConfig(url="https://roads.example", **config))


def graph(batch: Batch) -> RoadGraph:
    (dataset,) = batch.datasets
    assert (dataset.kind, dataset.media_type) == (ROAD_GRAPH, MEDIA_TYPE)
    return read_road_graph(dataset.content)


def ends(found: RoadGraph) -> set[tuple[int, int]]:
    return {(arc.start, arc.end) for arc in found.list_arcs()}


def codes(batch: Batch) -> list[str]:
    return [notice.code for notice in batch.notices if notice.code != "speed_assumed"]


def test_lines_meet_where_they_share_a_position_and_are_cut_there() -> None:
    found = graph(read(line(A, B, C, id="main"), line(B, D, id="side")))
    assert found.node_count == 4
    assert found.arc_count == 6, "A-B, B-C and B-D, both ways"
    assert {way.way_id: len(arcs) for way, arcs in zip(found.ways, found.arcs_of_way.values(), strict=True)} == {
        "main": 4,
        "side": 2,
    }


def test_bend_that_nobody_meets_is_no_crossing_but_counts_for_the_length() -> None:
    found = graph(read(line(A, D, B)))
    assert (found.node_count, found.arc_count) == (2, 2)
    assert found.lengths_m[0] > 2000


@pytest.mark.parametrize(("snap_m", "nodes"), [(1.0, 4), (10.0, 3)])
def test_line_ends_within_the_tolerance_are_one_crossing(snap_m: float, nodes: int) -> None:
    five_metres_off = [140.75, 40.820045]
    assert graph(read(line(A, B), line(five_metres_off, C), snap_m=snap_m)).node_count == nodes


def test_end_close_to_a_bend_of_another_line_meets_it() -> None:
    found = graph(read(line(A, B, C), line([140.75, 40.820004], D)))
    assert (found.node_count, found.arc_count) == (4, 6)


def test_loop_back_to_its_own_beginning_is_cut_half_way() -> None:
    found = graph(read(line(A, B), line(B, C, D, B, id="loop")))
    assert found.node_count == 3
    assert len(found.arcs_of_way["loop"]) == 4, "both halves, both ways"


@pytest.mark.parametrize(
    ("oneway", "found"),
    [("yes", {(0, 1)}), (True, {(0, 1)}), (1, {(0, 1)}), ("-1", {(1, 0)}), (-1, {(1, 0)})]
    + [(said, {(0, 1), (1, 0)}) for said in ("no", False, None, "")],
)
def test_oneway_is_by_the_order_of_positions(oneway: object, found: set[tuple[int, int]]) -> None:
    batch = read(line(A, B, oneway=oneway))
    assert ends(graph(batch)) == found
    assert "oneway_unreadable" not in codes(batch)


def test_unknown_oneway_is_open_both_ways_and_noted() -> None:
    batch = read(line(A, B, oneway="reversible"))
    assert ends(graph(batch)) == {(0, 1), (1, 0)}
    assert codes(batch) == ["oneway_unreadable"]


@pytest.mark.parametrize(
    ("text", "speed_kmh"),
    [("40", 40.0), ("40 km/h", 40.0), ("４０", 40.0), ("30 mph", 48.28032), ("none", None), ("1", None), ("400", None)],
)
def test_speed_is_read_where_it_is_one(text: str, speed_kmh: float | None) -> None:
    assert read_speed(text) == (None if speed_kmh is None else pytest.approx(speed_kmh))


@pytest.mark.parametrize(
    ("properties", "speed_kmh"),
    [
        ({"speed_kmh": 33, "highway": "primary"}, 33.0),
        ({"highway": "primary"}, 40.0),
        ({"highway": "primary_link"}, 40.0),
        ({"class": "residential"}, 18.0),
        ({"class": "unheard-of"}, 27.0),
        ({}, 27.0),
    ],
)
def test_speed_is_the_roads_own_then_that_of_its_class(properties: dict[str, object], speed_kmh: float) -> None:
    batch = read(line(A, B, **properties), speeds_kmh={"residential": 18}, default_speed_kmh=27)
    assert set(graph(batch).speeds_kmh) == {speed_kmh}


def test_properties_are_found_by_their_known_names_or_those_of_the_city() -> None:
    said = line(A, B, segment_id="SNW-1", road_name="OAK ST", highway="residential", route_id="Route 26")
    assert graph(read(said, properties={"zone": "route_id"})).ways == (
        Way("SNW-1", "OAK ST", "residential", "Route 26"),
    )


def test_road_without_id_is_called_by_its_course() -> None:
    first, again = (graph(read(line(A, B), other)).ways[0].way_id for other in (line(B, C), line(B, D)))
    assert first == again != ""


def test_paths_are_not_driven_on() -> None:
    batch = read(line(A, B), line(A, C, highway="footway"))
    assert graph(batch).arc_count == 2
    assert codes(batch) == ["road_not_drivable"]


def test_feature_that_is_no_line_is_left_out_and_noted() -> None:
    batch = read(line(A, B), {"geometry": {"type": "Point", "coordinates": A}}, line([40.82, 140.74], B), None)
    assert codes(batch) == ["row_left_out", "row_left_out", "row_left_out"] or "3 times" in batch.notices[0].detail
    assert graph(batch).arc_count == 2


def test_network_in_pieces_is_noted() -> None:
    assert codes(read(line(A, B), line(C, D))) == ["roads_disconnected"]
    assert codes(read(line(A, B), line(B, C))) == []


def test_one_row_sums_the_network_up() -> None:
    (row,) = read(line(A, B), line(B, C)).rows
    told = {name.rsplit("/", 1)[-1]: instances[""].value for name, instances in row.entity.attributes.items()}
    assert told == {"nodeCount": 3, "arcCount": 4, "wayCount": 2, "coreNodeCount": 3, "arcLengthKm": 3.4}


@pytest.mark.parametrize("content", [b"[]", b'{"type": "Feature"}', b'{"type": "FeatureCollection", "features": []}'])
def test_document_without_roads_is_a_change_of_source(content: bytes) -> None:
    with pytest.raises(SourceChanged, match=r"roads\.geojson"):
        read_bytes(content)


def test_segments_of_a_real_city_are_one_network() -> None:
    content = shared("snow/syracuse_segments.geojson").read_bytes()
    batch = read_bytes(content, properties={"zone": "route_id"})
    found = graph(batch)
    segments = {feature["properties"]["segment_id"] for feature in json.loads(content)["features"]}
    assert len(segments) == 5018
    assert {way.way_id for way in found.ways} == segments
    assert set(found.arcs_of_way) == segments, "every segment can be driven, so that every ploughing finds its road"
    assert sum(found.in_core) > 0.98 * found.node_count
    assert codes(batch) == []
    assert any(way.zone == "Route 26" and way.name == "OAK ST" for way in found.ways)
