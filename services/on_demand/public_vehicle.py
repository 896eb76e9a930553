"""The one thing the city is told of this service: where its vehicles are, their free seats, their next public stop.

Nothing of it comes from a request: positions are those of meeting points, and there is no time, party or identifier.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from cityos.client import Entity
from cityos.vocabulary.attribute import get, get_location, get_text, put, put_location
from cityos.vocabulary.context import iri
from cityos.vocabulary.identifier import local_id_of, mint_id
from services.on_demand.booking import Seen
from services.on_demand.config import Van
from services.on_demand.place import MeetingPoint, Position

ON_DEMAND_VEHICLE = "OnDemandVehicle"
FEED = "on_demand"


@dataclass(frozen=True, slots=True)
class OnDemandVehicle:
    """A vehicle's public plan: `position` is the meeting point it last stopped at, `next_stop` "" where it has none."""

    local_id: str
    name: str
    position: Position
    free_seats: int
    next_stop: str

    def to_entity(self, at: datetime) -> Entity:
        """The entity as it is at an instant."""
        entity = Entity(mint_id(ON_DEMAND_VEHICLE, FEED, self.local_id), (iri(ON_DEMAND_VEHICLE),))
        put(entity, "name", self.name)
        put_location(entity, {"type": "Point", "coordinates": [self.position.lon, self.position.lat]})
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
        lon, lat = (degree for degree in coordinates if isinstance(degree, int | float))
        name = get_text(entity, "name") or local_id_of(entity.id)
        return cls(
            local_id_of(entity.id), name, Position(lon, lat), free_seats, get_text(entity, "nextMeetingPoint") or ""
        )


def public_vehicle(seen: Seen, vans: Mapping[str, Van], points: Mapping[str, MeetingPoint]) -> OnDemandVehicle:
    """What the city is told of a vehicle."""
    next_stop = "" if seen.heading_for is None else points[seen.heading_for].name
    place = points[seen.place].position
    return OnDemandVehicle(seen.vehicle, vans[seen.vehicle].name, place, seen.free_seats, next_stop)
