"""The index of conditions finds just what asking each would find."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from cityos.ngsi.context import CORE
from cityos.ngsi.q import Condition, parse_q
from cityos.ngsi.q_index import ConditionIndex
from cityos.ngsi.q_match import matches
from cityos.ngsi.value import Json, JsonObject

_VALUE = st.sampled_from(["1", "2", "3.5", "-1", "true", "false", '"a"', '"b"', "urn:x:1", "2026-01-15T08:00:00Z"])
_TERM = st.one_of(
    st.tuples(st.sampled_from("ab"), st.sampled_from(["==", "!="]), _VALUE).map("".join),
    st.tuples(st.sampled_from("ab"), st.sampled_from(["<", "<=", ">", ">="]), st.sampled_from(["1", "2", '"a"'])).map(
        "".join
    ),
    st.sampled_from(
        ["a", "!a", "a==1..3", "a!=1..3", 'a~="a"', "a==1,2", 'b=="a",true', "a.b==1", "a[x]==1", "a.observedAt"]
    ),
)
_Q = st.lists(st.lists(_TERM, min_size=1, max_size=3).map(";".join), min_size=1, max_size=2).map("|".join)
_HELD: st.SearchStrategy[Json] = st.sampled_from([1, 2, 3.5, True, False, "a", "urn:x:1", [1, "b"], {"x": 1}, []])


def _entity(held: dict[str, list[Json]]) -> JsonObject:
    return {
        CORE.expand(name): [
            {"type": "Relationship", "object": value} if value == "urn:x:1" else {"type": "Property", "value": value}
            for value in values
        ]
        for name, values in held.items()
    }


@settings(max_examples=300, deadline=None)
@given(
    st.lists(_Q, max_size=12),
    st.dictionaries(st.sampled_from("ab"), st.lists(_HELD, min_size=1, max_size=2)),
    st.sets(st.integers(0, 11)),
)
def test_it_finds_what_asking_each_finds(asked: list[str], held: dict[str, list[Json]], gone: set[int]) -> None:
    entity = _entity(held)
    index: ConditionIndex[int] = ConditionIndex()
    conditions: dict[int, Condition] = {no: parse_q(text, CORE) for no, text in enumerate(asked)}
    for no, condition in conditions.items():
        index.add(no, condition)
    for no in gone:
        index.discard(no)
        conditions.pop(no, None)
    assert len(index) == len(conditions)
    found = list(index.matching(entity))
    assert len(found) == len(set(found))
    assert set(found) == {no for no, condition in conditions.items() if matches(condition, entity)}


def test_a_condition_takes_the_place_of_that_under_its_key() -> None:
    index: ConditionIndex[str] = ConditionIndex()
    index.add("k", parse_q("a>1", CORE))
    index.add("k", parse_q("a>5", CORE))
    assert list(index.matching(_entity({"a": [3]}))) == []
    assert list(index.matching(_entity({"a": [6]}))) == ["k"]
    index.discard("no such key")
    index.discard("k")
    assert list(index.matching(_entity({"a": [6]}))) == []
