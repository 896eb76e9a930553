"""Objects in a device's own words: an id, a time, a place, some values."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import cast

from cityos.connector import Notice, Row, Severity
from cityos.connector.reading import Json, JsonObject, fold_width, is_readable, point, read_number
from cityos.ngsi.core_context import LOCATION
from cityos.ngsi.entity import Entity, Instance
from cityos.ngsi.error import BadRequestData
from cityos.ngsi.expansion import NULL
from cityos.ngsi.instant import EPOCH, parse_instant
from cityos.ngsi.value import check_value
from cityos.vocabulary.attribute import put
from cityos.vocabulary.context import iri
from cityos.vocabulary.identifier import mint_id
from connectors.push.mapping import PushConfig
from connectors.push.message import Item, at

# A clock that was never set counts from 1970 or from the day its firmware was made.
_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
# In seconds 100 billion is the year 5138, in milliseconds it is 1973: no number of a city's time can mean both.
_MILLISECONDS_FROM = 1e11
_LATEST_MILLISECONDS = 1e14
_LONGEST_ID = 256


def read_observation(item: Item, config: PushConfig) -> tuple[Row | None, list[Notice]]:
    """The entity with what was observed, unless it cannot be told whose or when."""
    local_id = _local_id(at(item.said, config.id))
    if local_id is None:
        detail = f"Observation has no readable {config.id}, by which its device is known; it is left out"
        return None, [Notice("id_missing", Severity.ERROR, item.where, detail)]
    said_at = at(item.said, config.observed_at) if config.observed_at else None
    observed_at = None if said_at is None else read_instant(said_at)
    if said_at is not None and observed_at is None:
        detail = f"{config.observed_at} {_shown(said_at)} is no time with a zone; the observation is left out"
        return None, [Notice("time_unreadable", Severity.ERROR, item.where, detail)]
    type_name = config.type or ""
    entity = Entity(mint_id(type_name, config.feed, local_id), (iri(type_name),))
    remarks = [*_put_values(entity, item, config, observed_at), *_put_place(entity, item, config, observed_at)]
    if not entity.attributes:
        detail = f"Observation of {local_id} has none of {', '.join(config.values)}; it is left out"
        return None, [*remarks, Notice("values_missing", Severity.WARNING, item.where, detail)]
    name = at(item.said, config.name) if config.name else None
    if isinstance(name, str) and _is_value(name):
        put(entity, "name", name.strip())
    return Row(entity, item.where), remarks


def read_instant(said: Json) -> datetime | None:
    """ISO 8601 with zone, or seconds or milliseconds since 1970; None for anything else, and for clocks never set."""
    if isinstance(said, str) and (number := read_number(said)) is not None:
        said = number
    if isinstance(said, bool) or not isinstance(said, str | int | float):
        return None
    instant = _of_iso(said) if isinstance(said, str) else _of_epoch(said)
    return None if instant is None or instant < _EARLIEST else instant


def _of_iso(text: str) -> datetime | None:
    try:
        return parse_instant(fold_width(text).replace(" ", "T", 1))
    except ValueError:
        return None


def _of_epoch(count: float) -> datetime | None:
    if not (math.isfinite(count) and 0 <= count < _LATEST_MILLISECONDS):
        return None
    if count < _MILLISECONDS_FROM:
        return EPOCH + timedelta(seconds=count)
    return EPOCH + timedelta(milliseconds=count)


def _local_id(said: Json) -> str | None:
    if isinstance(said, bool) or not isinstance(said, str | int):
        return None
    local_id = fold_width(str(said))
    return local_id if local_id and len(local_id) <= _LONGEST_ID and is_readable(local_id) else None


def _put_values(entity: Entity, item: Item, config: PushConfig, observed_at: datetime | None) -> list[Notice]:
    remarks = []
    for key, attribute in config.values.items():
        value = at(item.said, key)
        if value is None:
            continue
        if _is_value(value):
            unit = config.unit_codes.get(attribute)
            notes: JsonObject = {"unitCode": unit} if unit else {}
            entity.set(iri(attribute), Instance("Property", value, observed_at, notes=notes))
        else:
            detail = f"{key} {_shown(value)} is no number, text or truth value that can be kept; it is left out"
            remarks.append(Notice("value_unreadable", Severity.WARNING, item.where, detail))
    return remarks


def _is_value(value: Json) -> bool:
    if isinstance(value, str):
        return bool(value.strip()) and is_readable(value) and value != NULL
    try:
        check_value(value, "value")
    except BadRequestData:
        return False
    return isinstance(value, int | float)


def _put_place(entity: Entity, item: Item, config: PushConfig, observed_at: datetime | None) -> list[Notice]:
    """A device may move: its place is an observation, too."""
    if not config.latitude:
        return []
    said = [at(item.said, key) for key in (config.latitude, config.longitude)]
    if said == [None, None]:
        return []
    lat, lon = map(_degrees, said)
    shown = ", ".join(map(_shown, said))
    if abs(lat) <= 90 and abs(lon) <= 180 and (lat, lon) != (0, 0):
        entity.set(LOCATION, Instance("GeoProperty", cast(Json, point(lon, lat)), observed_at))
        return []
    if abs(lat) <= 180 and abs(lon) <= 90 and (lat, lon) != (0, 0):
        detail = f"Latitude and longitude {shown} are swapped; the observation is told without its place"
        return [Notice("coordinates_swapped", Severity.ERROR, item.where, detail)]
    detail = f"Position {shown} is not readable; the observation is told without its place"
    return [Notice("coordinates_unreadable", Severity.ERROR, item.where, detail)]


def _degrees(said: Json) -> float:
    """A number of degrees; NaN, which lies nowhere, for anything else."""
    number = read_number(said) if isinstance(said, str) else said
    return math.nan if isinstance(number, bool) or not isinstance(number, int | float) else float(number)


def _shown(said: Json) -> str:
    return repr(said)[:80]
