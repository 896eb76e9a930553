"""A timetable as entities: feed, agencies, stops (停留所), platforms (のりば), routes, with names in all languages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date

from cityos.connector import Row
from cityos.connector.reading import point
from cityos.ngsi.value import JsonObject
from cityos.vocabulary import transit
from cityos.vocabulary.timetable import Agency, Route, Station, Stop, Tables, Timetable
from cityos.vocabulary.transit import Platform, RouteFigures, TransitFeed
from connectors.gtfs_jp.service import first_day, last_day

_PLATFORM = 0
Figures = Mapping[str, tuple[RouteFigures | None, JsonObject | None]]


class Telling:
    """The rows of a feed's entities; `figures` adds to routes what was reckoned of them."""

    def __init__(self, tables: Tables, feed: str, figures: Figures) -> None:
        self._tables = tables
        self._feed = feed
        self._figures = figures
        self._timetable = Timetable(tables)
        self._languages = sorted(self._timetable.languages)

    def rows(self) -> Iterator[Row]:
        """All of them; each stands in the file that says it."""
        yield Row(self._of_feed().to_entity(self._feed), "feed_info.txt")
        for agency in self._tables.agencies:
            yield Row(_of_agency(agency).to_entity(self._feed), f"agency.txt ({agency.agency_id})")
        for station in self._tables.stations:
            yield Row(self._of_station(station).to_entity(self._feed), f"stops.txt ({station.station_id})")
        for stop in self._tables.stops:
            if stop.location_type == _PLATFORM:
                yield Row(self._of_platform(stop).to_entity(self._feed), f"stops.txt ({stop.stop_id})")
        for route in self._tables.routes:
            yield Row(self._of_route(route).to_entity(self._feed), f"routes.txt ({route.route_id})")

    def _of_feed(self) -> TransitFeed:
        tables, info = self._tables, self._tables.info
        valid_from, valid_until = validity(tables)
        return TransitFeed(
            name=info.publisher_name or next((one.name for one in tables.agencies), ""),
            version=info.version,
            page=info.publisher_url,
            language=info.language,
            zone=info.zone,
            valid_from=valid_from,
            valid_until=valid_until,
            edition=info.edition,
            agency_ids=tuple(one.agency_id for one in tables.agencies),
            stops=len(tables.stations),
            platforms=sum(one.location_type == _PLATFORM for one in tables.stops),
            routes=len(tables.routes),
            trips=len(tables.trips),
            calls=len(tables.stop_times.trip),
        )

    def _of_station(self, station: Station) -> transit.Stop:
        return transit.Stop(
            station_id=station.station_id,
            name=station.name or station.station_id,
            platform_ids=self._timetable.platforms.get(station.station_id, ()),
            names=self._names(station.name, "stops", "stop_name", station.station_id),
            location=_point(station.lon, station.lat),
        )

    def _of_platform(self, stop: Stop) -> Platform:
        return Platform(
            stop_id=stop.stop_id,
            name=stop.name or stop.stop_id,
            station_id=stop.station_id,
            names=self._names(stop.name, "stops", "stop_name", stop.stop_id),
            code=stop.code,
            platform_code=stop.platform_code,
            zone_id=stop.zone_id,
            page=stop.url,
            description=stop.description,
            wheelchair=stop.wheelchair or 0,
            location=_point(stop.lon, stop.lat),
        )

    def _of_route(self, route: Route) -> transit.Route:
        field = "route_long_name" if route.long_name else "route_short_name"
        name = route.long_name or route.short_name
        figures, line = self._figures.get(route.route_id, (None, None))
        return transit.Route(
            route_id=route.route_id,
            name=name or route.route_id,
            names=self._names(name, "routes", field, route.route_id),
            short_name=route.short_name,
            description=route.description,
            kind=route.kind,
            color=route.color,
            text_color=route.text_color,
            page=route.url,
            agency_id=route.agency_id if route.agency_id in self._timetable.agencies else None,
            parent_route_id=route.parent_route_id,
            origin=route.origin,
            via=route.via,
            destination=route.destination,
            figures=figures,
            location=line,
        )

    def _names(self, name: str, table: str, field: str, record_id: str) -> dict[str, str]:
        """A name in the feed's own language and in every language it is translated into."""
        if not name:
            return {}
        translate = self._timetable.translate
        said = {one: translate(name, one, table, field, record_id) for one in self._languages}
        return {self._tables.info.language: name, **{one: text for one, text in said.items() if text}}


def _of_agency(agency: Agency) -> transit.Agency:
    return transit.Agency(
        agency_id=agency.agency_id,
        name=agency.name,
        official_name=agency.official_name,
        page=agency.url,
        phone=agency.phone,
        address=agency.address,
        timezone=agency.zone,
        language=agency.language,
    )


def _point(lon: float | None, lat: float | None) -> JsonObject | None:
    return None if lon is None or lat is None else point(lon, lat)


def validity(tables: Tables) -> tuple[date | None, date | None]:
    """First and last day the feed speaks of: as it declares, else of its services."""
    info = tables.info
    return info.starts_on or first_day(tables.services), info.ends_on or last_day(tables.services)
