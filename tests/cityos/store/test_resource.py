"""Resources are kept byte for byte, by tenant, kind and id."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from cityos.store.resource import EVERYONE, Resource
from cityos.store.sqlite import SqliteStore
from tests.cityos.store.building import minutes, open_store
from tests.fakes import START, FakeClock


async def test_what_is_put_is_found_until_it_is_deleted(store: SqliteStore, clock: FakeClock) -> None:
    assert await store.put_resource("t", "context", "a", b"\x00one")
    clock.forward(minutes=1)
    assert not await store.put_resource("t", "context", "a", b"two")
    assert store.reader.find_resource("t", "context", "a") == Resource("a", b"two", START, minutes(1))
    assert await store.delete_resource("t", "context", "a")
    assert not await store.delete_resource("t", "context", "a")
    assert store.reader.find_resource("t", "context", "a") is None


async def test_what_is_there_stays_if_only_the_new_is_wanted(store: SqliteStore) -> None:
    assert await store.put_resource("t", "context", "a", b"one", only_new=True)
    assert not await store.put_resource("t", "context", "a", b"two", only_new=True)
    found = store.reader.find_resource("t", "context", "a")
    assert found is not None
    assert found.body == b"one"


async def test_tenants_and_kinds_are_apart_and_lists_in_order(store: SqliteStore) -> None:
    for tenant, kind, name in (("t", "k", "b"), ("t", "k", "a"), ("t", "other", "c"), ("u", "k", "d")):
        await store.put_resource(tenant, kind, name, b"")
    assert [one.id for one in store.reader.list_resources("t", "k")] == ["a", "b"]
    assert store.reader.find_resource("u", "k", "a") is None


async def test_a_resource_makes_its_tenant_exist(store: SqliteStore) -> None:
    await store.put_resource(EVERYONE, "k", "a", b"")
    assert store.reader.tenants() == {}
    await store.put_resource("t", "k", "a", b"")
    assert store.has_tenant("t")


async def test_a_database_of_the_first_schema_gets_the_table(tmp_path: Path, clock: FakeClock) -> None:
    first = open_store(tmp_path, clock)
    epoch = first.epoch
    first.close()
    connection = sqlite3.connect(tmp_path / "city.db")
    connection.execute("DROP TABLE resource")
    connection.execute("UPDATE meta SET value = '1' WHERE key = 'schema'")
    connection.commit()
    connection.close()
    again = open_store(tmp_path, clock)
    assert await again.put_resource("t", "k", "a", b"")
    assert again.epoch == epoch
    again.close()
