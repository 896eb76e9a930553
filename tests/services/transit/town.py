"""A timetable of three stops and a handful of trips, and what may be told of them."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from cityos.vocabulary.timetable import (
    Frequency,
    Route,
    Service,
    Station,
    Stop,
    StopTimes,
    Tables,
    Timetable,
    Translation,
    Trip,
)
from cityos.vocabulary.vehicle import StopUpdate, TripReference, TripUpdate, Vehicle

DAY = date(2026, 1, 15)
EIGHT = datetime(2026, 1, 14, 23, 0, tzinfo=UTC)  # 08:00 in Japan
STATION, HOSPITAL, END = "100", "200", "300"

_STATIONS = (
    (STATION, "雪野駅前", "ゆきのえきまえ", "Yukino Station", 140.75, 40.82),
    (HOSPITAL, "市民病院", "しみんびょういん", "City Hospital", 140.76, 40.82),
    (END, "桐ヶ森", "きりがもり", "Kirigamori", 140.80, 40.82),
)
# trip, departures from the three stops; the second trip runs after midnight
_TRIPS = (("t1", 8 * 3600), ("night", 25 * 3600 + 1800), ("t2", 9 * 3600))


def timetable(frequencies: Sequence[Frequency] = ()) -> Timetable:
    """Trips go station, hospital, end, ten minutes each; they run on every day of 2026-01."""
    stops = [
        Stop(f"{station}_{pole}", name, lon, lat, station, location_type=0, parent_id=station, platform_code=str(pole))
        for station, name, _, _, lon, lat in _STATIONS
        for pole in (1, 2)
    ]
    words = [
        Translation(language, text, "stops", "stop_name", record_id)
        for station, _, kana, english, *_ in _STATIONS
        for record_id in (station, f"{station}_1", f"{station}_2")
        for language, text in (("ja-Hrkt", kana), ("en", english))
    ]
    service = Service("daily", date(2026, 1, 1), (1 << 31) - 1)
    tables = Tables(
        stops=tuple(stops),
        stations=tuple(Station(station, name, lon, lat, True) for station, name, _, _, lon, lat in _STATIONS),
        routes=(Route("r", short_name="中央線", color="C62828"),),
        trips=tuple(Trip(trip_id, "r", "daily", "桐ヶ森") for trip_id, _ in _TRIPS),
        services=(service,),
        translations=tuple(words),
        frequencies=tuple(frequencies),
        stop_times=_stop_times(),
    )
    return Timetable(tables)


def _stop_times() -> StopTimes:
    times = StopTimes(timepoint=array("b"))
    for trip, (_, starts) in enumerate(_TRIPS):
        for place in range(3):
            times.trip.append(trip)
            times.stop.append(2 * place)  # platform 1 of each stop
            times.arrival.append(starts + 600 * place)
            times.departure.append(starts + 600 * place)
            times.sequence.append(10 * (place + 1))
            times.headsign.append(0)
            times.pickup.append(0)
            times.drop_off.append(0)
            times.timepoint.append(1)
    return times


def update(*stops: StopUpdate, observed_at: datetime = EIGHT, **about: object) -> TripUpdate:
    """What is told of trip t1 today."""
    told = TripUpdate(TripReference("t1", "r", start_on=DAY), observed_at, stops=stops)
    return replace(told, **about)  # type: ignore[arg-type]


def vehicle(sequence: int, minutes: float = 0, **about: object) -> Vehicle:
    """The bus of trip t1, at or on its way to a stop, so many minutes after eight."""
    at = EIGHT + timedelta(minutes=minutes)
    where = {"type": "Point", "coordinates": [140.755, 40.82]}
    told = Vehicle("7", "7号車", at, where, trip=TripReference("t1", "r", start_on=DAY), stop_sequence=sequence)  # type: ignore[arg-type]
    return replace(told, status="IN_TRANSIT_TO", **about)  # type: ignore[arg-type]
