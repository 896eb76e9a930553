"""What stands in a notification (clauses 5.3.1, 5.8.6, 4.5, 6.3.5, 7.2)."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from cityos.ngsi.context import Context
from cityos.ngsi.value import Json, JsonObject
from cityos.notify.change import AttributeChange, Change
from cityos.notify.notification import Words, compose, links_wanted, render, told_of
from tests.cityos.notify.telling import AT, WORDS, bus, creation, end, iri, one, subscription, update

NULL = "urn:ngsi-ld:null"


def data(change: Change, words: Words = WORDS, linked: dict[str, Any] | None = None, **members: Any) -> Any:
    """What stands in `data`."""
    asking = subscription(**members)
    return [orjson.loads(told) for told in render(told_of(change, asking), asking, words, linked or {})]


UPDATED = update(bus(speed=one(60), name=one("1")), "speed", one(50), one(60))


def test_the_whole_entity_is_told_normalized() -> None:
    assert data(UPDATED) == [
        {
            "id": "urn:b:1",
            "type": "Bus",
            "speed": {"type": "Property", "value": 60},
            "name": {"type": "Property", "value": "1"},
        }
    ]


@pytest.mark.parametrize(
    ("params", "told"),
    [
        ({"format": "keyValues"}, {"id": "urn:b:1", "type": "Bus", "speed": 60, "name": "1"}),
        ({"format": "simplified", "attributes": ["name"]}, {"id": "urn:b:1", "type": "Bus", "name": "1"}),
        ({"format": "concise", "pick": ["id", "speed"]}, {"id": "urn:b:1", "speed": 60}),
        ({"format": "concise", "omit": ["type", "name"]}, {"id": "urn:b:1", "speed": 60}),
    ],
)
def test_format_and_projection(params: JsonObject, told: JsonObject) -> None:
    assert data(UPDATED, notification=params) == [told]


def test_where_nothing_is_left_nothing_is_told() -> None:
    assert data(UPDATED, notification={"pick": ["door"]}) == []


def test_system_attributes_are_told_on_request() -> None:
    """Clause 4.8."""
    entity = bus(speed=one(60)) | {"createdAt": "2026-01-15T07:00:00Z", "modifiedAt": "2026-01-15T08:00:00Z"}
    change = update(entity, "speed", one(50), one(60))
    (shown,) = data(change, notification={"sysAttrs": True, "format": "keyValues"})
    assert shown["createdAt"] == "2026-01-15T07:00:00Z"
    assert "createdAt" not in data(change)[0]


@pytest.mark.parametrize(
    ("kind", "before", "after", "member"),
    [
        ("Property", 1, 2, "previousValue"),
        ("Relationship", "urn:x:1", "urn:x:2", "previousObject"),
        ("LanguageProperty", {"ja": "雪"}, {"ja": "雨"}, "previousLanguageMap"),
        ("VocabProperty", iri("snow"), iri("rain"), "previousVocab"),
    ],
)
def test_changes_are_shown_with_what_was_before(kind: str, before: Json, after: Json, member: str) -> None:
    """Clause 5.2.14.1, showChanges; words of a VocabProperty are terms in both."""
    change = update(bus(x=one(after, kind)), "x", one(before, kind), one(after, kind))
    (shown,) = data(change, notification={"showChanges": True})
    assert shown["x"][member] == ("snow" if kind == "VocabProperty" else before)
    assert not [name for name in data(change)[0]["x"] if name.startswith("previous")]


def test_what_is_new_has_no_previous_value() -> None:
    assert "previousValue" not in data(creation(bus(x=one(1))), notification={"showChanges": True})[0]["x"]


@pytest.mark.parametrize(
    ("instance", "told"),
    [
        (one(1), {"type": "Property", "value": NULL}),
        (one("urn:x:1", "Relationship"), {"type": "Relationship", "object": NULL}),
        (one({"ja": "雪"}, "LanguageProperty"), {"type": "LanguageProperty", "languageMap": {"@none": NULL}}),
    ],
)
def test_a_deleted_attribute_is_told_as_null(instance: JsonObject, told: JsonObject) -> None:
    """Clause 4.5.0."""
    asking: dict[str, Any] = {"notificationTrigger": ["attributeDeleted"]}
    assert data(update(bus(), "x", instance, None), **asking)[0]["x"] == told
    (shown,) = data(update(bus(), "x", instance, None), notification={"sysAttrs": True}, **asking)
    assert shown["x"]["deletedAt"] == "2026-01-15T08:00:00Z"
    assert data(update(bus(), "x", one(1), None), notification={"format": "keyValues"}, **asking)[0]["x"] == NULL


def test_a_deleted_instance_stands_beside_those_that_are_left() -> None:
    gone = one("b", datasetId="urn:d:1")
    (shown,) = data(update(bus(x=one("a")), "x", gone, None))
    assert shown["x"] == [
        {"type": "Property", "value": "a"},
        {"type": "Property", "value": NULL, "datasetId": "urn:d:1"},
    ]


def test_an_attribute_that_is_gone_whole_is_told_once() -> None:
    gone = tuple(AttributeChange(iri("x"), d, one(1) | ({"datasetId": d} if d else {}), None) for d in ("urn:d:1", ""))
    assert data(Change(1, AT, "update", bus(), gone))[0]["x"] == {"type": "Property", "value": NULL}


def test_an_end_is_told_by_its_time() -> None:
    """Clause 5.8.6: id, type and deletedAt; attributes where their deletion is watched or changes are shown."""
    change = end(bus(x=one(1), y=one(2)))
    bare = {"id": "urn:b:1", "type": "Bus", "deletedAt": "2026-01-15T08:00:00Z"}
    assert data(change, notificationTrigger=["entityDeleted"]) == [bare]
    watched: dict[str, Any] = {"notificationTrigger": ["attributeDeleted"], "watchedAttributes": ["x"]}
    assert data(change, **watched) == [bare | {"x": {"type": "Property", "value": NULL}}]
    (shown,) = data(change, notificationTrigger=["entityDeleted"], notification={"showChanges": True})
    assert shown["y"] == {"type": "Property", "value": NULL, "previousValue": 2}


def test_only_instances_of_the_datasets_asked_for_are_told() -> None:
    """Clause 4.5.5."""
    entity = bus() | {iri("x"): [one("a"), one("b", datasetId="urn:d:1")]}
    change = update(entity, "x", None, one("a"))
    assert data(change, datasetId=["urn:d:1"], notification={"format": "keyValues"})[0]["x"] == "b"
    assert data(change, datasetId=["@none"], notification={"format": "keyValues"})[0]["x"] == "a"


def test_texts_are_told_in_the_language_asked_for() -> None:
    """Clause 4.15."""
    change = update(bus(x=one({"ja": "雪", "en": "snow"}, "LanguageProperty")), "x", None, one(1))
    assert data(change, lang="ja", notification={"format": "keyValues"})[0]["x"] == "雪"


@pytest.mark.parametrize("form", ["inline", "flat"])
def test_linked_entities_are_joined(form: str) -> None:
    """Clause 4.5.23."""
    change = update(bus(at=one("urn:s:1", "Relationship")), "at", None, one("urn:s:1", "Relationship"))
    params = {"join": form, "format": "keyValues"}
    asking = subscription(notification=params)
    assert links_wanted(change.entity, asking, {}) == {"urn:s:1"}
    stop: JsonObject = {"id": "urn:s:1", "type": [iri("Stop")], iri("name"): [one("駅")]}
    assert not links_wanted(change.entity, asking, {"urn:s:1": stop})
    assert not links_wanted(change.entity, asking, {"urn:s:1": None})
    shown = data(change, linked={"urn:s:1": stop}, notification=params)
    told = {"id": "urn:s:1", "type": "Stop", "name": "駅"}
    joined = shown[0]["at"] if form == "inline" else shown[1]
    assert joined == told


def sent(words: Words = WORDS, **params: Any) -> tuple[Any, dict[str, str]]:
    """The body and the headers of a notification."""
    asking = subscription(notification={"endpoint": {"uri": "http://127.0.0.1/", **params}})
    told = render(UPDATED.entity, asking, words, {})
    made = compose("default", asking, words, told, "2026-01-15T08:00:00Z", 1)
    return orjson.loads(made.body), dict(made.headers)


def test_the_notification_says_what_it_is_and_links_its_context() -> None:
    """Clauses 5.3.1, 6.3.5."""
    body, headers = sent(receiverInfo=[{"key": "X-Key", "value": "雪"}])
    assert body["type"] == "Notification"
    assert body["subscriptionId"] == "urn:ngsi-ld:Subscription:1"
    assert body["notifiedAt"] == "2026-01-15T08:00:00Z"
    assert body["id"].startswith("urn:ngsi-ld:Notification:")
    assert headers["Content-Type"] == "application/json"
    assert headers["Link"].startswith(f"<{WORDS.address}>; rel=")
    assert headers["X-Key"] == "雪"
    assert "@context" not in body["data"][0]


def test_json_ld_carries_its_context_in_each_entity() -> None:
    words = Words(Context({"Wagen": iri("Bus")}), ["https://example.org/c"], "https://example.org/c")
    body, headers = sent(words, accept="application/ld+json")
    assert body["data"][0]["@context"] == ["https://example.org/c"]
    assert body["data"][0]["type"] == "Wagen"
    assert "Link" not in headers


def test_geojson_is_a_collection_of_features() -> None:
    """Clause 4.5.16."""
    body, _ = sent(accept="application/geo+json")
    assert body["data"]["type"] == "FeatureCollection"
    assert body["data"]["features"][0]["properties"]["speed"]["value"] == 60


def test_the_mqtt_message_holds_metadata_and_body() -> None:
    """Clause 7.2."""
    asking = subscription()
    made = compose("default", asking, WORDS, [b'{"id":"urn:b:1"}'], "2026-01-15T08:00:00Z", 1)
    told = orjson.loads(made.mqtt_payload())
    assert told["metadata"]["Content-Type"] == "application/json"
    assert told["metadata"]["Link"]
    assert told["body"]["data"] == [{"id": "urn:b:1"}]
