"""All forms of a request come to the same entity, and every error names its place."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from cityos.ngsi.context import CORE, DEFAULT_VOCABULARY
from cityos.ngsi.entity import Entity, Instance
from cityos.ngsi.error import BadRequestData, InvalidRequest
from cityos.ngsi.expansion import expand_entity, expand_fragment, is_uri
from cityos.ngsi.value import Json, JsonObject

DEPTH = DEFAULT_VOCABULARY + "snowDepth"
POINT: JsonObject = {"type": "Point", "coordinates": [140.75, 40.82]}


def _entity(**members: Json) -> Entity:
    return expand_entity({"id": "urn:ngsi-ld:Zone:1", "type": "Zone", **members}, CORE)


@pytest.mark.parametrize(
    "said",
    [
        {"type": "Property", "value": 35},
        {"value": 35},
        35,
        [{"type": "Property", "value": 35}],
        {"@type": "Property", "value": 35},
    ],
    ids=["normalised", "concise", "simplified", "list of one", "JSON-LD"],
)
def test_all_forms_of_a_property_are_the_same(said: Json) -> None:
    assert _entity(snowDepth=said).attributes == {DEPTH: {"": Instance("Property", 35)}}


@pytest.mark.parametrize(
    "said", [{"type": "GeoProperty", "value": POINT}, {"value": POINT}, POINT], ids=["normalised", "concise", "bare"]
)
def test_all_forms_of_a_geo_property_are_the_same(said: Json) -> None:
    (instance,) = _entity(location=said).attributes["https://uri.etsi.org/ngsi-ld/location"].values()
    assert instance == Instance("GeoProperty", POINT)


@pytest.mark.parametrize(
    ("said", "kind", "value"),
    [
        ({"object": "urn:x:1"}, "Relationship", "urn:x:1"),
        ({"languageMap": {"ja": "雪"}}, "LanguageProperty", {"ja": "雪"}),
        ({"vocab": "Zone"}, "VocabProperty", DEFAULT_VOCABULARY + "Zone"),
        ({"json": {"type": "Property"}}, "JsonProperty", {"type": "Property"}),
        ({"valueList": [1, 2]}, "ListProperty", [1, 2]),
        ({"objectList": [{"object": "urn:x:1"}]}, "ListRelationship", [{"object": "urn:x:1"}]),
    ],
)
def test_concise_form_shows_its_kind_by_its_member(said: JsonObject, kind: str, value: Json) -> None:
    (instance,) = _entity(x=said).attributes[DEFAULT_VOCABULARY + "x"].values()
    assert (instance.kind, instance.value) == (kind, value)


def test_what_is_said_about_a_value_is_kept() -> None:
    said: Json = {
        "value": 35,
        "observedAt": "2026-01-15T17:00:00+09:00",
        "unitCode": "CMT",
        "datasetId": "urn:x:d",
        "by": {"object": "urn:x:2"},
        "createdAt": "1999-01-01T00:00:00Z",
    }
    by = {DEFAULT_VOCABULARY + "by": {"": Instance("Relationship", "urn:x:2")}}
    at = datetime(2026, 1, 15, 8, tzinfo=UTC)
    wanted = Instance("Property", 35, at, "urn:x:d", {"unitCode": "CMT"}, by)
    assert _entity(snowDepth=said).attributes[DEPTH] == {"urn:x:d": wanted}


def test_types_and_scopes_may_be_one_or_many() -> None:
    entity = expand_entity({"id": "urn:x:1", "type": ["A", "B", "A"], "scope": "/a"}, CORE)
    assert entity.types == (DEFAULT_VOCABULARY + "A", DEFAULT_VOCABULARY + "B")
    assert entity.scopes == ("/a",)


def test_a_fragment_needs_neither_id_nor_type() -> None:
    assert expand_fragment({"snowDepth": 1}, CORE).types == ()


@pytest.mark.parametrize(
    ("members", "told"),
    [
        ({"snowDepth": None}, "snowDepth is null"),
        ({"snowDepth": {"type": "Property"}}, "snowDepth is a Property without value"),
        ({"snowDepth": {"type": "Propertty", "value": 1}}, r"snowDepth\.type is not one of"),
        ({"snowDepth": {"value": 1, "observedAt": "yesterday"}}, r"snowDepth\.observedAt: 'yesterday'"),
        ({"snowDepth": {"value": 1, "observedAt": "2026-01-15T08:00:00"}}, "names no time zone"),
        ({"snowDepth": {"value": 1, "observedAt": 5}}, r"snowDepth\.observedAt is not text"),
        ({"snowDepth": {"value": 1, "datasetId": "x"}}, r"snowDepth\.datasetId is not a URI"),
        ({"snowDepth": [{"value": 1}, {"value": 2}]}, "two instances of the dataset default"),
        ({"zone": {"object": "no uri"}}, r"zone\.object is not a URI"),
        ({"text": {"languageMap": "雪"}}, r"text\.languageMap is not a map of language"),
        ({"word": {"vocab": 1}}, r"word\.vocab is neither a word"),
        ({"list": {"valueList": 1}}, r"list\.valueList is not a list"),
        ({"place": {"type": "GeoProperty", "value": 5}}, r"place\.value is not a GeoJSON geometry"),
        ({"place": {"type": "Point", "coordinates": [40.8]}}, r"place\.coordinates is not a position"),
        ({"place": {"type": "Point", "coordinates": [40.8, 140.7]}}, r"place\.coordinates is 40\.8, 140\.7"),
        ({"place": {"type": "Point", "coordinates": ["1", "2"]}}, r"place\.coordinates is not made of numbers"),
        ({"place": {"type": "Point", "coordinates": [True, 1]}}, "is not made of numbers"),
        ({"place": {"type": "LineString", "coordinates": [[1, 2]]}}, "has fewer than 2 parts"),
        ({"place": {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 1]]]}}, "does not close"),
        ({"place": {"type": "GeometryCollection", "geometries": 1}}, r"place\.geometries is not a list"),
        ({"a b": 1}, "not a valid attribute name"),
        ({"a": {"value": 1, "b": {"value": 1, "c": None}}}, r"a\.b\.c is null"),
        ({"a": 2**63}, "a is an integer beyond 64 bits"),
        ({"a": {"b": ["\x00"]}}, r"a\.b\[0\] contains a NUL"),
        ({"type": []}, "has no type"),
        ({"type": [1]}, "type is neither a name"),
        ({"type": "a b"}, "holds white space"),
        ({"type": "T" * 2000}, "type is longer than"),
        ({"scope": 5}, "scope is neither"),
        ({"id": "no uri"}, "id is missing or not a URI"),
        ({"id": "urn:x:" + "1" * 2000}, "id is longer than"),
        ({"id": "urn:x:" + "雪" * 700}, "id is longer than"),
        ({"type": "工" * 342}, "type is longer than"),
        ({"a": {"value": 1, "datasetId": "urn:d:" + "1" * 2000}}, r"a\.datasetId is longer than"),
        ({"https://uri.etsi.org/ngsi-ld/scope": 1}, "which is no attribute"),
        ({"a": {"value": 1, "https://uri.etsi.org/ngsi-ld/hasValue": 2}}, "which is no attribute"),
    ],
)
def test_an_error_names_its_place(members: dict[str, Json], told: str) -> None:
    with pytest.raises(BadRequestData, match=told):
        expand_entity({"id": "urn:ngsi-ld:Zone:1", "type": "Zone", **members}, CORE)


@pytest.mark.parametrize("said", [None, 1, "x", []])
def test_what_is_no_object_is_no_entity(said: Json) -> None:
    with pytest.raises(InvalidRequest, match="not a JSON object"):
        expand_entity(said, CORE)


def test_an_entity_without_type_is_refused() -> None:
    with pytest.raises(BadRequestData, match="urn:x:1 has no type"):
        expand_entity({"id": "urn:x:1"}, CORE)


def test_attributes_nested_beyond_reason_are_refused() -> None:
    said: Json = {"value": 1}
    for _ in range(40):
        said = {"value": 1, "a": said}
    with pytest.raises(BadRequestData, match="nested deeper than 32"):
        _entity(a=said)


@pytest.mark.parametrize(
    ("text", "holds"), [("urn:ngsi-ld:雪:1", True), ("http://a/b?c#d", True), ("a", False), ("a: b", False)]
)
def test_an_id_is_an_absolute_uri(text: str, holds: bool) -> None:
    assert is_uri(text) is holds
