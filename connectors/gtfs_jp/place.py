"""停留所とのりば: stops as said, and the stops (停留所) to which platforms belong."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cityos.connector import Notice, Severity
from cityos.vocabulary.timetable import Station, Stop
from connectors.gtfs_jp.sheet import Sheet
from connectors.gtfs_jp.value import read_code, read_position

_STATION = 1
_NEEDS_NO_POSITION = (3, 4)  # nodes and boarding areas, by GTFS
_POLE = re.compile(r"(.+)_[^_]+\Z", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Places:
    """Rows of stops, the stations they belong to, and where each stop stands among them."""

    stops: tuple[Stop, ...]
    stations: tuple[Station, ...]
    positions: dict[str, int]


def read_places(sheet: Sheet) -> Places:
    """All of stops.txt. A row whose position cannot be believed stays without it: its departures are true."""
    found: dict[str, Stop] = {}
    for number, fields in _rows(sheet) if sheet.has("stop_id") else ():
        stop_id = fields[0]
        if not stop_id:
            sheet.leave_out(Notice("id_missing", Severity.ERROR, sheet.where(number), "Row of stops has no stop_id"))
        elif stop_id in found:
            detail = f"stop_id {stop_id} is there twice; this row is left out"
            sheet.leave_out(Notice("duplicate_id", Severity.ERROR, sheet.where(number), detail, f"stop {stop_id}"))
        else:
            found[stop_id] = _stop(fields, sheet, number)
    stops = _with_stations(_with_known_parents(found, sheet))
    positions = {one.stop_id: position for position, one in enumerate(stops)}
    return Places(stops, tuple(_stations(stops)), positions)


def _rows(sheet: Sheet) -> Iterable[tuple[int, list[str]]]:
    return sheet.picked(
        *("stop_id", "stop_name", "stop_lat", "stop_lon", "stop_code", "stop_desc", "zone_id", "stop_url"),
        *("location_type", "parent_station", "platform_code", "wheelchair_boarding"),
    )


def _stop(fields: Sequence[str], sheet: Sheet, number: int) -> Stop:
    stop_id, name, lat, lon, code, description, zone_id, url, kind, parent_id, platform_code, wheelchair = fields
    location_type = read_code(kind, range(5), sheet, number, "location_type") or 0
    place = _place(stop_id, lat, lon, location_type, sheet, number)
    return Stop(
        stop_id=stop_id,
        name=name,
        lon=place[0] if place else None,
        lat=place[1] if place else None,
        code=code,
        description=description,
        zone_id=zone_id,
        url=url,
        location_type=location_type,
        parent_id=parent_id,
        platform_code=platform_code,
        wheelchair=read_code(wheelchair, range(3), sheet, number, "wheelchair_boarding"),
    )


def _place(
    stop_id: str, lat: str, lon: str, location_type: int, sheet: Sheet, number: int
) -> tuple[float, float] | None:
    place = read_position(lat, lon)
    if not isinstance(place, str):
        return place
    if lat or lon or location_type not in _NEEDS_NO_POSITION:
        detail = f"Position of stop {stop_id} {place}; the stop stays without it"
        notice = Notice("stop_without_position", Severity.ERROR, sheet.where(number), detail, f"stop {stop_id}")
        sheet.findings.add(notice)
    return None


def _with_known_parents(found: dict[str, Stop], sheet: Sheet) -> list[Stop]:
    """The stops; a parent that does not exist, or is the stop itself, is taken as unsaid."""
    stops = []
    for stop in found.values():
        if stop.parent_id and (stop.parent_id not in found or stop.parent_id == stop.stop_id):
            detail = f"parent_station {stop.parent_id} of stop {stop.stop_id} does not exist; it is taken as unsaid"
            sheet.findings.add(Notice("reference_unknown", Severity.ERROR, sheet.file, detail))
            stop = stop._replace(parent_id="")
        parent = found.get(stop.parent_id)
        stops.append(stop if stop.name or parent is None else stop._replace(name=parent.name))
    return stops


def _with_stations(stops: Sequence[Stop]) -> tuple[Stop, ...]:
    """The stops with the station they belong to."""
    parents = {stop.stop_id: stop.parent_id for stop in stops}
    says_parents = any(parents.values())
    poles = {} if says_parents else _poles(stops)
    return tuple(
        stop._replace(station_id=poles.get(stop.stop_id) or _ancestor(stop.stop_id, parents)) for stop in stops
    )


def _ancestor(stop_id: str, parents: dict[str, str]) -> str:
    """The last of the parents; GTFS knows two levels, and a circle must end."""
    for _ in range(3):
        parent = parents.get(stop_id, "")
        if not parent:
            break
        stop_id = parent
    return stop_id


def _poles(stops: Sequence[Stop]) -> dict[str, str]:
    """Which station each pole `<station>_<pole>` belongs to: poles of one prefix and one name are one stop (停留所).

    A prefix with several names, or one that is itself a stop, is no station: the first pole of a name gives the id.
    """
    ids = {stop.stop_id for stop in stops}
    groups: dict[tuple[str, str], list[str]] = {}
    for stop in stops:
        pole = _POLE.match(stop.stop_id)
        if pole is not None:
            groups.setdefault((pole[1], stop.name), []).append(stop.stop_id)
    names: dict[str, int] = {}
    for prefix, _ in groups:
        names[prefix] = names.get(prefix, 0) + 1
    found = {}
    for (prefix, _), members in groups.items():
        station = prefix if names[prefix] == 1 and prefix not in ids else min(members)
        found.update(dict.fromkeys(members, station))
    return found


def _stations(stops: Sequence[Stop]) -> Iterable[Station]:
    """Every station once: as said, else with the name of its platforms and the middle of their positions."""
    said = {stop.stop_id: stop for stop in stops}
    members: dict[str, list[Stop]] = {}
    for stop in stops:
        members.setdefault(stop.station_id, []).append(stop)
    for station_id, platforms in members.items():
        own = said.get(station_id)
        name = own.name if own and own.name else platforms[0].name
        place = (own.lon, own.lat) if own and own.lon is not None else _middle(platforms)
        yield Station(station_id, name, *place, own is not None and own.location_type == _STATION)


def _middle(stops: Sequence[Stop]) -> tuple[float | None, float | None]:
    """To seven digits (1 cm), so that the same platforms in another order are the same place."""
    lons = sorted(stop.lon for stop in stops if stop.lon is not None)
    lats = sorted(stop.lat for stop in stops if stop.lat is not None)
    if not lons or not lats:
        return None, None
    return round(sum(lons) / len(lons), 7), round(sum(lats) / len(lats), 7)
