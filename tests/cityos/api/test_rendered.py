"""What was rendered is given again for the same version only, and room is bounded."""

from __future__ import annotations

from cityos.api.rendered import Rendered


def test_the_same_version_is_rendered_once() -> None:
    rendered, told = Rendered(), iter((b"one", b"two"))
    assert rendered.body("key", 1, lambda: next(told)) == b"one"
    assert rendered.body("key", 1, lambda: next(told)) == b"one"
    assert rendered.body("other", 1, lambda: next(told)) == b"two"


def test_another_version_is_rendered_anew() -> None:
    rendered = Rendered()
    assert rendered.body("key", 1, lambda: b"old") == b"old"
    assert rendered.body("key", 2, lambda: b"new") == b"new"
    assert rendered.body("key", 1, lambda: b"older") == b"older"


def test_the_oldest_go_where_there_are_too_many() -> None:
    rendered = Rendered(most_bytes=2_500)
    for key in "abc":
        rendered.body(key, 1, lambda: bytes(600))
    assert rendered.body("b", 1, lambda: b"anew") == bytes(600)
    assert rendered.body("a", 1, lambda: b"anew") == b"anew"


def test_what_is_larger_than_all_the_room_is_rendered_each_time() -> None:
    rendered = Rendered(most_bytes=1_000)
    assert rendered.body("large", 1, lambda: bytes(2_000)) == bytes(2_000)
    assert rendered.body("large", 1, lambda: b"anew") == b"anew"
