"""The timetables of a city, each with the realtime feed that speaks of its trips. Feeds never mix."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from cityos.client import Entity, FeedStatus, Held
from cityos.vocabulary.alert import SERVICE_ALERT, ServiceAlert
from cityos.vocabulary.dataset import DatasetNews
from cityos.vocabulary.feed import FeedState
from cityos.vocabulary.timetable import Timetable
from services.transit.live import LIVE_FOR, Picture, Realtime, newest
from services.transit.stop import Place, StopIndex

_WELL = (FeedState.FRESH.value, FeedState.LATE.value)


@dataclass(frozen=True, slots=True)
class Loaded:
    """A timetable and its stops."""

    timetable: Timetable
    index: StopIndex

    @classmethod
    def read(cls, news: DatasetNews, content: bytes) -> Loaded:
        """Reads a dataset of kind `timetable`. ValueError where it is none."""
        timetable = Timetable.from_bytes(content)
        return cls(timetable, StopIndex(news.feed, timetable))


@dataclass(frozen=True, slots=True)
class LiveState:
    """How far a realtime feed can be trusted. `state`: notConnected, unknownFeed, quiet, stale or live."""

    state: str
    feed: str | None = None
    status: FeedStatus | None = None
    observed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Feed:
    """One timetable feed as known now. `status` is None where the hub no longer names the feed."""

    name: str
    news: DatasetNews
    loaded: Loaded
    status: FeedStatus | None
    live: LiveState
    picture: Picture
    alerts: Sequence[ServiceAlert]


class Network:
    """Puts feeds together, as they stand when asked. `realtime` names the realtime feed of each timetable feed."""

    def __init__(self, realtime: Mapping[str, str]) -> None:
        self._realtime, self._read = dict(realtime), Realtime()

    def feed(
        self, held: Held[Loaded], entities: Mapping[str, Entity], statuses: Iterable[FeedStatus], now: datetime
    ) -> Feed:
        """A feed with what is told of its trips now."""
        by_name = {one.name: one for one in statuses}
        name, partner = held.news.feed, self._realtime.get(held.news.feed)
        self._read.forget(entities)
        updates, vehicles = ([], []) if partner is None else self._read.of(partner, entities.values())
        observed_at = newest([*updates, *vehicles])
        return Feed(
            name=name,
            news=held.news,
            loaded=held.content,
            status=by_name.get(name),
            live=_live_state(partner, by_name, observed_at, now),
            picture=Picture(held.content.timetable, updates, vehicles, now),
            alerts=list(_alerts(partner, entities.values())),
        )


def stops_of(held: Iterable[Held[Loaded]]) -> Iterator[Place]:
    """The stops of all feeds."""
    for one in held:
        yield from one.content.index.stops


def _live_state(
    partner: str | None, statuses: Mapping[str, FeedStatus], observed_at: datetime | None, now: datetime
) -> LiveState:
    if partner is None:
        return LiveState("notConnected")
    status = statuses.get(partner)
    if observed_at is not None and now - observed_at <= LIVE_FOR:
        state = "live"
    elif status is None:
        state = "unknownFeed"
    else:
        # A feed that is well and names no bus: at night there is none on the road.
        state = "quiet" if observed_at is None and status.state in _WELL else "stale"
    return LiveState(state, partner, status, observed_at)


def _alerts(partner: str | None, entities: Iterable[Entity]) -> Iterator[ServiceAlert]:
    if partner is not None:
        begin = f"urn:ngsi-ld:{SERVICE_ALERT}:{partner}:"
        yield from (ServiceAlert.from_entity(entity) for entity in entities if entity.id.startswith(begin))
