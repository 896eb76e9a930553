"""What a subscription may say (clauses 5.2.12-5.2.15, 5.2.22, 5.2.33), how it is kept and told again."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from cityos.ngsi.context import CORE, Context
from cityos.ngsi.error import BadRequestData
from cityos.ngsi.q_match import matches
from cityos.ngsi.subscription import (
    Counters,
    Subscription,
    expand_subscription,
    merge_fragment,
    parse_subscription,
    tell_subscription,
)
from cityos.ngsi.value import JsonObject

EX = "https://example.org/"
WORDS = Context({"Bus": EX + "Bus", "Stop": EX + "Stop", "speed": EX + "speed", "at": EX + "at"})
NOW = datetime(2026, 1, 15, 8, tzinfo=UTC)


def said(**members: Any) -> JsonObject:
    """A subscription as a request says it; a member that is None is left out."""
    told = {
        "id": "urn:ngsi-ld:Subscription:1",
        "type": "Subscription",
        "entities": [{"type": "Bus"}],
        "notification": {"endpoint": {"uri": "http://example.org/notify"}},
        **members,
    }
    return {member: value for member, value in told.items() if value is not None}


def params(**members: Any) -> JsonObject:
    return {"endpoint": {"uri": "http://example.org/notify"}, **members}


def endpoint(**members: Any) -> JsonObject:
    return {"endpoint": {"uri": "http://example.org/notify", **members}}


def parsed(body: JsonObject) -> Subscription:
    return parse_subscription(*expand_subscription(body, WORDS))


def test_names_are_kept_as_iris_and_told_in_any_words() -> None:
    body = said(
        entities=[{"type": "(Bus|Stop)"}],
        watchedAttributes=["speed"],
        geoQ={"georel": "within", "geometry": "Point", "coordinates": [140, 40], "geoproperty": "at"},
        notification=params(pick=["id", "at{speed}"]),
    )
    kept, _ = expand_subscription(body, WORDS)
    assert kept["entities"] == [{"type": f"({EX}Bus|{EX}Stop)"}]
    assert kept["watchedAttributes"] == [EX + "speed"]
    assert kept["notification"]["pick"] == ["id", f"{EX}at{{{EX}speed}}"]  # type: ignore[index,call-overload]
    told = tell_subscription(kept, WORDS, "active", Counters())
    assert {member: told[member] for member in body} == body
    assert tell_subscription(kept, CORE, "active", Counters())["watchedAttributes"] == [EX + "speed"]


def test_the_words_of_q_keep_their_meaning_without_their_context() -> None:
    kept, terms = expand_subscription(said(q='speed>50;at=="%E9%9B%AA"'), WORDS)
    condition = parse_subscription(kept, terms).q
    assert condition is not None
    bus: JsonObject = {
        "id": "urn:b:1",
        "type": [EX + "Bus"],
        EX + "speed": [{"type": "Property", "value": 51}],
        EX + "at": [{"type": "Property", "value": "雪"}],
    }
    assert matches(condition, bus)


def test_members_of_no_subscription_and_read_only_ones_are_left_out() -> None:
    """Table 5.2.12-2: implementations shall ignore them."""
    body = said(status="expired", __hidden="x", notification={**params(), "timesSent": 42, "status": "failed"})
    kept, _ = expand_subscription(body, WORDS)
    assert "status" not in kept
    assert "__hidden" not in kept
    assert kept["notification"] == params()


def test_defaults() -> None:
    """Clause 5.2.12: attributes created and updated; normalized; active."""
    made = parsed(said())
    assert made.triggers == {"attributeCreated", "attributeUpdated"}
    assert made.notification.form == "normalized"
    assert made.status(NOW) == "active"
    assert made.notification.endpoint.accept == "application/json"
    assert (made.notification.endpoint.qos, made.notification.endpoint.version) == (0, 5)


@pytest.mark.parametrize(
    ("members", "status"),
    [
        ({"isActive": False}, "paused"),
        ({"expiresAt": "2026-01-15T08:00:01Z"}, "active"),
        ({"expiresAt": "2026-01-15T07:59:59Z"}, "expired"),
        ({"expiresAt": "2026-01-15T07:59:59Z", "isActive": False}, "expired"),
    ],
)
def test_status(members: JsonObject, status: str) -> None:
    assert parsed(said(**members)).status(NOW) == status


@pytest.mark.parametrize(
    ("members", "told"),
    [
        ({"type": "Subscripton"}, "type"),
        ({"type": None}, "type"),
        ({"id": "no uri"}, "id"),
        ({"id": ""}, "id"),
        ({"entities": None}, "neither"),
        ({"entities": []}, "entities"),
        ({"entities": {}}, "entities"),
        ({"entities": [{"id": "urn:b:1"}]}, "entities[0]"),
        ({"entities": [{"type": "Bus", "id": "b 1"}]}, "entities[0].id"),
        ({"entities": [{"type": "Bus", "idPattern": "("}]}, "idPattern"),
        ({"entities": [{"type": "Bus", "idPattern": 5}]}, "idPattern"),
        ({"entities": [{"type": "Bus;;"}]}, "type"),
        ({"watchedAttributes": []}, "watchedAttributes"),
        ({"watchedAttributes": ["id"]}, "id"),
        ({"watchedAttributes": [5]}, "watchedAttributes"),
        ({"notificationTrigger": ["entityChanged"]}, "entityChanged"),
        ({"notificationTrigger": []}, "notificationTrigger"),
        ({"timeInterval": 0}, "timeInterval"),
        ({"timeInterval": "5"}, "timeInterval"),
        ({"throttling": -1}, "throttling"),
        ({"throttling": True}, "throttling"),
        ({"throttling": 5, "timeInterval": 5}, "exclude"),
        ({"q": "(("}, "q"),
        ({"q": ""}, "q"),
        ({"csf": "(("}, "q"),
        ({"geoQ": "near"}, "geoQ"),
        ({"geoQ": {"georel": "near"}}, "geo-query"),
        ({"scopeQ": "//"}, "scopeQ"),
        ({"lang": "???"}, "lang"),
        ({"datasetId": ["x y"]}, "datasetId"),
        ({"isActive": "yes"}, "isActive"),
        ({"expiresAt": "tomorrow"}, "expiresAt"),
        ({"description": 5}, "description"),
        ({"notification": None}, "notification"),
        ({"notification": {}}, "endpoint"),
        ({"notification": params(format="xml")}, "format"),
        ({"notification": params(format="keyValues", showChanges=True)}, "showChanges"),
        ({"notification": params(format="simplified", showChanges=True)}, "showChanges"),
        ({"notification": params(attributes=[])}, "attributes"),
        ({"notification": params(pick=[])}, "pick"),
        ({"notification": params(omit=[])}, "omit"),
        ({"notification": params(pick=["id"], attributes=["speed"])}, "excludes"),
        ({"notification": params(omit=["id"], attributes=["speed"])}, "excludes"),
        ({"notification": params(pick=["id"], omit=["id"])}, "id"),
        ({"notification": params(join="sideways")}, "join"),
        ({"notification": params(join="flat", joinLevel=0)}, "joinLevel"),
        ({"notification": params(sysAttrs="yes")}, "sysAttrs"),
        ({"notification": {"endpoint": {}}}, "uri"),
        ({"notification": endpoint(uri="ftp://example.org/")}, "uri"),
        ({"notification": endpoint(uri="http:///x")}, "uri"),
        ({"notification": endpoint(uri="http://example.org:x/")}, "uri"),
        ({"notification": endpoint(uri="mqtt://example.org")}, "topic"),
        ({"notification": endpoint(uri="mqtt://example.org/a/+")}, "topic"),
        ({"notification": endpoint(accept="text/xml")}, "accept"),
        ({"notification": endpoint(timeout=-1)}, "timeout"),
        ({"notification": endpoint(receiverInfo=[{"key": "K", "value": 42}])}, "receiverInfo"),
        ({"notification": endpoint(receiverInfo=[{"key": "K"}])}, "receiverInfo"),
        ({"notification": endpoint(receiverInfo=[{"key": 5, "value": "v"}])}, "receiverInfo"),
        ({"notification": endpoint(receiverInfo=[{"key": "K", "value": "a\r\nHost: b"}])}, "control"),
        ({"notification": endpoint(receiverInfo=[{"key": "Host", "value": "inside"}])}, "Host"),
        ({"notification": endpoint(receiverInfo=[{"key": "a b", "value": "v"}])}, "header"),
        ({"notification": endpoint(notifierInfo=[{"key": "MQTT-QoS", "value": "3"}])}, "MQTT-QoS"),
        ({"notification": endpoint(notifierInfo=[{"key": "MQTT-Version", "value": "6"}])}, "MQTT-Version"),
    ],
)
def test_what_cannot_be_is_refused_naming_the_place(members: dict[str, Any], told: str) -> None:
    with pytest.raises(BadRequestData, match=told.replace("[", r"\[")):
        parsed(said(**members))


def test_mqtt_endpoints_say_topic_quality_and_version() -> None:
    """Clause 7: the topic is the path; MQTT-QoS and MQTT-Version stand in notifierInfo."""
    info = [{"key": "MQTT-QoS", "value": "2"}, {"key": "MQTT-Version", "value": "mqtt3.1.1"}]
    made = parsed(said(notification=endpoint(uri="mqtt://u:p@example.org:1884/a/%E9%9B%AA", notifierInfo=info)))
    told = made.notification.endpoint
    assert (told.is_mqtt, told.topic, told.qos, told.version) == (True, "a/雪", 2, 4)


def test_an_id_says_more_than_a_pattern() -> None:
    """Clause 5.2.33."""
    made = parsed(said(entities=[{"type": "Bus", "id": ["urn:b:1", "urn:b:2"], "idPattern": "^nothing$"}]))
    test = made.selectors[0].compiled()
    assert test({"id": "urn:b:2", "type": [EX + "Bus"]})
    assert not test({"id": "urn:b:3", "type": [EX + "Bus"]})


def test_a_fragment_replaces_whole_members_and_null_deletes() -> None:
    """Clause 5.8.2."""
    kept, _ = expand_subscription(said(q="speed>1", description="x"), WORDS)
    fragment, _ = expand_subscription({"q": None, "description": "urn:ngsi-ld:null", "isActive": False}, WORDS)
    merged = merge_fragment(kept, fragment)
    assert "q" not in merged
    assert "description" not in merged
    assert merged["isActive"] is False


@pytest.mark.parametrize("member", ["notification", "type", "id"])
def test_what_must_be_there_cannot_be_deleted(member: str) -> None:
    with pytest.raises(BadRequestData, match=member):
        merge_fragment(said(), {member: None})


def test_counters_stand_in_the_notification_once_there_was_one() -> None:
    """Clause 5.2.14.2."""
    kept, _ = expand_subscription(said(), WORDS)
    assert tell_subscription(kept, WORDS, "active", Counters())["notification"] == params()
    counters = Counters(3, 1, "2026-01-15T08:00:02Z", "2026-01-15T08:00:02Z", "2026-01-15T08:00:01Z")
    told = tell_subscription(kept, WORDS, "active", counters)["notification"]
    assert told == params() | {
        "status": "ok",
        "timesSent": 3,
        "timesFailed": 1,
        "lastNotification": "2026-01-15T08:00:02Z",
        "lastSuccess": "2026-01-15T08:00:02Z",
        "lastFailure": "2026-01-15T08:00:01Z",
    }
    assert Counters.from_json(counters.to_json()) == counters
    assert Counters(1, 1, None, None, "2026-01-15T08:00:01Z").to_json()["status"] == "failed"
