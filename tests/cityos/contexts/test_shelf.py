"""What is kept of contexts has a bound, and lists what a tenant may see."""

from __future__ import annotations

from cityos.contexts.shelf import Kind, Shelf
from cityos.store.store import Store
from tests.fakes import FakeClock


async def test_beyond_a_number_the_cached_one_not_used_for_longest_goes(store: Store, clock: FakeClock) -> None:
    shelf = Shelf(store, clock.now, most_cached=3)
    for name in "abc":
        clock.forward(minutes=1)
        await shelf.put("", Kind.CACHED, f"http://{name}/", {"@context": {}})
    clock.forward(minutes=1)
    shelf.count("t", Kind.CACHED, "http://a/")
    for name in "de":
        clock.forward(minutes=1)
        await shelf.put("", Kind.CACHED, f"http://{name}/", {"@context": {}})
    assert [one.id for one in await shelf.list_all("t")] == ["http://a/", "http://d/", "http://e/"]


async def test_the_bound_holds_over_restarts(store: Store, clock: FakeClock) -> None:
    first = Shelf(store, clock.now, most_cached=2)
    for name in "ab":
        clock.forward(minutes=1)
        await first.put("", Kind.CACHED, f"http://{name}/", {"@context": {}})
    clock.forward(minutes=1)
    await Shelf(store, clock.now, most_cached=2).put("", Kind.CACHED, "http://c/", {"@context": {}})
    assert [one.id for one in await first.list_all("")] == ["http://b/", "http://c/"]


async def test_a_tenant_sees_its_own_and_the_cached_ones(store: Store, clock: FakeClock) -> None:
    shelf = Shelf(store, clock.now)
    await shelf.put("t", Kind.HOSTED, "h", {"@context": {}})
    await shelf.put("t", Kind.IMPLICIT, "i", {"@context": {}})
    await shelf.put("t", Kind.CACHED, "http://c/", {"@context": {}})
    assert [one.id for one in await shelf.list_all("t")] == ["h", "i", "http://c/"]
    assert [one.id for one in await shelf.list_all("u")] == ["http://c/"]


async def test_what_is_forgotten_has_no_usage_when_it_comes_back(store: Store, clock: FakeClock) -> None:
    shelf = Shelf(store, clock.now)
    await shelf.put("t", Kind.HOSTED, "h", {"@context": {}})
    shelf.count("t", Kind.HOSTED, "h")
    await shelf.flush()
    entry = await shelf.find("t", "h")
    assert entry is not None
    assert entry.usage.hits == 1
    await shelf.delete("t", entry)
    await shelf.put("t", Kind.HOSTED, "h", {"@context": {}})
    again = await Shelf(store, clock.now).find("t", "h")
    assert again is not None
    assert again.usage.hits == 0
