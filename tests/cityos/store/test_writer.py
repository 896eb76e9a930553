"""The one write path: groups, jobs that fail, disks that are full."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from pathlib import Path
from typing import cast

import pytest

from cityos.ngsi.entity import Entity, Instance
from cityos.ngsi.provision import create, upsert
from cityos.store.entity_statement import ALL_NAMES
from cityos.store.error import StoreUnavailable
from cityos.store.session import Session
from cityos.store.statement import Statement
from cityos.store.store import Store
from cityos.store.writer import Writer
from tests.cityos.store.building import TENANT, changes, entity, find, open_store, reader_of, value
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


def _gated_store(directory: Path, clock: FakeClock, gated: type[GatedWriter]) -> Store:
    return Store(directory, clock.now, lambda iri: iri.rpartition(":")[2], writer=gated)


async def _together(store: Store, gated: type[GatedWriter], *entities: Entity) -> list[object]:
    """All in one group: the first holds the writer at its commit while the others gather."""
    first = asyncio.create_task(store.apply(TENANT, [upsert(entity("first", a=1))]))
    await asyncio.sleep(0.1)
    rest = [asyncio.create_task(store.apply(TENANT, [create(one)])) for one in entities]
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


async def test_names_given_out_by_a_failed_job_are_given_out_again(store: Store) -> None:
    def fail(session: Session) -> None:
        session.name_no("urn:a:fresh")
        raise KeyError("the job")

    with pytest.raises(KeyError):
        await store._writer.write(fail)
    await store.apply(TENANT, [create(entity("1", fresh=1)), create(entity("2", other=1))])
    assert value(store, "1", "fresh") == 1
    assert {one.name for one in (await store._writer.write(_names))} == {"fresh", "other"}


class _Name:
    def __init__(self, iri: str) -> None:
        self.name = iri.rpartition(":")[2]


def _names(session: Session) -> list[_Name]:
    return [_Name(iri) for iri, _ in session.execute(ALL_NAMES) if iri.startswith("urn:a:")]


async def test_a_commit_that_fails_acknowledges_nothing(
    tmp_path: Path, clock: FakeClock, gated: type[GatedWriter]
) -> None:
    store = _gated_store(tmp_path, clock, gated)
    gated.full = True
    results = await _together(store, gated, entity("1", a=1), entity("2", a=1))
    assert all(isinstance(result, StoreUnavailable) for result in results)
    assert reader_of(store).count(TENANT) == 0
    gated.full = False
    outcomes = await store.apply(TENANT, [create(entity("1", a=2))])
    assert [(outcome.done, outcome.seq) for outcome in outcomes] == [("created", 1)]
    store.close()


async def test_a_full_disk_is_told_and_forgotten_when_there_is_room(tmp_path: Path, clock: FakeClock) -> None:
    store = open_store(tmp_path, clock)
    await store.apply(TENANT, [create(entity("1", a=1))])
    pages = _pragma(store, "page_count")
    _pragma(store, f"max_page_count = {pages + 2}")
    with pytest.raises(StoreUnavailable, match="full"):
        await store.apply(TENANT, [create(entity("2", a="雪" * 100_000))])
    assert find(store, "2") is None
    _pragma(store, "max_page_count = 1073741823")
    (outcome,) = await store.apply(TENANT, [create(entity("2", a="雪" * 100_000))])
    assert (outcome.done, outcome.seq) == ("created", 2)
    store.close()


def _pragma(store: Store, words: str) -> int:
    rows = store._write_connection.rows(Statement(f"PRAGMA {words}", ""), {})
    return cast(int, rows[0][0])


async def test_heads_are_told_once_they_are_on_disk(tmp_path: Path, clock: FakeClock) -> None:
    told: list[dict[str, int]] = []
    store = Store(tmp_path, clock.now, lambda iri: iri, lambda heads: told.append(dict(heads)))
    await store.apply(TENANT, [create(entity("1", a=1)), create(entity("2", a=1))])
    await store.apply(TENANT, [upsert(entity("1", a=1))])
    assert told == [{TENANT: 2}]
    store.close()


async def test_a_clock_that_fails_leaves_nobody_waiting(tmp_path: Path) -> None:
    def broken() -> None:
        raise OverflowError("the clock is past the year 9999")

    store = Store(tmp_path, broken, lambda iri: iri)  # type: ignore[arg-type]
    with pytest.raises(StoreUnavailable, match="9999"):
        await store.apply(TENANT, [create(entity("1", a=1))])
    store.close()


async def test_a_closed_store_takes_nothing(store: Store) -> None:
    store._writer.close()
    with pytest.raises(StoreUnavailable, match="closed"):
        await store.apply(TENANT, [create(entity("1", a=1))])
    store._writer._closed = False
