"""What is shown is read back as what it was."""

from __future__ import annotations

from datetime import UTC, datetime

import orjson
import pytest
from hypothesis import given, settings

from cityos.ngsi.context import CORE, Context
from cityos.ngsi.entity import Entity, Instance, entity_from_json, entity_to_json, from_bytes, to_bytes
from cityos.ngsi.expansion import expand_entity
from cityos.ngsi.projection import parse_projection
from cityos.ngsi.representation import View, represent, represent_canonical, represent_instance
from cityos.ngsi.value import Json, JsonObject
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


def _canonical(**attributes: Json) -> JsonObject:
    return entity_to_json(expand_entity({"id": "urn:x:1", "type": "Zone", **attributes}, CORE))


EVERY_KIND = _canonical(
    scope=["/a", "/b"],
    plain={"type": "Property", "value": 1, "unitCode": "CMT"},
    text={
        "type": "LanguageProperty",
        "languageMap": {"ja": "雪", "en": "snow"},
        "by": {"type": "Property", "value": 1},
    },
    data={"type": "JsonProperty", "json": {"a": 1}},
    word={"type": "VocabProperty", "vocab": "busy"},
    many={"type": "ListProperty", "valueList": [1.2, 3.4]},
    to={"type": "Relationship", "object": "urn:x:2"},
    route={"type": "ListRelationship", "objectList": [{"object": "urn:x:2"}, {"object": "urn:x:3"}]},
    place={"type": "GeoProperty", "value": {"type": "Point", "coordinates": [1, 2]}},
)


def test_every_kind_simplified() -> None:
    """Clause 4.5.4, examples 1 to 8."""
    assert represent_canonical(EVERY_KIND, View(CORE, "simplified")) == {
        "id": "urn:x:1",
        "type": "Zone",
        "scope": ["/a", "/b"],
        "plain": 1,
        "text": {"languageMap": {"ja": "雪", "en": "snow"}},
        "data": {"json": {"a": 1}},
        "word": {"vocab": "busy"},
        "many": [1.2, 3.4],
        "to": "urn:x:2",
        "route": ["urn:x:2", "urn:x:3"],
        "place": {"type": "Point", "coordinates": [1, 2]},
    }


def test_every_kind_concise() -> None:
    """Clauses 4.5.2.3 and the like: the value member says the kind."""
    assert represent_canonical(EVERY_KIND, View(CORE, "concise")) == {
        "id": "urn:x:1",
        "type": "Zone",
        "scope": ["/a", "/b"],
        "plain": {"value": 1, "unitCode": "CMT"},
        "text": {"languageMap": {"ja": "雪", "en": "snow"}, "by": 1},
        "data": {"json": {"a": 1}},
        "word": {"vocab": "busy"},
        "many": {"valueList": [1.2, 3.4]},
        "to": {"object": "urn:x:2"},
        "route": {"objectList": [{"object": "urn:x:2"}, {"object": "urn:x:3"}]},
        "place": {"type": "Point", "coordinates": [1, 2]},
    }


def test_bare_uris_of_a_list_relationship_are_shown_as_objects() -> None:
    """Clause 4.5.22.2."""
    instance: JsonObject = {"type": "ListRelationship", "objectList": ["urn:x:2"]}
    shown = represent_canonical({**_canonical(), "https://example.org/r": [instance]}, View(CORE))
    assert shown["https://example.org/r"] == {"type": "ListRelationship", "objectList": [{"object": "urn:x:2"}]}


@pytest.mark.parametrize(
    ("form", "wanted"),
    [
        ("normalized", {"type": "Property", "value": "snow", "lang": "en", "by": {"type": "Property", "value": 1}}),
        ("concise", {"value": "snow", "lang": "en", "by": 1}),
        ("simplified", "snow"),
    ],
)
def test_a_language_is_chosen(form: str, wanted: Json) -> None:
    """Clause 4.15: a Property with lang stands for the LanguageProperty."""
    assert represent_canonical(EVERY_KIND, View(CORE, form, languages=("en",)))["text"] == wanted


def test_a_language_is_chosen_in_sub_attributes_too() -> None:
    entity = _canonical(
        a={"type": "Property", "value": 1, "b": {"type": "LanguageProperty", "languageMap": {"ja": "雪"}}}
    )
    shown = represent_canonical(entity, View(CORE, languages=("ja",)))["a"]
    assert shown == {"type": "Property", "value": 1, "b": {"type": "Property", "value": "雪", "lang": "ja"}}


@pytest.mark.parametrize(
    ("datasets", "wanted"),
    [
        ({"urn:x:d"}, {"type": "Property", "value": 2, "datasetId": "urn:x:d"}),
        ({"@none"}, {"type": "Property", "value": 1}),
        ({""}, {"type": "Property", "value": 1}),
        ({"urn:x:no"}, None),
    ],
)
def test_only_the_datasets_asked_for_are_shown(datasets: set[str], wanted: Json) -> None:
    """Clause 4.5.5, as the conformance suite's 019_12: an attribute without any is left out."""
    entity = _canonical(
        a=[{"type": "Property", "value": 1}, {"type": "Property", "value": 2, "datasetId": "urn:x:d"}],
    )
    assert represent_canonical(entity, View(CORE, datasets=frozenset(datasets))).get("a") == wanted


def test_what_was_before_and_deletions_are_shown_where_the_instance_holds_them() -> None:
    """Clauses 4.8, 5.2.14: showChanges puts previous values into notifications; expiresAt is a system attribute."""
    busy, calm = CORE.expand("busy"), CORE.expand("calm")
    instance: JsonObject = {
        "type": "VocabProperty",
        "vocab": calm,
        "previousVocab": busy,
        "deletedAt": "2026-01-15T08:00:00Z",
        "expiresAt": "2100-01-01T00:00:00Z",
    }
    shown: JsonObject = {
        "type": "VocabProperty",
        "vocab": "calm",
        "previousVocab": "busy",
        "deletedAt": "2026-01-15T08:00:00Z",
    }
    assert represent_instance(instance, View(CORE)) == shown
    with_times = represent_instance(instance, View(CORE, system=True))
    assert with_times == {**shown, "expiresAt": "2100-01-01T00:00:00Z"}


def test_pick_and_omit_shape_what_is_shown() -> None:
    """Clause 4.21."""
    view = View(CORE, "simplified", projection=parse_projection("id,plain", "type", CORE))
    assert represent_canonical(EVERY_KIND, view) == {"id": "urn:x:1", "plain": 1}
    assert represent_canonical(EVERY_KIND, View(CORE, projection=parse_projection("unknown", "", CORE))) == {}
