"""Queries, pages and the change feed."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cityos.ngsi.core_context import LOCATION
from cityos.ngsi.entity import Entity, Instance, from_bytes
from cityos.ngsi.geo import GeoQuery, parse_bbox, parse_geo_query
from cityos.ngsi.provision import delete, upsert, upsert_attributes
from cityos.ngsi.selector import Selector, of_types
from cityos.ngsi.value import Json
from cityos.store.error import CursorGone, QueryTooLong
from cityos.store.record import Query, Retention
from cityos.store.store import Store
from tests.cityos.store.building import OTHER, TENANT, ZONE, changes, entity, placed, reader_of
from tests.fakes import FakeClock


async def _put(store: Store, *entities: Entity, tenant: str = TENANT) -> None:
    await store.apply(tenant, [upsert(one) for one in entities])


async def _ids(store: Store, query: Query, tenant: str = TENANT) -> list[str]:
    page = await store.query(tenant, query)
    return [one.id.removeprefix("urn:e:") for one in page.items]


async def test_types_ids_and_attributes_narrow_a_query(store: Store) -> None:
    both = Entity("urn:e:3", (ZONE, OTHER), {"urn:a:b": {"": Instance("Property", 1)}})
    await _put(store, entity("1", a=1), entity("2", of=OTHER, a=1), both)
    assert await _ids(store, Query(of_types(ZONE))) == ["1", "3"]
    assert await _ids(store, Query(of_types(ZONE, OTHER))) == ["1", "2", "3"]
    assert await _ids(store, Query(of_types("urn:t:Unknown"))) == []
    assert await _ids(store, Query((Selector(ids=frozenset(("urn:e:2", "urn:e:3", "urn:e:9"))),))) == ["2", "3"]
    assert await _ids(store, Query(attributes=frozenset(("urn:a:a",)))) == ["1", "2"]
    assert await _ids(store, Query(of_types(ZONE), attributes=frozenset(("urn:a:a",)))) == ["1"]


async def test_an_attribute_or_type_that_is_gone_is_not_found(store: Store) -> None:
    await _put(store, entity("1", a=1, b=1), entity("2", a=1))
    await _put(store, entity("1", b=1))
    await store.apply(TENANT, [delete("urn:e:2")])
    assert await _ids(store, Query(attributes=frozenset(("urn:a:a",)))) == []
    assert await _ids(store, Query(of_types(ZONE))) == ["1"]


async def test_tenants_never_mix(store: Store) -> None:
    await _put(store, placed("1", 140.75, 40.82))
    await _put(store, placed("2", 140.75, 40.82), tenant="other")
    box = parse_bbox("140,40,141,41")
    for tenant, own in ((TENANT, "1"), ("other", "2")):
        assert await _ids(store, Query(place=box), tenant) == [own]
        assert await _ids(store, Query(of_types(ZONE)), tenant) == [own]
        assert reader_of(store).find(tenant, "urn:e:1" if own == "2" else "urn:e:2") is None
    assert not store.has_tenant("third")


def _random_geometry(chance: random.Random) -> Json:
    lon, lat = chance.uniform(140.7, 140.8), chance.uniform(40.78, 40.86)
    size = chance.choice([0.0001, 0.01])
    if chance.random() < 0.6:
        return {"type": "Point", "coordinates": [lon, lat]}
    if chance.random() < 0.5:
        return {"type": "LineString", "coordinates": [[lon, lat], [lon + size, lat + size / 2]]}
    ring: Json = [[lon, lat], [lon + size, lat], [lon, lat + size], [lon, lat]]
    return {"type": "Polygon", "coordinates": [ring]}


_GEOMETRIES = [_random_geometry(random.Random(number)) for number in range(400)]


@st.composite
def _places(draw: st.DrawFn) -> GeoQuery:
    chance = random.Random(draw(st.integers(0, 10**6)))
    lon, lat = chance.uniform(140.68, 140.82), chance.uniform(40.76, 40.88)
    wide, high = chance.choice([0.0, 0.002, 0.05]), chance.choice([0.0, 0.002, 0.05])
    if draw(st.booleans()):
        return parse_bbox(f"{lon},{lat},{lon + wide},{lat + high}")
    relation = draw(st.sampled_from(["within", "intersects", "near;maxDistance==500", "near;minDistance==3000"]))
    if "near" in relation:
        return parse_geo_query(relation, "Point", f"[{lon},{lat}]")
    ring = f"[[[{lon},{lat}],[{lon + 0.03},{lat}],[{lon},{lat + 0.03}],[{lon},{lat}]]]"
    return parse_geo_query(relation, "Polygon", ring)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=_places(), typed=st.booleans())
async def test_a_query_by_place_finds_exactly_what_is_there(store: Store, place: GeoQuery, typed: bool) -> None:
    if reader_of(store).count(TENANT) == 0:
        made = [Entity(f"urn:e:{n:03}", (ZONE if n % 3 else OTHER,)) for n in range(len(_GEOMETRIES))]
        for one, geometry in zip(made, _GEOMETRIES, strict=True):
            one.set(LOCATION, Instance("GeoProperty", geometry))
        await _put(store, *made)
    wanted = [f"{n:03}" for n, geometry in enumerate(_GEOMETRIES) if place.matches(geometry) and (n % 3 or not typed)]
    selectors = of_types(ZONE) if typed else (Selector(),)
    assert await _ids(store, Query(selectors, place=place, limit=1000)) == wanted


async def test_an_entity_that_moved_is_found_only_where_it_is(store: Store) -> None:
    await _put(store, placed("1", 140.1, 40.1))
    await _put(store, placed("1", 140.9, 40.9))
    assert await _ids(store, Query(place=parse_bbox("140,40,140.5,40.5"))) == []
    assert await _ids(store, Query(place=parse_bbox("140.5,40.5,141,41"))) == ["1"]
    await store.apply(TENANT, [delete("urn:e:1")])
    assert await _ids(store, Query(place=parse_bbox("140,40,141,41"))) == []


async def test_an_entity_with_a_new_type_is_found_under_both(store: Store) -> None:
    await _put(store, placed("1", 140.1, 40.1))
    await store.apply(TENANT, [upsert_attributes(placed("1", 140.1, 40.1, of=OTHER))])
    for wanted in (ZONE, OTHER):
        assert await _ids(store, Query(of_types(wanted), place=parse_bbox("140,40,141,41"))) == ["1"]


async def test_many_places_of_few_entities_lose_no_entity(store: Store) -> None:
    """More boxes than are fetched from the tree at once, but fewer entities than that."""
    made = []
    for number in range(1_200):
        one = placed(f"{number:04}", 140.5, 40.5)
        again = Instance("GeoProperty", {"type": "Point", "coordinates": [140.6, 40.6]}, dataset="urn:d:2")
        one.set(LOCATION, again)
        made.append(one)
    await _put(store, *made)
    found = await _ids(store, Query(of_types(ZONE), place=parse_bbox("140,40,141,41"), limit=2_000))
    assert len(found) == 1_200


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10**6), limit=st.integers(1, 9), by_place=st.booleans())
async def test_paging_neither_repeats_nor_skips_what_stays(store: Store, seed: int, limit: int, by_place: bool) -> None:
    chance, tenant = random.Random(seed), f"t{seed}-{limit}-{by_place}"
    staying = {f"{chance.randrange(10**6):06}" for _ in range(20)}
    await _put(store, *(placed(local, 140.5, 40.5) for local in staying), tenant=tenant)
    place = parse_bbox("140,40,141,41") if by_place else None
    seen: list[str] = []
    after = ""
    while True:
        page = await store.query(tenant, Query(of_types(ZONE), place=place, after=after, limit=limit))
        seen += [one.id.removeprefix("urn:e:") for one in page.items]
        if page.next is None:
            break
        after = page.next
        passing = f"{chance.randrange(10**6):06}x"
        await _put(store, placed(passing, 140.5, 40.5), tenant=tenant)
        if chance.random() < 0.5:
            await store.apply(tenant, [delete(f"urn:e:{passing}")])
    assert len(seen) == len(set(seen))
    assert staying <= set(seen)
    assert seen == sorted(seen)


async def test_a_query_that_takes_too_long_is_ended(tmp_path: Path, clock: FakeClock) -> None:
    store = Store(tmp_path, clock.now, lambda iri: iri, query_limit_s=0.005)
    await _put(store, *(placed(f"{number:05}", 140.5, 40.5) for number in range(3_000)))
    nowhere = parse_geo_query("near;minDistance==9000000", "Point", "[140.5,40.5]")
    with pytest.raises(QueryTooLong, match=r"longer than 0\.005 s"):
        await store.query(TENANT, Query(place=nowhere))
    assert len(await _ids(store, Query(of_types(ZONE)))) == 20
    store.close()


# ---- the change feed


async def test_pages_of_changes_lead_to_the_head(store: Store) -> None:
    await _put(store, *(entity(str(number), a=1) for number in range(7)))
    after, seen = 0, []
    while after < 7:
        page = reader_of(store).changes(TENANT, after, epoch=store.epoch, limit=3)
        seen += [item.seq for item in page.items]
        after = page.next
    assert (seen, page.head) == ([1, 2, 3, 4, 5, 6, 7], 7)


async def test_next_passes_what_a_filter_left_out(store: Store) -> None:
    await _put(store, entity("1", a=1), *(entity(f"x{n}", of=OTHER, a=1) for n in range(5)), entity("2", a=1))
    page = reader_of(store).changes(TENANT, 1, types=frozenset((ZONE,)))
    assert ([item.entity_id for item in page.items], page.next) == (["urn:e:2"], 7)
    page = reader_of(store).changes(TENANT, 0, ids=frozenset(("urn:e:1",)), limit=1)
    assert ([item.seq for item in page.items], page.next) == ([1], 1)
    page = reader_of(store).changes(TENANT, 0, types=frozenset(("urn:t:Unknown",)))
    assert (page.items, page.next) == ((), 7)


async def test_a_cursor_that_does_not_belong_here_is_gone(store: Store, clock: FakeClock) -> None:
    await _put(store, entity("1", a=1))
    for after, epoch in ((2, None), (1, "other")):
        with pytest.raises(CursorGone) as told:
            reader_of(store).changes(TENANT, after, epoch=epoch)
        assert (told.value.epoch, told.value.head) == (store.epoch, 1)
    clock.forward(days=8)
    await _put(store, entity("2", a=1))
    await _put(store, entity("2", a=2))
    while await store.trim(TENANT, Retention()):
        pass
    await _put(store, entity("2", a=3))
    assert [item.seq for item in changes(store)] == [2, 3, 4]
    assert reader_of(store).changes(TENANT, 1).items[0].seq == 2


async def test_a_cursor_older_than_what_is_kept_is_gone(store: Store, clock: FakeClock) -> None:
    for number in range(3):
        await _put(store, entity("1", a=number))
    clock.forward(days=8)
    await _put(store, entity("1", a=9))
    await store.trim(TENANT, Retention())
    with pytest.raises(CursorGone, match="no longer kept"):
        reader_of(store).changes(TENANT, 2)
    assert [item.seq for item in reader_of(store).changes(TENANT, 3).items] == [4]
    assert [item.seq for item in reader_of(store).changes(TENANT, 0).items] == [4]


async def test_a_tenant_without_changes_has_an_empty_feed(store: Store) -> None:
    page = reader_of(store).changes("new", 0)
    assert (page.items, page.next, page.head) == ((), 0, 0)


async def test_what_a_reader_sees_stays_one_state(store: Store) -> None:
    await _put(store, entity("1", a=1))
    reader = store._free[0]
    reader.begin(5.0)
    first = reader.count(TENANT)
    await _put(store, entity("2", a=1))
    assert reader.count(TENANT) == first
    reader.end()
    assert reader.count(TENANT) == 2


async def test_heads_come_in_order_of_id_without_the_ended(store: Store) -> None:
    await _put(store, entity("b", a=1), entity("a", a=1), entity("c", a=1))
    await store.apply(TENANT, [delete("urn:e:b")])
    assert reader_of(store).heads(TENANT, "", 10) == [("urn:e:a", "Zone", 2), ("urn:e:c", "Zone", 3)]
    assert reader_of(store).heads(TENANT, "urn:e:a", 10) == [("urn:e:c", "Zone", 3)]


async def test_what_is_found_carries_the_version_that_wrote_it(store: Store) -> None:
    await _put(store, entity("1", a=1))
    await _put(store, entity("1", a=2))
    stored = reader_of(store).find(TENANT, "urn:e:1")
    assert stored is not None
    assert (stored.seq, stored.topic, from_bytes(stored.content).id) == (2, "Zone", "urn:e:1")
