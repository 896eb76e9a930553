"""How what is said meets what is known."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings

from cityos.ngsi.entity import Entity, Instance, to_bytes
from cityos.ngsi.expansion import NULL
from cityos.ngsi.merge import merge_patch, observe, settle, update_attributes, without_nulls
from cityos.ngsi.value import Json
from tests.cityos.ngsi.wild import entities

NOW = datetime(2026, 1, 15, 8, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)
A, B = "urn:a:a", "urn:a:b"


def _entity(**values: Json) -> Entity:
    instances = {f"urn:a:{name}": {"": Instance("Property", value)} for name, value in values.items()}
    return Entity("urn:x:1", ("urn:t:T",), instances)


@settings(max_examples=20, deadline=None)
@given(entities(), entities())
def test_saying_it_twice_changes_nothing_more(known: Entity, said: Entity) -> None:
    for combine in (merge_patch, update_attributes):
        once = combine(known, said)
        assert combine(once, said) == once


@settings(max_examples=20, deadline=None)
@given(entities())
def test_settling_what_is_known_changes_nothing(entity: Entity) -> None:
    known, _, _ = settle(None, entity, NOW)
    again, changes, changed = settle(known, known, LATER)
    assert (changes, changed) == ([], False)
    assert to_bytes(again) == to_bytes(known)


@settings(max_examples=20, deadline=None)
@given(entities(), entities())
def test_settling_keeps_the_times_of_what_stays(known: Entity, said: Entity) -> None:
    before, _, _ = settle(None, known, NOW)
    after, changes, _ = settle(before, update_attributes(before, said), LATER)
    changed = {(one.name, one.dataset) for one in changes}
    for name, instances in after.attributes.items():
        for dataset, instance in instances.items():
            assert instance.modified_at == (LATER if (name, dataset) in changed else NOW)


def test_settling_tells_what_came_changed_and_went() -> None:
    known, _, _ = settle(None, _entity(a=1, b=2, c=3), NOW)
    _, changes, changed = settle(known, _entity(a=1, b=5, d=4), LATER)
    told = {one.name[-1]: (one.before and one.before.value, one.after and one.after.value) for one in changes}
    assert changed
    assert told == {"b": (2, 5), "c": (3, None), "d": (None, 4)}


def test_true_is_another_value_than_one() -> None:
    pairs: list[tuple[Json, Json]] = [(1, True), (0, False), ([{"a": 1}], [{"a": True}])]
    for before, after in pairs:
        known, _, _ = settle(None, _entity(a=before), NOW)
        _, _, changed = settle(known, _entity(a=after), LATER)
        assert changed


def test_an_equal_value_with_a_newer_observation_is_a_change() -> None:
    known, _, _ = settle(None, Entity("urn:x:1", ("urn:t:T",), {A: {"": Instance("Property", 1, NOW)}}), NOW)
    said = Entity("urn:x:1", ("urn:t:T",), {A: {"": Instance("Property", 1, LATER)}})
    _, changes, changed = settle(known, said, LATER)
    assert changed
    assert len(changes) == 1


def test_a_new_type_is_a_change_though_no_attribute_changed() -> None:
    known, _, _ = settle(None, _entity(a=1), NOW)
    wanted = update_attributes(known, Entity("", ("urn:t:U",)))
    entity, changes, changed = settle(known, wanted, LATER)
    assert (entity.types, changes, changed) == (("urn:t:T", "urn:t:U"), [], True)


def test_merging_null_deletes_at_every_depth() -> None:
    known = _entity(a={"x": 1, "y": {"z": 2}}, b=1)
    said = _entity(a={"x": NULL, "y": {"z": NULL, "w": 3}}, b=NULL)
    assert merge_patch(known, said) == _entity(a={"y": {"w": 3}})


def test_merging_null_into_what_is_not_there_stores_no_null() -> None:
    assert merge_patch(_entity(), _entity(a={"x": {"y": NULL}}, b=NULL)) == _entity(a={"x": {}})
    assert without_nulls(_entity(a={"x": NULL}, b=NULL)) == _entity(a={})


def test_updating_with_null_deletes_the_attribute() -> None:
    assert update_attributes(_entity(a=1, b=2), _entity(a=NULL)) == _entity(b=2)


def test_merging_another_kind_replaces_the_value() -> None:
    known = Entity("urn:x:1", ("urn:t:T",), {A: {"": Instance("Property", {"ja": "雪", "n": 1})}})
    said = Entity("", (), {A: {"": Instance("LanguageProperty", {"ja": "雨"})}})
    assert merge_patch(known, said).attributes[A][""] == Instance("LanguageProperty", {"ja": "雨"})


def test_merging_a_geometry_replaces_it_whole() -> None:
    one: Json = {"type": "Point", "coordinates": [1, 2], "bbox": [1, 2, 1, 2]}
    other: Json = {"type": "Point", "coordinates": [3, 4]}
    known = Entity("urn:x:1", ("urn:t:T",), {A: {"": Instance("GeoProperty", one)}})
    said = Entity("", (), {A: {"": Instance("GeoProperty", other)}})
    assert merge_patch(known, said).attributes[A][""].value == other


def test_merging_keeps_what_is_said_about_the_value() -> None:
    about = {B: {"": Instance("Property", "gauge")}}
    known = Entity("urn:x:1", ("urn:t:T",), {A: {"": Instance("Property", 1, None, "", {"unitCode": "CMT"}, about)}})
    merged = merge_patch(known, Entity("", (), {A: {"": Instance("Property", 2)}})).attributes[A][""]
    assert merged == Instance("Property", 2, None, "", {"unitCode": "CMT"}, about)


def test_datasets_are_told_apart() -> None:
    known = Entity("urn:x:1", ("urn:t:T",), {A: {"": Instance("Property", 1)}})
    said = Entity("", (), {A: {"urn:d:1": Instance("Property", 2, dataset="urn:d:1")}})
    assert set(update_attributes(known, said).attributes[A]) == {"", "urn:d:1"}


def test_an_older_observation_goes_to_history_only() -> None:
    known = Entity("urn:x:1", ("urn:t:T",), {A: {"": Instance("Property", 1, LATER)}})
    said = Entity("urn:x:1", ("urn:t:T",), {A: {"": Instance("Property", 9, NOW)}, B: {"": Instance("Property", 2)}})
    wanted, late = observe(known, said)
    assert wanted.attributes[A][""].value == 1
    assert wanted.attributes[B][""].value == 2
    assert late == [(A, Instance("Property", 9, NOW))]


def test_an_observation_of_the_same_instant_corrects() -> None:
    known = Entity("urn:x:1", ("urn:t:T",), {A: {"": Instance("Property", 1, NOW)}})
    said = Entity("urn:x:1", ("urn:t:T",), {A: {"": Instance("Property", 2, NOW)}})
    wanted, late = observe(known, said)
    assert (wanted.attributes[A][""].value, late) == (2, [])
