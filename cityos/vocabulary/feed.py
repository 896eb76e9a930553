"""Feeds (データの取得元): a configured source and the health of what it gives. The one noun the hub itself speaks.

Follows DCAT in spirit (publisher, licence); no Smart Data Model for the health of a feed exists.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from cityos.ngsi.entity import Entity
from cityos.ngsi.instant import format_instant, parse_instant
from cityos.vocabulary.attribute import get, get_text, put
from cityos.vocabulary.context import iri
from cityos.vocabulary.identifier import local_id_of, mint_id

FEED = "Feed"


class FeedState(StrEnum):
    """Freshness (鮮度) of a feed."""

    WAITING = "waiting"  # 開始待ち: nothing asked for yet
    FRESH = "fresh"  # 正常
    LATE = "late"  # 更新遅れ: a publication is overdue
    STALE = "stale"  # 古い: overdue for longer than the feed's limit
    DEAD = "dead"  # 受信停止: not reachable for longer than the feed's limit, or it refuses us
    CHANGED = "changed"  # 形式変更: it answers in a form we do not know
    OFF_SEASON = "offSeason"  # 休止中: nothing to be expected now


@dataclass(frozen=True, slots=True)
class FeedHealth:
    """A feed as told on the bus: what changes when something happened, not with every poll.

    `data_at` is the data's own clock. The instants of the last attempt and success are in `GET /feeds`.
    """

    name: str
    title: str
    state: FeedState
    provider: str
    licence: str
    attribution: str
    data_at: datetime | None = None
    accepted: int = 0
    held: int = 0
    open_notices: int = 0
    owner: str = ""
    telephone: str = ""

    def to_entity(self) -> Entity:
        """The entity; its id is minted from the feed's name alone."""
        entity = Entity(mint_id(FEED, "hub", self.name), (iri(FEED),))
        put(entity, "title", self.title)
        put(entity, "feedState", self.state.value)
        put(entity, "provider", self.provider)
        put(entity, "licence", self.licence)
        put(entity, "attribution", self.attribution)
        put(entity, "dataAt", "" if self.data_at is None else format_instant(self.data_at))
        put(entity, "acceptedRows", self.accepted)
        put(entity, "heldRows", self.held)
        put(entity, "openNotices", self.open_notices)
        put(entity, "owner", self.owner)
        put(entity, "telephone", self.telephone)
        return entity

    @classmethod
    def from_entity(cls, entity: Entity) -> FeedHealth:
        """Reads it back."""
        data_at = get_text(entity, "dataAt")
        return cls(
            name=local_id_of(entity.id),
            title=get_text(entity, "title") or "",
            state=FeedState(get_text(entity, "feedState") or FeedState.WAITING),
            provider=get_text(entity, "provider") or "",
            licence=get_text(entity, "licence") or "",
            attribution=get_text(entity, "attribution") or "",
            data_at=parse_instant(data_at) if data_at else None,
            accepted=_count(get(entity, "acceptedRows")),
            held=_count(get(entity, "heldRows")),
            open_notices=_count(get(entity, "openNotices")),
            owner=get_text(entity, "owner") or "",
            telephone=get_text(entity, "telephone") or "",
        )


def _count(value: object) -> int:
    return value if isinstance(value, int) else 0
