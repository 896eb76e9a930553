"""Public transport (公共交通) as it stands: stops, platforms, routes, who runs them, and the feed that says so.

Follows the Smart Data Models GtfsStop (a platform, のりば・標柱), GtfsStation (a stop, 停留所: platforms of one name),
GtfsRoute and GtfsAgency. What runs when is a dataset: `cityos.vocabulary.timetable`. `name` is the feed's own word,
`alternateName` the same in every language the feed has (`ja`, its reading `ja-Hrkt`, `en`). Ids are unique only within
a feed; empty text says that the feed says nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import cast

from cityos.ngsi.entity import Entity, Instance
from cityos.ngsi.value import Json, JsonObject
from cityos.vocabulary.attribute import get, get_about, get_location, get_text, put, put_location
from cityos.vocabulary.context import iri
from cityos.vocabulary.identifier import mint_id

PLATFORM = "GtfsStop"
STOP = "GtfsStation"
ROUTE = "GtfsRoute"
AGENCY = "GtfsAgency"
TRANSIT_FEED = "TransitFeed"
_ONLY_FEED = "feed"
_ONLY_AGENCY = "agency"  # GTFS lets a feed with one agency leave its id empty


@dataclass(frozen=True, slots=True)
class Platform:
    """A platform (のりば・標柱) of a stop: where one gets on. `platform_code` is its のりば number."""

    stop_id: str
    name: str
    station_id: str
    names: Mapping[str, str] = field(default_factory=dict)
    code: str = ""
    platform_code: str = ""
    zone_id: str = ""
    page: str = ""
    description: str = ""
    wheelchair: int = 0
    location: JsonObject | None = None

    def to_entity(self, feed: str) -> Entity:
        """The entity under the id this feed mints for it; its parent under the id of the stop."""
        entity = Entity(mint_id(PLATFORM, feed, self.stop_id), (iri(PLATFORM),))
        put(entity, "stopId", self.stop_id)
        _put_names(entity, self.name, self.names)
        put(entity, "code", self.code)
        put(entity, "platformCode", self.platform_code)
        put(entity, "zoneCode", self.zone_id)
        put(entity, "page", self.page)
        put(entity, "description", self.description)
        put(entity, "wheelChairAccessible", self.wheelchair)
        put(entity, "stationId", self.station_id)
        _put_relation(entity, "hasParentStation", mint_id(STOP, feed, self.station_id))
        put_location(entity, self.location)
        return entity

    @classmethod
    def from_entity(cls, entity: Entity) -> Platform:
        """Reads it back."""
        return cls(
            stop_id=_text(entity, "stopId"),
            name=_text(entity, "name"),
            station_id=_text(entity, "stationId"),
            names=_names(entity),
            code=_text(entity, "code"),
            platform_code=_text(entity, "platformCode"),
            zone_id=_text(entity, "zoneCode"),
            page=_text(entity, "page"),
            description=_text(entity, "description"),
            wheelchair=_count(get(entity, "wheelChairAccessible")),
            location=get_location(entity),
        )


@dataclass(frozen=True, slots=True)
class Stop:
    """A stop (停留所) as riders know it: its platforms, the middle of them where the feed itself gives no place."""

    station_id: str
    name: str
    platform_ids: Sequence[str] = ()
    names: Mapping[str, str] = field(default_factory=dict)
    location: JsonObject | None = None

    def to_entity(self, feed: str) -> Entity:
        """The entity under the id this feed mints for it; its platforms under theirs."""
        entity = Entity(mint_id(STOP, feed, self.station_id), (iri(STOP),))
        put(entity, "stationId", self.station_id)
        _put_names(entity, self.name, self.names)
        put(entity, "stopIds", list(self.platform_ids))
        _put_relation(entity, "hasStop", [mint_id(PLATFORM, feed, one) for one in self.platform_ids])
        put_location(entity, self.location)
        return entity

    @classmethod
    def from_entity(cls, entity: Entity) -> Stop:
        """Reads it back."""
        return cls(
            station_id=_text(entity, "stationId"),
            name=_text(entity, "name"),
            platform_ids=tuple(_texts(get(entity, "stopIds"))),
            names=_names(entity),
            location=get_location(entity),
        )


@dataclass(frozen=True, slots=True)
class RouteFigures:
    """What a route does on one day: trips, hours and kilometres in service of all its trips."""

    on: date
    trips: int
    hours: float
    kilometres: float | None = None


@dataclass(frozen=True, slots=True)
class Route:
    """A route (路線・系統). `kind` is GTFS's route_type (3: bus); colours are six hex digits.

    `location` is the line it takes, where that was asked for and the feed has shapes. Origin, via and destination are
    those of GTFS-JP's routes_jp.
    """

    route_id: str
    name: str
    names: Mapping[str, str] = field(default_factory=dict)
    short_name: str = ""
    description: str = ""
    kind: int | None = None
    color: str = ""
    text_color: str = ""
    page: str = ""
    agency_id: str | None = None
    parent_route_id: str = ""
    origin: str = ""
    via: str = ""
    destination: str = ""
    figures: RouteFigures | None = None
    location: JsonObject | None = None

    def to_entity(self, feed: str) -> Entity:
        """The entity under the id this feed mints for it; its agency under the agency's."""
        entity = Entity(mint_id(ROUTE, feed, self.route_id), (iri(ROUTE),))
        put(entity, "routeId", self.route_id)
        _put_names(entity, self.name, self.names)
        put(entity, "shortName", self.short_name)
        put(entity, "description", self.description)
        put(entity, "routeType", self.kind)
        put(entity, "routeColor", self.color)
        put(entity, "routeTextColor", self.text_color)
        put(entity, "page", self.page)
        put(entity, "parentRouteId", self.parent_route_id)
        put(entity, "originStop", self.origin)
        put(entity, "viaStop", self.via)
        put(entity, "destinationStop", self.destination)
        if self.agency_id is not None:
            put(entity, "agencyId", self.agency_id)
            _put_relation(entity, "operatedBy", mint_id(AGENCY, feed, self.agency_id or _ONLY_AGENCY))
        _put_figures(entity, self.figures)
        put_location(entity, self.location)
        return entity

    @classmethod
    def from_entity(cls, entity: Entity) -> Route:
        """Reads it back."""
        kind = get(entity, "routeType")
        return cls(
            route_id=_text(entity, "routeId"),
            name=_text(entity, "name"),
            names=_names(entity),
            short_name=_text(entity, "shortName"),
            description=_text(entity, "description"),
            kind=kind if isinstance(kind, int) else None,
            color=_text(entity, "routeColor"),
            text_color=_text(entity, "routeTextColor"),
            page=_text(entity, "page"),
            agency_id=get_text(entity, "agencyId"),
            parent_route_id=_text(entity, "parentRouteId"),
            origin=_text(entity, "originStop"),
            via=_text(entity, "viaStop"),
            destination=_text(entity, "destinationStop"),
            figures=_figures(entity),
            location=get_location(entity),
        )


@dataclass(frozen=True, slots=True)
class Agency:
    """A body that runs buses. `agency_id` may be empty where it is the only one."""

    agency_id: str
    name: str
    official_name: str = ""
    page: str = ""
    phone: str = ""
    address: str = ""
    timezone: str = ""
    language: str = ""

    def to_entity(self, feed: str) -> Entity:
        """The entity under the id this feed mints for it: three feeds of Aomori share one agency_id."""
        entity = Entity(mint_id(AGENCY, feed, self.agency_id or _ONLY_AGENCY), (iri(AGENCY),))
        put(entity, "agencyId", self.agency_id)
        put(entity, "name", self.name)
        put(entity, "officialName", self.official_name)
        put(entity, "page", self.page)
        put(entity, "phone", self.phone)
        put(entity, "postalAddress", self.address)
        put(entity, "timezone", self.timezone)
        put(entity, "language", self.language)
        return entity

    @classmethod
    def from_entity(cls, entity: Entity) -> Agency:
        """Reads it back."""
        return cls(
            agency_id=_text(entity, "agencyId"),
            name=_text(entity, "name"),
            official_name=_text(entity, "officialName"),
            page=_text(entity, "page"),
            phone=_text(entity, "phone"),
            address=_text(entity, "postalAddress"),
            timezone=_text(entity, "timezone"),
            language=_text(entity, "language"),
        )


@dataclass(frozen=True, slots=True)
class TransitFeed:
    """What the feed says of itself. `valid_from` and `valid_until` are as declared, else the first and last day.

    `edition` is the edition of GTFS-JP it follows (1 to 4; None: no GTFS-JP); `zone` the IANA name of its clock. Counts
    are of what could be taken from it.
    """

    name: str
    version: str = ""
    page: str = ""
    language: str = ""
    zone: str = "Asia/Tokyo"
    valid_from: date | None = None
    valid_until: date | None = None
    edition: int | None = None
    agency_ids: Sequence[str] = ()
    stops: int = 0
    platforms: int = 0
    routes: int = 0
    trips: int = 0
    calls: int = 0

    def to_entity(self, feed: str) -> Entity:
        """The feed's one entity of this kind."""
        entity = Entity(mint_id(TRANSIT_FEED, feed, _ONLY_FEED), (iri(TRANSIT_FEED),))
        put(entity, "name", self.name)
        put(entity, "version", self.version)
        put(entity, "page", self.page)
        put(entity, "language", self.language)
        put(entity, "timezone", self.zone)
        put(entity, "validFrom", "" if self.valid_from is None else self.valid_from.isoformat())
        put(entity, "validUntil", "" if self.valid_until is None else self.valid_until.isoformat())
        put(entity, "gtfsJpEdition", self.edition or 0)
        put(entity, "agencyIds", list(self.agency_ids))
        _put_relation(entity, "operatedBy", [mint_id(AGENCY, feed, one or _ONLY_AGENCY) for one in self.agency_ids])
        put(entity, "stopCount", self.stops)
        put(entity, "platformCount", self.platforms)
        put(entity, "routeCount", self.routes)
        put(entity, "tripCount", self.trips)
        put(entity, "callCount", self.calls)
        return entity

    @classmethod
    def from_entity(cls, entity: Entity) -> TransitFeed:
        """Reads it back."""
        since, until = _text(entity, "validFrom"), _text(entity, "validUntil")
        return cls(
            name=_text(entity, "name"),
            version=_text(entity, "version"),
            page=_text(entity, "page"),
            language=_text(entity, "language"),
            zone=_text(entity, "timezone"),
            valid_from=date.fromisoformat(since) if since else None,
            valid_until=date.fromisoformat(until) if until else None,
            edition=_count(get(entity, "gtfsJpEdition")) or None,
            agency_ids=tuple(_texts(get(entity, "agencyIds"))),
            stops=_count(get(entity, "stopCount")),
            platforms=_count(get(entity, "platformCount")),
            routes=_count(get(entity, "routeCount")),
            trips=_count(get(entity, "tripCount")),
            calls=_count(get(entity, "callCount")),
        )


def _put_names(entity: Entity, name: str, names: Mapping[str, str]) -> None:
    put(entity, "name", name)
    if names:
        entity.set(iri("alternateName"), Instance("LanguageProperty", cast(Json, dict(names))))


def _names(entity: Entity) -> dict[str, str]:
    instance = entity.find(iri("alternateName"))
    said = instance.value if instance is not None and isinstance(instance.value, dict) else {}
    return {language: text for language, text in said.items() if isinstance(text, str)}


def _put_relation(entity: Entity, term: str, target: str | list[str]) -> None:
    """A Relationship to one entity or to several; to none at all it is not said."""
    if target:
        entity.set(iri(term), Instance("Relationship", cast(Json, target)))


def _put_figures(entity: Entity, figures: RouteFigures | None) -> None:
    if figures is not None:
        on = figures.on.isoformat()
        put(entity, "tripCount", figures.trips, on=on)
        put(entity, "serviceHours", figures.hours, on=on)
        put(entity, "serviceKilometres", figures.kilometres, on=on)


def _figures(entity: Entity) -> RouteFigures | None:
    on, hours, length = (
        get_about(entity, "tripCount", "on"),
        get(entity, "serviceHours"),
        get(entity, "serviceKilometres"),
    )
    if not isinstance(on, str) or not isinstance(hours, int | float):
        return None
    kilometres = float(length) if isinstance(length, int | float) else None
    return RouteFigures(date.fromisoformat(on), _count(get(entity, "tripCount")), float(hours), kilometres)


def _text(entity: Entity, term: str) -> str:
    return get_text(entity, term) or ""


def _texts(value: Json) -> Iterable[str]:
    return (one for one in value if isinstance(one, str)) if isinstance(value, list) else ()


def _count(value: Json) -> int:
    return value if isinstance(value, int) else 0
