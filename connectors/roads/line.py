"""From GeoJSON features to roads: lines with what is said of driving on them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from typing import cast

from cityos.connector import Notice, Severity
from cityos.connector.reading import Json, JsonObject, as_list, as_object, as_text, fold_width, read_geometry
from cityos.vocabulary.road_graph import Way

Place = tuple[float, float]

# Where the properties are looked for, in this order, unless the city file names them.
KNOWN_AS: Mapping[str, Sequence[str]] = {
    "id": ("id", "osm_id", "@id", "way_id", "segment_id"),
    "name": ("name", "road_name"),
    "class": ("class", "highway", "road_class"),
    "speed": ("speed_kmh", "maxspeed"),
    "oneway": ("oneway",),
    "zone": ("zone", "zone_id"),
}
# OpenStreetMap's classes on which no bus drives, or not yet.
NOT_DRIVABLE = frozenset(
    {"footway", "path", "steps", "cycleway", "pedestrian", "bridleway", "corridor", "construction", "proposed"}
)
_SPEED = re.compile(r"(\d{1,3}(?:\.\d+)?)\s*(km/h|kmh|kph|mph)?\Z", re.I)
_KMH_OF_MPH = 1.609344
_SPEEDS_KMH = (3.0, 150.0)


class Direction(StrEnum):
    """Which way a line may be driven, by the order of its positions."""

    BOTH = "both"
    FORWARD = "forward"
    BACKWARD = "backward"


_DIRECTIONS = {
    **dict.fromkeys(("", "no", "false", "0"), Direction.BOTH),
    **dict.fromkeys(("yes", "true", "1"), Direction.FORWARD),
    **dict.fromkeys(("-1", "reverse"), Direction.BACKWARD),
}


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a road, lon, lat; `speed_kmh` is None where the source says none."""

    way: Way
    places: tuple[Place, ...]
    direction: Direction
    speed_kmh: float | None


def read_lines(features: Sequence[Json], name: str, named: Mapping[str, str]) -> Iterator[Line | Notice]:
    """The lines of all features, and what is wrong with some. `named` says which property is meant by id, name, ..."""
    seen: set[str] = set()
    for number, item in enumerate(features):
        where = f"{name}:features[{number}]"
        geometry = read_geometry(as_object(item).get("geometry"))
        parts = _parts(geometry)
        if not parts:
            yield Notice("row_left_out", Severity.ERROR, where, "Feature is no line that can be read; it is left out")
            continue
        said = _said(item, named)
        way = Way(said["id"] or _course(parts), said["name"], said["class"], said["zone"])
        if way.road_class in NOT_DRIVABLE:
            detail = f"Roads of class {way.road_class} are not driven on; they are left out"
            yield Notice("road_not_drivable", Severity.INFO, where, detail)
            continue
        if way.way_id in seen:
            detail = f"Road id {way.way_id!r} stands on several features; each is a piece of it"
            yield Notice("duplicate_road", Severity.INFO, where, detail, subject=way.way_id)
        seen.add(way.way_id)
        yield from _doubts(said, where)
        direction = _DIRECTIONS.get(said["oneway"].lower(), Direction.BOTH)
        yield from (Line(way, part, direction, read_speed(said["speed"])) for part in parts)


def read_speed(text: str) -> float | None:
    """Kilometres per hour of `40`, `40 km/h` or `30 mph`; None for anything else, and for what no road is built for."""
    found = _SPEED.match(fold_width(text))
    if found is None:
        return None
    speed_kmh = float(found[1]) * (_KMH_OF_MPH if (found[2] or "").lower() == "mph" else 1.0)
    least, most = _SPEEDS_KMH
    return speed_kmh if least <= speed_kmh <= most else None


def _said(item: Json, named: Mapping[str, str]) -> dict[str, str]:
    """The properties that are known, as text; "" for what is not said."""
    properties = as_object(as_object(item).get("properties"))
    found = {
        meaning: next((text for name in names if (text := _text(properties.get(name)))), "")
        for meaning, names in (
            (meaning, [named[meaning]] if meaning in named else names) for meaning, names in KNOWN_AS.items()
        )
    }
    return found | {"id": found["id"] or _text(as_object(item).get("id"))}


def _text(value: Json) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value) if isinstance(value, int | float) else as_text(value)


def _parts(geometry: JsonObject | None) -> list[tuple[Place, ...]]:
    kind = None if geometry is None else geometry["type"]
    coordinates = [] if geometry is None else as_list(geometry["coordinates"])
    if kind == "LineString":
        return [_places(coordinates)]
    return [_places(as_list(part)) for part in coordinates] if kind == "MultiLineString" else []


def _places(positions: list[Json]) -> tuple[Place, ...]:
    return tuple((float(lon), float(lat)) for lon, lat in cast(list[list[float]], positions))


def _course(parts: list[tuple[Place, ...]]) -> str:
    """A name for a road that has none: by its course, so that it stays the same in the next document."""
    return sha256(repr(parts).encode()).hexdigest()[:12]


def _doubts(said: dict[str, str], where: str) -> Iterator[Notice]:
    if said["speed"] and read_speed(said["speed"]) is None:
        detail = f"Speed {said['speed']!r} is no speed in km/h or mph; that of the road's class is taken"
        yield Notice("speed_unreadable", Severity.WARNING, where, detail)
    if said["oneway"].lower() not in _DIRECTIONS:
        detail = f"Oneway {said['oneway']!r} is not known; the road is taken for open both ways"
        yield Notice("oneway_unreadable", Severity.WARNING, where, detail)
