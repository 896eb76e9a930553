"""Small steps between typed fields and attribute instances, shared by all nouns."""

from __future__ import annotations

from datetime import datetime
from typing import cast

from cityos.ngsi.core_context import LOCATION
from cityos.ngsi.entity import Entity, Instance
from cityos.ngsi.value import Json, JsonObject
from cityos.vocabulary.context import iri


def put(entity: Entity, term: str, value: Json, observed_at: datetime | None = None, **about: Json) -> None:
    """Sets a Property; `about` become sub-Properties. None says nothing: missing is not zero."""
    if value is None:
        return
    instance = Instance("Property", value, observed_at)
    for name, detail in about.items():
        if detail is not None:
            instance.attributes[iri(name)] = {"": Instance("Property", detail)}
    entity.set(iri(term), instance)


def put_location(entity: Entity, geometry: JsonObject | None) -> None:
    """Sets `location`, a GeoJSON geometry in WGS 84 lon, lat."""
    if geometry is not None:
        entity.set(LOCATION, Instance("GeoProperty", cast(Json, geometry)))


def get_location(entity: Entity) -> JsonObject | None:
    """The GeoJSON geometry of `location`."""
    instance = entity.find(LOCATION)
    return None if instance is None else cast(JsonObject, instance.value)


def get(entity: Entity, term: str) -> Json:
    """The value of a Property, None where there is none."""
    instance = entity.find(iri(term))
    return None if instance is None else instance.value


def get_text(entity: Entity, term: str) -> str | None:
    """The value of a Property if it is text."""
    return as_text(get(entity, term))


def get_about(entity: Entity, term: str, name: str) -> Json:
    """The value of a sub-Property."""
    instance = entity.find(iri(term))
    about = None if instance is None else instance.attributes.get(iri(name), {}).get("")
    return None if about is None else about.value


def observed_at(entity: Entity, term: str) -> datetime | None:
    """When a Property was observed."""
    instance = entity.find(iri(term))
    return None if instance is None else instance.observed_at


def as_text(value: Json) -> str | None:
    """A value if it is text."""
    return value if isinstance(value, str) else None
