"""Scopes (clause 4.18) and scope queries (clause 4.19)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cityos.ngsi.error import BadRequestData
from cityos.ngsi.scope_query import check_scope, parse_scope_query

PARK, UNIT, TOWN = "/Madrid/Gardens/ParqueNorte", "/CompanyA/OrganizationB/UnitC", "/雪野"


@pytest.mark.parametrize(
    ("text", "scopes", "wanted"),
    [
        (PARK, [PARK], True),
        (PARK, [UNIT], False),
        (PARK, [], False),
        ("/Madrid", [PARK], False),
        ("/Madrid/+/ParqueNorte", [PARK], True),
        ("/Madrid/+", [PARK], False),
        ("/+/+/+", [PARK], True),
        ("/CompanyA/#", [UNIT], True),
        ("/CompanyA/#", ["/CompanyA"], True),
        ("/Company/#", [UNIT], False),
        ("/+/OrganizationB/#", [UNIT], True),
        ("/#", [TOWN], True),
        ("/#", [], False),
        (f"{PARK};{UNIT}", [PARK, UNIT], True),
        (f"{PARK};{UNIT}", [PARK], False),
        (f"{PARK},{UNIT}", [UNIT], True),
        (f"({PARK};{UNIT})|{PARK}", [PARK], True),
        (f"({PARK};/Nowhere/AtAll)", [PARK], False),
        ("/雪野", [TOWN], True),
        ("Madrid/#", [PARK], True),
        (PARK, [PARK.removeprefix("/")], True),
    ],
)
def test_which_scopes_are_asked_for(text: str, scopes: list[str], wanted: bool) -> None:
    """Clause 4.19: + is one level, # the scope and all beneath it."""
    assert parse_scope_query(text).matches(scopes) is wanted


@pytest.mark.parametrize(
    "text", ["", "/", "//a", "/a/", "/#/a", "/a+", "/a#", "/a b", "/a;", "(/a", "/" + "a/" * 70 + "a"]
)
def test_what_is_no_scope_query_is_refused(text: str) -> None:
    with pytest.raises(BadRequestData, match="scopeQ"):
        parse_scope_query(text)


def test_a_scope_is_kept_with_its_leading_slash() -> None:
    """Clause 4.18."""
    assert check_scope("Madrid/Gardens") == "/Madrid/Gardens"
    assert check_scope("/雪野") == "/雪野"


@pytest.mark.parametrize("scope", ["", "/", "/a//b", "/a/", "/+", "/a/#", "/a b", "/a,b", "/" + "x" * 1_100])
def test_what_is_no_scope_is_refused(scope: str) -> None:
    """Clause 4.18."""
    with pytest.raises(BadRequestData, match="scope"):
        check_scope(scope)


@given(st.text(st.sampled_from(list("/ab+#;,|() ")), max_size=30) | st.text(max_size=30))
def test_any_text_is_refused_or_means_something(text: str) -> None:
    try:
        found = parse_scope_query(text)
    except BadRequestData:
        return
    assert found.matches([PARK]) in (True, False)
