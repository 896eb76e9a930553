"""From what the on-demand service tells the city to what the page shows of it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from cityos.client import Entity
from cityos.client.words import Language, age_of, updated_in_words
from cityos.vocabulary.attribute import observed_at
from cityos.vocabulary.context import iri
from cityos.vocabulary.on_demand import (
    ON_DEMAND_SERVICE,
    ON_DEMAND_VEHICLE,
    OnDemandService,
    OnDemandVehicle,
    PublicPoint,
)
from services.portal.text import TEXTS
from services.portal.wording import JST, clip, dial

# Vehicles are told anew every five minutes: after half an hour nobody knows where they are.
_STALE_AFTER = timedelta(minutes=30)
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class VehicleRow:
    """One vehicle, in words."""

    name: str
    place: str
    seats: str
    next_stop: str
    updated: str
    warning: str


@dataclass(frozen=True, slots=True)
class Rides:
    """The page's part on rides to book. `telephone` and `dial` are "" where none are booked by telephone."""

    name: str
    hours: str
    fares: str
    telephone: str
    dial: str
    points_caption: str
    points: tuple[str, ...]
    vehicles: tuple[VehicleRow, ...]


def compose_rides(entities: Iterable[Entity], now: datetime, language: Language) -> Rides | None:
    """The part on rides to book; None where the city has no such service, or does not tell of one."""
    known = list(entities)
    service = next(_services(known), None)
    if service is None:
        return None
    text = TEXTS[language]
    points = [one for one in service.points if not one.closed]
    return Rides(
        name=clip(service.name),
        hours=_hours(service, now, language),
        fares=text.fares.format(adult=service.adult_fare, child=service.child_fare),
        telephone=clip(service.telephone),
        dial=dial(service.telephone),
        points_caption=text.points_caption.format(count=len(points)),
        points=tuple(_point_name(one, language) for one in points),
        vehicles=tuple(_vehicle_rows(known, service, now, language)),
    )


def _services(entities: Iterable[Entity]) -> Iterator[OnDemandService]:
    for entity in entities:
        if iri(ON_DEMAND_SERVICE) in entity.types:
            try:
                yield OnDemandService.from_entity(entity)
            except ValueError:
                continue


def _vehicle_rows(
    entities: Iterable[Entity], service: OnDemandService, now: datetime, language: Language
) -> Iterator[VehicleRow]:
    for entity in sorted(entities, key=lambda one: one.id):
        if iri(ON_DEMAND_VEHICLE) in entity.types:
            try:
                vehicle = OnDemandVehicle.from_entity(entity)
            except ValueError:
                continue
            yield _vehicle_row(vehicle, observed_at(entity, "freeSeats"), service, now, language)


def _vehicle_row(
    vehicle: OnDemandVehicle, seen: datetime | None, service: OnDemandService, now: datetime, language: Language
) -> VehicleRow:
    text, age = TEXTS[language], age_of(seen, now)
    at = next((one for one in service.points if (one.lon, one.lat) == (vehicle.lon, vehicle.lat)), None)
    heading = next((one for one in service.points if one.name == vehicle.next_stop), None)
    next_name = vehicle.next_stop if heading is None else _point_name(heading, language)
    return VehicleRow(
        name=clip(vehicle.name),
        place=text.between if at is None else _point_name(at, language),
        seats=text.free_seats.format(count=vehicle.free_seats),
        next_stop=text.heading_for.format(place=clip(next_name)) if next_name else text.waiting,
        updated="" if age is None else updated_in_words(age, language),
        warning=text.vehicle_old if age is None or age > _STALE_AFTER else "",
    )


def _point_name(point: PublicPoint, language: Language) -> str:
    return clip(point.name_en if language == "en" and point.name_en else point.name)


def _hours(service: OnDemandService, now: datetime, language: Language) -> str:
    text = TEXTS[language]
    said = text.hours.format(begins=_short(service.runs_from), ends=_short(service.runs_until))
    return said + (text.running_now if _runs(service, now) else text.not_running)


def _runs(service: OnDemandService, now: datetime) -> bool:
    local = now.astimezone(JST)
    since_midnight = timedelta(hours=local.hour, minutes=local.minute)
    begins, ends = _span(service.runs_from), _span(service.runs_until)
    # Until 25:30: at 1:00 yesterday's service still runs.
    return any(begins <= one < ends for one in (since_midnight, since_midnight + _DAY))


def _span(said: str) -> timedelta:
    hours, _, minutes = said.partition(":")
    return timedelta(hours=int(hours or 0), minutes=int(minutes or 0)) if hours.isdigit() else timedelta()


def _short(said: str) -> str:
    return clip(said.removeprefix("0"))
