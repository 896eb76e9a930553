"""Weather stations (観測所) and what they measured. Follows the Smart Data Model WeatherObserved.

Each attribute has its own `observedAt` and a `quality`: snow is measured once an hour, temperature every ten minutes.
What was not measured is absent, never zero. A doubtful value is told with its quality; decide by `Measure.is_normal`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from cityos.ngsi.entity import Entity, Instance
from cityos.ngsi.value import JsonObject
from cityos.vocabulary.attribute import get_location, get_text, put, put_location
from cityos.vocabulary.context import iri
from cityos.vocabulary.identifier import local_id_of, mint_id

WEATHER_OBSERVED = "WeatherObserved"

# Attribute -> unit (UN/CEFACT code). Sums end at `observedAt`; `precipitation` is that of one hour. The Smart Data
# Model leaves the unit of snowHeight open; here it is centimetres, as Japan observes it.
UNITS: Mapping[str, str] = {
    "temperature": "CEL",
    "relativeHumidity": "C62",  # 0 to 1, as the Smart Data Model has it
    "atmosphericPressure": "A97",  # hPa, at the station
    "seaLevelPressure": "A97",
    "precipitation10m": "MMT",
    "precipitation": "MMT",
    "precipitation3h": "MMT",
    "precipitation24h": "MMT",
    "windSpeed": "MTS",
    "windDirection": "DD",  # where it blows from, clockwise from north; absent when calm
    "sunshine1h": "HUR",
    "snowHeight": "CMT",
    "snowfall1h": "CMT",
    "snowfall6h": "CMT",
    "snowfall12h": "CMT",
    "snowfall24h": "CMT",
}


class MeasureQuality(StrEnum):
    """What the observer thinks of a value."""

    NORMAL = "normal"
    DOUBTFUL = "doubtful"  # too little material, or not believed; `qualityFlag` is the observer's own number


@dataclass(frozen=True, slots=True)
class Measure:
    """One value in the unit of `UNITS`, when it was measured, and how good it is."""

    value: float
    observed_at: datetime
    quality: MeasureQuality = MeasureQuality.NORMAL
    flag: int = 0

    @property
    def is_normal(self) -> bool:
        """Whether a decision (a dispatch of ploughs, say) may rest on it."""
        return self.quality is MeasureQuality.NORMAL


@dataclass(frozen=True, slots=True)
class WeatherObserved:
    """A station and its measures by attribute name (the keys of `UNITS`)."""

    local_id: str
    name: str
    location: JsonObject | None = None
    measures: Mapping[str, Measure] = field(default_factory=dict)

    def to_entity(self, feed: str) -> Entity:
        """The station's entity. KeyError for a measure that has no unit here."""
        entity = Entity(mint_id(WEATHER_OBSERVED, feed, self.local_id), (iri(WEATHER_OBSERVED),))
        put(entity, "name", self.name)
        put_location(entity, self.location)
        for term, measure in self.measures.items():
            # Both are always told: a doubt of yesterday must not stick to the value of today.
            about = {
                iri("quality"): {"": Instance("Property", measure.quality.value)},
                iri("qualityFlag"): {"": Instance("Property", measure.flag)},
            }
            notes: JsonObject = {"unitCode": UNITS[term]}
            entity.set(
                iri(term), Instance("Property", measure.value, measure.observed_at, notes=notes, attributes=about)
            )
        return entity

    @classmethod
    def from_entity(cls, entity: Entity) -> WeatherObserved:
        """Reads it back: each measure with its own time, however old."""
        found = {term: measure for term in UNITS if (measure := _measure(entity, term)) is not None}
        return cls(
            local_id=local_id_of(entity.id),
            name=get_text(entity, "name") or local_id_of(entity.id),
            location=get_location(entity),
            measures=found,
        )


def _measure(entity: Entity, term: str) -> Measure | None:
    instance = entity.find(iri(term))
    if instance is None or instance.observed_at is None or not isinstance(instance.value, float | int):
        return None
    quality, flag = (instance.attributes.get(iri(name), {}).get("") for name in ("quality", "qualityFlag"))
    return Measure(
        value=instance.value,
        observed_at=instance.observed_at,
        # What a newer CityOS may call it is no reason to trust it.
        quality=MeasureQuality.NORMAL if quality is None or quality.value == "normal" else MeasureQuality.DOUBTFUL,
        flag=flag.value if flag is not None and isinstance(flag.value, int) else 0,
    )
