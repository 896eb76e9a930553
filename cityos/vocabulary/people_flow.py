"""People flow: counters (計測地点) and their counts. Follows the Smart Data Model CrowdFlowObserved.

One entity is one counter and shows its newest count; earlier counts are its history. The interval a count spans is
said at the count itself (`dateObservedFrom`, `dateObservedTo` as sub-properties), so that each count keeps its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from cityos.ngsi.entity import Entity
from cityos.ngsi.expansion import NULL
from cityos.ngsi.instant import format_instant, parse_instant
from cityos.ngsi.value import JsonObject
from cityos.vocabulary.attribute import as_text, get, get_about, get_location, get_text, observed_at, put, put_location
from cityos.vocabulary.context import iri
from cityos.vocabulary.identifier import local_id_of, mint_id

CROWD_FLOW_OBSERVED = "CrowdFlowObserved"
SMALLEST_PUBLIC_COUNT = 10  # as the ministry's open data: below ten, persons could be told apart


class CountQuality(StrEnum):
    """What may be thought of a count."""

    MEASURED = "measured"
    SUPPRESSED = "suppressed"  # 1 to 9: not told, so that nobody can be told apart
    SUSPECT_OUTAGE = "suspectOutage"  # a zero where people are always counted: a dead camera or nobody


@dataclass(frozen=True, slots=True)
class PeopleCount:
    """One count of one counter: passages (not persons) between two instants.

    `count` is None where it is suppressed. `kind` is what is counted (`Person`, `Face`, ...).
    """

    local_id: str
    name: str
    count: int | None
    observed_from: datetime
    observed_to: datetime
    kind: str = "Person"
    quality: CountQuality = CountQuality.MEASURED
    location: JsonObject | None = None

    def to_entity(self, feed: str) -> Entity:
        """The counter's entity, observed at the end of the interval."""
        entity = Entity(mint_id(CROWD_FLOW_OBSERVED, feed, self.local_id), (iri(CROWD_FLOW_OBSERVED),))
        put(entity, "name", self.name)
        put(entity, "countedKind", self.kind)
        span = {
            "dateObservedFrom": format_instant(self.observed_from),
            "dateObservedTo": format_instant(self.observed_to),
        }
        # The one that is not told now must not stand beside the other with its older time.
        if self.count is None:
            put(entity, "peopleCount", NULL, self.observed_to)
            put(entity, "countBelow", SMALLEST_PUBLIC_COUNT, self.observed_to, quality=self.quality.value, **span)
        else:
            put(entity, "countBelow", NULL, self.observed_to)
            put(entity, "peopleCount", self.count, self.observed_to, quality=self.quality.value, **span)
        put_location(entity, self.location)
        return entity

    @classmethod
    def from_entity(cls, entity: Entity) -> PeopleCount:
        """The newest count of a counter. ValueError where it has none."""
        counted, below = _told_at(entity, "peopleCount"), _told_at(entity, "countBelow")
        suppressed = below is not None and (counted is None or below >= counted)
        term = "countBelow" if suppressed else "peopleCount"
        since, until = get_about(entity, term, "dateObservedFrom"), observed_at(entity, term)
        if not isinstance(since, str) or until is None:
            raise ValueError(f"{entity.id} holds no count")
        count = get(entity, "peopleCount")
        return cls(
            local_id=local_id_of(entity.id),
            name=get_text(entity, "name") or local_id_of(entity.id),
            count=count if isinstance(count, int) and not suppressed else None,
            observed_from=parse_instant(since),
            observed_to=until,
            kind=get_text(entity, "countedKind") or "Person",
            quality=CountQuality(as_text(get_about(entity, term, "quality")) or CountQuality.MEASURED),
            location=get_location(entity),
        )


def _told_at(entity: Entity, term: str) -> datetime | None:
    return None if get(entity, term) == NULL else observed_at(entity, term)
