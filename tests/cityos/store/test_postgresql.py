"""A database that is a server: it goes away, comes back, is taken by another, and takes back what failed."""

from __future__ import annotations

import asyncio
import contextlib
import random
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from cityos.ngsi.context import CORE
from cityos.ngsi.expansion import expand_entity
from cityos.ngsi.provision import Command, create
from cityos.ngsi.value import LONGEST_KEY
from cityos.store.error import DirectoryInUse, StoreUnavailable
from cityos.store.postgresql import PostgresDatabase
from cityos.store.record import Outcome, Query, Run
from cityos.store.statement import Statement
from cityos.store.store import Store
from cityos.store.writer import Writer
from tests.cityos.store.building import TENANT, changes, close_readers, delivery, entity, find, open_store, value
from tests.fakes import FakeClock
from tests.postgres import SERVER, fresh_database


class GatedWriter(Writer):
    """Waits before every commit until the gate is open."""

    gate = threading.Event()

    def _commit(self) -> None:
        self.gate.wait(10)
        super()._commit()


@pytest.fixture
def url() -> Iterator[str]:
    with fresh_database() as made:
        yield made


@contextlib.contextmanager
def _away(url: str) -> Iterator[None]:
    """The server lets nobody into the database and ends who is in it."""
    name = url.rpartition("/")[2]
    with psycopg.connect(f"{SERVER}/postgres", autocommit=True) as server:
        server.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        _end_all(server, name)
        yield
        server.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")


def _end_all(server: psycopg.Connection[tuple[object, ...]], name: str) -> None:
    server.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))


async def test_numbers_of_a_group_lost_while_the_server_is_away_are_given_out_again(
    tmp_path: Path, clock: FakeClock, url: str
) -> None:
    store = Store(tmp_path, clock.now, lambda iri: iri, writer=GatedWriter, database=PostgresDatabase(url))
    GatedWriter.gate.set()
    await store.apply(TENANT, [create(entity("1", a=1))])
    GatedWriter.gate.clear()
    lost = asyncio.create_task(store.apply(TENANT, [create(entity("2", fresh=1)), create(entity("3", fresh=1))]))
    await asyncio.sleep(0.1)
    with _away(url):
        GatedWriter.gate.set()
        with pytest.raises(StoreUnavailable):
            await lost
    (outcome,) = await store.apply(TENANT, [create(entity("4", fresh=1))])
    assert outcome.seq == 2
    store.close()
    reopened = open_store(tmp_path, clock, PostgresDatabase(url))
    await reopened.apply(TENANT, [create(entity("5", other=5))])
    assert [item.seq for item in changes(reopened)] == [1, 2, 3]
    assert (value(reopened, "4", "fresh"), value(reopened, "5", "other")) == (1, 5)
    found = await reopened.read(lambda reader: reader.list_attributes(TENANT))
    assert {one.iri for one in found} == {"urn:a:a", "urn:a:fresh", "urn:a:other"}
    close_readers(reopened)
    reopened.close()


async def test_a_server_that_restarted_meanwhile_is_not_noticed(tmp_path: Path, clock: FakeClock, url: str) -> None:
    store = open_store(tmp_path, clock, PostgresDatabase(url))
    await store.apply(TENANT, [create(entity("1", a=1))])
    for number in (2, 3):
        with psycopg.connect(f"{SERVER}/postgres", autocommit=True) as server:
            _end_all(server, url.rpartition("/")[2])
        assert await store.find(TENANT, entity("1").id) is not None
        assert len((await store.query(TENANT, Query())).items) == number - 1
        (outcome,) = await _apply_once_free(store, create(entity(str(number), a=1)))
        assert outcome.seq == number
    close_readers(store)
    store.close()


async def test_a_hub_that_lost_its_connection_does_not_write_beside_the_one_that_took_over(
    tmp_path: Path, clock: FakeClock, url: str
) -> None:
    first = open_store(tmp_path / "first", clock, PostgresDatabase(url))
    await first.apply(TENANT, [create(entity("1", a=1))])
    with pytest.raises(DirectoryInUse):
        PostgresDatabase(url)
    with psycopg.connect(f"{SERVER}/postgres", autocommit=True) as server:
        _end_all(server, url.rpartition("/")[2])
    second = open_store(tmp_path / "second", clock, PostgresDatabase(url))
    await second.apply("other", [create(entity("2", a=2))])
    for _ in range(2):
        with pytest.raises(StoreUnavailable):
            await first.apply(TENANT, [create(entity("3", a=3))])
    second.close()
    (outcome,) = await _apply_once_free(first, create(entity("3", a=3)))
    assert outcome.seq == 2
    assert find(first, "2", "other") is not None
    close_readers(first)
    first.close()


async def _apply_once_free(store: Store, command: Command) -> list[Outcome]:
    """The server learns a moment later that a connection was closed, and lets go of its lock only then."""
    for _ in range(50):
        with contextlib.suppress(StoreUnavailable):
            return await store.apply(TENANT, [command])
        await asyncio.sleep(0.1)
    return await store.apply(TENANT, [command])


def test_a_transaction_that_the_server_takes_back_is_not_told_as_written(url: str) -> None:
    database = PostgresDatabase(url)
    connection = database.connect()
    connection.begin()
    with pytest.raises(psycopg.Error):
        connection.change(Statement("", "SELECT 1 FROM nowhere"), {})
    with pytest.raises(StoreUnavailable, match="took the transaction back"):
        connection.commit()
    database.close()


async def test_the_longest_keys_there_are_fit_the_indexes(tmp_path: Path, clock: FakeClock, url: str) -> None:
    """One row that no index takes would take back all that is written with it."""
    store = open_store(tmp_path, clock, PostgresDatabase(url))
    chance = random.Random(1)

    def wild(length: int) -> str:  # nothing that compression makes short
        return "".join(chance.choices("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", k=length))

    said = expand_entity(
        {
            "id": "urn:e:" + wild(LONGEST_KEY - 6),
            "type": "urn:t:" + wild(1_000),
            "urn:a:" + wild(1_000): [{"value": wild(9_000), "datasetId": "urn:d:" + wild(LONGEST_KEY - 6)}],
        },
        CORE,
    )
    run = Run("feed" * 16, clock.now(), clock.now(), "applied", "", (delivery(said, name=wild(255)),))
    tenant = "t" * 64
    (outcome,) = await store.apply(tenant, [create(said)])
    assert outcome.done == "created"
    await store.ingest(tenant, run)
    assert await store.put_resource(tenant, "subscription", said.id, b"{}")
    close_readers(store)
    store.close()
