"""Resources are kept byte for byte, by tenant, kind and id."""

from __future__ import annotations

from cityos.store.resource import EVERYONE, Resource
from cityos.store.store import Store
from tests.cityos.store.building import minutes, reader_of
from tests.fakes import START, FakeClock


async def test_what_is_put_is_found_until_it_is_deleted(store: Store, clock: FakeClock) -> None:
    assert await store.put_resource("t", "context", "a", b"\x00one")
    clock.forward(minutes=1)
    assert not await store.put_resource("t", "context", "a", b"two")
    assert reader_of(store).find_resource("t", "context", "a") == Resource("a", b"two", START, minutes(1))
    assert await store.delete_resource("t", "context", "a")
    assert not await store.delete_resource("t", "context", "a")
    assert reader_of(store).find_resource("t", "context", "a") is None


async def test_what_is_there_stays_if_only_the_new_is_wanted(store: Store) -> None:
    assert await store.put_resource("t", "context", "a", b"one", only_new=True)
    assert not await store.put_resource("t", "context", "a", b"two", only_new=True)
    found = reader_of(store).find_resource("t", "context", "a")
    assert found is not None
    assert found.body == b"one"


async def test_tenants_and_kinds_are_apart_and_lists_in_order(store: Store) -> None:
    for tenant, kind, name in (("t", "k", "b"), ("t", "k", "a"), ("t", "other", "c"), ("u", "k", "d")):
        await store.put_resource(tenant, kind, name, b"")
    assert [one.id for one in reader_of(store).list_resources("t", "k")] == ["a", "b"]
    assert reader_of(store).find_resource("u", "k", "a") is None


async def test_a_resource_makes_its_tenant_exist(store: Store) -> None:
    await store.put_resource(EVERYONE, "k", "a", b"")
    assert reader_of(store).tenants() == {}
    await store.put_resource("t", "k", "a", b"")
    assert store.has_tenant("t")
