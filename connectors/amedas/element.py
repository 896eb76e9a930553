"""AMeDAS elements: what each is in the city's words, and what its quality flag says."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from cityos.connector import Notice, Severity
from cityos.connector.reading import Json, as_list
from cityos.vocabulary.weather import Measure, MeasureQuality

# The agency documents no flags for these files; this is what they show. 0 stands at values without remark, null where a
# station has no such gauge, 5 with a null value, 6 at snow gauges in summer with a zero that nobody measured. The
# numbers between stand where its tables elsewhere say nearly normal, doubtful, too little material.
_NORMAL = 0
_DOUBTFUL = range(1, 5)
_MISSING = 5
_NOT_IN_SEASON = 6

_POINTS = 16


@dataclass(frozen=True, slots=True)
class Element:
    """The attribute an element becomes; `convert` gives its value in the attribute's unit, None for none."""

    term: str
    convert: Callable[[float], float | None] = float


def _degrees(point: float) -> float | None:
    """Sixteen points, 1 is NNE and 16 is N; 0 is calm: then the wind has no direction, and 0 degrees would be north."""
    return (point * 360 / _POINTS) % 360 if 1 <= point <= _POINTS else None


def _share(percent: float) -> float:
    return round(percent / 100, 4)


ELEMENTS: Mapping[str, Element] = {
    "temp": Element("temperature"),
    "humidity": Element("relativeHumidity", _share),
    "pressure": Element("atmosphericPressure"),
    "normalPressure": Element("seaLevelPressure"),
    "precipitation10m": Element("precipitation10m"),
    "precipitation1h": Element("precipitation"),
    "precipitation3h": Element("precipitation3h"),
    "precipitation24h": Element("precipitation24h"),
    "wind": Element("windSpeed"),
    "windDirection": Element("windDirection", _degrees),
    "sun1h": Element("sunshine1h"),
    "snow": Element("snowHeight"),
    "snow1h": Element("snowfall1h"),
    "snow6h": Element("snowfall6h"),
    "snow12h": Element("snowfall12h"),
    "snow24h": Element("snowfall24h"),
}


def read_measure(name: str, said: Json, at: datetime, where: str, station: str) -> Measure | Notice | None:
    """What `[value, flag]` says of an element: a measure, a notice, or nothing where it is not observed."""
    pair = as_list(said)
    if len(pair) != 2:
        return _unreadable(name, said, where, station)
    value, flag = pair
    if flag is None or flag == _NOT_IN_SEASON:
        return None
    if flag == _MISSING or value is None:
        detail = f"{station} has no value of {name} now (flag {flag}); it is left out, not taken for zero"
        return Notice("measure_missing", Severity.INFO, where, detail, subject=f"{station} {name}")
    number = _number(value)
    if number is None or not isinstance(flag, int) or flag not in (_NORMAL, *_DOUBTFUL):
        return _unreadable(name, said, where, station)
    converted = ELEMENTS[name].convert(number)
    quality = MeasureQuality.NORMAL if flag == _NORMAL else MeasureQuality.DOUBTFUL
    return None if converted is None else Measure(converted, at, quality, int(flag))


def _number(value: Json) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) else None


def _unreadable(name: str, said: Json, where: str, station: str) -> Notice:
    detail = f"{station} has {name} {said!r}, which is no value with a flag we know; it is left out"
    return Notice("measure_unreadable", Severity.WARNING, where, detail, subject=f"{station} {name}")
