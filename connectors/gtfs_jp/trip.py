"""Bodies, routes and trips (便): agency, agency_jp, routes, routes_jp, trips and the feed's own facts."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from cityos.connector import Notice, Severity
from cityos.connector.reading import read_int
from cityos.vocabulary.timetable import Agency, Info, Route, Trip
from connectors.gtfs_jp.sheet import Sheet
from connectors.gtfs_jp.value import is_zone, read_code, read_color, read_day, read_language

_ROUTE_KINDS = range(1800)  # with the extended route types
_NOTHING = ("", "", "", "")


def read_info(sheet: Sheet) -> Info:
    """The one row of feed_info; an empty one where the feed has none."""
    columns = ("feed_publisher_name", "feed_publisher_url", "feed_lang", "feed_start_date", "feed_end_date")
    more = ("feed_version", "feed_contact_email", "feed_contact_url")
    for number, fields in sheet.picked(*columns, *more):
        name, url, language, start, end, version, email, contact = fields
        return Info(
            publisher_name=name,
            publisher_url=url,
            language=read_language(language) or "",
            starts_on=read_day(start, sheet.where(number), sheet.findings),
            ends_on=read_day(end, sheet.where(number), sheet.findings),
            version=version,
            contact_email=email,
            contact_url=contact,
        )
    return Info()


def read_agencies(sheet: Sheet, official: Sheet) -> tuple[Agency, ...]:
    """All agencies, with what agency_jp says of them."""
    told = _keyed(official, "agency_official_name", "agency_zip_number", "agency_address", "agency_president_pos")
    names = ("agency_name", "agency_url", "agency_timezone", "agency_lang", "agency_phone", "agency_fare_url")
    found: dict[str, Agency] = {}
    for number, fields in sheet.picked("agency_id", *names, "agency_email") if sheet.has("agency_name") else ():
        agency_id, name, url, zone, language, phone, fare_url, email = fields
        if agency_id in found:
            detail = f"agency_id {agency_id or '(empty)'} is there twice; this row is left out"
            sheet.leave_out(Notice("duplicate_id", Severity.ERROR, sheet.where(number), detail, f"agency {agency_id}"))
            continue
        if not is_zone(zone):
            detail = f"agency_timezone {zone!r} is no zone such as Asia/Tokyo; the zone of the city file is taken"
            sheet.findings.add(Notice("zone_unknown", Severity.WARNING, sheet.where(number), detail))
            zone = ""
        tag = read_language(language) or ""
        said = (name, url, zone, tag, phone, fare_url, email)
        found[agency_id] = Agency(agency_id, *said, *told.get(agency_id, ()))
    if "" in found and len(found) > 1:
        detail = "An agency has no agency_id though it is not the only one; routes cannot name it"
        sheet.findings.add(Notice("id_missing", Severity.WARNING, sheet.file, detail, "agency"))
    return tuple(found.values())


def _keyed(sheet: Sheet, *columns: str) -> dict[str, tuple[str, ...]]:
    """What a table of GTFS-JP adds to the rows of another, by its first column; the president's name comes last."""
    rows = sheet.picked("agency_id", *columns, "agency_president_name")
    return {agency_id: tuple(fields) for _, (agency_id, *fields) in rows}


def read_routes(sheet: Sheet, more: Sheet, agencies: Collection[str]) -> tuple[Route, ...]:
    """All routes, with what routes_jp says of them."""
    via = more.picked("route_id", "route_update_date", "origin_stop", "via_stop", "destination_stop")
    told = {route_id: fields for _, (route_id, *fields) in via}
    columns = ("route_short_name", "route_long_name", "route_desc", "route_type", "route_url", "route_color")
    last = ("route_text_color", "route_sort_order", "jp_parent_route_id")
    found: dict[str, Route] = {}
    for number, fields in sheet.picked("route_id", "agency_id", *columns, *last) if sheet.has("route_id") else ():
        route_id = fields[0]
        if not route_id:
            sheet.leave_out(Notice("id_missing", Severity.ERROR, sheet.where(number), "Row of routes has no route_id"))
        elif route_id in found:
            detail = f"route_id {route_id} is there twice; this row is left out"
            sheet.leave_out(Notice("duplicate_id", Severity.ERROR, sheet.where(number), detail, f"route {route_id}"))
        else:
            updated_on, origin, by_way_of, destination = told.get(route_id, _NOTHING)
            found[route_id] = _route(fields, sheet, number, agencies)._replace(
                updated_on=updated_on, origin=origin, via=by_way_of, destination=destination
            )
    return tuple(found.values())


def _route(fields: list[str], sheet: Sheet, number: int, agencies: Collection[str]) -> Route:
    route_id, agency_id, short_name, long_name, description, kind, url, color, text_color, order, parent = fields
    if not agency_id and len(agencies) == 1:
        agency_id = next(iter(agencies))
    elif agencies and agency_id not in agencies:
        detail = f"agency_id {agency_id or '(empty)'} of route {route_id} does not exist; the route stays"
        sheet.findings.add(Notice("reference_unknown", Severity.WARNING, sheet.where(number), detail, f"a {agency_id}"))
        agency_id = ""
    return Route(
        route_id=route_id,
        agency_id=agency_id,
        short_name=short_name,
        long_name=long_name,
        description=description,
        kind=read_code(kind, _ROUTE_KINDS, sheet, number, "route_type"),
        url=url,
        color=read_color(color),
        text_color=read_color(text_color),
        sort_order=read_int(order),
        parent_route_id=parent,
    )


def read_trips(sheet: Sheet, routes: Collection[str], services: Collection[str]) -> tuple[Trip, ...]:
    """All trips of routes and services that exist."""
    columns = ("trip_headsign", "trip_short_name", "direction_id", "block_id", "shape_id", "wheelchair_accessible")
    last = ("bikes_allowed", "jp_trip_desc", "jp_trip_desc_symbol", "jp_office_id", "jp_pattern_id")
    needed = ("trip_id", "route_id", "service_id")
    known: Mapping[str, Collection[str]] = {"route": routes, "service": services}
    found: dict[str, Trip] = {}
    for number, fields in sheet.picked(*needed, *columns, *last) if sheet.has(*needed) else ():
        trip_id, route_id, service_id = fields[:3]
        if not trip_id:
            sheet.leave_out(Notice("id_missing", Severity.ERROR, sheet.where(number), "Row of trips has no trip_id"))
        elif trip_id in found:
            detail = f"trip_id {trip_id} is there twice; this row is left out"
            sheet.leave_out(Notice("duplicate_id", Severity.ERROR, sheet.where(number), detail, f"trip {trip_id}"))
        elif _exist({"route": route_id, "service": service_id}, known, sheet, number):
            found[trip_id] = _trip(fields, sheet, number)
    return tuple(found.values())


def _exist(named: Mapping[str, str], known: Mapping[str, Collection[str]], sheet: Sheet, number: int) -> bool:
    for noun, local_id in named.items():
        if local_id not in known[noun]:
            detail = f"{noun}_id {local_id or '(empty)'} does not exist; the trip is left out"
            notice = Notice("reference_unknown", Severity.ERROR, sheet.where(number), detail, f"{noun} {local_id}")
            sheet.leave_out(notice)
            return False
    return True


def _trip(fields: list[str], sheet: Sheet, number: int) -> Trip:
    trip_id, route_id, service_id, headsign, short_name, direction, block_id, shape_id, wheelchair, bikes, *jp = fields
    return Trip(
        trip_id,
        route_id,
        service_id,
        headsign,
        short_name,
        read_code(direction, range(2), sheet, number, "direction_id"),
        block_id,
        shape_id,
        read_code(wheelchair, range(3), sheet, number, "wheelchair_accessible"),
        read_code(bikes, range(3), sheet, number, "bikes_allowed"),
        *jp,
    )
