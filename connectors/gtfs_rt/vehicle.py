"""Vehicle positions and trip updates: what one entity of a message says, as a noun."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from google.transit import gtfs_realtime_pb2

from cityos.connector import Notice, Severity
from cityos.connector.reading import JsonObject, point
from cityos.vocabulary.timetable import ROUTE_KEY, TRIP_KEY
from cityos.vocabulary.vehicle import StopUpdate, TripReference, TripUpdate, Vehicle
from connectors.gtfs_rt.message import read_day, read_float, read_name, read_seconds
from connectors.gtfs_rt.told import Subject, Told

_FASTEST_MS = 50.0  # 180 km/h; no bus or ferry is faster
_LONGEST_DELAY_S = 24 * 60 * 60
_KMH_OF_MS = 3.6
_ADDED = frozenset(("ADDED", "NEW", "UNSCHEDULED"))


def read_vehicle(entity: Any, told: Told) -> Vehicle | None:
    """The vehicle of an entity, None where nothing tells it from others."""
    said = entity.vehicle
    label = read_name(said.vehicle.label)
    about = Subject(read_name(said.vehicle.id) or label or read_name(entity.id), told.where(entity), told)
    if not about.name:
        detail = "Vehicle has no id, label or entity id; it is left out"
        told.notices.append(Notice("row_left_out", Severity.ERROR, about.where, detail))
        return None
    at = about.clock(said.timestamp)
    trip = read_trip(said.trip) if said.HasField("trip") else TripReference()
    speed_ms = about.number(said.position, "speed", 0.0, _FASTEST_MS)
    return Vehicle(
        local_id=about.name,
        name=label,
        observed_at=at,
        location=_location(said, about),
        is_stale=_is_stale(at, about),
        bearing_deg=about.number(said.position, "bearing", 0.0, 360.0),
        speed_kmh=None if speed_ms is None else round(speed_ms * _KMH_OF_MS, 1),
        trip=None if trip == TripReference() else trip,
        stop_id=read_name(said.stop_id),
        stop_sequence=said.current_stop_sequence if said.HasField("current_stop_sequence") else None,
        status=_status(said),
        occupancy=_occupancy(said),
    )


def read_trip(said: Any) -> TripReference:
    """A trip descriptor."""
    return TripReference(
        trip_id=read_name(said.trip_id),
        route_id=read_name(said.route_id),
        direction_id=said.direction_id if said.HasField("direction_id") else None,
        start_on=read_day(said.start_date),
        start_time=read_name(said.start_time),
        relationship=gtfs_realtime_pb2.TripDescriptor.ScheduleRelationship.Name(said.schedule_relationship),
    )


def references_of(trip: TripReference | None) -> tuple[tuple[str, str], ...]:
    """What of the timetable a trip stands on: itself, or its route where it has no id.

    An added trip is in no timetable, by the standard.
    """
    if trip is None or trip.relationship in _ADDED:
        return ()
    if trip.trip_id:
        return ((TRIP_KEY, trip.trip_id),)
    return ((ROUTE_KEY, trip.route_id),) if trip.route_id else ()


def read_trip_update(entity: Any, told: Told) -> TripUpdate | None:
    """The trip update of an entity, None where it names no trip."""
    said = entity.trip_update
    trip = read_trip(said.trip)
    about = Subject(trip.key, told.where(entity), told)
    if not about.name:
        detail = "Trip update names neither a trip nor a route with a start time; it is left out"
        told.notices.append(Notice("trip_missing", Severity.WARNING, about.where, detail))
        return None
    at = about.clock(said.timestamp)
    stops = tuple(_stops(said, about))
    return TripUpdate(
        trip=trip,
        observed_at=at,
        delay_s=_delay_at_next_stop(stops, at, _delay(said, about)),
        vehicle_id=read_name(said.vehicle.id),
        stops=stops,
    )


def _location(said: Any, about: Subject) -> JsonObject | None:
    """Where it says it is, wherever that is: whether that can be so is judged by quality, which knows the city."""
    if not said.HasField("position"):
        return None
    lon, lat = said.position.longitude, said.position.latitude
    if math.isfinite(lon) and math.isfinite(lat):
        return point(read_float(lon), read_float(lat))
    detail = f"{about.name} is at {lon}, {lat}, which is no position; it is left out"
    about.told.notices.append(Notice("position_unreadable", Severity.ERROR, about.where, detail, about.name))
    return None


def _is_stale(at: datetime | None, about: Subject) -> bool:
    age = about.told.age(at)
    if age is None or age <= about.told.stale_after:
        return False
    minutes = round(age.total_seconds() / 60)
    detail = f"{about.name} was last heard of {minutes} minutes before the message was made; it is told as stale"
    about.told.notices.append(Notice("vehicle_stale", Severity.WARNING, about.where, detail, about.name))
    return True


def _status(said: Any) -> str:
    """Without any word of a stop, the standard's default (IN_TRANSIT_TO) would say something the source did not."""
    if not any(map(said.HasField, ("current_status", "current_stop_sequence", "stop_id"))):
        return ""
    name: str = gtfs_realtime_pb2.VehiclePosition.VehicleStopStatus.Name(said.current_status)
    return name


def _occupancy(said: Any) -> str:
    if not said.HasField("occupancy_status"):
        return ""
    name: str = gtfs_realtime_pb2.VehiclePosition.OccupancyStatus.Name(said.occupancy_status)
    return name


def _stops(said: Any, about: Subject) -> Iterator[StopUpdate]:
    relationship = gtfs_realtime_pb2.TripUpdate.StopTimeUpdate.ScheduleRelationship
    for one in said.stop_time_update:
        yield StopUpdate(
            stop_sequence=one.stop_sequence if one.HasField("stop_sequence") else None,
            stop_id=read_name(one.stop_id),
            arrival_delay_s=_delay(one.arrival, about),
            departure_delay_s=_delay(one.departure, about),
            arrival_at=read_seconds(one.arrival.time),
            departure_at=read_seconds(one.departure.time),
            relationship=relationship.Name(one.schedule_relationship),
        )


def _delay(said: Any, about: Subject) -> int | None:
    delay_s = about.number(said, "delay", -_LONGEST_DELAY_S, _LONGEST_DELAY_S)
    return None if delay_s is None else int(delay_s)


def _delay_at_next_stop(stops: tuple[StopUpdate, ...], at: datetime | None, own_delay_s: int | None) -> int | None:
    """The delay at the first stop still ahead; some sources keep telling the stops behind.

    The trip's own delay is experimental in the standard and gives way to what is told of its stops.
    """
    known = [stop for stop in stops if stop.delay_s is not None]
    ahead = [stop for stop in known if at is None or stop.leaves_at is None or stop.leaves_at >= at]
    if ahead:
        return ahead[0].delay_s
    return known[-1].delay_s if known else own_delay_s
