"""Bulk data: announced by one entity, listed, fetched whole, in ranges, and not again when it is the same."""

from __future__ import annotations

from datetime import UTC, date, datetime

import httpx
import pytest

from cityos.connector.document import Document
from cityos.hub import Hub
from cityos.store.record import DatasetRecord, Delivery, Retention, Run

AT = datetime(2026, 1, 15, tzinfo=UTC)


async def add_version(hub: Hub, content: bytes, at: datetime = AT) -> DatasetRecord:
    """Writes a version as a run does."""
    document = Document("bus.zip", content, at)
    record = DatasetRecord(
        "bus",
        "timetable",
        document.digest[:16],
        "application/zip",
        len(content),
        document.digest,
        date(2026, 1, 1),
        None,
        "CC-BY-4.0",
        "出典：雪野市",
        at,
    )
    hub.store.datasets.keep(record.digest, content)
    await hub.store.ingest(
        hub.tenant, Run("bus", at, at, "applied", deliveries=(Delivery(document, (), (), datasets=(record,)),))
    )
    return record


async def test_a_version_is_listed_and_fetched_with_its_checksum(hub: Hub, client: httpx.AsyncClient) -> None:
    record = await add_version(hub, b"0123456789")
    (row,) = (await client.get("/datasets")).json()["datasets"]
    assert (row["feed"], row["version"], row["byteSize"], row["licence"]) == ("bus", record.version, 10, "CC-BY-4.0")
    answer = await client.get(row["path"])
    assert answer.content == b"0123456789"
    assert answer.headers["content-type"] == "application/zip"
    assert row["checksum"] == f"sha-256:{record.digest}"
    assert answer.headers["etag"] == f'"{record.digest}"'


async def test_a_range_is_answered_in_part(hub: Hub, client: httpx.AsyncClient) -> None:
    record = await add_version(hub, b"0123456789")
    answer = await client.get(f"/datasets/bus/{record.version}", headers={"Range": "bytes=2-4"})
    assert (answer.status_code, answer.content) == (206, b"234")
    assert answer.headers["content-range"] == "bytes 2-4/10"


async def test_the_latest_is_not_sent_again_to_who_has_it(hub: Hub, client: httpx.AsyncClient) -> None:
    await add_version(hub, b"old")
    newer = await add_version(hub, b"new", AT.replace(day=16))
    answer = await client.get("/datasets/bus/latest")
    assert answer.content == b"new"
    again = await client.get("/datasets/bus/latest", headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", f'"{newer.digest}"')


@pytest.mark.parametrize(
    "path", ["/datasets/bus/0000", "/datasets/nobody/latest", "/datasets/bus/latest?kind=roadGraph"]
)
async def test_what_is_not_there_says_where_to_look(hub: Hub, client: httpx.AsyncClient, path: str) -> None:
    await add_version(hub, b"x")
    answer = await client.get(path)
    assert answer.status_code == 404
    assert "GET /datasets" in answer.json()["detail"]


async def test_only_the_newest_versions_are_kept(hub: Hub, client: httpx.AsyncClient) -> None:
    for day in range(1, 8):
        await add_version(hub, f"day {day}".encode(), AT.replace(day=day))
    while await hub.store.trim(
        hub.tenant, Retention(changes=9999, history=9999, documents=9999, runs=9999, dataset_versions=3)
    ):
        pass
    rows = (await client.get("/datasets")).json()["datasets"]
    assert [row["createdAt"][:10] for row in rows] == ["2026-01-07", "2026-01-06", "2026-01-05"]
