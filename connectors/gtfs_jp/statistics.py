"""Figures per route by gtfs-kit: trips, hours, kilometres on one day, and the line a route takes.

gtfs-kit is used for what it is strong at and never reads the feed: it would guess types (0012 becomes 12), lose
translations and take 10:75:00 for a time. It gets our own tables. Its import takes 2.3 s and 105 MB, so it is late.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator
from datetime import date, timedelta
from typing import Any, cast

from cityos.connector import Notice, Severity
from cityos.connector.reading import read_geometry
from cityos.ngsi.value import Json, JsonObject
from cityos.vocabulary.timetable import SHAPE_UNITS_PER_DEGREE, Tables, Timetable
from cityos.vocabulary.transit import RouteFigures
from connectors.gtfs_jp.finding import Findings
from connectors.gtfs_jp.telling import Figures, validity

_WEEK = 7


def reckon(tables: Tables, findings: Findings) -> Figures:
    """Figures and line by route, of the day of the feed's first week on which most trips run.

    Empty, with a notice, where gtfs-kit is not installed or cannot do with this feed.
    """
    day = busiest_day(tables)
    if day is None:
        return {}
    try:
        import gtfs_kit
    except ImportError:
        detail = "statistics = true needs gtfs-kit: pip install 'cityos[gtfs]'; everything else is read"
        findings.add(Notice("statistics_unavailable", Severity.WARNING, "the city file", detail))
        return {}
    try:
        return _figures(gtfs_kit, tables, day)
    except Exception as error:  # noqa: BLE001 - pandas raises whatever it likes; figures are an extra, the feed is not
        detail = f"gtfs-kit cannot do with this feed ({type(error).__name__}: {str(error)[:200]})"
        findings.add(Notice("statistics_unavailable", Severity.WARNING, "trips.txt", detail, "gtfs-kit"))
        return {}


def busiest_day(tables: Tables) -> date | None:
    """The day with most trips of the first week in which any run; the first of several."""
    since, timetable = validity(tables)[0], Timetable(tables)
    if since is None or not tables.trips:
        return None
    counts = [(len(timetable.trips_on(day)), -place) for place, day in enumerate(_days(since))]
    most, place = max(counts)
    return since - place * timedelta(days=1) if most else None


def _days(since: date) -> Iterator[date]:
    return (since + timedelta(days=place) for place in range(_WEEK))


def _figures(kit: Any, tables: Tables, day: date) -> Figures:
    feed = kit.Feed("km", **_frames(tables, day))
    told = feed.compute_route_stats([f"{day:%Y%m%d}"])
    figures = {row.route_id: _of_route(row, day) for row in told.itertuples()}
    lines = _lines(feed) if tables.shape_ids else {}
    return {one.route_id: (figures.get(one.route_id), lines.get(one.route_id)) for one in tables.routes}


def _of_route(row: Any, day: date) -> RouteFigures:
    length = float(row.service_distance)
    return RouteFigures(
        on=day,
        trips=int(row.num_trips),
        hours=round(float(row.service_duration), 2),
        kilometres=round(length, 2) if math.isfinite(length) and length > 0 else None,
    )


def _lines(feed: Any) -> dict[str, JsonObject]:
    """The line of each route as GeoJSON, lon, lat, to 1 m: more is not seen on any map."""
    found = {}
    for feature in feed.routes_to_geojson()["features"]:
        geometry = read_geometry(feature["geometry"])
        if geometry is not None:
            geometry["coordinates"] = _rounded(geometry["coordinates"])
            found[str(feature["properties"]["route_id"])] = geometry
    return found


def _rounded(value: Json) -> Json:
    return [_rounded(part) for part in value] if isinstance(value, list) else round(cast(float, value), 5)


def _frames(tables: Tables, day: date) -> dict[str, Any]:
    """Our tables as gtfs-kit wants them: all text as text, one service day."""
    import pandas

    running = Timetable(tables).service_ids_on(day)
    shown = {
        "agency": ("agency_id agency_name agency_url agency_timezone", _agencies(tables)),
        "stops": ("stop_id stop_name stop_lon stop_lat", [one[:4] for one in tables.stops]),
        "routes": (
            "route_id route_short_name route_type",
            [(r.route_id, r.short_name, r.kind or 3) for r in tables.routes],
        ),
        "trips": ("trip_id route_id service_id shape_id direction_id", _trips(tables)),
        "stop_times": ("trip_id stop_id arrival_time departure_time stop_sequence", list(_calls(tables, running))),
        "calendar_dates": ("service_id date exception_type", [(one, f"{day:%Y%m%d}", 1) for one in sorted(running)]),
        "shapes": ("shape_id shape_pt_lon shape_pt_lat shape_pt_sequence", list(_points(tables))),
    }
    frames = {name: pandas.DataFrame(rows, columns=columns.split()) for name, (columns, rows) in shown.items()}
    return frames if tables.shape_ids else {**frames, "shapes": None}


def _agencies(tables: Tables) -> list[tuple[str, str, str, str]]:
    return [(one.agency_id, one.name, one.url, tables.info.zone) for one in tables.agencies]


def _trips(tables: Tables) -> list[tuple[str, str, str, str | None, int]]:
    known = set(tables.shape_ids)
    return [
        (one.trip_id, one.route_id, one.service_id, one.shape_id if one.shape_id in known else None, one.direction or 0)
        for one in tables.trips
    ]


def _calls(tables: Tables, running: Collection[str]) -> Iterator[tuple[str, str, str, str, int]]:
    times = tables.stop_times
    rows = zip(times.trip, times.stop, times.arrival, times.departure, times.sequence, strict=True)
    for trip, stop, arrival, departure, sequence in rows:
        if tables.trips[trip].service_id in running:
            stop_id = tables.stops[stop].stop_id
            yield tables.trips[trip].trip_id, stop_id, _clock(arrival), _clock(departure), sequence


def _clock(seconds: int) -> str:
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def _points(tables: Tables) -> Iterator[tuple[str, float, float, int]]:
    points = tables.shapes
    for place, (shape, lon, lat) in enumerate(zip(points.shape, points.lon, points.lat, strict=True)):
        yield tables.shape_ids[shape], lon / SHAPE_UNITS_PER_DEGREE, lat / SHAPE_UNITS_PER_DEGREE, place
