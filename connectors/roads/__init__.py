"""道路網: lines of roads as GeoJSON, made into the graph on which vehicles are sent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import ClassVar, Literal

from pydantic import Field

from cityos.connector import (
    Batch,
    Cadence,
    Config,
    Connector,
    Dataset,
    Document,
    Manifest,
    Notice,
    Row,
    Severity,
    SourceChanged,
)
from cityos.connector.reading import Json, as_list, as_object, gather, read_text, read_tree
from cityos.ngsi.entity import Entity
from cityos.vocabulary.attribute import put
from cityos.vocabulary.context import iri
from cityos.vocabulary.identifier import mint_id
from cityos.vocabulary.road_graph import MEDIA_TYPE, ROAD_GRAPH, ROAD_NETWORK, RoadGraph, write_road_graph
from connectors.roads.line import Line, read_lines
from connectors.roads.network import connect

NAME = "roads"
# Free flow in a Japanese town, by OpenStreetMap's classes: assumed (the legal limit less crossings), not measured.
SPEEDS_KMH: Mapping[str, float] = {
    "motorway": 80.0,
    "trunk": 50.0,
    "primary": 40.0,
    "secondary": 40.0,
    "tertiary": 35.0,
    "unclassified": 30.0,
    "residential": 25.0,
    "living_street": 15.0,
    "service": 15.0,
}
# A few dead ends by one-way streets are normal; more means that lines do not meet.
_LEAST_CORE = 0.95
_Meaning = Literal["id", "name", "class", "speed", "oneway", "zone"]


class RoadsConfig(Config):
    """`url` is a GeoJSON of LineStrings; `properties` says which of their properties is meant (`{zone = "route_id"}`).

    `snap_m`: line ends closer than this are one crossing. `speeds_kmh` by class, and `default_speed_kmh` for classes
    not named there, where a road itself says no speed.
    """

    url: str
    properties: Mapping[_Meaning, str] = {}
    snap_m: float = Field(default=1.0, ge=0.01, le=50)
    speeds_kmh: Mapping[str, float] = {}
    default_speed_kmh: float = Field(default=30.0, ge=3, le=150)

    @property
    def names(self) -> dict[str, str]:
        """Meaning -> property."""
        return {str(meaning): name for meaning, name in self.properties.items()}

    def speed_of(self, line: Line) -> float:
        """What a line says, else what its class is taken for (`primary_link` as `primary`)."""
        if line.speed_kmh is not None:
            return line.speed_kmh
        speeds = {**SPEEDS_KMH, **self.speeds_kmh}
        name = line.way.road_class
        return speeds.get(name, speeds.get(name.removesuffix("_link"), self.default_speed_kmh))


class RoadsConnector(Connector[RoadsConfig]):
    """One dataset; of entities only the network as a whole, so that its size and its gaps are seen."""

    manifest: ClassVar[Manifest] = Manifest(
        name=NAME,
        title="道路網",
        provider="道路データの提供者（市のファイルで指定）",
        licence="提供者による（OpenStreetMap は ODbL 1.0）",
        attribution="出典：道路データの提供者",
        emits=frozenset({iri(ROAD_NETWORK)}),
        cadence=Cadence(poll=timedelta(days=1), every=timedelta(days=1), grace=timedelta(days=1)),
        stale_after=timedelta(days=30),
    )
    config_type = RoadsConfig

    def normalise(self, document: Document, config: RoadsConfig) -> Batch:
        """The graph as a dataset, and a row that sums it up."""
        text = read_text(document)
        features = _features(read_tree(text.content, document.name), document.name)
        found = list(read_lines(features, document.name, config.names))
        lines = [one for one in found if isinstance(one, Line)]
        graph = connect(lines, config.snap_m, config.speed_of)
        if not graph.arc_count:
            raise SourceChanged(f"Document {document.name} has no road among its {len(features)} features")
        notices = [one for one in found if isinstance(one, Notice)]
        return Batch.of(
            rows=[Row(_summary(graph, config.feed), document.name)],
            notices=gather([*text.notices, *notices, *_remarks(graph, lines, document.name)]),
            datasets=[Dataset(ROAD_GRAPH, MEDIA_TYPE, write_road_graph(graph))],
        )


def _features(tree: Json, name: str) -> list[Json]:
    told = as_object(tree)
    if told.get("type") != "FeatureCollection" or not isinstance(told.get("features"), list):
        raise SourceChanged(f"Document {name} is JSON, but no GeoJSON FeatureCollection")
    return as_list(told["features"])


def _summary(graph: RoadGraph, feed: str) -> Entity:
    entity = Entity(mint_id(ROAD_NETWORK, feed, "network"), (iri(ROAD_NETWORK),))
    put(entity, "nodeCount", graph.node_count)
    put(entity, "arcCount", graph.arc_count)
    put(entity, "wayCount", len(graph.ways))
    put(entity, "coreNodeCount", sum(graph.in_core))
    put(entity, "arcLengthKm", round(sum(graph.lengths_m) / 1000, 1))
    return entity


def _remarks(graph: RoadGraph, lines: list[Line], name: str) -> Iterator[Notice]:
    core = sum(graph.in_core)
    if core < _LEAST_CORE * graph.node_count:
        lost = graph.node_count - core
        detail = f"{lost} of {graph.node_count} crossings cannot be reached from the others and left again"
        yield Notice("roads_disconnected", Severity.WARNING, name, f"{detail}; are line ends apart?", subject=name)
    assumed = sum(line.speed_kmh is None for line in lines)
    if assumed:
        detail = f"{assumed} of {len(lines)} lines say no speed; that of their class is taken"
        yield Notice("speed_assumed", Severity.INFO, name, detail, subject=name)


connector = RoadsConnector()
