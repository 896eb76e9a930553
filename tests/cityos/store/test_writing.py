"""What a command does, and what every change carries."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from cityos.ngsi.entity import Entity, Instance
from cityos.ngsi.error import AlreadyExists, ResourceNotFound
from cityos.ngsi.expansion import NULL
from cityos.ngsi.geo import parse_bbox
from cityos.ngsi.provision import Command, create, delete, merge, upsert, upsert_attributes
from cityos.store.record import Outcome, Query
from cityos.store.store import Store
from tests.cityos.store.building import TENANT, ZONE, changes, entity, find, history, minutes, placed, reader_of, value
from tests.fakes import FakeClock


async def _do(store: Store, *commands: Command) -> list[Outcome]:
    return await store.apply(TENANT, commands)


async def _done(store: Store, *commands: Command) -> list[str]:
    return [outcome.done for outcome in await _do(store, *commands)]


async def test_create_is_refused_where_the_entity_is(store: Store) -> None:
    assert await _done(store, create(entity("1", a=1))) == ["created"]
    (again,) = await _do(store, create(entity("1", a=2)))
    assert isinstance(again.error, AlreadyExists)
    assert value(store, "1", "a") == 1


async def test_upsert_replaces_the_whole_or_only_what_is_said(store: Store) -> None:
    assert await _done(store, upsert(entity("1", a=1, b=1))) == ["created"]
    assert await _done(store, upsert_attributes(entity("1", b=2))) == ["updated"]
    assert (value(store, "1", "a"), value(store, "1", "b")) == (1, 2)
    assert await _done(store, upsert(entity("1", b=3))) == ["updated"]
    assert (value(store, "1", "a"), value(store, "1", "b")) == (None, 3)


@pytest.mark.parametrize("write", [upsert, upsert_attributes])
async def test_upsert_takes_null_at_its_word(store: Store, write: Callable[[Entity], Command]) -> None:
    await _do(store, upsert(entity("1", a=1, b=1)))
    said = entity("1", a=NULL, b=2)
    said.set("urn:a:place", Instance("GeoProperty", NULL))
    assert await _done(store, write(said)) == ["updated"]
    assert find(store, "1") is not None
    assert (value(store, "1", "a"), value(store, "1", "b"), value(store, "1", "place")) == (None, 2, None)


async def test_merge_changes_a_part_and_needs_the_entity(store: Store) -> None:
    (absent,) = await _do(store, merge("urn:e:1", entity("", a=1)))
    assert isinstance(absent.error, ResourceNotFound)
    await _do(store, create(entity("1", a={"x": 1}, b=1)))
    assert await _done(store, merge("urn:e:1", entity("", a={"y": 2}, b=NULL))) == ["updated"]
    assert (value(store, "1", "a"), value(store, "1", "b")) == ({"x": 1, "y": 2}, None)


async def test_delete_needs_the_entity(store: Store) -> None:
    await _do(store, create(entity("1", a=1)))
    assert await _done(store, delete("urn:e:1")) == ["deleted"]
    assert find(store, "1") is None
    (again,) = await _do(store, delete("urn:e:1"))
    assert isinstance(again.error, ResourceNotFound)


async def test_commands_of_one_call_see_each_other(store: Store) -> None:
    said: list[Command] = [
        create(entity("1", a=1)),
        merge("urn:e:1", entity("", a=2)),
        delete("urn:e:1"),
        create(entity("1", a=3)),
    ]
    assert await _done(store, *said) == ["created", "updated", "deleted", "created"]
    assert value(store, "1", "a") == 3


async def test_a_refused_command_does_not_hurt_its_neighbours(store: Store) -> None:
    said: list[Command] = [
        create(entity("1", a=1)),
        create(entity("1", a=2)),
        delete("urn:e:none"),
        create(entity("2", a=1)),
    ]
    assert await _done(store, *said) == ["created", "failed", "failed", "created"]
    assert [item.seq for item in changes(store)] == [1, 2]


async def test_an_equal_value_writes_nothing(store: Store, clock: FakeClock) -> None:
    await _do(store, upsert(entity("1", minutes(0), a=1)))
    before = reader_of(store).find(TENANT, "urn:e:1")
    clock.forward(minutes=5)
    said: list[Command] = [upsert(entity("1", minutes(0), a=1)), merge("urn:e:1", entity("", minutes(0), a=1))]
    assert await _done(store, *said) == ["unchanged", "unchanged"]
    assert reader_of(store).find(TENANT, "urn:e:1") == before
    assert len(changes(store)) == 1


async def test_an_equal_value_observed_later_is_a_change(store: Store) -> None:
    await _do(store, upsert(entity("1", minutes(0), a=1)))
    assert await _done(store, upsert(entity("1", minutes(5), a=1))) == ["updated"]


async def test_true_after_one_is_a_change(store: Store) -> None:
    await _do(store, upsert(entity("1", a=1)))
    assert await _done(store, upsert(entity("1", a=True))) == ["updated"]
    assert value(store, "1", "a") is True


async def test_seq_has_no_gap_and_prev_leads_back_through_end_and_return(store: Store) -> None:
    for step in range(3):
        await _do(store, upsert(entity("1", a=step)), upsert(entity("2", a=step)))
        await _do(store, delete("urn:e:1"))
    items = changes(store)
    assert [item.seq for item in items] == list(range(1, len(items) + 1))
    last: dict[str, int] = {}
    for item in items:
        assert item.prev == last.get(item.entity_id, 0)
        last[item.entity_id] = item.seq
    assert len({item.event for item in items}) == len(items)
    assert [item.op for item in items if item.entity_id == "urn:e:1"] == ["create", "delete"] * 3


async def test_seq_counts_each_tenant_for_itself(store: Store) -> None:
    for tenant in ("a", "b", "a"):
        await store.apply(tenant, [create(entity(str(reader_of(store).count(tenant)), a=1))])
    assert reader_of(store).tenants() == {"a": 2, "b": 1}


async def test_a_change_tells_before_and_after(store: Store) -> None:
    await _do(store, upsert(entity("1", a=1)))
    await _do(store, upsert(entity("1", a=2)))
    body = changes(store)[-1].body
    assert b'"value":1' in body
    assert b'"value":2' in body


async def test_times_tell_creation_and_last_change(store: Store, clock: FakeClock) -> None:
    await _do(store, upsert(entity("1", a=1, b=1)))
    clock.forward(minutes=5)
    await _do(store, upsert_attributes(entity("1", b=2)))
    found = find(store, "1")
    assert found is not None
    assert (found.created_at, found.modified_at) == (minutes(0), minutes(5))
    times = {name[-1]: by[""].modified_at for name, by in found.attributes.items()}
    assert times == {"a": minutes(0), "b": minutes(5)}


async def test_every_value_stays_in_history(store: Store) -> None:
    for number in (1, 2, 3):
        await _do(store, upsert(entity("1", minutes(number), a=number)))
    await _do(store, delete("urn:e:1"))
    assert sorted(map(str, history(store, "1", "a"))) == ["1", "2", "3", "None"]


async def test_the_topic_type_stays_for_life_and_is_chosen_anew_after_an_end(store: Store) -> None:
    await _do(store, upsert(Entity("urn:e:1", (ZONE,))))
    await _do(store, upsert(Entity("urn:e:1", ("urn:t:Later", ZONE))))
    await _do(store, delete("urn:e:1"), upsert(Entity("urn:e:1", ("urn:t:Later",))))
    assert [item.topic for item in changes(store)] == ["Zone", "Zone", "Zone", "Later"]


async def test_one_observation_told_again_in_one_call_is_what_was_said_last(store: Store) -> None:
    """Whether it is told for the first time in that call, or was there before."""
    for first in (1, 3):
        said = [upsert_attributes(entity("1", minutes(1), a=first + more)) for more in (0, 1, 2)]
        assert all(outcome.error is None for outcome in await _do(store, *said))
        assert (value(store, "1", "a"), history(store, "1", "a")) == (first + 2, [first + 2])


async def test_whole_degrees_stand_beside_parts_of_them(store: Store) -> None:
    places: list[tuple[float, float]] = [(139, 36), (139.5, 36.5), (140, 36.5)]
    assert await _done(store, *(create(placed(str(n), *place)) for n, place in enumerate(places))) == ["created"] * 3
    page = await store.query(TENANT, Query(place=parse_bbox("139,36,139.5,36.5")))
    assert [one.id for one in page.items] == ["urn:e:0", "urn:e:1"]
