"""Vehicles (車両) where they are now, and how late trips (便) run. `Vehicle` follows the Smart Data Model Vehicle.

Statuses and relationships are GTFS Realtime's own words (`IN_TRANSIT_TO`, `CANCELED`). All that is told at one time
carries that time, so that what the source no longer says is seen by its age; the typed classes read it as absent.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import cast

from cityos.ngsi.core_context import LOCATION
from cityos.ngsi.entity import Entity, Instance
from cityos.ngsi.instant import format_instant, parse_instant
from cityos.ngsi.value import Json, JsonObject
from cityos.vocabulary.attribute import as_text, get_text, put
from cityos.vocabulary.context import iri
from cityos.vocabulary.identifier import local_id_of, mint_id

VEHICLE = "Vehicle"
TRIP_UPDATE = "TripUpdate"

# Best practice asks for 90 s; after ten minutes a city bus may be anywhere on its line.
STALE_AFTER = timedelta(minutes=10)
FRESH, STALE = "fresh", "stale"


@dataclass(frozen=True, slots=True)
class TripReference:
    """Which run of which trip, as the source says it; `trip_id` and `route_id` are the timetable's, "" if not said.

    `start_on` is the service day (運行日), not the calendar day after midnight; `start_time` is such as `25:30:00`.
    `relationship` is SCHEDULED where the source says nothing.
    """

    trip_id: str = ""
    route_id: str = ""
    direction_id: int | None = None
    start_on: date | None = None
    start_time: str = ""
    relationship: str = "SCHEDULED"

    @property
    def key(self) -> str:
        """What identifies the run within a feed, as GTFS Realtime defines it; "" where that much is not said."""
        if self.trip_id:
            name = self.trip_id
        elif self.route_id and self.start_time:
            name = f"{self.route_id}-{self.direction_id or 0}"
        else:
            return ""
        day = "" if self.start_on is None else f"{self.start_on:%Y%m%d}"
        moment = f"{day}T{self.start_time}" if self.start_time else day
        return f"{name}@{moment}" if moment else name


@dataclass(frozen=True, slots=True)
class Vehicle:
    """A vehicle at one time.

    `observed_at` is the vehicle's own clock; None says that it names no time that can be believed, and then nothing but
    its name is told. `location` is a GeoJSON Point; `is_stale`: at the source's own time this was older than it takes
    for anyone to call it the vehicle's position. `bearing_deg` is clockwise from north, `speed_kmh` in km/h.
    """

    local_id: str
    name: str = ""
    observed_at: datetime | None = None
    location: JsonObject | None = None
    is_stale: bool = False
    bearing_deg: float | None = None
    speed_kmh: float | None = None
    trip: TripReference | None = None
    stop_id: str = ""
    stop_sequence: int | None = None
    status: str = ""
    occupancy: str = ""

    def to_entity(self, feed: str) -> Entity:
        """The entity under the id this feed mints for it."""
        entity = Entity(mint_id(VEHICLE, feed, self.local_id), (iri(VEHICLE),))
        put(entity, "name", self.name or None)
        if self.observed_at is None:
            return entity
        self._put_motion(entity, self.observed_at)
        _put_trip(entity, self.trip or TripReference(relationship=""), self.observed_at)
        # "" says that the source names none now; leaving the old one standing would be a lie.
        put(entity, "stopId", self.stop_id, self.observed_at)
        put(entity, "currentStatus", self.status, self.observed_at)
        put(entity, "currentStopSequence", self.stop_sequence, self.observed_at)
        put(entity, "occupancyStatus", self.occupancy or None, self.observed_at)
        return entity

    def _put_motion(self, entity: Entity, at: datetime) -> None:
        if self.location is not None:
            place = Instance("GeoProperty", cast(Json, self.location), at)
            place.attributes[iri("quality")] = {"": Instance("Property", STALE if self.is_stale else FRESH)}
            entity.set(LOCATION, place)
        _put_measure(entity, "bearing", self.bearing_deg, at, "DD")
        _put_measure(entity, "speed", self.speed_kmh, at, "KMH")

    @classmethod
    def from_entity(cls, entity: Entity) -> Vehicle:
        """The vehicle as it was told last; what was not said then is absent."""
        now = _Moment(entity, entity.latest_observation())
        place = now.find(LOCATION)
        quality = None if place is None else place.attributes.get(iri("quality"), {}).get("")
        trip = now.trip()
        return cls(
            local_id=local_id_of(entity.id),
            name=get_text(entity, "name") or "",
            observed_at=now.at,
            location=None if place is None else cast(JsonObject, place.value),
            is_stale=quality is not None and quality.value == STALE,
            bearing_deg=now.number("bearing"),
            speed_kmh=now.number("speed"),
            trip=trip if trip.relationship else None,
            stop_id=now.text("stopId"),
            stop_sequence=now.count("currentStopSequence"),
            status=now.text("currentStatus"),
            occupancy=now.text("occupancyStatus"),
        )

    def is_fresh(self, now: datetime) -> bool:
        """Whether this may be shown as where the vehicle is now."""
        return self.observed_at is not None and not self.is_stale and now - self.observed_at <= STALE_AFTER


@dataclass(frozen=True, slots=True)
class StopUpdate:
    """What is foretold of one stop of a trip: delays in seconds (negative: early), instants, relationship."""

    stop_sequence: int | None = None
    stop_id: str = ""
    arrival_delay_s: int | None = None
    departure_delay_s: int | None = None
    arrival_at: datetime | None = None
    departure_at: datetime | None = None
    relationship: str = "SCHEDULED"

    @property
    def delay_s(self) -> int | None:
        """The delay on arriving, else on leaving."""
        return self.arrival_delay_s if self.arrival_delay_s is not None else self.departure_delay_s

    @property
    def leaves_at(self) -> datetime | None:
        """When the vehicle is foretold to be gone from the stop."""
        return self.departure_at or self.arrival_at

    def to_json(self) -> JsonObject:
        """Only what is said."""
        told: dict[str, Json] = {
            "stopSequence": self.stop_sequence,
            "stopId": self.stop_id or None,
            "arrivalDelay": self.arrival_delay_s,
            "departureDelay": self.departure_delay_s,
            "arrivalAt": None if self.arrival_at is None else format_instant(self.arrival_at),
            "departureAt": None if self.departure_at is None else format_instant(self.departure_at),
            "scheduleRelationship": None if self.relationship == "SCHEDULED" else self.relationship,
        }
        return {name: value for name, value in told.items() if value is not None}

    @classmethod
    def from_json(cls, told: JsonObject) -> StopUpdate:
        """Reads it back."""
        return cls(
            stop_sequence=_whole(told.get("stopSequence")),
            stop_id=as_text(told.get("stopId")) or "",
            arrival_delay_s=_whole(told.get("arrivalDelay")),
            departure_delay_s=_whole(told.get("departureDelay")),
            arrival_at=_instant(told.get("arrivalAt")),
            departure_at=_instant(told.get("departureAt")),
            relationship=as_text(told.get("scheduleRelationship")) or "SCHEDULED",
        )


@dataclass(frozen=True, slots=True)
class TripUpdate:
    """How one run of a trip goes, by its own entity: trip and service day identify it.

    `delay_s` is the delay at the next stop for which one is told, in seconds (negative: early); None where none is
    told: nobody knows, which is not "on time". `stops` are the stops as told, in their order.
    """

    trip: TripReference
    observed_at: datetime | None = None
    delay_s: int | None = None
    vehicle_id: str = ""
    stops: tuple[StopUpdate, ...] = ()

    def to_entity(self, feed: str) -> Entity:
        """The entity under the id this feed mints for it. ValueError where the trip names no run."""
        entity = Entity(mint_id(TRIP_UPDATE, feed, self.trip.key), (iri(TRIP_UPDATE),))
        if self.observed_at is None:
            return entity
        _put_trip(entity, self.trip, self.observed_at)
        put(entity, "vehicleId", self.vehicle_id, self.observed_at)
        _put_measure(entity, "delay", self.delay_s, self.observed_at, "SEC")
        told = cast(Json, [stop.to_json() for stop in self.stops])
        entity.set(iri("stopTimeUpdates"), Instance("JsonProperty", told, self.observed_at))
        return entity

    @classmethod
    def from_entity(cls, entity: Entity) -> TripUpdate:
        """The trip as it was told last; what was not said then is absent."""
        now = _Moment(entity, entity.latest_observation())
        stops = now.find(iri("stopTimeUpdates"))
        told = stops.value if stops is not None and isinstance(stops.value, list) else []
        return cls(
            trip=now.trip(),
            observed_at=now.at,
            delay_s=now.count("delay"),
            vehicle_id=now.text("vehicleId"),
            stops=tuple(StopUpdate.from_json(one) for one in told if isinstance(one, dict)),
        )


@dataclass(frozen=True, slots=True)
class _Moment:
    """An entity at the time of its newest observation."""

    entity: Entity
    at: datetime | None

    def find(self, name: str) -> Instance | None:
        instance = self.entity.find(name)
        return instance if instance is not None and self.at is not None and instance.observed_at == self.at else None

    def value(self, term: str) -> Json:
        instance = self.find(iri(term))
        return None if instance is None else instance.value

    def text(self, term: str) -> str:
        return as_text(self.value(term)) or ""

    def number(self, term: str) -> float | None:
        value = self.value(term)
        return value if isinstance(value, float | int) and not isinstance(value, bool) else None

    def count(self, term: str) -> int | None:
        return _whole(self.value(term))

    def trip(self) -> TripReference:
        start_on = self.text("startDate")
        return TripReference(
            trip_id=self.text("tripId"),
            route_id=self.text("routeId"),
            direction_id=self.count("directionId"),
            start_on=date.fromisoformat(start_on) if start_on else None,
            start_time=self.text("startTime"),
            relationship=self.text("scheduleRelationship"),
        )


def _put_trip(entity: Entity, trip: TripReference, at: datetime) -> None:
    put(entity, "tripId", trip.trip_id, at)
    put(entity, "routeId", trip.route_id, at)
    put(entity, "directionId", trip.direction_id, at)
    put(entity, "startDate", "" if trip.start_on is None else trip.start_on.isoformat(), at)
    put(entity, "startTime", trip.start_time or None, at)
    put(entity, "scheduleRelationship", trip.relationship, at)


def _put_measure(entity: Entity, term: str, value: float | None, at: datetime, unit: str) -> None:
    if value is not None:
        entity.set(iri(term), Instance("Property", value, at, notes={"unitCode": unit}))


def _whole(value: Json) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _instant(value: Json) -> datetime | None:
    return parse_instant(value) if isinstance(value, str) else None
