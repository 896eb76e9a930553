"""What could not be read back is not taken."""

from __future__ import annotations

import json
import math

import orjson
import pytest
from hypothesis import given, settings

from cityos.ngsi.error import BadRequestData
from cityos.ngsi.value import MAX_DEPTH, Json, check_value, same_value
from tests.cityos.ngsi.wild import VALUE


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (math.nan, "not a finite number"),
        (math.inf, "not a finite number"),
        ([1, -math.inf], r"x\[1\] is not a finite number"),
        (2**63, "beyond 64 bits"),
        (-(2**63) - 1, "beyond 64 bits"),
        ("a\x00b", "contains a NUL"),
        ({"a\x00": 1}, "a name in x contains a NUL"),
        ("\ud800", "lone surrogate"),
        ({"a": {"b": "\udfff"}}, r"x\.a\.b contains a lone surrogate"),
    ],
)
def test_what_cannot_be_read_back_is_refused(value: Json, told: str) -> None:
    with pytest.raises(BadRequestData, match=told):
        check_value(value, "x")


@pytest.mark.parametrize("value", [2**63 - 1, -(2**63), True, None, 1e308, "雪\u3000", {"": []}])
def test_what_can_be_read_back_is_taken(value: Json) -> None:
    check_value(value, "x")
    assert orjson.loads(orjson.dumps(value)) == value


def test_nesting_ends_at_the_limit() -> None:
    value: Json = 1
    for _ in range(MAX_DEPTH):
        value = [value]
    check_value(value, "x")
    with pytest.raises(BadRequestData, match="nested deeper than 32"):
        check_value([value], "x")


@pytest.mark.parametrize("text", ["1e999", "[-1e999]", '"\\ud800"', "NaN"])
def test_a_number_or_text_that_is_none_is_no_json_at_all(text: str) -> None:
    with pytest.raises(orjson.JSONDecodeError):
        orjson.loads(text)


@settings(max_examples=200, deadline=None)
@given(VALUE, VALUE)
def test_two_values_are_the_same_when_their_json_is(one: Json, other: Json) -> None:
    assert same_value(one, json.loads(json.dumps(one)))
    if json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True):
        assert same_value(one, other)


@pytest.mark.parametrize(("one", "other"), [(1, True), (0, False), ([1], [True]), ({"a": 0}, {"a": False}), (1, 2)])
def test_true_is_not_one(one: Json, other: Json) -> None:
    assert not same_value(one, other)
    assert not same_value(other, one)


def test_one_is_one_however_it_is_written() -> None:
    assert same_value(1, 1.0)
