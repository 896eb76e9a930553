"""The grammar of topics."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from paho.mqtt.client import topic_matches_sub

from cityos.bus.topic import (
    MAX_TOPIC_BYTES,
    EntityTopic,
    PushTopic,
    entity_topic,
    head_topic,
    parse_entity_topic,
    parse_head_topic,
    parse_push_topic,
    push_filter,
    push_topic,
    tenant_filter,
    type_filter,
)

# Surrogates excluded: they are not text. Everything else, noncharacters included, may stand in an id.
parts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60)


@given(parts, parts, parts)
@example("a/b", "+", "#")
@example("%", "%25", "%2F")
@example("*", ">", "$SYS")
@example("\ufffe", "\U0010ffff", "\ufdd0")
@example("\u2028", "\u3000", "\x85\x7f\x00")
def test_every_entity_has_one_topic_and_gets_it_back(tenant: str, type_name: str, entity_id: str) -> None:
    topic = entity_topic(tenant, type_name, entity_id)
    assert parse_entity_topic(topic) == EntityTopic(tenant, type_name, entity_id)
    assert parse_head_topic(topic) is None
    assert topic.count("/") == 3
    assert all(topic.split("/"))
    assert not any(c in "+#.*>" or c.isspace() or unicodedata.category(c) == "Cc" for c in topic)
    assert topic_matches_sub(tenant_filter(tenant), topic)
    assert topic_matches_sub(type_filter(tenant, type_name), topic)


@given(parts)
def test_head_topic_tells_its_tenant_and_is_never_an_entitys(tenant: str) -> None:
    assert parse_head_topic(head_topic(tenant)) == tenant
    assert parse_entity_topic(head_topic(tenant)) is None


@given(st.text(st.sampled_from("city/os%2F2f.hea+*é駅"), max_size=40).map(lambda rest: f"cityos/{rest}"))
def test_what_parses_is_what_would_be_written(topic: str) -> None:
    parsed = parse_entity_topic(topic)
    assert parsed is None or entity_topic(parsed.tenant, parsed.type_name, parsed.entity_id) == topic


def test_japanese_stays_readable() -> None:
    topic = entity_topic("sapporo", "BusStop", "urn:ngsi-ld:BusStop:jotetsu:札幌駅 前/1番.のりば")
    assert topic == "cityos/sapporo/BusStop/urn:ngsi-ld:BusStop:jotetsu:札幌駅%20前%2F1番%2Eのりば"


FOREIGN = [
    *("", "cityos", "cityos/t/T", "cityos/t/T/", "cityos//T/i", "other/t/T/i", "cityos/t/T/i/x", "cityos/t/T/a b"),
    *("cityos/t/T/%41", "cityos/t/T/%2f", "cityos/t/T/%", "cityos/t/T/%zz", "cityos/t/T/%FF", "cityos/t/T/\ud800"),
]


@pytest.mark.parametrize("topic", FOREIGN)
def test_foreign_topics_are_not_understood(topic: str) -> None:
    assert parse_entity_topic(topic) is None


@pytest.mark.parametrize("parts", [("", "T", "i"), ("t", "", "i"), ("t", "T", ""), ("t", "T", "\ud800")])
def test_no_topic_without_every_part(parts: tuple[str, str, str]) -> None:
    with pytest.raises(ValueError, match="Topic level"):
        entity_topic(*parts)


def test_longest_topic_is_what_mqtt_can_carry() -> None:
    room = MAX_TOPIC_BYTES - len("cityos/t/T/")
    assert len(entity_topic("t", "T", "x" * room).encode()) == MAX_TOPIC_BYTES
    with pytest.raises(ValueError, match="65535"):
        entity_topic("t", "T", "x" * (room + 1))
    with pytest.raises(ValueError, match="65535"):
        entity_topic("t", "T", "駅" * (room // 3 + 1))


@given(parts, parts, parts)
def test_a_pushed_document_is_for_one_feed_and_may_have_a_name(tenant: str, feed: str, document: str) -> None:
    topic = push_topic(tenant, feed)
    assert parse_push_topic(topic) == PushTopic(tenant, feed)
    named = f"{topic}/{push_topic('t', document).rpartition('/')[2]}"
    assert parse_push_topic(named) == PushTopic(tenant, feed, document)
    assert topic_matches_sub(push_filter(tenant), named)
    assert not topic_matches_sub("cityos/#", named), "what anybody reads"


@pytest.mark.parametrize(
    "topic", ["cityos-push", "cityos-push/t", "cityos-push/t/f/d/x", "cityos/t/f", "cityos-push/t/%zz"]
)
def test_other_topics_are_no_push(topic: str) -> None:
    assert parse_push_topic(topic) is None
