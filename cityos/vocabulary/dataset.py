"""Datasets: bulk data of a feed (a timetable, a road graph), announced by one entity and fetched as a file.

Follows DCAT (Dataset and Distribution: mediaType, byteSize, checksum, license); the Smart Data Model for it is
dataModel.DCAT-AP. The announcement changes when there is a new version, and only then.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from cityos.ngsi.entity import Entity
from cityos.vocabulary.attribute import get, get_text, put
from cityos.vocabulary.context import iri
from cityos.vocabulary.identifier import local_id_of, mint_id

DATASET = "Dataset"


@dataclass(frozen=True, slots=True)
class DatasetNews:
    """The newest version of a feed's dataset; fetch it from `path` on the hub. `size` is in bytes.

    `kind` names its schema (`timetable`, `roadGraph`); `valid_from`, `valid_until` are the days it speaks of.
    """

    feed: str
    kind: str
    version: str
    media_type: str
    size: int
    digest: str
    licence: str
    attribution: str
    valid_from: date | None = None
    valid_until: date | None = None

    @property
    def path(self) -> str:
        """Where the hub serves this version."""
        return f"/datasets/{self.feed}/{self.version}"

    def to_entity(self) -> Entity:
        """The entity; its id is minted from the feed's name and the kind."""
        entity = Entity(mint_id(DATASET, "hub", f"{self.feed}:{self.kind}"), (iri(DATASET),))
        put(entity, "feedName", self.feed)
        put(entity, "kind", self.kind)
        put(entity, "version", self.version)
        put(entity, "mediaType", self.media_type)
        put(entity, "byteSize", self.size)
        put(entity, "checksum", f"sha-256:{self.digest}")
        put(entity, "path", self.path)
        put(entity, "licence", self.licence)
        put(entity, "attribution", self.attribution)
        put(entity, "validFrom", "" if self.valid_from is None else self.valid_from.isoformat())
        put(entity, "validUntil", "" if self.valid_until is None else self.valid_until.isoformat())
        return entity

    @classmethod
    def from_entity(cls, entity: Entity) -> DatasetNews:
        """Reads it back."""
        size, since, until = get(entity, "byteSize"), get_text(entity, "validFrom"), get_text(entity, "validUntil")
        return cls(
            feed=get_text(entity, "feedName") or local_id_of(entity.id),
            kind=get_text(entity, "kind") or "",
            version=get_text(entity, "version") or "",
            media_type=get_text(entity, "mediaType") or "",
            size=size if isinstance(size, int) else 0,
            digest=(get_text(entity, "checksum") or "").removeprefix("sha-256:"),
            licence=get_text(entity, "licence") or "",
            attribution=get_text(entity, "attribution") or "",
            valid_from=date.fromisoformat(since) if since else None,
            valid_until=date.fromisoformat(until) if until else None,
        )
