"""What a city's service is like: area, hours, vehicles, meeting points, fares and rules. A TOML file, read once."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from services.on_demand.place import MeetingPoint, Position

SAMPLE = Path(__file__).with_name("yukino.toml")
"""The sample city's service."""

T = TypeVar("T")
Table = Mapping[str, object]


class ConfigError(ValueError):
    """A configuration that cannot be used; the text says where and why."""


@dataclass(frozen=True, slots=True)
class Van:
    """A vehicle: what it holds, the meeting point it starts from and returns to, and its daily hours (25:30 exists)."""

    id: str
    name: str
    seats: int
    wheelchairs: int
    home: str
    starts: timedelta
    ends: timedelta


@dataclass(frozen=True, slots=True)
class Rules:
    """What may be booked, and what is promised.

    A ride lasts at most `ride_factor` times the direct drive plus `ride_extra_minutes`. `nearest` meeting points are
    tried at either end of the ride.
    """

    days_ahead: int = 7
    walk_limit_m: int = 600
    nearest: int = 2
    longest_wait_minutes: int = 60
    pickup_window_minutes: int = 10
    drop_off_slack_minutes: int = 10
    ride_factor: float = 1.5
    ride_extra_minutes: int = 10
    boarding_seconds: int = 30
    wheelchair_seconds: int = 180
    quote_minutes: int = 5
    contact_days: int = 7


@dataclass(frozen=True, slots=True)
class Fares:
    """Yen per ride, whatever the distance; a wheelchair user's fare is a person's."""

    adult: int
    child: int
    wheelchair: int


@dataclass(frozen=True, slots=True)
class Roads:
    """How fast vehicles are: over the road graph that a `feed` of the hub has, else over that of a file (`graph`), else
    as the crow flies (`travel.CrowFlies`).

    `detour` is also that of walks.
    """

    speed_kmh: float = 25.0
    detour: float = 1.35
    snow: float = 1.0
    graph: Path | None = None
    feed: str = ""


@dataclass(frozen=True, slots=True)
class Area:
    """A service. `box` is west, south, east, north in degrees; `index` numbers the meeting points for dispatch."""

    name: str
    zone: ZoneInfo
    box: tuple[float, float, float, float]
    points: Mapping[str, MeetingPoint]
    vans: Mapping[str, Van]
    fares: Fares
    index: Mapping[str, int]
    rules: Rules = field(default_factory=Rules)
    roads: Roads = field(default_factory=Roads)
    telephone: str = ""

    @property
    def positions(self) -> list[Position]:
        """Where the meeting points are, by their place numbers."""
        return [point.position for point in self.points.values()]

    def covers(self, position: Position) -> bool:
        """Whether a position is inside the service area."""
        west, south, east, north = self.box
        return west <= position.lon <= east and south <= position.lat <= north


def read_area(path: Path) -> Area:
    """Reads a configuration. ConfigError where it cannot be read or does not fit together."""
    try:
        told = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"Config {path} cannot be read: {error}") from error
    try:
        return _area(told, path.parent)
    except (KeyError, TypeError, ValueError, ZoneInfoNotFoundError) as error:
        raise ConfigError(f"Config {path} is not right: {error!r}") from error


def _area(told: Table, directory: Path) -> Area:
    about, points = _table(told, "area"), [_point(one) for one in _tables(told, "meeting_points")]
    area = Area(
        name=_text(about, "name"),
        zone=ZoneInfo(_text(about, "time_zone")),
        box=_box(about["box"]),
        points={point.id: point for point in points},
        vans={van.id: van for van in map(_van, _tables(told, "vehicles"))},
        index={point.id: number for number, point in enumerate(points)},
        fares=_read(Fares, _table(told, "fares")),
        rules=_read(Rules, _table(told, "rules")) if "rules" in told else Rules(),
        roads=_roads(_table(told, "roads"), directory) if "roads" in told else Roads(),
        telephone=_text(about, "telephone") if "telephone" in about else "",
    )
    _check(area, len(points), len(_tables(told, "vehicles")))
    return area


def _check(area: Area, points: int, vans: int) -> None:
    if len(area.points) < points or len(area.vans) < vans:
        raise ValueError("two meeting points or two vehicles have the same id")
    if not area.points or not area.vans:
        raise ValueError("a service needs meeting points and vehicles")
    for van in area.vans.values():
        if van.home not in area.points:
            raise ValueError(f"vehicle {van.id} starts at {van.home}, which is no meeting point")
        if van.ends <= van.starts:
            raise ValueError(f"vehicle {van.id} ends its day before it begins")
    outside = [point.id for point in area.points.values() if not area.covers(point.position)]
    if outside:
        raise ValueError(f"meeting point {outside[0]} is outside the area's box")


def _point(told: Table) -> MeetingPoint:
    position = Position(_number(told, "lon"), _number(told, "lat"))
    name = _text(told, "name")
    name_en = _text(told, "name_en") if "name_en" in told else name
    return MeetingPoint(_text(told, "id"), name, name_en, position, told.get("closed") is True)


def _van(told: Table) -> Van:
    seats, wheelchairs = int(_number(told, "seats")), int(_number(told, "wheelchairs"))
    starts, ends = _time_of_day(_text(told, "from")), _time_of_day(_text(told, "until"))
    return Van(_text(told, "id"), _text(told, "name"), seats, wheelchairs, _text(told, "home"), starts, ends)


def _read(kind: Callable[..., T], told: Table) -> T:
    """The numbers of a table by their names; a name that is not known is a mistake somebody should hear of."""
    return kind(**{name: _number(told, name) for name in told})


def _roads(told: Table, directory: Path) -> Roads:
    roads = _read(Roads, {name: value for name, value in told.items() if name not in ("graph", "feed")})
    if "graph" in told:
        roads = replace(roads, graph=directory / _text(told, "graph"))
    return replace(roads, feed=_text(told, "feed")) if "feed" in told else roads


def _time_of_day(said: str) -> timedelta:
    hours, minutes = said.split(":")
    return timedelta(hours=int(hours), minutes=int(minutes))


def _box(said: object) -> tuple[float, float, float, float]:
    if not isinstance(said, list) or len(said) != 4:
        raise ValueError("area.box is not [west, south, east, north]")
    west, south, east, north = (float(degree) for degree in said)
    return west, south, east, north


def _table(told: Table, name: str) -> Table:
    said = told[name]
    if not isinstance(said, dict):
        raise TypeError(f"{name} is not a table")
    return said


def _tables(told: Table, name: str) -> list[Table]:
    said = told[name]
    if not isinstance(said, list) or not all(isinstance(one, dict) for one in said):
        raise TypeError(f"{name} is not a list of tables")
    return said


def _text(told: Table, name: str) -> str:
    said = told[name]
    if not isinstance(said, str) or not said:
        raise TypeError(f"{name} is not text")
    return said


def _number(told: Table, name: str) -> float:
    said = told[name]
    if not isinstance(said, int | float) or isinstance(said, bool) or said < 0:
        raise TypeError(f"{name} is not a number, 0 or more")
    return said
