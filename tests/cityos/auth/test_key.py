"""Who may write, and who may read what."""

from __future__ import annotations

import pytest

from cityos.auth.key import matches, may_read
from cityos.vocabulary.tenant import is_internal


@pytest.mark.parametrize(
    ("key", "given", "holds"),
    [
        (None, None, True),
        (None, "anything", True),
        ("secret", "secret", True),
        ("secret", None, False),
        ("secret", "", False),
        ("secret", "Secret", False),
        ("secret", "secret ", False),
        ("鍵", "鍵", True),
        ("secret", "鍵", False),
    ],
)
def test_the_key_must_be_the_same(key: str | None, given: str | None, holds: bool) -> None:
    assert matches(key, given) is holds


@pytest.mark.parametrize(
    ("tenant", "key", "given", "holds"),
    [
        ("yukino", "secret", None, True),
        ("yukino", None, None, True),
        ("yukino-internal", "secret", "secret", True),
        ("yukino-internal", "secret", None, False),
        ("yukino-internal", None, None, False),
        ("yukino-internal", None, "guess", False),
    ],
)
def test_an_internal_tenant_is_read_with_the_key_only(
    tenant: str, key: str | None, given: str | None, holds: bool
) -> None:
    assert may_read(tenant, key, given) is holds


def test_internal_is_told_by_the_end_of_the_name() -> None:
    assert is_internal("yukino-internal")
    assert not is_internal("internal")
    assert not is_internal("yukino-internal-2")
