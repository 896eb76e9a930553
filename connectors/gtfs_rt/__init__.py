"""GTFSリアルタイム: where buses are, how late they run, and what riders are told, as protobuf messages."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar, Protocol, Self

from pydantic import Field, model_validator

from cityos.connector import (
    Batch,
    Cadence,
    Config,
    Connector,
    Document,
    Fetcher,
    Manifest,
    Notice,
    Request,
    Row,
    Severity,
    SourceUnavailable,
)
from cityos.connector.reading import gather
from cityos.ngsi.entity import Entity
from cityos.ngsi.instant import format_instant
from cityos.vocabulary.alert import SERVICE_ALERT
from cityos.vocabulary.context import iri
from cityos.vocabulary.vehicle import STALE_AFTER, TRIP_UPDATE, VEHICLE, TripUpdate, Vehicle
from connectors.gtfs_rt.alert import read_alert
from connectors.gtfs_rt.message import Message, read_message, read_name
from connectors.gtfs_rt.told import Told
from connectors.gtfs_rt.vehicle import read_trip_update, read_vehicle, references_of

NAME = "gtfs_rt"
# As quality: clocks may run a little ahead.
_CLOCK_AHEAD = timedelta(minutes=5)


class _Noun(Protocol):
    def to_entity(self, feed: str) -> Entity: ...


_Reader = Callable[[Any, Told], _Noun | None]
# The field of a feed entity -> what it becomes.
_KINDS: dict[str, tuple[str, _Reader]] = {
    "vehicle": (VEHICLE, read_vehicle),
    "trip_update": (TRIP_UPDATE, read_trip_update),
    "alert": (SERVICE_ALERT, read_alert),
}


class GtfsRealtimeConfig(Config):
    """`url` is one message with whatever it holds, or `url_vehicles`, `url_trip_updates`, `url_alerts` are one each.

    What a message holds is seen in it; the addresses say what has ended when a message is empty. `stale_minutes` is how
    much older than its message a position may be.
    """

    url: str = ""
    url_vehicles: str = ""
    url_trip_updates: str = ""
    url_alerts: str = ""
    stale_minutes: float = Field(default=STALE_AFTER.total_seconds() / 60, gt=0, le=24 * 60)

    @model_validator(mode="after")
    def _names_a_source(self) -> Self:
        if not self.requests():
            raise ValueError("one of url, url_vehicles, url_trip_updates, url_alerts is needed")
        return self

    def requests(self) -> Sequence[Request]:
        """Positions first: they age fastest."""
        urls = (self.url, self.url_vehicles, self.url_trip_updates, self.url_alerts)
        return [Request(url) for url in dict.fromkeys(urls) if url]

    def kinds_at(self, url: str) -> set[str]:
        """The types that the message at an address holds in full, whether it names any of them now or not."""
        by_type = {VEHICLE: self.url_vehicles, TRIP_UPDATE: self.url_trip_updates, SERVICE_ALERT: self.url_alerts}
        return set(by_type) if url == self.url else {name for name, address in by_type.items() if address == url}


class GtfsRealtimeConnector(Connector[GtfsRealtimeConfig]):
    """Says what the message says; whether a trip exists and a position can be is judged by quality."""

    manifest: ClassVar[Manifest] = Manifest(
        name=NAME,
        title="バスの位置・遅れ・運行情報（GTFSリアルタイム）",
        provider="バス事業者（市のファイルで指定）",
        licence="提供者による（青森市営バスは公共交通オープンデータセンターで CC BY 4.0）",
        attribution="出典：各バス事業者のGTFSリアルタイム",
        emits=frozenset({iri(VEHICLE), iri(TRIP_UPDATE), iri(SERVICE_ALERT)}),
        transient=frozenset({iri(VEHICLE), iri(TRIP_UPDATE), iri(SERVICE_ALERT)}),
        cadence=Cadence(poll=timedelta(seconds=15), every=timedelta(seconds=30), grace=timedelta(seconds=60)),
        stale_after=timedelta(minutes=5),
    )
    config_type = GtfsRealtimeConfig

    async def fetch(self, config: GtfsRealtimeConfig, fetcher: Fetcher) -> AsyncIterator[Document]:
        """Every message that can be had; one that cannot must not keep the others. Raises for it at the end."""
        missing: SourceUnavailable | None = None
        for request in config.requests():
            try:
                document = await fetcher.get(request)
            except SourceUnavailable as error:
                missing = missing or error
            else:
                yield document
        if missing is not None:
            raise missing

    def normalise(self, document: Document, config: GtfsRealtimeConfig) -> Batch:
        """One row per vehicle, trip and alert, in the message's order."""
        message = read_message(document)
        told = Told(message, document.fetched_at, timedelta(minutes=config.stale_minutes))
        rows = _one_each(_rows(message, told, config.feed), told)
        kinds = config.kinds_at(document.url) | {name for field, (name, _) in _KINDS.items() if _has(message, field)}
        return Batch.of(
            rows=rows,
            notices=gather([*message.notices, *_twice_named(message), *_ahead(message, document), *told.notices]),
            covers={iri(kind) for kind in kinds} if message.is_full else None,
            as_of=None if _is_ahead(message, document) else message.made_at,
        )


def _has(message: Message, field: str) -> bool:
    return any(entity.HasField(field) for entity in message.entities)


def _rows(message: Message, told: Told, feed: str) -> Iterator[Row]:
    for entity in message.entities:
        if entity.is_deleted:  # means something in a difference only; in full data it is as good as absent
            continue
        for field, (_, read) in _KINDS.items():
            noun = read(entity, told) if entity.HasField(field) else None
            if noun is not None:
                yield Row(noun.to_entity(feed), told.where(entity), _references(noun))


def _references(noun: _Noun) -> tuple[tuple[str, str], ...]:
    """An alert stands by its text: that one of the lines it names is unknown must not keep it from riders."""
    return references_of(noun.trip) if isinstance(noun, Vehicle | TripUpdate) else ()


def _one_each(rows: Iterable[Row], told: Told) -> list[Row]:
    """One row per entity: of two, the newer, and of two of one time the later in the message."""
    chosen: dict[str, Row] = {}
    for row in rows:
        known = chosen.get(row.entity.id)
        if known is not None:
            detail = f"{row.entity.id} is told again at {row.where}; the newer is taken"
            told.notices.append(Notice("duplicate_entity", Severity.WARNING, known.where, detail, row.entity.id))
        if known is None or _age_key(row) >= _age_key(known):
            chosen[row.entity.id] = row
    return list(chosen.values())


def _age_key(row: Row) -> float:
    at = row.entity.latest_observation()
    return float("-inf") if at is None else at.timestamp()


def _twice_named(message: Message) -> Iterator[Notice]:
    """Entity ids that are not unique, as the standard wants them; the things they stand for may well be different."""
    seen: set[str] = set()
    for entity in message.entities:
        name = read_name(entity.id)
        if name in seen:
            detail = f"Entity id {name!r} is given more than once in the message"
            yield Notice("duplicate_entity", Severity.WARNING, f"{message.name}:{name}", detail, subject=name)
        seen.add(name)


def _is_ahead(message: Message, document: Document) -> bool:
    return message.made_at is not None and message.made_at > document.fetched_at + _CLOCK_AHEAD


def _ahead(message: Message, document: Document) -> Iterator[Notice]:
    """A clock in the future is no clock: it would call the feed fresh for as long as it runs ahead."""
    if _is_ahead(message, document):
        detail = f"Header says {_said(message.made_at)}, but was fetched at {_said(document.fetched_at)}; not believed"
        yield Notice("header_in_future", Severity.ERROR, message.name, detail, subject="header")


def _said(at: datetime | None) -> str:
    return "" if at is None else format_instant(at.replace(microsecond=0))


connector = GtfsRealtimeConnector()
