"""Zones as JSON and GeoJSON. Pure."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass
from datetime import datetime

from cityos.client import FeedStatus, HubContact, format_instant
from cityos.client.words import evidence_in_words, updated_in_words
from services.snow_info.zone import Zone

Json = dict[str, object]

NOTE = {
    "ja": (
        "工区の状況は市が発表したことばです。「作業中」は、今その場所で除雪車が動いているという意味ではありません。"
        "発表された時刻と、作業が観測されたかどうかをあわせてご覧ください。"
    ),
    "en": (
        "The state of a zone is the city's announcement in its own word. 作業中 (work under way) does not mean that a "
        "plough is there now. Read it together with its age and with what has been observed."
    ),
}


@dataclass(frozen=True, slots=True)
class Report:
    """All zones at `now` (city time), the feeds of the city, and how far this can be trusted.

    `unreadable` counts what the hub holds as zones but what does not say what a zone says.
    """

    now: datetime
    zones: Sequence[Zone]
    feeds: Sequence[FeedStatus]
    hub: HubContact
    unreadable: int = 0

    def to_json(self) -> Json:
        """As a list."""
        return {**self._about(), "zones": [zone_to_json(zone) for zone in self.zones]}

    def to_geojson(self) -> Json:
        """As a FeatureCollection (RFC 7946) that says the same as the list."""
        features = [
            {"type": "Feature", "id": zone.id, "geometry": zone.state.location, "properties": zone_to_json(zone)}
            for zone in self.zones
        ]
        return {"type": "FeatureCollection", "features": features, **self._about()}

    def find(self, zone_id: str) -> Json | None:
        """One zone, with its source and the state of the hub."""
        zone = next((zone for zone in self.zones if zone.id == zone_id), None)
        if zone is None:
            return None
        return {**zone_to_json(zone), "hub": self.hub.to_json(), "sources": self._sources({zone.feed})}

    def _about(self) -> Json:
        return {
            "now": format_instant(self.now),
            "note": NOTE,
            "hub": self.hub.to_json(),
            "sources": self._sources({zone.feed for zone in self.zones}),
            "unreadable": self.unreadable,
        }

    def _sources(self, named: Set[str | None]) -> list[Json]:
        return [_source_to_json(feed) for feed in self.feeds if feed.name in named]


def zone_to_json(zone: Zone) -> Json:
    """One zone: claim and evidence side by side, never one from the other."""
    state = zone.state
    return {
        "id": zone.id,
        "name": state.name,
        "claim": {
            "word": state.claim,
            "code": state.claim_code.value,
            "meaning": state.meaning,
            "season": state.season,
            "claimedAt": None if state.claimed_at is None else format_instant(state.claimed_at),
            "ageSeconds": None if zone.age is None else round(zone.age.total_seconds()),
            "age": {"ja": updated_in_words(zone.age, "ja"), "en": updated_in_words(zone.age, "en")},
            "stale": zone.stale,
        },
        "evidence": {
            "code": state.evidence.value,
            "ja": evidence_in_words(state.evidence, "ja"),
            "en": evidence_in_words(state.evidence, "en"),
        },
        "plannedOn": None if state.planned_on is None else state.planned_on.isoformat(),
        "order": state.order,
        "remark": state.remark,
        "feed": zone.feed,
    }


def _source_to_json(feed: FeedStatus) -> Json:
    return {
        "feed": feed.name,
        "title": feed.title,
        "state": feed.state,
        "stateLabel": {"ja": feed.state_ja, "en": feed.state_en},
        "provider": feed.provider,
        "licence": feed.licence,
        "attribution": feed.attribution,
        "owner": feed.owner,
        "telephone": feed.telephone,
    }
