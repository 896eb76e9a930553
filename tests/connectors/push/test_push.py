"""What devices and partners send, and what they should not."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cityos.connector import Batch, Document, SourceChanged
from cityos.ngsi.core_context import CORE_ADDRESS
from cityos.ngsi.value import check_value
from cityos.vocabulary.attribute import get, get_location, observed_at
from cityos.vocabulary.context import CONTEXT_PATH, iri
from connectors.push import MOST_ITEMS, connector
from connectors.push.mapping import PushConfig
from connectors.push.observation import read_instant

OBSERVATIONS: dict[str, Any] = {
    "type": "SnowDepthSensor",
    "observed_at": "at",
    "latitude": "lat",
    "longitude": "lon",
    "values": {"depth": "snowDepth"},
}
ENTITIES: dict[str, Any] = {"allowed_types": ["Plough", "Sign"]}
EIGHT = datetime(2026, 1, 14, 23, tzinfo=UTC)


def read(said: Any, config: dict[str, Any]) -> Batch:
    content = said if isinstance(said, bytes) else orjson.dumps(said)
    document = Document("push.json", content, datetime(2026, 1, 16, tzinfo=UTC))
    return connector.normalise(document, PushConfig.model_validate(config))


def codes(batch: Batch) -> list[str]:
    return [notice.code for notice in batch.notices]


def plough(number: int, **more: Any) -> dict[str, Any]:
    return {"id": f"urn:ngsi-ld:Plough:x:{number}", "type": "Plough", **more}


@pytest.mark.parametrize(
    "speed", [12, {"value": 12}, {"type": "Property", "value": 12}, [{"type": "Property", "value": 12}]]
)
def test_entities_are_read_in_every_form(speed: Any) -> None:
    (row,) = read(plough(1, speed=speed), ENTITIES).rows
    assert get(row.entity, "speed") == 12
    assert row.entity.latest_observation() is None, "who says no time gets none"


def test_one_object_a_list_and_lines_say_the_same() -> None:
    first, second = plough(1, speed=1), plough(2, speed=2)
    lines = b"\r\n".join([orjson.dumps(first), b"", orjson.dumps(second), b""])
    rows = [row.entity for row in read([first, second], ENTITIES).rows]
    assert [row.entity for row in read(lines, ENTITIES).rows] == rows
    assert [row.entity for row in read(first, ENTITIES).rows] == rows[:1]


def test_a_bad_entity_is_named_by_its_index_and_costs_no_other() -> None:
    said = [plough(1, speed=1), {"id": "no uri", "type": "Plough"}, plough(3, speed=None), "x", plough(4, speed=4)]
    batch = read(said, ENTITIES)
    assert len(batch.rows) == 2
    assert sorted(notice.where for notice in batch.notices) == ["push.json[1]", "push.json[2]", "push.json[3]"]
    assert set(codes(batch)) == {"object_unreadable"}


def test_a_type_that_is_not_allowed_is_left_out() -> None:
    batch = read([plough(1, type=["Plough", "Feed"]), plough(2, speed=1)], ENTITIES)
    assert [row.entity.id for row in batch.rows] == ["urn:ngsi-ld:Plough:x:2"]
    assert codes(batch) == ["type_not_allowed"]
    assert connector.emits(PushConfig.model_validate(ENTITIES)) == {iri("Plough"), iri("Sign")}


@pytest.mark.parametrize(
    ("context", "expected"),
    [
        (CORE_ADDRESS, []),
        ([f"https://city.example{CONTEXT_PATH}", CORE_ADDRESS], []),
        ("https://partner.example/context.jsonld", ["context_ignored"]),
        ({"speed": "https://partner.example/speed"}, ["context_ignored"]),
    ],
)
def test_a_foreign_context_is_remarked(context: Any, expected: list[str]) -> None:
    assert codes(read(plough(1, speed=1, **{"@context": context}), ENTITIES)) == expected


def test_a_batch_is_a_delta_in_the_order_of_time() -> None:
    times = ["2026-01-14T23:00:02Z", "2026-01-14T23:00:00Z", None, "2026-01-14T23:00:01Z"]
    batch = read([{"id": "a", "at": at, "depth": n} for n, at in enumerate(times)], OBSERVATIONS)
    assert [get(row.entity, "snowDepth") for row in batch.rows] == [2, 1, 3, 0]
    assert batch.covers is None
    assert batch.as_of is None


@pytest.mark.parametrize(
    ("said", "instant"),
    [
        ("2026-01-15T08:00:00+09:00", EIGHT),
        ("2026-01-15 08:00:00+0900", EIGHT),
        ("2026-01-14T23:00:00Z", EIGHT),
        (1768431600, EIGHT),
        (1768431600.0, EIGHT),
        ("1768431600", EIGHT),
        (1768431600000, EIGHT),
        ("2026-01-15T08:00:00", None),
        ("2026-01-15", None),
        (0, None),
        (5, None),
        ("1970-01-01T00:00:09Z", None),
        (1768431600000000, None),
        (-1, None),
        (True, None),
        ([], None),
        (float("inf"), None),
        ("gestern", None),
    ],
)
def test_times_are_read_only_where_they_are_certain(said: Any, instant: datetime | None) -> None:
    assert read_instant(said) == instant


def test_a_time_nobody_can_read_costs_the_observation_and_no_time_costs_none() -> None:
    batch = read([{"id": "a", "at": "08:00", "depth": 1}, {"id": "b", "depth": 2}], OBSERVATIONS)
    (row,) = batch.rows
    assert get(row.entity, "snowDepth") == 2
    assert observed_at(row.entity, "snowDepth") is None
    assert codes(batch) == ["time_unreadable"]


@pytest.mark.parametrize("value", ["NaN", "Infinity", "1e999", "9223372036854775808", "[1]", '"\\u0000"', '" "'])
def test_a_value_that_cannot_be_kept_costs_only_itself(value: str) -> None:
    batch = read(f'{{"id": "a", "depth": {value}, "lat": 40.8, "lon": 140.7}}'.encode(), OBSERVATIONS)
    (row,) = batch.rows
    assert get(row.entity, "snowDepth") is None
    assert codes(batch) == ["value_unreadable"]


def test_not_a_number_in_an_entity_costs_only_that_entity() -> None:
    content = json.dumps([plough(1, speed=float("nan")), plough(2, speed=1)]).encode()
    batch = read(content, ENTITIES)
    assert [row.entity.id[-1] for row in batch.rows] == ["2"]
    assert codes(batch) == ["object_unreadable"]


def test_too_many_objects_are_left_out_with_their_number() -> None:
    batch = read([plough(n, speed=1) for n in range(MOST_ITEMS + 3)], ENTITIES)
    assert len(batch.rows) == MOST_ITEMS
    assert codes(batch) == ["objects_beyond_limit"]
    assert str(MOST_ITEMS + 3) in batch.notices[0].detail


def test_too_deep_an_object_is_left_out() -> None:
    deep: Any = 1
    for _ in range(40):
        deep = {"a": deep}
    assert codes(read([plough(1, speed=deep)], ENTITIES)) == ["object_unreadable"]
    with pytest.raises(SourceChanged, match=r"push\.json"):
        read(b"[" * 100_000 + b"]" * 100_000, ENTITIES)


@pytest.mark.parametrize(
    ("lat", "lon", "expected"),
    [
        (40.8, 140.7, []),
        ("40.8", "140.7", []),
        (140.7, 40.8, ["coordinates_swapped"]),
        (0, 0, ["coordinates_unreadable"]),
        (40.8, None, ["coordinates_unreadable"]),
        (True, 140.7, ["coordinates_unreadable"]),
        (400, 800, ["coordinates_unreadable"]),
    ],
)
def test_a_place_is_where_the_device_says_or_nowhere(lat: Any, lon: Any, expected: list[str]) -> None:
    batch = read({"id": "a", "at": 1768431600, "depth": 0, "lat": lat, "lon": lon}, OBSERVATIONS)
    (row,) = batch.rows
    assert codes(batch) == expected
    assert get_location(row.entity) == (None if expected else {"type": "Point", "coordinates": [140.7, 40.8]})
    assert get(row.entity, "snowDepth") == 0, "zero is a depth"


def test_truth_values_and_text_stay_what_they_are() -> None:
    config = {**OBSERVATIONS, "values": {"open": "isOpen", "word": "state"}, "unit_codes": {"state": "C62"}}
    (row,) = read({"id": 7, "open": False, "word": "ok"}, config).rows
    assert row.entity.id == "urn:ngsi-ld:SnowDepthSensor:feed:7"
    assert get(row.entity, "isOpen") is False
    assert row.entity.attributes[iri("state")][""].notes == {"unitCode": "C62"}


@pytest.mark.parametrize("content", [b"7", b'"x"', b"not json", b'{"a": 1', b"[1]\n[2]"])
def test_what_holds_no_object_is_a_change_of_source(content: bytes) -> None:
    with pytest.raises(SourceChanged, match=r"push\.json"):
        read(content, ENTITIES)


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({}, "either allowed_types"),
        ({**OBSERVATIONS, **ENTITIES}, "either allowed_types"),
        ({"type": "Sign"}, "needs values"),
        ({**ENTITIES, "observed_at": "at"}, "observed_at belong to type"),
        ({**OBSERVATIONS, "longitude": ""}, "belong together"),
        ({**OBSERVATIONS, "values": {"a": "depth", "b": "depth"}}, "depth twice"),
        ({**OBSERVATIONS, "values": {"a": "location"}}, "location"),
        ({**OBSERVATIONS, "unit_codes": {"height": "CMT"}}, "height"),
        ({"allowed_types": ["No Such"]}, "allowed_types"),
    ],
)
def test_a_config_that_makes_no_sense_is_refused_at_once(wrong: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        PushConfig.model_validate(wrong)


def test_config_comes_through_to_a_worker_as_it_is() -> None:
    for said in (ENTITIES, OBSERVATIONS):
        config = PushConfig.model_validate(said)
        assert PushConfig.model_validate(orjson.loads(orjson.dumps(config.model_dump(mode="json")))) == config
        assert list(config.requests()) == []


KEYS = st.sampled_from(
    ["id", "type", "at", "depth", "lat", "lon", "speed", "location", "@context", "scope", "observedAt"]
)
WILD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6) | st.just("urn:ngsi-ld:Plough:x:1"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=200, deadline=None)
@given(said=WILD, is_known=st.booleans(), config=st.sampled_from([ENTITIES, OBSERVATIONS]))
def test_wild_messages_survive(said: Any, is_known: bool, config: dict[str, Any]) -> None:
    known = {**plough(1), **said} if is_known and isinstance(said, dict) else said
    try:
        batch = read(json.dumps(known).encode(), config)
    except SourceChanged:
        return
    for row in batch.rows:
        assert set(row.entity.types) <= {iri("Plough"), iri("Sign"), iri("SnowDepthSensor")}
        for name, instances in row.entity.attributes.items():
            for instance in instances.values():
                check_value(instance.value, name)
