"""Which driving times are in use: the hub's road graph, the last one kept, a file's, or as the crow flies."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cityos.client import City, DatasetMirror, Held, Mirror, Shelf
from cityos.vocabulary.dataset import DatasetNews
from cityos.vocabulary.road_graph import ROAD_GRAPH, RoadGraph, read_road_graph
from services.on_demand.config import Area, ConfigError
from services.on_demand.place import MeetingPoint
from services.on_demand.roads import RoadTimes
from services.on_demand.travel import CrowFlies, TravelTimes

_FARTHEST_M = 1000.0  # a meeting point farther from any road: this is another city's graph

_SAID = {
    "hub": ("市の道路網で所要時間を計算しています", "Driving times are those of the city's road graph"),
    "kept": (
        "市のデータ基盤から確認できないため、最後に受け取った道路網で計算しています",
        "The hub cannot confirm the road graph; driving times are those of the last one received",
    ),
    "file": ("設定された道路網で計算しています", "Driving times are those of the configured road graph"),
    "estimate": (
        "道路網がまだないため、直線距離から見積もっています",
        "No road graph is known; driving times are estimated from straight lines",
    ),
}


class RoadSource:
    """Says which driving times to use. `datasets` is to be entered by who runs the service."""

    def __init__(self, city: City, mirror: Mirror, area: Area, data: Path) -> None:
        """Reads what was kept, or the configured file. ConfigError for a file that is no road graph of this area."""
        self._mirror, self._area = mirror, area
        feed, points = area.roads.feed, list(area.points.values())

        def read(_: DatasetNews, content: bytes) -> RoadGraph:
            return read_graph(content, points)

        shelf = Shelf(data / "roads") if feed else None
        self.datasets = DatasetMirror(city, mirror, ROAD_GRAPH, read, shelf, lambda name: bool(feed) and name == feed)
        self._fallback = times_of(area)
        self._used: Held[RoadGraph] | None = None
        self._times = self._fallback

    def current(self) -> TravelTimes:
        """The driving times to use now; another object where they are others than before."""
        held = self._held()
        if held is not self._used:
            self._used = held
            self._times = self._fallback if held is None else RoadTimes(held.content, self._area.roads.snow)
        return self._times

    def to_json(self) -> dict[str, object]:
        """For `/health`: what the driving times come from, and what is wrong with a newer graph."""
        held, troubles = self._held(), list(self.datasets.troubles.values())
        if held is not None:
            source = "hub" if self._mirror.synced and not troubles else "kept"
        else:
            source = "estimate" if isinstance(self._fallback, CrowFlies) else "file"
        ja, en = _SAID[source]
        version = None if held is None else held.news.version
        trouble = troubles[0] if troubles else None
        return {"source": source, "version": version, "trouble": trouble, "ja": ja, "en": en}

    def _held(self) -> Held[RoadGraph] | None:
        return self.datasets.held.get(self._area.roads.feed)


def read_graph(content: bytes, points: Sequence[MeetingPoint]) -> RoadGraph:
    """A road graph that reaches every meeting point. ValueError where it does not, or is none."""
    graph = read_road_graph(content)
    for point in points:
        near = graph.nearest(point.position.lon, point.position.lat)
        if near is None or near.distance_m > _FARTHEST_M:
            away = (
                "no road can be driven to and fro" if near is None else f"the nearest is {near.distance_m:.0f} m away"
            )
            raise ValueError(f"the road graph does not reach meeting point {point.id}: {away}")
    return graph


def times_of(area: Area) -> TravelTimes:
    """Driving times by the area's own file, or as the crow flies. ConfigError for a graph that cannot be used."""
    roads = area.roads
    if roads.graph is None:
        return CrowFlies(roads.speed_kmh, roads.detour, roads.snow)
    try:
        return RoadTimes(read_graph(roads.graph.read_bytes(), list(area.points.values())), roads.snow)
    except (OSError, ValueError) as error:
        raise ConfigError(f"road graph {roads.graph} cannot be read: {error}") from error
