"""What is shown is read back as what it was."""

from __future__ import annotations

from datetime import UTC, datetime

import orjson
import pytest
from hypothesis import given, settings

from cityos.ngsi.context import CORE, Context
from cityos.ngsi.entity import Entity, Instance, entity_from_json, entity_to_json, from_bytes, to_bytes
from cityos.ngsi.expansion import expand_entity
from cityos.ngsi.representation import View, represent
from cityos.ngsi.value import Json
from tests.cityos.ngsi.wild import entities

DEPTH = "https://example.org/snow#depth"


@settings(max_examples=30, deadline=None)
@given(entities())
def test_canonical_bytes_are_read_back_as_the_same_entity(entity: Entity) -> None:
    entity.created_at = entity.modified_at = datetime(2026, 1, 15, 8, tzinfo=UTC)
    assert from_bytes(to_bytes(entity)) == entity
    assert entity_from_json(entity_to_json(entity)) == entity


@settings(max_examples=30, deadline=None)
@given(entities())
@pytest.mark.parametrize("form", ["normalized", "concise"])
def test_what_is_shown_expands_to_the_same_entity(form: str, entity: Entity) -> None:
    shown = orjson.loads(orjson.dumps(represent(entity, View(CORE, form))))
    assert expand_entity(shown, CORE) == entity


def _entity(*instances: Instance) -> Entity:
    return Entity("urn:x:1", ("https://example.org/Zone",), {DEPTH: {one.dataset: one for one in instances}})


def _shown(entity: Entity, form: str, *, system: bool = False) -> Json:
    view = View(Context({"depth": DEPTH, "Zone": "https://example.org/Zone"}), form, system=system)
    return represent(entity, view)["depth"]


def test_concise_form_shows_a_plain_value_bare() -> None:
    assert _shown(_entity(Instance("Property", 35)), "concise") == 35


@pytest.mark.parametrize(
    "value", [{"a": 1}, [{"value": 1}], {"type": "Point", "coordinates": [1, 2]}], ids=["object", "list", "geometry"]
)
def test_concise_form_keeps_the_member_where_a_bare_value_would_be_misread(value: Json) -> None:
    shown = _shown(_entity(Instance("Property", value)), "concise")
    assert isinstance(shown, dict)
    assert shown["value"] == value


def test_concise_form_shows_no_instance_bare_beside_others() -> None:
    both = _entity(Instance("Property", 1), Instance("Property", 2, dataset="urn:x:d"))
    assert _shown(both, "concise") == [{"value": 1}, {"value": 2, "datasetId": "urn:x:d"}]


def test_simplified_form_tells_datasets_apart() -> None:
    both = _entity(Instance("Property", 1), Instance("Property", 2, dataset="urn:x:d"))
    assert _shown(both, "simplified") == {"dataset": {"@none": 1, "urn:x:d": 2}}


def test_simplified_form_keeps_the_member_of_a_language_map() -> None:
    assert _shown(_entity(Instance("LanguageProperty", {"ja": "雪"})), "simplified") == {"languageMap": {"ja": "雪"}}


def test_times_of_writing_are_shown_only_when_asked_for() -> None:
    at = datetime(2026, 1, 15, 8, tzinfo=UTC)
    entity = _entity(Instance("Property", 1, created_at=at, modified_at=at))
    assert _shown(entity, "normalized") == {"type": "Property", "value": 1}
    assert _shown(entity, "normalized", system=True) == {
        "type": "Property",
        "value": 1,
        "createdAt": "2026-01-15T08:00:00Z",
        "modifiedAt": "2026-01-15T08:00:00Z",
    }


def test_only_the_attributes_asked_for_are_shown() -> None:
    entity = _entity(Instance("Property", 1))
    entity.set("https://example.org/other", Instance("Property", 2))
    assert represent(entity, View(CORE, "simplified", frozenset((DEPTH,)))) == {
        "id": "urn:x:1",
        "type": "https://example.org/Zone",
        DEPTH: 1,
    }


def test_vocab_values_are_shown_in_the_words_of_the_reader() -> None:
    entity = _entity(Instance("VocabProperty", ["https://example.org/Zone", "https://example.org/Else"]))
    shown = _shown(entity, "normalized")
    assert shown == {"type": "VocabProperty", "vocab": ["Zone", "https://example.org/Else"]}
