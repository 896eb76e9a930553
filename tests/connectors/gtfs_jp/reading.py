"""Feeds for these tests: the real ones beside the project, and small ones made of texts."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cityos.connector import Batch, Document
from cityos.vocabulary.timetable import Timetable
from connectors.gtfs_jp import GtfsJpConfig, connector
from tests.connectors.recording import zip_texts
from tests.shared_data import shared

RECORDED = Path(__file__).parent / "recordings" / "yukigata_2nd.zip.d"
FETCHED_AT = datetime(2019, 6, 3, tzinfo=UTC)


def texts(**changes: str | None) -> dict[str, bytes]:
    """The tables of our own recording; a change replaces one, None takes it away."""
    members = {file.name: file.read_bytes() for file in RECORDED.iterdir()}
    for name, text in changes.items():
        members.pop(f"{name}.txt", None)
        if text is not None:
            members[f"{name}.txt"] = text.encode()
    return members


def read(content: bytes, at: datetime = FETCHED_AT, feed: str = "bus", **config: Any) -> Batch:
    """What the connector makes of a zip."""
    options = GtfsJpConfig(url="https://source.example/feed.zip", feed=feed, **config)
    return connector.normalise(Document("feed.zip", content, at), options)


def read_shared(path: str, **config: Any) -> Batch:
    """What it makes of a real feed; skips the test where that is not on this machine."""
    return read(shared(f"gtfs/{path}").read_bytes(), **config)


def read_texts(**changes: str | None) -> Batch:
    """What it makes of our recording with these changes."""
    return read(zip_texts(texts(**changes)))


def timetable_of(batch: Batch) -> Timetable:
    """The timetable that a batch carries."""
    (dataset,) = batch.datasets
    return Timetable.from_bytes(dataset.content)


def codes(batch: Batch) -> list[str]:
    """The codes of its notices."""
    return [notice.code for notice in batch.notices]
