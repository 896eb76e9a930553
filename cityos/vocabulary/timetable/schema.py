"""What a timetable (時刻表) holds: the rows of its tables and the columns of its two large ones.

Ids are the feed's own text, unique only inside it. Times are seconds since the start of the service day (運行日), which
is noon minus twelve hours in the feed's zone: 25:30 and 32:00 are ordinary. Positions are WGS 84 degrees. Text that the
feed does not say is empty; a number it does not say is None.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import NamedTuple

VERSION = 1
UNSAID = -1  # timepoint where the feed says none
RECKONED = 2  # timepoint where the feed leaves the time out: it was reckoned from its neighbours
SHAPE_UNITS_PER_DEGREE = 10_000_000  # 1 cm; shapes are whole numbers of it


class Info(NamedTuple):
    """The feed as a whole (feed_info); `zone` is the IANA name of its clock.

    `edition` is the GTFS-JP edition its columns show (1 to 4; None: no GTFS-JP). `rows` counts what each file said.
    """

    publisher_name: str = ""
    publisher_url: str = ""
    language: str = ""
    starts_on: date | None = None
    ends_on: date | None = None
    version: str = ""
    contact_email: str = ""
    contact_url: str = ""
    zone: str = "Asia/Tokyo"
    edition: int | None = None
    rows: Mapping[str, int] = {}


class Agency(NamedTuple):
    """A body that runs buses (agency, agency_jp). `agency_id` may be empty where there is only one."""

    agency_id: str
    name: str
    url: str = ""
    zone: str = ""
    language: str = ""
    phone: str = ""
    fare_url: str = ""
    email: str = ""
    official_name: str = ""
    zip_number: str = ""
    address: str = ""
    president_position: str = ""
    president_name: str = ""


class Stop(NamedTuple):
    """A row of stops: a platform (のりば・標柱), or a station, entrance or node by `location_type` 1 to 4.

    `station_id` is the stop (停留所) it belongs to: `parent_id` where the feed says one, else found by id and name.
    """

    stop_id: str
    name: str
    lon: float | None = None
    lat: float | None = None
    station_id: str = ""
    code: str = ""
    description: str = ""
    zone_id: str = ""
    url: str = ""
    location_type: int = 0
    parent_id: str = ""
    platform_code: str = ""
    wheelchair: int | None = None


class Station(NamedTuple):
    """A stop (停留所): platforms of one name. `is_said`: the feed has it as a row of its own, it is not found."""

    station_id: str
    name: str
    lon: float | None
    lat: float | None
    is_said: bool


class Route(NamedTuple):
    """A route (路線・系統; routes, routes_jp). `kind` is GTFS's route_type: 3 is a bus. Colours are six hex digits."""

    route_id: str
    agency_id: str = ""
    short_name: str = ""
    long_name: str = ""
    description: str = ""
    kind: int | None = None
    url: str = ""
    color: str = ""
    text_color: str = ""
    sort_order: int | None = None
    parent_route_id: str = ""
    updated_on: str = ""
    origin: str = ""
    via: str = ""
    destination: str = ""


class Trip(NamedTuple):
    """A trip (便). `description`, `symbol`, `office_id` and `pattern_id` are GTFS-JP's jp_trip_desc and so on."""

    trip_id: str
    route_id: str
    service_id: str
    headsign: str = ""
    short_name: str = ""
    direction: int | None = None
    block_id: str = ""
    shape_id: str = ""
    wheelchair: int | None = None
    bikes: int | None = None
    description: str = ""
    symbol: str = ""
    office_id: str = ""
    pattern_id: str = ""


class Service(NamedTuple):
    """The days on which its trips run, calendar and calendar_dates resolved: bit i of `days` is `first_on` + i."""

    service_id: str
    first_on: date
    days: int

    def runs_on(self, day: date) -> bool:
        """Whether its trips run on this service day."""
        offset = (day - self.first_on).days
        return offset >= 0 and bool(self.days >> offset & 1)

    @property
    def last_on(self) -> date | None:
        """The last day it runs; None where it never does."""
        return self.first_on + timedelta(days=self.days.bit_length() - 1) if self.days else None


class Fare(NamedTuple):
    """A fare (fare_attributes); `price` as written, in `currency`."""

    fare_id: str
    price: str
    currency: str
    payment_method: int | None = None
    transfers: int | None = None
    agency_id: str = ""
    transfer_seconds: int | None = None


class FareRule(NamedTuple):
    """Where a fare holds: a route and zones; empty means any."""

    fare_id: str
    route_id: str = ""
    origin_id: str = ""
    destination_id: str = ""
    contains_id: str = ""


class Translation(NamedTuple):
    """Other words for a text. GTFS-JP's old form says only `field_value`: then table and field are empty, any fits."""

    language: str
    text: str
    table: str = ""
    field: str = ""
    record_id: str = ""
    record_sub_id: str = ""
    field_value: str = ""


class Transfer(NamedTuple):
    """A transfer between two stops (or routes, trips); `kind` is GTFS's transfer_type."""

    from_stop_id: str
    to_stop_id: str
    kind: int
    seconds: int | None = None
    from_route_id: str = ""
    to_route_id: str = ""
    from_trip_id: str = ""
    to_trip_id: str = ""


class Frequency(NamedTuple):
    """A trip that runs every `headway` seconds from `start` until before `end`; `is_exact`: by the clock."""

    trip_id: str
    start: int
    end: int
    headway: int
    is_exact: bool = False


class Office(NamedTuple):
    """A depot (営業所; office_jp)."""

    office_id: str
    name: str
    url: str = ""
    phone: str = ""


class Pattern(NamedTuple):
    """A pattern (停車パターン; pattern_jp)."""

    pattern_id: str
    updated_on: str = ""
    origin: str = ""
    via: str = ""
    destination: str = ""


def _unsigned() -> array[int]:
    return array("I")


def _signed() -> array[int]:
    return array("i")


def _small() -> array[int]:
    return array("b")


def _real() -> array[float]:
    return array("d")


@dataclass(frozen=True)
class StopTimes:
    """All calls, by trip and sequence. `trip`, `stop` and `headsign` are positions in `trips`, `stops`, `headsigns`.

    `headsign` 0 is none. `pickup` and `drop_off` are GTFS's codes, 0 where unsaid. `timepoint` is as said, UNSAID or
    RECKONED. `distance` is shape_dist_traveled (NaN where unsaid), empty where the feed never says it.
    """

    trip: array[int] = field(default_factory=_unsigned)
    stop: array[int] = field(default_factory=_unsigned)
    arrival: array[int] = field(default_factory=_signed)
    departure: array[int] = field(default_factory=_signed)
    sequence: array[int] = field(default_factory=_unsigned)
    headsign: array[int] = field(default_factory=_unsigned)
    pickup: array[int] = field(default_factory=_small)
    drop_off: array[int] = field(default_factory=_small)
    timepoint: array[int] = field(default_factory=_small)
    distance: array[float] = field(default_factory=_real)


@dataclass(frozen=True)
class ShapePoints:
    """All points of all shapes in order; `shape` is a position in `shape_ids`, `lon` and `lat` are 10⁻⁷ degrees."""

    shape: array[int] = field(default_factory=_unsigned)
    lon: array[int] = field(default_factory=_signed)
    lat: array[int] = field(default_factory=_signed)


@dataclass(frozen=True)
class Tables:
    """A whole timetable as tables."""

    info: Info = field(default_factory=Info)
    agencies: tuple[Agency, ...] = ()
    stops: tuple[Stop, ...] = ()
    stations: tuple[Station, ...] = ()
    routes: tuple[Route, ...] = ()
    trips: tuple[Trip, ...] = ()
    services: tuple[Service, ...] = ()
    fares: tuple[Fare, ...] = ()
    fare_rules: tuple[FareRule, ...] = ()
    translations: tuple[Translation, ...] = ()
    transfers: tuple[Transfer, ...] = ()
    frequencies: tuple[Frequency, ...] = ()
    offices: tuple[Office, ...] = ()
    patterns: tuple[Pattern, ...] = ()
    headsigns: tuple[str, ...] = ("",)
    stop_times: StopTimes = field(default_factory=StopTimes)
    shape_ids: tuple[str, ...] = ()
    shapes: ShapePoints = field(default_factory=ShapePoints)
