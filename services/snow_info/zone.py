"""What the city claims of each snow-removal zone, with its age and what was seen. Pure.

A claim is what the source says, in its own word. It is never shown as a fact: always with its meaning in that season,
its age, and the evidence, which is kept apart from it.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from cityos.client import Entity, feed_of
from cityos.client.words import age_of, is_stale
from cityos.vocabulary.snow import SnowRemoval


@dataclass(frozen=True, slots=True)
class Zone:
    """A zone as last known. `age` is that of its claim by the source's own clock; None: the source does not tell."""

    id: str
    feed: str | None
    state: SnowRemoval
    age: timedelta | None

    @property
    def stale(self) -> bool:
        """Whether the claim is older than a day, or of unknown age."""
        return is_stale(self.age)


def read_zones(entities: Iterable[Entity], now: datetime) -> list[Zone]:
    """The zones among entities, by name, with their ages at `now` (city time). What is no zone is left out."""
    zones = [zone for entity in entities if (zone := read_zone(entity, now)) is not None]
    return sorted(zones, key=lambda zone: (_sort_key(zone.state.name), zone.id))


def read_zone(entity: Entity, now: datetime) -> Zone | None:
    """One zone; None where the entity does not say what a zone says."""
    try:
        state = SnowRemoval.from_entity(entity)
    except ValueError:
        return None
    return Zone(entity.id, feed_of(entity.id), state, age_of(state.claimed_at, now))


def _sort_key(name: str) -> str:
    # Sources write the same name half-width or full-width, depending on the season.
    return unicodedata.normalize("NFKC", name)
