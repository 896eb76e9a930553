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
from services.transit.live import Picture, Realtime, is_fresh, newest
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
    """How far what is told of a timetable's buses can be trusted.

    `state`: `live` (delays are foretold), `positions` (only where buses are), `quiet` (nothing is told, and nothing is
    wrong), `stale`, `unknownFeed` (the hub has none of the feeds named here), `notConnected` (no feed is named).
    """

    state: str
    feeds: Sequence[str] = ()
    statuses: Sequence[FeedStatus] = ()
    observed_at: datetime | None = None

    @property
    def as_of(self) -> datetime | None:
        """Up to when something was told."""
        known = [one.as_of for one in self.statuses if one.as_of is not None]
        return self.observed_at or max(known, default=None)


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
    """Puts feeds together, as they stand when asked.

    `realtime` names the realtime feeds of each timetable feed, whose entities are named after them or after the
    timetable feed.
    """

    def __init__(self, realtime: Mapping[str, Sequence[str]]) -> None:
        self._realtime, self._read = dict(realtime), Realtime()

    def feed(
        self, held: Held[Loaded], entities: Mapping[str, Entity], statuses: Iterable[FeedStatus], now: datetime
    ) -> Feed:
        """A feed with what is told of its trips now."""
        by_name = {one.name: one for one in statuses}
        name = held.news.feed
        partners = self._realtime.get(name, ())
        names = (name, *partners)
        self._read.forget(entities)
        updates, vehicles = self._read.of(names, entities.values())
        return Feed(
            name=name,
            news=held.news,
            loaded=held.content,
            status=by_name.get(name),
            live=_live_state(partners, by_name, newest(updates), newest(vehicles), now),
            picture=Picture(held.content.timetable, updates, vehicles, now),
            alerts=list(_alerts(names, entities.values())),
        )


def stops_of(held: Iterable[Held[Loaded]]) -> Iterator[Place]:
    """The stops of all feeds."""
    for one in held:
        yield from one.content.index.stops


def _live_state(
    partners: Sequence[str],
    by_name: Mapping[str, FeedStatus],
    foretold_at: datetime | None,
    seen_at: datetime | None,
    now: datetime,
) -> LiveState:
    statuses = [by_name[one] for one in partners if one in by_name]
    for state, at in (("live", foretold_at), ("positions", seen_at)):
        if is_fresh(at, now):
            return LiveState(state, partners, statuses, at)
    last = max((at for at in (foretold_at, seen_at) if at is not None), default=None)
    if last is None and not statuses:
        return LiveState("unknownFeed" if partners else "notConnected", partners)
    # Feeds that are well and name no bus: at night there is none on the road.
    is_quiet = last is None and all(one.state in _WELL for one in statuses)
    return LiveState("quiet" if is_quiet else "stale", partners, statuses, last)


def _alerts(feeds: Sequence[str], entities: Iterable[Entity]) -> Iterator[ServiceAlert]:
    begins = tuple(f"urn:ngsi-ld:{SERVICE_ALERT}:{feed}:" for feed in feeds)
    yield from (ServiceAlert.from_entity(entity) for entity in entities if entity.id.startswith(begins))
