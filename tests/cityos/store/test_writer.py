"""The one write path: groups, jobs that fail, disks that are full."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from pathlib import Path

import pytest

from cityos.ngsi.entity import Entity, Instance
from cityos.store.error import StoreUnavailable
from cityos.store.record import Create, Upsert
from cityos.store.session import Session
from cityos.store.sqlite import SqliteStore
from cityos.store.writer import Writer
from tests.cityos.store.building import TENANT, changes, entity, find, open_store, value
from tests.fakes import FakeClock


class GatedWriter(Writer):
    """Waits before every commit until the gate is open; a closed gate makes one group of all that comes."""

    gate = threading.Event()
    full = False

    def _commit(self) -> None:
        self.gate.wait(10)
        if self.full:
            raise sqlite3.OperationalError("database or disk is full")
        super()._commit()


@pytest.fixture
def gated() -> type[GatedWriter]:
    class OfThisTest(GatedWriter):
        gate = threading.Event()
        full = False

    return OfThisTest


def _gated_store(directory: Path, clock: FakeClock, gated: type[GatedWriter]) -> SqliteStore:
    return SqliteStore(directory, clock.now, lambda iri: iri.rpartition(":")[2], writer=gated)


async def _together(store: SqliteStore, gated: type[GatedWriter], *entities: Entity) -> list[object]:
    """All in one group: the first holds the writer at its commit while the others gather."""
    first = asyncio.create_task(store.apply(TENANT, [Upsert(entity("first", a=1))]))
    await asyncio.sleep(0.1)
    rest = [asyncio.create_task(store.apply(TENANT, [Create(one)])) for one in entities]
    await asyncio.sleep(0.1)
    gated.gate.set()
    return list(await asyncio.gather(first, *rest, return_exceptions=True))


async def test_a_failing_job_does_not_hurt_its_neighbours(
    tmp_path: Path, clock: FakeClock, gated: type[GatedWriter]
) -> None:
    store = _gated_store(tmp_path, clock, gated)
    bad = entity("bad", of="urn:t:OnlyHere", new_name=1)
    bad.set("urn:a:place", Instance("GeoProperty", {"type": "LineString", "coordinates": [[1, 2]]}))
    good = entity("good", of="urn:t:OnlyHere", new_name=1)
    _, before, failed, after = await _together(store, gated, entity("before", a=1), bad, good)
    assert isinstance(failed, Exception)
    assert not isinstance(before, Exception)
    assert not isinstance(after, Exception)
    assert [item.entity_id for item in changes(store)] == ["urn:e:first", "urn:e:before", "urn:e:good"]
    assert [item.seq for item in changes(store)] == [1, 2, 3]
    found = await store.read(lambda reader: reader.tenants())
    assert found == {TENANT: 3}
    store.close()
    reopened = open_store(tmp_path, clock)
    assert value(reopened, "good", "new_name") == 1
    reopened.close()


async def test_names_given_out_by_a_failed_job_are_given_out_again(store: SqliteStore) -> None:
    def fail(session: Session) -> None:
        session.name_no("urn:a:fresh")
        raise KeyError("the job")

    with pytest.raises(KeyError):
        await store._writer.write(fail)
    await store.apply(TENANT, [Create(entity("1", fresh=1)), Create(entity("2", other=1))])
    assert value(store, "1", "fresh") == 1
    assert {one.name for one in (await store._writer.write(_names))} == {"fresh", "other"}


class _Name:
    def __init__(self, iri: str) -> None:
        self.name = iri.rpartition(":")[2]


def _names(session: Session) -> list[_Name]:
    rows = session.execute("SELECT iri FROM name WHERE iri LIKE :like", like="urn:a:%").fetchall()
    return [_Name(row[0]) for row in rows]


async def test_a_commit_that_fails_acknowledges_nothing(
    tmp_path: Path, clock: FakeClock, gated: type[GatedWriter]
) -> None:
    store = _gated_store(tmp_path, clock, gated)
    gated.full = True
    results = await _together(store, gated, entity("1", a=1), entity("2", a=1))
    assert all(isinstance(result, StoreUnavailable) for result in results)
    assert store.reader.count(TENANT) == 0
    gated.full = False
    outcomes = await store.apply(TENANT, [Create(entity("1", a=2))])
    assert [(outcome.done, outcome.seq) for outcome in outcomes] == [("created", 1)]
    store.close()


async def test_a_full_disk_is_told_and_forgotten_when_there_is_room(tmp_path: Path, clock: FakeClock) -> None:
    store = open_store(tmp_path, clock)
    await store.apply(TENANT, [Create(entity("1", a=1))])
    pages = store._write_connection.execute("PRAGMA page_count").fetchone()[0]
    store._write_connection.execute(f"PRAGMA max_page_count = {pages + 2}")
    with pytest.raises(StoreUnavailable, match="full"):
        await store.apply(TENANT, [Create(entity("2", a="雪" * 100_000))])
    assert find(store, "2") is None
    store._write_connection.execute("PRAGMA max_page_count = 1073741823")
    (outcome,) = await store.apply(TENANT, [Create(entity("2", a="雪" * 100_000))])
    assert (outcome.done, outcome.seq) == ("created", 2)
    store.close()


async def test_heads_are_told_once_they_are_on_disk(tmp_path: Path, clock: FakeClock) -> None:
    told: list[dict[str, int]] = []
    store = SqliteStore(tmp_path, clock.now, lambda iri: iri, lambda heads: told.append(dict(heads)))
    await store.apply(TENANT, [Create(entity("1", a=1)), Create(entity("2", a=1))])
    await store.apply(TENANT, [Upsert(entity("1", a=1))])
    assert told == [{TENANT: 2}]
    store.close()


async def test_a_clock_that_fails_leaves_nobody_waiting(tmp_path: Path) -> None:
    def broken() -> None:
        raise OverflowError("the clock is past the year 9999")

    store = SqliteStore(tmp_path, broken, lambda iri: iri)  # type: ignore[arg-type]
    with pytest.raises(StoreUnavailable, match="9999"):
        await store.apply(TENANT, [Create(entity("1", a=1))])
    store.close()


async def test_a_closed_store_takes_nothing(store: SqliteStore) -> None:
    store._writer.close()
    with pytest.raises(StoreUnavailable, match="closed"):
        await store.apply(TENANT, [Create(entity("1", a=1))])
    store._writer._closed = False
