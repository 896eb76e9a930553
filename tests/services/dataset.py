"""Brings a dataset into a running hub as a run of its feed does."""

from __future__ import annotations

from datetime import UTC, date, datetime

from cityos.connector.batch import Row
from cityos.connector.document import Document
from cityos.store.record import DatasetRecord, Delivery, Run
from cityos.vocabulary.dataset import DatasetNews
from tests.cityos.client.running_hub import RunningHub

AT = datetime(2026, 1, 15, tzinfo=UTC)


async def bring_dataset(running: RunningHub, feed: str, kind: str, content: bytes) -> str:
    """Writes a version; returns its name."""
    hub = running.hub
    assert hub is not None
    document = Document(f"{feed}.zip", content, AT)
    record = DatasetRecord(
        feed=feed,
        kind=kind,
        version=document.digest[:16],
        media_type="application/zip",
        size=len(content),
        digest=document.digest,
        valid_from=date(2025, 10, 1),
        valid_until=date(2026, 3, 31),
        licence="CC-BY-4.0",
        attribution="出典：雪野市",
        created_at=AT,
    )
    hub.store.datasets.keep(record.digest, content)
    news = DatasetNews(
        feed, kind, record.version, record.media_type, record.size, record.digest, record.licence, record.attribution,
        record.valid_from, record.valid_until,
    )  # fmt: skip
    delivery = Delivery(document, (Row(news.to_entity(), "datasets"),), (), datasets=(record,))
    await hub.store.ingest(hub.tenant, Run(feed, AT, AT, "applied", deliveries=(delivery,)))
    return record.version
