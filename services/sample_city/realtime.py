"""The GTFS-Realtime messages of the city bus: positions, delays and alerts, each a full dataset every 15 seconds."""

from collections.abc import Iterator
from datetime import datetime
from functools import lru_cache

from google.transit import gtfs_realtime_pb2 as pb

from .bus_run import Run, locate_bus, runs_on
from .chance import draw, spread
from .clock import DAY, jst, last_step, midnight
from .service_alert import Notice, notices_at
from .site import FIVE_MINUTE, expected_per_h

STEP_S = 15
# A bus is shown from before its departure until after its arrival, less than it needs to turn round in all; its trip
# is predicted a while before.
_SHOWN_BEFORE_S, _SHOWN_AFTER_S, _PREDICTED_BEFORE_S = 90, 20, 1800
_RADIO_LAG_S = 14  # a position is up to this much older than the message
# How full a bus is, from this share of its seats on; the crowd is the one the counter before the station sees.
_CROWD = FIVE_MINUTE[0]
_OCCUPANCY = (
    (1.25, pb.VehiclePosition.FULL),
    (1.05, pb.VehiclePosition.CRUSHED_STANDING_ROOM_ONLY),
    (0.8, pb.VehiclePosition.STANDING_ROOM_ONLY),
    (0.5, pb.VehiclePosition.FEW_SEATS_AVAILABLE),
    (0.08, pb.VehiclePosition.MANY_SEATS_AVAILABLE),
    (0.0, pb.VehiclePosition.EMPTY),
)


def changed_at(instant: datetime) -> datetime:
    """When the messages of ``instant`` were made."""
    return last_step(instant, STEP_S)


def vehicle_positions(seed: int, instant: datetime) -> bytes:
    """Where every bus with a working radio is."""
    return _vehicle_positions(seed, changed_at(instant))


def trip_updates(seed: int, instant: datetime) -> bytes:
    """How late every trip is that runs or soon will, and which are cancelled."""
    return _trip_updates(seed, changed_at(instant))


def alerts(seed: int, instant: datetime) -> bytes:
    """What passengers are told in words."""
    return _alerts(seed, changed_at(instant))


def bus_load(seed: int, run: Run, instant: datetime, progress: float) -> float:
    """How full a bus is, 1 being every seat: as crowded as the town, fullest half-way."""
    town = expected_per_h(seed, _CROWD, instant) / _CROWD.peak
    liking = spread(seed, 0.75, 1.35, "load", run.day, run.trip.id)
    return town * liking * (0.5 + 2 * progress * (1 - progress))


@lru_cache(maxsize=4)
def _vehicle_positions(seed: int, at: datetime) -> bytes:
    feed = _feed(at)
    for run, second in _runs(seed, at, _SHOWN_BEFORE_S, _SHOWN_AFTER_S):
        if run.equipped and not run.cancelled:
            _add_vehicle(seed, feed, run, second, at)
    return _written(feed)


@lru_cache(maxsize=4)
def _trip_updates(seed: int, at: datetime) -> bytes:
    feed = _feed(at)
    for run, second in _runs(seed, at, _PREDICTED_BEFORE_S, 0):
        _add_update(feed, run, second, at)
    return _written(feed)


@lru_cache(maxsize=4)
def _alerts(seed: int, at: datetime) -> bytes:
    feed = _feed(at)
    for notice in notices_at(seed, at):
        _add_alert(feed, notice)
    return _written(feed)


def _feed(at: datetime) -> pb.FeedMessage:
    feed = pb.FeedMessage()
    feed.header.gtfs_realtime_version = "2.0"
    feed.header.incrementality = pb.FeedHeader.FULL_DATASET
    feed.header.timestamp = int(at.timestamp())
    return feed


def _written(feed: pb.FeedMessage) -> bytes:
    body: bytes = feed.SerializeToString(deterministic=True)
    return body


def _runs(seed: int, at: datetime, before_s: int, after_s: int) -> Iterator[tuple[Run, float]]:
    """The runs to be spoken of, with the second of their service day: after midnight yesterday's still run."""
    today = midnight(at).date()
    for day in (today - DAY, today):
        second = (at - jst(day)).total_seconds()
        for run in runs_on(seed, day):
            if run.passes[0] - before_s <= second <= run.passes[-1] + after_s:
                yield run, second


def _add_vehicle(seed: int, feed: pb.FeedMessage, run: Run, second: float, at: datetime) -> None:
    lag = int(_RADIO_LAG_S * draw(seed, "lag", run.trip.id, at))
    where = locate_bus(run, second - lag)
    entity = feed.entity.add(id=f"vp-{run.vehicle}")
    vehicle = entity.vehicle
    _describe_trip(vehicle.trip, run)
    _describe_vehicle(vehicle.vehicle, run)
    lon, lat = where.point
    vehicle.position.longitude, vehicle.position.latitude = lon, lat
    vehicle.position.bearing, vehicle.position.speed = where.heading, round(where.speed_m_s, 1)
    vehicle.current_stop_sequence = where.next_pole + 1
    vehicle.stop_id = run.trip.pattern.poles[where.next_pole].id
    vehicle.current_status = pb.VehiclePosition.STOPPED_AT if where.stopped else pb.VehiclePosition.IN_TRANSIT_TO
    vehicle.timestamp = int(at.timestamp()) - lag
    load = bus_load(seed, run, at, where.next_pole / (len(run.passes) - 1))
    vehicle.occupancy_status = next(status for least, status in _OCCUPANCY if load >= least)


def _add_update(feed: pb.FeedMessage, run: Run, second: float, at: datetime) -> None:
    entity = feed.entity.add(id=f"tu-{run.day:%Y%m%d}-{run.trip.id}")
    update = entity.trip_update
    _describe_trip(update.trip, run)
    update.timestamp = int(at.timestamp())
    if run.cancelled:
        update.trip.schedule_relationship = pb.TripDescriptor.CANCELED
        return
    if run.equipped:
        _describe_vehicle(update.vehicle, run)
    start = int(jst(run.day).timestamp())
    ahead = next(n for n, passed in enumerate(run.passes) if passed >= second)
    late = run.late_s(max(ahead - 1, 0))  # what is known now is taken to last
    for n in range(ahead, len(run.passes)):
        planned = 60 * run.trip.minutes[n]
        expected = max(planned + late, int(second))
        stop = update.stop_time_update.add(stop_sequence=n + 1, stop_id=run.trip.pattern.poles[n].id)
        events = [stop.arrival] if n else []
        events += [stop.departure] if n < len(run.passes) - 1 else []
        for event in events:
            event.delay, event.time = expected - planned, start + expected


def _describe_trip(trip: pb.TripDescriptor, run: Run) -> None:
    trip.trip_id = run.trip.id
    trip.route_id = run.trip.pattern.line.route_id
    trip.start_date = f"{run.day:%Y%m%d}"
    trip.schedule_relationship = pb.TripDescriptor.SCHEDULED


def _describe_vehicle(vehicle: pb.VehicleDescriptor, run: Run) -> None:
    vehicle.id = str(run.vehicle)
    vehicle.label = f"雪野200か・{run.vehicle}"


def _add_alert(feed: pb.FeedMessage, notice: Notice) -> None:
    alert = feed.entity.add(id=notice.id).alert
    alert.active_period.add(start=int(notice.begins.timestamp()), end=int(notice.ends.timestamp()))
    alert.cause, alert.effect = notice.cause, notice.effect
    for agency_id in notice.agencies:
        alert.informed_entity.add(agency_id=agency_id)
    for route_id in notice.routes:
        alert.informed_entity.add(route_id=route_id)
    for stop_id in notice.stops:
        alert.informed_entity.add(stop_id=stop_id)
    for run in notice.runs:
        _describe_trip(alert.informed_entity.add().trip, run)
    for text, japanese, english in (
        (alert.header_text, *notice.header),
        (alert.description_text, *notice.description),
    ):
        text.translation.add(text=japanese, language="ja")
        text.translation.add(text=english, language="en")
