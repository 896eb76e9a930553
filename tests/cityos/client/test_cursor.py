from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cityos.client import Cursor


@given(st.text(), st.integers(min_value=0))
def test_a_cursor_kept_as_text_is_the_same_cursor(epoch: str, seq: int) -> None:
    assert Cursor.parse(str(Cursor(epoch, seq))) == Cursor(epoch, seq)


@pytest.mark.parametrize("text", ["", "abc", "abc:", "abc:-1", "abc:1.5", "abc:１"])
def test_what_is_no_cursor_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="cursor"):
        Cursor.parse(text)
