"""pick, omit and attrs (clause 4.21)."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cityos.ngsi.context import CORE, DEFAULT_VOCABULARY
from cityos.ngsi.error import BadRequestData
from cityos.ngsi.projection import EVERYTHING, Projection, of_attributes, parse_attrs, parse_projection
from cityos.ngsi.value import JsonObject

V = DEFAULT_VOCABULARY
NAME, LOCATED, IN, DESCRIPTION = V + "name", V + "locatedAt", V + "isIn", "http://purl.org/dc/terms/description"
ENTITY: JsonObject = {"id": "urn:x:1", "type": [V + "B"], "scope": ["/a"], NAME: [{}], LOCATED: [{}], V + "other": [{}]}


def _left(pick: str = "", omit: str = "") -> set[str]:
    return set(parse_projection(pick, omit, CORE).apply(ENTITY))


def test_pick_shows_what_is_named_and_nothing_else() -> None:
    assert _left(pick="id,name") == {"id", NAME}
    assert _left(pick="name|scope") == {NAME, "scope"}
    assert _left(pick="unknown") == set()
    assert _left(pick=NAME) == {NAME}


def test_omit_shows_all_but_what_is_named() -> None:
    assert _left(omit="type,name") == {"id", "scope", LOCATED, V + "other"}
    assert _left() == set(ENTITY)


def test_braces_reach_into_linked_entities() -> None:
    """Clauses 4.21 and 4.5.23: pick takes the relationship with it; omit leaves it where it is."""
    picked = parse_projection("id,locatedAt{id,name,isIn{id,description}}", "", CORE)
    assert picked.apply(ENTITY).keys() == {"id", LOCATED}
    assert picked.of_linked(LOCATED) == Projection(
        frozenset(("id", NAME, IN)), linked={IN: Projection(frozenset(("id", DESCRIPTION)))}
    )
    assert picked.hops() == 2
    omitted = parse_projection("", "type,locatedAt{name,isIn{description}}", CORE)
    assert omitted.shows(LOCATED)
    assert not omitted.of_linked(LOCATED).shows(NAME)
    assert omitted.of_linked(LOCATED).shows(IN)
    assert not omitted.of_linked(LOCATED).of_linked(IN).shows(DESCRIPTION)
    assert omitted.of_linked(NAME) is EVERYTHING
    assert parse_projection("", "", CORE) == EVERYTHING
    assert EVERYTHING.hops() == 0


def test_pick_and_omit_meet_in_a_linked_entity() -> None:
    both = parse_projection("locatedAt{id,name}", "locatedAt{type}", CORE)
    assert both.of_linked(LOCATED) == Projection(frozenset(("id", NAME)), frozenset(("type",)))


def test_a_post_query_lists_members() -> None:
    """Clause 5.2.23."""
    assert parse_projection(["id", "locatedAt{name}"], "", CORE) == parse_projection("id,locatedAt{name}", "", CORE)


@pytest.mark.parametrize(
    ("pick", "omit"),
    [
        ("name", "name"),
        ("locatedAt{name}", "locatedAt"),
        ("locatedAt{id}", "locatedAt{id}"),
        ("id;name", ""),
        ("id,locatedAt{name", ""),
        ("id,locatedAt{{name}", ""),
        ("id,locatedAt{name}}", ""),
        ("id,,name", ""),
        ("name||id", ""),
        ("id,locatedAt{,name}", ""),
        ("id,locatedAt{}", ""),
        (",id", ""),
        ("id,", ""),
        ("", "a b"),
        ([], ""),
        ("", [5]),
        (["a", ""], ""),
        ("a{" * 11 + "name" + "}" * 11, ""),
        ("a{" * 8_000, ""),
        ("a" * 20_000, ""),
        ("{" * 16_000, ""),
    ],
)
def test_what_is_no_projection_is_refused_quickly(pick: str, omit: str) -> None:
    """Clause 4.21."""
    begun = time.process_time()
    with pytest.raises(BadRequestData, match=r"pick|omit"):
        parse_projection(pick, omit, CORE)
    assert time.process_time() - begun < 0.2


def test_ten_hops_are_allowed() -> None:
    assert parse_projection("a{" * 10 + "name" + "}" * 10, "", CORE).hops() == 10


def test_attrs_names_attributes_only() -> None:
    """Clause 5.7.2.4: a system attribute alone does not say which entities."""
    assert parse_attrs("name,locatedAt", CORE) == {NAME, LOCATED}
    assert parse_attrs("createdAt", CORE) == frozenset()
    assert parse_attrs("", CORE) == frozenset()
    assert of_attributes(parse_attrs(["name"], CORE)).apply(ENTITY).keys() == {"id", "type", "scope", NAME}


@pytest.mark.parametrize("said", ["id", "name,type", "scope", "a{b}", "a,,b", []])
def test_attrs_that_are_none_are_refused(said: str) -> None:
    with pytest.raises(BadRequestData, match="attrs"):
        parse_attrs(said, CORE)


@given(st.text(st.sampled_from(list("ab{},| ")), max_size=30) | st.text(max_size=30))
def test_any_text_is_refused_or_means_something(text: str) -> None:
    try:
        found = parse_projection(text, "", CORE)
    except BadRequestData:
        return
    assert found.hops() <= 10
