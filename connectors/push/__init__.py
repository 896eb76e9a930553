"""プッシュ受信: what devices and partners send, as NGSI-LD entities or as observations of their own form."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import ClassVar

from cityos.connector import Batch, Cadence, Connector, Document, Manifest, Notice, Row, Severity
from cityos.connector.reading import gather, read_text
from cityos.vocabulary.context import iri
from connectors.push.entity import read_entity
from connectors.push.mapping import PushConfig
from connectors.push.message import Item, read_items
from connectors.push.observation import read_observation

NAME = "push"
# As many as the API takes in one batch.
MOST_ITEMS = 10_000
_BEFORE_ALL = datetime.min.replace(tzinfo=UTC)

Reader = Callable[[Item, PushConfig], tuple[Row | None, list[Notice]]]


class PushConnector(Connector[PushConfig]):
    """A delta, always: who says nothing of a device does not say that it has ended."""

    manifest: ClassVar[Manifest] = Manifest(
        name=NAME,
        title="プッシュ受信（機器・連携先）",
        provider="送信する機器・連携先（市のファイルで指定）",
        licence="提供者による（市のファイルで指定）",
        attribution="出典：各データの提供者（市のファイルで指定）",
        emits=frozenset(),
        cadence=Cadence(poll=timedelta(minutes=1), every=timedelta(hours=1), grace=timedelta(minutes=30)),
        stale_after=timedelta(days=1),
    )
    config_type = PushConfig

    def emits(self, config: PushConfig) -> frozenset[str]:
        """The types the city file allows this sender."""
        return frozenset(iri(name) for name in config.types)

    def normalise(self, document: Document, config: PushConfig) -> Batch:
        """One row per entity or observation, the oldest observation of an entity first."""
        text = read_text(document)
        items, notices = read_items(text.content, document.name, config.records)
        read: Reader = read_observation if config.type else read_entity
        rows: list[Row] = []
        for item in items[:MOST_ITEMS]:
            row, remarks = read(item, config)
            rows += [row] if row is not None else []
            notices += remarks
        if len(items) > MOST_ITEMS:
            notices.append(_too_many(document.name, len(items)))
        return Batch.of(sorted(rows, key=_observed_at), gather([*text.notices, *notices]))


def _observed_at(row: Row) -> datetime:
    return row.entity.latest_observation() or _BEFORE_ALL


def _too_many(name: str, count: int) -> Notice:
    detail = f"Document holds {count} objects; those beyond {MOST_ITEMS} are left out: send them in several"
    return Notice("objects_beyond_limit", Severity.ERROR, name, detail)


connector = PushConnector()
