"""The whole feed, table by table, into a timetable: in the order in which the tables name each other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cityos.connector import Notice, Severity
from cityos.vocabulary.timetable import Agency, Info, Tables, Translation
from connectors.gtfs_jp.call import read_calls
from connectors.gtfs_jp.edition import find_edition
from connectors.gtfs_jp.extra import (
    read_fare_rules,
    read_fares,
    read_frequencies,
    read_offices,
    read_patterns,
    read_shapes,
    read_transfers,
    read_translations,
)
from connectors.gtfs_jp.finding import Findings
from connectors.gtfs_jp.package import TABLES, Package
from connectors.gtfs_jp.place import read_places
from connectors.gtfs_jp.service import read_services
from connectors.gtfs_jp.sheet import Sheet, open_sheet
from connectors.gtfs_jp.trip import read_agencies, read_info, read_routes, read_trips

# Without one of these there are places and routes, but no timetable.
_NEEDED = ("trips", "stop_times")
_REQUIRED = ("agency", "stops", "routes", *_NEEDED)


@dataclass(frozen=True, slots=True)
class Import:
    """A feed as read. `whole` names the tables of which no row was left out; `is_timetable`: it says what runs when."""

    tables: Tables
    whole: frozenset[str]
    is_timetable: bool


def read_feed(package: Package, zone: str, findings: Findings) -> Import:
    """Reads all tables. `zone` is the feed's where it says none."""
    sheets = {name: open_sheet(package, name, findings) for name in TABLES}
    _note_missing(sheets, findings)
    info = read_info(sheets["feed_info"])
    agencies = read_agencies(sheets["agency"], sheets["agency_jp"])
    places = read_places(sheets["stops"])
    services = read_services(sheets["calendar"], sheets["calendar_dates"])
    routes = read_routes(sheets["routes"], sheets["routes_jp"], [one.agency_id for one in agencies])
    route_ids = {one.route_id for one in routes}
    trips = read_trips(sheets["trips"], route_ids, {one.service_id for one in services})
    trip_positions = {one.trip_id: position for position, one in enumerate(trips)}
    calls = read_calls(sheets["stop_times"], trip_positions, places.positions)
    translations = read_translations(sheets["translations"])
    fares = read_fares(sheets["fare_attributes"])
    shape_ids, shapes = read_shapes(sheets["shapes"])
    tables = Tables(
        agencies=agencies,
        stops=places.stops,
        stations=places.stations,
        routes=routes,
        trips=trips,
        services=services,
        fares=fares,
        fare_rules=read_fare_rules(sheets["fare_rules"], {one.fare_id for one in fares}, route_ids),
        translations=translations,
        transfers=read_transfers(sheets["transfers"], places.positions),
        frequencies=read_frequencies(sheets["frequencies"], trip_positions),
        offices=read_offices(sheets["office_jp"]),
        patterns=read_patterns(sheets["pattern_jp"]),
        headsigns=tuple(calls.headsigns),
        stop_times=calls.columns,
        shape_ids=shape_ids,
        shapes=shapes,
        info=_completed(info, agencies, zone, sheets, translations, package),
    )
    whole = frozenset(name for name, sheet in sheets.items() if sheet.said and not sheet.left_out)
    return Import(tables, whole, bool(trips and services and calls.columns.trip))


def _note_missing(sheets: dict[str, Sheet], findings: Findings) -> None:
    """A notice for every table that GTFS requires and the feed has not, or has without a header."""
    missing = [name for name in _REQUIRED if not sheets[name].header]
    if not (sheets["calendar"].header or sheets["calendar_dates"].header):
        missing.append("calendar")
    for name in missing:
        detail = f"The feed has no {name}.txt, or an empty one; what the others say is read"
        findings.add(Notice("table_missing", Severity.ERROR, f"{name}.txt", detail, name))


def _completed(
    info: Info,
    agencies: tuple[Agency, ...],
    zone: str,
    sheets: dict[str, Sheet],
    translations: tuple[Translation, ...],
    package: Package,
) -> Info:
    zone = next((one.zone for one in agencies if one.zone), zone)
    language = info.language or next((one.language for one in agencies if one.language), "")
    is_japanese = zone == "Asia/Tokyo" or language == "ja"
    return info._replace(
        language=language or ("ja" if is_japanese else "en"),
        zone=zone,
        edition=find_edition(package.members, _columns_of(sheets, translations), is_japanese),
        rows={name: sheet.said for name, sheet in sheets.items() if sheet.header},
    )


def _columns_of(sheets: dict[str, Sheet], translations: tuple[Translation, ...]) -> Callable[[str, str], bool]:
    """Whether a table has a column; of translations, also a language."""
    languages = {one.language for one in translations}

    def has_column(table: str, column: str) -> bool:
        return column in sheets[table].header or (table == "translations" and column in languages)

    return has_column
