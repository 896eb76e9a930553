"""GeoJSON as the city's publishers write it: one line, Japanese as it is."""

import json
from collections.abc import Iterable, Mapping, Sequence

from .city import Point

Coordinates = Point | Sequence[Point] | Sequence[Sequence[Point]]


def feature(properties: Mapping[str, object], kind: str, coordinates: Coordinates) -> object:
    """A Feature with a geometry of ``kind``."""
    return {"type": "Feature", "properties": properties, "geometry": {"type": kind, "coordinates": coordinates}}


def collection(features: Iterable[object]) -> bytes:
    """A FeatureCollection."""
    return compact({"type": "FeatureCollection", "features": list(features)})


def compact(value: object) -> bytes:
    """JSON without a blank."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
