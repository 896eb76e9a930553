"""Service alerts (運行情報): what riders are told of lines, stops and trips. No Smart Data Model; as GTFS Realtime.

An alert carries no observation time: it stands until the source withdraws it, and repeating it is no news.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import cast

from cityos.ngsi.entity import Entity, Instance
from cityos.ngsi.instant import format_instant, parse_instant
from cityos.ngsi.value import Json, JsonObject
from cityos.vocabulary.attribute import as_text, get_text, put
from cityos.vocabulary.context import iri
from cityos.vocabulary.identifier import local_id_of, mint_id

SERVICE_ALERT = "ServiceAlert"
NO_LANGUAGE = "@none"  # NGSI-LD's name for text in a language nobody named


@dataclass(frozen=True, slots=True)
class ActivePeriod:
    """From `since` to before `until`; None leaves that end open."""

    since: datetime | None = None
    until: datetime | None = None

    def has(self, at: datetime) -> bool:
        """Whether the instant lies in it."""
        return (self.since is None or self.since <= at) and (self.until is None or at < self.until)

    def to_json(self) -> JsonObject:
        """Only the ends that are said."""
        ends = {"since": self.since, "until": self.until}
        return {name: format_instant(at) for name, at in ends.items() if at is not None}

    @classmethod
    def from_json(cls, told: JsonObject) -> ActivePeriod:
        """Reads it back."""
        since, until = as_text(told.get("since")), as_text(told.get("until"))
        return cls(parse_instant(since) if since else None, parse_instant(until) if until else None)


@dataclass(frozen=True, slots=True)
class Target:
    """Whom an alert concerns: everything said must hold together (this route at this stop). Ids are the timetable's."""

    agency_id: str = ""
    route_id: str = ""
    route_type: int | None = None
    direction_id: int | None = None
    stop_id: str = ""
    trip_id: str = ""
    start_on: date | None = None

    def to_json(self) -> JsonObject:
        """Only what is said."""
        told: dict[str, Json] = {
            "agencyId": self.agency_id or None,
            "routeId": self.route_id or None,
            "routeType": self.route_type,
            "directionId": self.direction_id,
            "stopId": self.stop_id or None,
            "tripId": self.trip_id or None,
            "startDate": None if self.start_on is None else self.start_on.isoformat(),
        }
        return {name: value for name, value in told.items() if value is not None}

    @classmethod
    def from_json(cls, told: JsonObject) -> Target:
        """Reads it back."""
        start_on = as_text(told.get("startDate"))
        return cls(
            agency_id=as_text(told.get("agencyId")) or "",
            route_id=as_text(told.get("routeId")) or "",
            route_type=_whole(told.get("routeType")),
            direction_id=_whole(told.get("directionId")),
            stop_id=as_text(told.get("stopId")) or "",
            trip_id=as_text(told.get("tripId")) or "",
            start_on=date.fromisoformat(start_on) if start_on else None,
        )


@dataclass(frozen=True, slots=True)
class ServiceAlert:
    """One alert. `header`, `description` and `url` by language (`ja`, `en`; `@none` where the source names none).

    `cause`, `effect` and `severity` are GTFS Realtime's words. Without periods it is active as long as it is told.
    """

    local_id: str
    header: Mapping[str, str] = field(default_factory=dict)
    description: Mapping[str, str] = field(default_factory=dict)
    url: Mapping[str, str] = field(default_factory=dict)
    cause: str = "UNKNOWN_CAUSE"
    effect: str = "UNKNOWN_EFFECT"
    severity: str = "UNKNOWN_SEVERITY"
    targets: tuple[Target, ...] = ()
    periods: tuple[ActivePeriod, ...] = ()

    def is_active(self, at: datetime) -> bool:
        """Whether it is to be shown at this instant."""
        return not self.periods or any(period.has(at) for period in self.periods)

    def to_entity(self, feed: str) -> Entity:
        """The entity under the id this feed mints for it."""
        entity = Entity(mint_id(SERVICE_ALERT, feed, self.local_id), (iri(SERVICE_ALERT),))
        _put_languages(entity, "headerText", self.header)
        _put_languages(entity, "descriptionText", self.description)
        _put_languages(entity, "alertUrl", self.url)
        put(entity, "cause", self.cause)
        put(entity, "effect", self.effect)
        put(entity, "severityLevel", self.severity)
        _put_list(entity, "informedEntities", [target.to_json() for target in self.targets])
        _put_list(entity, "activePeriods", [period.to_json() for period in self.periods])
        return entity

    @classmethod
    def from_entity(cls, entity: Entity) -> ServiceAlert:
        """Reads it back."""
        return cls(
            local_id=local_id_of(entity.id),
            header=_languages(entity, "headerText"),
            description=_languages(entity, "descriptionText"),
            url=_languages(entity, "alertUrl"),
            cause=get_text(entity, "cause") or "UNKNOWN_CAUSE",
            effect=get_text(entity, "effect") or "UNKNOWN_EFFECT",
            severity=get_text(entity, "severityLevel") or "UNKNOWN_SEVERITY",
            targets=tuple(map(Target.from_json, _list(entity, "informedEntities"))),
            periods=tuple(map(ActivePeriod.from_json, _list(entity, "activePeriods"))),
        )


def _put_languages(entity: Entity, term: str, texts: Mapping[str, str]) -> None:
    if texts:
        entity.set(iri(term), Instance("LanguageProperty", dict(texts)))


def _languages(entity: Entity, term: str) -> dict[str, str]:
    instance = entity.find(iri(term))
    told = instance.value if instance is not None and isinstance(instance.value, dict) else {}
    return {language: text for language, text in told.items() if isinstance(text, str)}


def _put_list(entity: Entity, term: str, told: list[JsonObject]) -> None:
    # An empty list is told, too: the source no longer names what it named before.
    entity.set(iri(term), Instance("JsonProperty", cast(Json, told)))


def _list(entity: Entity, term: str) -> list[JsonObject]:
    instance = entity.find(iri(term))
    told = instance.value if instance is not None and isinstance(instance.value, list) else []
    return [one for one in told if isinstance(one, dict)]


def _whole(value: Json) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
