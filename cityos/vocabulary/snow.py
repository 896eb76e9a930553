"""Snow removal: zones and route sections, what the city claims of them, and what is seen.

No Smart Data Model for snow removal exists; the words follow DATEX II (MaintenanceWorks) where they meet. A claim
is what the source says, in its own word, with the meaning the word has in that season; evidence is what was observed.
The two are never derived from each other.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from cityos.ngsi.entity import Entity
from cityos.ngsi.value import JsonObject
from cityos.vocabulary.attribute import as_text, get_about, get_location, get_text, observed_at, put, put_location
from cityos.vocabulary.context import iri
from cityos.vocabulary.identifier import local_id_of, mint_id

SNOW_REMOVAL_ZONE = "SnowRemovalZone"
SNOW_REMOVAL_SECTION = "SnowRemovalSection"


class ClaimCode(StrEnum):
    """What a claim amounts to, whatever the word of the season. `unknown` is an honest answer, never a guess."""

    CHECKING = "checking"  # no order yet; the site is being checked
    ADJUSTING = "adjusting"  # ordered; the date is being arranged
    SCHEDULED = "scheduled"  # ordered; work from a later day on
    ORDERED = "ordered"  # ordered; work begins on that day
    FINISHED = "finished"  # the source says the work is done
    UNKNOWN = "unknown"


class Evidence(StrEnum):
    """What was observed of the work itself."""

    SEEN = "seen"
    NOT_SEEN = "notSeen"  # could have been seen and was not
    NOT_OBSERVABLE = "notObservable"  # no source here can see it


@dataclass(frozen=True, slots=True)
class SnowRemoval:
    """A zone (`SnowRemovalZone`, an area) or a section (`SnowRemovalSection`, a line) and its state.

    `claim` is the source's own word, `meaning` its definition in `season` (such as "2025-26"); `claimed_at` is the
    source's own clock. `planned_on` is the next day of work it names; `order` its order mark; `remark` its free text.
    """

    type_name: str
    local_id: str
    name: str
    claim: str
    claim_code: ClaimCode
    claimed_at: datetime | None = None
    meaning: str | None = None
    season: str | None = None
    planned_on: date | None = None
    order: str | None = None
    remark: str | None = None
    evidence: Evidence = Evidence.NOT_OBSERVABLE
    location: JsonObject | None = None

    def to_outline(self, feed: str) -> Entity:
        """Only what and where it is: for a source that knows the map and not the state."""
        entity = Entity(mint_id(self.type_name, feed, self.local_id), (iri(self.type_name),))
        put(entity, "name", self.name)
        put_location(entity, self.location)
        return entity

    def to_entity(self, feed: str) -> Entity:
        """The entity under the id this feed mints for it."""
        entity = self.to_outline(feed)
        put(
            entity,
            "claim",
            self.claim,
            self.claimed_at,
            claimCode=self.claim_code.value,
            meaning=self.meaning,
            season=self.season,
        )
        planned_on = None if self.planned_on is None else self.planned_on.isoformat()
        # "" says that the source names no date, order or remark now; leaving the old one standing would be a lie.
        put(entity, "plannedOn", planned_on or "", self.claimed_at)
        put(entity, "order", self.order or "", self.claimed_at)
        put(entity, "remark", self.remark or "", self.claimed_at)
        put(entity, "evidence", self.evidence.value)
        return entity

    @classmethod
    def from_entity(cls, entity: Entity) -> SnowRemoval:
        """Reads it back."""
        planned_on = get_text(entity, "plannedOn")
        return cls(
            type_name=SNOW_REMOVAL_SECTION if iri(SNOW_REMOVAL_SECTION) in entity.types else SNOW_REMOVAL_ZONE,
            local_id=local_id_of(entity.id),
            name=get_text(entity, "name") or local_id_of(entity.id),
            claim=get_text(entity, "claim") or "",
            claim_code=_claim_code(as_text(get_about(entity, "claim", "claimCode"))),
            claimed_at=observed_at(entity, "claim"),
            meaning=as_text(get_about(entity, "claim", "meaning")),
            season=as_text(get_about(entity, "claim", "season")),
            planned_on=date.fromisoformat(planned_on) if planned_on else None,
            order=get_text(entity, "order") or None,
            remark=get_text(entity, "remark") or None,
            evidence=Evidence(get_text(entity, "evidence") or Evidence.NOT_OBSERVABLE),
            location=get_location(entity),
        )


def _claim_code(said: str | None) -> ClaimCode:
    """A code that a newer CityOS may have written is unknown here, not a reason to lose the zone."""
    return ClaimCode(said) if said in set(ClaimCode) else ClaimCode.UNKNOWN
