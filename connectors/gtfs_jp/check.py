"""What an operator wants to know of a feed that can be read: when it ends, and what looks wrong in it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from cityos.connector import Notice, Severity
from cityos.vocabulary.timetable import SHAPE_UNITS_PER_DEGREE, Station, Tables, Timetable
from connectors.gtfs_jp.extra import boxes_of
from connectors.gtfs_jp.service import last_day
from connectors.gtfs_jp.telling import validity
from connectors.gtfs_jp.value import KANA

# A printed timetable takes about a month from draft to pole.
_SOON = timedelta(days=30)
# 1 km or so in Japan: a stop lies on its line, give or take the other side of a square.
_MARGIN = SHAPE_UNITS_PER_DEGREE // 100
_FIRST = 5


def examine(tables: Tables, today: date) -> Iterator[Notice]:
    """Notices about the whole feed."""
    yield from _expiry(tables, today)
    yield from _idle_services(tables)
    yield from _unusable_trips(tables)
    yield from _far_stops(tables)
    yield from _unread_names(tables)


def _expiry(tables: Tables, today: date) -> Iterator[Notice]:
    """The day on which the last bus runs counts, where it comes before the day the feed declares."""
    ends = [day for day in (validity(tables)[1], last_day(tables.services)) if day is not None]
    if not ends:
        return
    last = min(ends)
    subject = "end of the timetable"
    if last < today:
        detail = f"The timetable ended on {last}; nothing is said of the days after. Ask the owner for the next one"
        yield Notice("timetable_expired", Severity.ERROR, "feed_info.txt", detail, subject)
    elif last <= today + _SOON:
        detail = f"The timetable ends on {last}. Ask the owner for the next one"
        yield Notice("timetable_expires_soon", Severity.WARNING, "feed_info.txt", detail, subject)


def _idle_services(tables: Tables) -> Iterator[Notice]:
    idle = [one.service_id for one in tables.services if not one.days]
    if idle:
        detail = f"Services {_some(idle)} run on no day at all; their trips never run"
        yield Notice("service_never_runs", Severity.WARNING, "calendar.txt", detail, "services")


def _unusable_trips(tables: Tables) -> Iterator[Notice]:
    """A trip with fewer than two calls takes nobody anywhere."""
    calls = [0] * len(tables.trips)
    for trip in tables.stop_times.trip:
        calls[trip] += 1
    unusable = [trip.trip_id for trip, count in zip(tables.trips, calls, strict=True) if count < 2]
    if unusable and len(tables.stop_times.trip):
        detail = f"Trips {_some(unusable)} call at fewer than two stops; nobody can ride them"
        yield Notice("trip_unusable", Severity.WARNING, "trips.txt", detail, "trips")


def _far_stops(tables: Tables) -> Iterator[Notice]:
    """Stops outside the box around the shape of a trip that calls there: cheap, and no false alarm."""
    boxes = boxes_of(tables.shapes, tables.shape_ids)
    shapes = [boxes.get(trip.shape_id) for trip in tables.trips]
    shape_of = [trip.shape_id for trip in tables.trips]
    pairs = {
        (shape_of[trip], stop): trip for trip, stop in zip(tables.stop_times.trip, tables.stop_times.stop, strict=True)
    }
    far = sorted(
        {tables.stops[stop].stop_id for (_, stop), trip in pairs.items() if _is_outside(tables, stop, shapes[trip])}
    )
    if far:
        detail = f"Stops {_some(far)} lie more than about 1 km from the shape of a trip that calls there"
        yield Notice("stop_far_from_shape", Severity.WARNING, "shapes.txt", detail, "stops")


def _is_outside(tables: Tables, stop: int, box: tuple[int, int, int, int] | None) -> bool:
    lon, lat = tables.stops[stop].lon, tables.stops[stop].lat
    if box is None or lon is None or lat is None:
        return False
    east, north = lon * SHAPE_UNITS_PER_DEGREE, lat * SHAPE_UNITS_PER_DEGREE
    is_across = box[0] - _MARGIN <= east <= box[2] + _MARGIN
    return not (is_across and box[1] - _MARGIN <= north <= box[3] + _MARGIN)


def _unread_names(tables: Tables) -> Iterator[Notice]:
    """GTFS-JP wants the reading of every name: without it nobody finds a stop by typing or saying it."""
    if tables.info.edition is None:
        return
    timetable = Timetable(tables)
    unread = [one.name for one in tables.stations if one.name and not _has_reading(timetable, one)]
    if unread:
        detail = f"Stops {_some(unread)} have no reading (ja-Hrkt) in translations.txt"
        yield Notice("kana_missing", Severity.INFO, "translations.txt", detail, "stops")


def _has_reading(timetable: Timetable, station: Station) -> bool:
    members = (station.station_id, *timetable.platforms.get(station.station_id, ()))
    return any(timetable.translate(station.name, KANA, "stops", "stop_name", one) for one in members)


def _some(names: list[str]) -> str:
    more = len(names) - _FIRST
    return ", ".join(names[:_FIRST]) + (f" and {more} others" if more > 0 else "")
