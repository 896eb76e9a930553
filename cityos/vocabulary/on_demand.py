"""On-demand transit (デマンド交通) as anybody may see it: the service, and its vehicles. No Smart Data Model.

Nothing of it comes from a request: positions are those of public meeting points, and there is no rider, ride or time of
one in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, cast

from cityos.ngsi.entity import Entity, Instance
from cityos.ngsi.value import Json
from cityos.vocabulary.attribute import get, get_location, get_text, put, put_location
from cityos.vocabulary.context import iri
from cityos.vocabulary.identifier import local_id_of, mint_id

ON_DEMAND_VEHICLE = "OnDemandVehicle"
ON_DEMAND_SERVICE = "OnDemandService"
_FEED = "on_demand"


@dataclass(frozen=True, slots=True)
class OnDemandVehicle:
    """A vehicle's public plan: `lon`, `lat` (WGS 84) are the meeting point it last stopped at.

    `next_stop` is the name of the meeting point it drives to, "" where it drives nowhere.
    """

    local_id: str
    name: str
    lon: float
    lat: float
    free_seats: int
    next_stop: str

    def to_entity(self, at: datetime) -> Entity:
        """The entity as it is at an instant."""
        entity = Entity(mint_id(ON_DEMAND_VEHICLE, _FEED, self.local_id), (iri(ON_DEMAND_VEHICLE),))
        put(entity, "name", self.name)
        put_location(entity, {"type": "Point", "coordinates": [self.lon, self.lat]})
        put(entity, "freeSeats", self.free_seats, at)
        put(entity, "nextMeetingPoint", self.next_stop, at)
        return entity

    @classmethod
    def from_entity(cls, entity: Entity) -> OnDemandVehicle:
        """Reads it back. ValueError where it is none."""
        location, free_seats = get_location(entity), get(entity, "freeSeats")
        coordinates = None if location is None else location.get("coordinates")
        if not isinstance(coordinates, list) or not isinstance(free_seats, int):
            raise ValueError(f"{entity.id} does not say where it is and what is free")  # noqa: TRY004 - data, not code
        lon, lat = (float(degree) for degree in coordinates if isinstance(degree, int | float))
        name = get_text(entity, "name") or local_id_of(entity.id)
        return cls(local_id_of(entity.id), name, lon, lat, free_seats, get_text(entity, "nextMeetingPoint") or "")


class PublicPoint(NamedTuple):
    """A meeting point (乗降場所). A closed one is served by nobody."""

    id: str
    name: str
    name_en: str
    lon: float
    lat: float
    closed: bool = False


@dataclass(frozen=True, slots=True)
class OnDemandService:
    """What riders have to know: when it runs, what a ride costs, where it stops, whom to ring.

    `runs_from` and `runs_until` are times of a service day such as `06:30` (25:30 exists); fares are yen per ride.
    `telephone` is "" where bookings are not taken by telephone.
    """

    name: str
    runs_from: str
    runs_until: str
    adult_fare: int
    child_fare: int
    telephone: str = ""
    points: Sequence[PublicPoint] = ()

    def to_entity(self) -> Entity:
        """The service's one entity."""
        entity = Entity(mint_id(ON_DEMAND_SERVICE, _FEED, "service"), (iri(ON_DEMAND_SERVICE),))
        put(entity, "name", self.name)
        put(entity, "serviceFrom", self.runs_from)
        put(entity, "serviceUntil", self.runs_until)
        put(entity, "adultFare", self.adult_fare)
        put(entity, "childFare", self.child_fare)
        put(entity, "telephone", self.telephone)
        told = [one._asdict() for one in self.points]
        entity.set(iri("meetingPoints"), Instance("JsonProperty", cast(Json, told)))
        return entity

    @classmethod
    def from_entity(cls, entity: Entity) -> OnDemandService:
        """Reads it back. ValueError where it is none."""
        points = entity.find(iri("meetingPoints"))
        told = points.value if points is not None and isinstance(points.value, list) else []
        fares = get(entity, "adultFare"), get(entity, "childFare")
        adult, child = (fare if isinstance(fare, int) else None for fare in fares)
        if adult is None or child is None:
            raise ValueError(f"{entity.id} does not say what a ride costs")
        return cls(
            name=get_text(entity, "name") or "",
            runs_from=get_text(entity, "serviceFrom") or "",
            runs_until=get_text(entity, "serviceUntil") or "",
            adult_fare=adult,
            child_fare=child,
            telephone=get_text(entity, "telephone") or "",
            points=tuple(_point(one) for one in told if isinstance(one, dict)),
        )


def _point(told: dict[str, Json]) -> PublicPoint:
    try:
        return PublicPoint(
            id=str(told["id"]),
            name=str(told["name"]),
            name_en=str(told["name_en"]),
            lon=float(cast(float, told["lon"])),
            lat=float(cast(float, told["lat"])),
            closed=told.get("closed") is True,
        )
    except (KeyError, TypeError) as error:
        raise ValueError(f"a meeting point is not readable: {error!r}") from None
