"""Compiled contexts are held by weight, and never older than their documents."""

from __future__ import annotations

from cityos.contexts.compiled import Compiled, CompiledContexts
from cityos.ngsi.context import CORE


def one(weight: int) -> Compiled:
    return Compiled(CORE, (), weight)


def test_the_least_recently_used_goes_first() -> None:
    held = CompiledContexts(most_terms=10)
    for name in "ab":
        held.put(("t", name), one(5), held.generation)
    assert held.find(("t", "a"))
    held.put(("t", "c"), one(5), held.generation)
    assert [held.find(("t", name)) is not None for name in "abc"] == [True, False, True]


def test_one_that_is_too_heavy_is_held_alone() -> None:
    held = CompiledContexts(most_terms=10)
    held.put(("t", "a"), one(1), held.generation)
    held.put(("t", "b"), one(100), held.generation)
    assert len(held) == 1
    assert held.find(("t", "b"))


def test_what_was_begun_before_a_document_changed_is_not_held() -> None:
    held = CompiledContexts()
    before = held.generation
    held.put(("t", "a"), one(1), before)
    held.clear()
    held.put(("t", "a"), one(1), before)
    assert held.find(("t", "a")) is None
