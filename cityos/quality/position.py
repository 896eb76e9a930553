"""A position that is not in the city: swapped axes, another coordinate system, a slip of the finger."""

from __future__ import annotations

from collections.abc import Iterator

from shapely import GEOSException

from cityos.connector import Batch
from cityos.ngsi.core_context import LOCATION
from cityos.ngsi.geo import Box, bounds_of
from cityos.ngsi.value import Json
from cityos.quality.rule import Facts, Finding, hold

_GLOBE: Box = (-180.0, -90.0, 180.0, 90.0)
_NULL_ISLAND: Box = (0.0, 0.0, 0.0, 0.0)


def check(batch: Batch, facts: Facts) -> Iterator[Finding]:
    """Holds rows with a geometry that cannot be read or reaches out of the box (without one: off the globe, or 0,0)."""
    box = facts.box or _GLOBE
    for at, row in enumerate(batch.rows):
        place = row.entity.find(LOCATION)
        if place is not None:
            fault = _fault(place.value, box)
            if fault is not None:
                yield hold(at, row, *fault)


def _fault(geometry: Json, box: Box) -> tuple[str, str] | None:
    bounds = _bounds(geometry)
    if bounds is None:
        return "position_unreadable", "has a location that is no GeoJSON geometry"
    if bounds == _NULL_ISLAND:
        return "position_outside", "lies at 0,0, where a receiver without a fix believes to be"
    # Asked this way round, a bound that is not a number counts as outside.
    if box[0] <= bounds[0] and box[1] <= bounds[1] and bounds[2] <= box[2] and bounds[3] <= box[3]:
        return None
    return "position_outside", f"lies at {_degrees(bounds)}, not within {_degrees(box)}"


def _bounds(geometry: Json) -> Box | None:
    try:
        bounds = bounds_of(geometry)
        # A Point's bounds are its coordinates as said: text fails here, not later.
        return None if bounds is None else (float(bounds[0]), float(bounds[1]), float(bounds[2]), float(bounds[3]))
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, GEOSException):
        return None


def _degrees(box: Box) -> str:
    return ",".join(f"{degrees:.6g}" for degrees in box)
