"""Changes with the state each led to, read from a real store."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import cast

import pytest

from cityos.hub import DEFAULT_TENANT
from cityos.ngsi.entity import Entity, Instance
from cityos.ngsi.provision import Command, delete, merge, upsert
from cityos.ngsi.value import Json, JsonObject
from cityos.notify.change import Change, Portion, read_portion
from cityos.store.store import Store
from tests.cityos.notify.telling import iri
from tests.fakes import FakeClock


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    made = Store(tmp_path, FakeClock().now, lambda name: name.rpartition("/")[2])
    yield made
    made.close()


async def write(store: Store, *commands: Command) -> None:
    for command in commands:
        (outcome,) = await store.apply(DEFAULT_TENANT, [command])
        assert outcome.error is None


async def read(store: Store, after: int = 0, limit: int = 100, *types: str) -> Portion:
    return await store.read(lambda reader: read_portion(reader, DEFAULT_TENANT, after, limit, frozenset(types)))


def bus(**values: Json) -> Entity:
    made = Entity("urn:b:1", (iri("Bus"),))
    for name, value in values.items():
        made.set(iri(name), Instance("Property", value))
    return made


def values(change: Change) -> JsonObject:
    """Attribute values of the state of a change."""
    return {
        name.rpartition("/")[2]: cast(list[JsonObject], instances)[0]["value"]
        for name, instances in change.entity.items()
        if ":" in name
    }


async def test_each_change_has_its_own_state_though_the_entity_has_moved_on(store: Store) -> None:
    await write(store, upsert(bus(speed=1)), merge("urn:b:1", bus(speed=2, door=1)), merge("urn:b:1", bus(speed=3)))
    portion = await read(store)
    assert [values(one) for one in portion.changes] == [{"speed": 1}, {"speed": 2, "door": 1}, {"speed": 3, "door": 1}]
    assert [one.op for one in portion.changes] == ["create", "update", "update"]
    assert (portion.next, portion.head) == (3, 3)


async def test_states_are_right_where_the_page_ends_before_the_entity_does(store: Store) -> None:
    await write(store, *(upsert(bus(speed=n)) for n in range(1, 6)))
    assert [values(one)["speed"] for one in (await read(store, limit=2)).changes] == [1, 2]
    assert [values(one)["speed"] for one in (await read(store, after=2, limit=2)).changes] == [3, 4]


async def test_an_end_tells_the_state_before_and_a_new_beginning_starts_afresh(store: Store) -> None:
    await write(store, upsert(bus(speed=1)), merge("urn:b:1", bus(speed=2)), delete("urn:b:1"), upsert(bus(door=1)))
    portion = await read(store)
    assert [(one.op, values(one)) for one in portion.changes] == [
        ("create", {"speed": 1}),
        ("update", {"speed": 2}),
        ("delete", {"speed": 2}),
        ("create", {"door": 1}),
    ]
    ended = portion.changes[2].entity
    assert ended["createdAt"] == ended["modifiedAt"] == "2026-01-15T08:00:00Z"


async def test_states_before_an_end_beyond_the_page_are_known(store: Store) -> None:
    await write(store, upsert(bus(speed=1)), merge("urn:b:1", bus(speed=2)), delete("urn:b:1"))
    assert [values(one) for one in (await read(store, limit=1)).changes] == [{"speed": 1}]


async def test_changes_of_other_types_are_passed_over(store: Store) -> None:
    await write(store, upsert(bus(speed=1)), upsert(Entity("urn:t:1", (iri("Tram"),))))
    portion = await read(store, 0, 100, iri("Tram"))
    assert [one.id for one in portion.changes] == ["urn:t:1"]
    assert portion.next == 2


async def test_what_an_attribute_change_pulls(store: Store) -> None:
    await write(store, upsert(bus(speed=1, door=1)), upsert(bus(speed=2, line=1)))
    (_, change) = (await read(store)).changes
    assert {one.name.rpartition("/")[2]: one.trigger for one in change.attributes} == {
        "speed": "attributeUpdated",
        "door": "attributeDeleted",
        "line": "attributeCreated",
    }
