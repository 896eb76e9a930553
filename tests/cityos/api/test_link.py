"""Link headers are read as RFC 8288 writes them (clause 6.3.5)."""

from __future__ import annotations

import pytest

from cityos.api.link import CONTEXT_RELATION, linked_context
from cityos.ngsi.error import BadRequestData, InvalidRequest

C = "http://www.w3.org/ns/json-ld#context"


@pytest.mark.parametrize(
    "header",
    [
        f'<http://a/c>; rel="{C}"; type="application/ld+json"',
        f'<http://a/c>;rel="{C}";type="application/ld+json"',
        f"<http://a/c>; rel={C}",
        f'  <http://a/c> ; type="application/ld+json" ; REL = "{C}"  ',
        f'<http://a/next>; rel="next", <http://a/c>; rel="{C}"',
        f'<http://a/c>; rel="describedby {C}"',
        f'<http://a/c>; title="a, \\"b\\"; rel=next"; rel="{C}"; crossorigin',
        f'<http://a/c>; rel="{C}"; rel="next"',
        f'<http://a/c>; rel="{C}",',
    ],
)
def test_the_context_is_found(header: str) -> None:
    assert linked_context([header]) == "http://a/c"


@pytest.mark.parametrize("headers", [[], [""], ['<http://a/c>; rel="next"'], ["<http://a/c>"], [f'<a>; rel="x{C}"']])
def test_links_of_other_relations_are_left_alone(headers: list[str]) -> None:
    assert linked_context(headers) is None


@pytest.mark.parametrize(
    "header",
    [
        "http://a/c",
        "<http://a/c",
        "<a b>; rel=next",
        f'<http://a/c>; rel="{C}',
        "<a> rel=next",
        "<a>; =x",
        "x, <a>",
        "<<a>>",
    ],
)
def test_what_is_no_link_header_is_told(header: str) -> None:
    with pytest.raises(InvalidRequest, match="cannot be read; write it like"):
        linked_context([header])


def test_two_contexts_are_one_too_many() -> None:
    one = f'<http://a/c>; rel="{CONTEXT_RELATION}"'
    with pytest.raises(BadRequestData, match="names 2"):
        linked_context([one, one])
