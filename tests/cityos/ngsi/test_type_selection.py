"""Type selection (clause 4.17)."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cityos.ngsi.context import CORE, DEFAULT_VOCABULARY, Context
from cityos.ngsi.error import BadRequestData
from cityos.ngsi.type_selection import TypeSelection, parse_type_selection

EX = "https://example.org/"
CONTEXT = Context({name: EX + name for name in "ABC"})


@pytest.mark.parametrize(
    ("text", "types", "wanted"),
    [
        ("A", "A", True),
        ("A", "B", False),
        ("A,B", "B", True),
        ("A|B", "A", True),
        ("A|B", "C", False),
        ("A;B", "AB", True),
        ("A;B", "A", False),
        ("(A;B),C", "C", True),
        ("(A;B),C", "B", False),
        ("(A,B);C", "BC", True),
        ("(A,B);C", "AB", False),
        ("A,B;C", "A", True),
        ("A,B;C", "B", False),
        ("((A))", "A", True),
        ("*", "C", True),
        (f"{EX}A", "A", True),
    ],
)
def test_which_types_are_selected(text: str, types: str, wanted: bool) -> None:
    """Clause 4.17: ; is and, comma and | are or."""
    assert parse_type_selection(text, CONTEXT).matches([EX + name for name in types]) is wanted


def test_names_are_expanded_and_stars_are_everything() -> None:
    assert parse_type_selection("雪", CORE) == TypeSelection((frozenset((DEFAULT_VOCABULARY + "雪",)),))
    assert parse_type_selection("*", CORE).is_everything
    assert not parse_type_selection("A", CORE).is_everything


@pytest.mark.parametrize(
    "text",
    ["", ",", "A,", ",A", "A,,B", "(A", "A)", "()", "A;", "A B", "A,*", "(" * 4_000, "A," * 4_000, "A" * 9_000, 'A"'],
)
def test_what_is_no_selection_is_refused_quickly(text: str) -> None:
    begun = time.process_time()
    with pytest.raises(BadRequestData, match="type"):
        parse_type_selection(text, CONTEXT)
    assert time.process_time() - begun < 0.2


def test_alternatives_may_not_multiply() -> None:
    names = iter(range(1_000))
    many = ";".join(f"({','.join(f't{next(names)}' for _ in range(3))})" for _ in range(8))
    with pytest.raises(BadRequestData, match="alternatives"):
        parse_type_selection(many, CORE)


@given(st.text(st.sampled_from(list("AB;,|()* ")), max_size=30) | st.text(max_size=30))
def test_any_text_is_refused_or_means_something(text: str) -> None:
    try:
        found = parse_type_selection(text, CONTEXT)
    except BadRequestData:
        return
    assert found.matches([EX + "A"]) in (True, False)
