"""The past written: what moves the present, what is history only, what is erased. On either database."""

from __future__ import annotations

from datetime import timedelta

import pytest

from cityos.ngsi.entity import Entity, Instance
from cityos.ngsi.error import BadRequestData, ResourceNotFound
from cityos.ngsi.evolution import SCOPE, Evolution, Said, scope_instance
from cityos.ngsi.expansion import NULL, UNSAID
from cityos.ngsi.provision import delete, delete_attribute, upsert
from cityos.ngsi.temporal_query import TemporalQuery
from cityos.ngsi.value import Json
from cityos.store.record import HistoryQuery, Retention
from cityos.store.store import Store
from tests.cityos.store.building import OTHER, TENANT, ZONE, changes, entity, find, minutes, reader_of, value
from tests.fakes import START, FakeClock

_DEPTH = "urn:a:depth"


def said(local: str, *values: tuple[Json, float | None], of: str = ZONE, dataset: str = "") -> Said:
    """Instances of `depth`, each a value and the minute it was observed."""
    instances = [Instance("Property", one, None if at is None else minutes(at), dataset) for one, at in values]
    return Said(Entity(f"urn:e:{local}", (of,)), {_DEPTH: instances})


def past(store: Store, local: str, asked: HistoryQuery | None = None) -> Evolution | None:
    return reader_of(store).history.retrieve(TENANT, f"urn:e:{local}", asked or HistoryQuery())


def values(store: Store, local: str, name: str = _DEPTH) -> list[Json]:
    """All of an attribute's past, by time; deletions are NGSI-LD Null."""
    evolution = past(store, local)
    assert evolution is not None
    return [p.body["value"] for s in evolution.series if s.attribute == name for p in s.points]


def numbers(store: Store, local: str) -> list[int]:
    evolution = past(store, local)
    assert evolution is not None
    return [point.no for series in evolution.series for point in series.points]


async def test_who_comes_through_the_past_is_there_now_as_the_newest_says(store: Store) -> None:
    """Clause 5.6.11: one store, so the newest instance is the state."""
    outcome = await store.add_instances(TENANT, said("1", (30, 1), (40, 9), (35, 5)))
    assert outcome.done == "created"
    assert value(store, "1", "depth") == 40
    assert values(store, "1") == [30, 35, 40]
    assert [item.op for item in changes(store)] == ["create"]


async def test_newer_instances_move_the_present_and_older_do_not(store: Store) -> None:
    await store.add_instances(TENANT, said("1", (40, 9)))
    assert (await store.add_instances(TENANT, said("1", (20, 2)))).done == "updated"
    assert value(store, "1", "depth") == 40
    assert len(changes(store)) == 1
    await store.add_instances(TENANT, said("1", (50, 12)))
    assert value(store, "1", "depth") == 50
    assert values(store, "1") == [20, 40, 50]
    assert [item.op for item in changes(store)] == ["create", "update"]


async def test_the_same_observation_told_again_corrects_it(store: Store) -> None:
    await store.add_instances(TENANT, said("1", (30, 1), (40, 9)))
    before = numbers(store, "1")
    await store.add_instances(TENANT, said("1", (31, 1), (41, 9)))
    assert values(store, "1") == [31, 41]
    assert numbers(store, "1") == before
    assert value(store, "1", "depth") == 41


async def test_what_the_core_api_writes_has_a_past(store: Store, clock: FakeClock) -> None:
    await store.apply(TENANT, [upsert(entity("1", depth=1))])
    clock.at += timedelta(minutes=1)
    await store.apply(TENANT, [upsert(entity("1", depth=2))])
    clock.at += timedelta(minutes=1)
    await store.apply(TENANT, [upsert(entity("1"))])
    assert values(store, "1") == [1, 2, NULL]


async def test_an_attribute_may_be_seen_to_end(store: Store) -> None:
    """Clauses 4.5.7, 5.5.4: the deletion is an instance with a time of its own, and only one."""
    await store.add_instances(TENANT, said("1", (30, 1)))
    await store.add_instances(TENANT, said("1", (NULL, 5)))
    assert value(store, "1", "depth") is None
    evolution = past(store, "1", HistoryQuery(TemporalQuery(time_property="observedAt")))
    assert evolution is not None
    assert [(p.body["value"], p.is_deleted) for p in evolution.series[0].points] == [(30, False), (NULL, True)]


async def test_an_entity_that_ended_keeps_its_past_and_its_types(store: Store, clock: FakeClock) -> None:
    await store.add_instances(TENANT, said("1", (30, 1), (40, 2)))
    clock.at += timedelta(hours=1)
    await store.apply(TENANT, [delete("urn:e:1")])
    evolution = past(store, "1")
    assert evolution is not None
    assert evolution.types == (ZONE,)
    assert evolution.deleted_at == START + timedelta(hours=1)
    assert values(store, "1") == [30, 40, NULL]


async def test_what_comes_late_does_not_bring_an_entity_back(store: Store, clock: FakeClock) -> None:
    await store.add_instances(TENANT, said("1", (30, 1)))
    clock.at += timedelta(hours=1)
    await store.apply(TENANT, [delete("urn:e:1")])
    assert (await store.add_instances(TENANT, said("1", (20, 2)))).done == "updated"
    assert find(store, "1") is None
    assert values(store, "1") == [30, 20, NULL]
    clock.at += timedelta(hours=1)
    await store.add_instances(TENANT, said("1", (50, 90)))
    assert value(store, "1", "depth") == 50
    evolution = past(store, "1")
    assert evolution is not None
    assert evolution.deleted_at is None


async def test_the_scope_has_a_past_of_its_own(store: Store, clock: FakeClock) -> None:
    """Clauses 4.5.6, 4.18."""
    told = Said(Entity("urn:e:1", (ZONE,)), {SCOPE: [scope_instance(("/A",), minutes(1))]})
    await store.add_instances(TENANT, told)
    clock.at += timedelta(hours=1)
    await store.apply(TENANT, [delete_attribute("urn:e:1", "scope")])
    found = find(store, "1")
    assert found is not None
    assert found.scopes == ()
    assert values(store, "1", SCOPE) == ["/A", []]


async def test_only_what_is_known_takes_additions(store: Store) -> None:
    """Clause 5.6.12."""
    with pytest.raises(ResourceNotFound):
        await store.add_instances(TENANT, said("1", (30, 1)), only_known=True)
    await store.add_instances(TENANT, said("1", (30, 1)))
    await store.add_instances(TENANT, said("1", (40, 2), of=OTHER), only_known=True)
    found = find(store, "1")
    assert found is not None
    assert found.types == (ZONE, OTHER)


async def test_an_instance_is_changed_in_its_place(store: Store) -> None:
    """Clause 5.6.14."""
    await store.add_instances(TENANT, said("1", (30, 1), (40, 9)))
    oldest, newest = numbers(store, "1")
    await store.change_instance(TENANT, "urn:e:1", _DEPTH, oldest, Instance("Property", 31))
    assert (values(store, "1"), value(store, "1", "depth")) == ([31, 40], 40)
    await store.change_instance(TENANT, "urn:e:1", _DEPTH, newest, Instance("Property", 41))
    assert (values(store, "1"), value(store, "1", "depth")) == ([31, 41], 41)
    assert numbers(store, "1") == [oldest, newest]


async def test_an_instance_that_becomes_the_newest_becomes_the_present(store: Store) -> None:
    await store.add_instances(TENANT, said("1", (30, 1), (40, 9)))
    oldest = numbers(store, "1")[0]
    await store.change_instance(TENANT, "urn:e:1", _DEPTH, oldest, Instance("", UNSAID, minutes(20)))
    assert (values(store, "1"), value(store, "1", "depth")) == ([40, 30], 30)
    assert [item.op for item in changes(store)] == ["create", "update"]


@pytest.mark.parametrize(
    ("part", "told"),
    [
        (Instance("Relationship", "urn:x:1"), "not a Relationship"),
        (Instance("Property", 1, None, "urn:d:other"), "datasetId"),
    ],
)
async def test_an_instance_keeps_its_kind_and_dataset(store: Store, part: Instance, told: str) -> None:
    await store.add_instances(TENANT, said("1", (30, 1)))
    with pytest.raises(BadRequestData, match=told):
        await store.change_instance(TENANT, "urn:e:1", _DEPTH, numbers(store, "1")[0], part)
    assert values(store, "1") == [30]


async def test_without_its_newest_instance_the_one_before_is_the_present_again(store: Store) -> None:
    """Clause 5.6.15."""
    await store.add_instances(TENANT, said("1", (30, 1), (40, 9)))
    oldest, newest = numbers(store, "1")
    await store.delete_instance(TENANT, "urn:e:1", _DEPTH, newest)
    found = find(store, "1")
    assert found is not None
    assert (found.attributes[_DEPTH][""].value, found.attributes[_DEPTH][""].observed_at) == (30, minutes(1))
    assert values(store, "1") == [30]
    await store.delete_instance(TENANT, "urn:e:1", _DEPTH, oldest)
    found = find(store, "1")
    assert found is not None
    assert found.attributes == {}


async def test_instances_of_others_are_not_found(store: Store) -> None:
    await store.add_instances(TENANT, said("1", (30, 1)))
    await store.add_instances(TENANT, said("2", (30, 1)))
    no = numbers(store, "2")[0]
    for entity_id, name in (("urn:e:1", _DEPTH), ("urn:e:2", "urn:a:other"), ("urn:e:3", _DEPTH)):
        with pytest.raises(ResourceNotFound):
            await store.delete_instance(TENANT, entity_id, name, no)
    assert values(store, "2") == [30]


async def test_an_attribute_goes_with_its_past(store: Store) -> None:
    """Clause 5.6.13: the instances of a dataset, or all; no deletion is left to be told."""
    await store.add_instances(TENANT, said("1", (30, 1), (40, 9)))
    await store.add_instances(TENANT, said("1", (7, 3), dataset="urn:d:1"))
    await store.delete_history(TENANT, "urn:e:1", _DEPTH, "")
    assert values(store, "1") == [7]
    found = find(store, "1")
    assert found is not None
    assert list(found.attributes[_DEPTH]) == ["urn:d:1"]
    with pytest.raises(ResourceNotFound):
        await store.delete_history(TENANT, "urn:e:1", _DEPTH, "")
    await store.delete_history(TENANT, "urn:e:1", _DEPTH, "", everything=True)
    assert values(store, "1") == []


async def test_who_is_erased_is_gone_from_state_past_and_feed(store: Store) -> None:
    """Clause 5.6.16, and the house's rule: erasing an entity erases its history and its feed items' values."""
    await store.add_instances(TENANT, said("1", (30, 1)))
    await store.add_instances(TENANT, said("2", (30, 1)))
    await store.add_instances(TENANT, said("1", (40, 2)))
    await store.erase(TENANT, "urn:e:1")
    assert find(store, "1") is None
    assert past(store, "1") is None
    told = [(item.entity_id, item.op, item.body != b"[]") for item in changes(store)]
    assert told == [
        ("urn:e:1", "create", False),
        ("urn:e:2", "create", True),
        ("urn:e:1", "update", False),
        ("urn:e:1", "delete", False),
    ]
    with pytest.raises(ResourceNotFound):
        await store.erase(TENANT, "urn:e:1")
    assert (await store.add_instances(TENANT, said("1", (50, 3)))).done == "created"
    assert values(store, "1") == [50]


async def test_an_ended_entity_is_forgotten_with_the_last_of_its_past(store: Store, clock: FakeClock) -> None:
    await store.add_instances(TENANT, said("1", (30, 1)))
    await store.apply(TENANT, [delete("urn:e:1")])
    keep = Retention(changes=1, history=10)
    clock.at += timedelta(days=5)
    while await store.trim(TENANT, keep):
        pass
    assert past(store, "1") is not None
    clock.at += timedelta(days=6)
    while await store.trim(TENANT, keep):
        pass
    assert past(store, "1") is None
