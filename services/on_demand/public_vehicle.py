"""What the city is told of this service and its vehicles, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from cityos.vocabulary.on_demand import OnDemandService, OnDemandVehicle, PublicPoint
from services.on_demand.booking import Seen
from services.on_demand.config import Area, Van
from services.on_demand.place import MeetingPoint


def public_vehicle(seen: Seen, vans: Mapping[str, Van], points: Mapping[str, MeetingPoint]) -> OnDemandVehicle:
    """What the city is told of a vehicle."""
    next_stop = "" if seen.heading_for is None else points[seen.heading_for].name
    place = points[seen.place].position
    return OnDemandVehicle(seen.vehicle, vans[seen.vehicle].name, place.lon, place.lat, seen.free_seats, next_stop)


def public_service(area: Area) -> OnDemandService:
    """What the city is told of the service. Its hours are from the first vehicle's to the last one's."""
    return OnDemandService(
        name=area.name,
        runs_from=_clock_text(min(van.starts for van in area.vans.values())),
        runs_until=_clock_text(max(van.ends for van in area.vans.values())),
        adult_fare=int(area.fares.adult),
        child_fare=int(area.fares.child),
        telephone=area.telephone,
        points=tuple(
            PublicPoint(one.id, one.name, one.name_en, one.position.lon, one.position.lat, one.closed)
            for one in area.points.values()
        ),
    )


def _clock_text(since_midnight: timedelta) -> str:
    minutes = int(since_midnight.total_seconds()) // 60
    return f"{minutes // 60:02}:{minutes % 60:02}"
