"""Accept decides by weight, then specificity, then the standard's order (clause 6.3.4; RFC 9110, 12.5.1)."""

from __future__ import annotations

import pytest
from starlette.requests import Request

from cityos.api.accepting import ENTITY_OFFERS, GEO_JSON, JSON, LD_JSON, PLAIN_OFFERS, accepted
from cityos.api.errors import NotAcceptable


def _request(*accepts: str) -> Request:
    return Request({"type": "http", "method": "GET", "headers": [(b"accept", one.encode()) for one in accepts]})


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("*/*", JSON),
        ("application/*", JSON),
        ("application/ld+json, application/json", JSON),
        ("application/geo+json, application/json", JSON),
        ("application/json;q=0.1, application/ld+json;q=0.9", LD_JSON),
        ("application/ld+json", LD_JSON),
        ("APPLICATION/LD+JSON;charset=utf-8", LD_JSON),
        ("application/json;q=0, */*", LD_JSON),
        ("application/json;q=0, application/ld+json", LD_JSON),
        ("*/*;q=0.9, application/ld+json;q=0.8", JSON),
        ("application/ld+json;q=notanumber", LD_JSON),
        ("application/ld+json;q=7", LD_JSON),
        ("text/html, application/geo+json;q=0.2", GEO_JSON),
        ("application/geo+json, */*;q=0.1", GEO_JSON),
    ],
)
def test_the_best_offer_is_taken(accept: str, expected: str) -> None:
    assert accepted(_request(accept), ENTITY_OFFERS) == expected


def test_without_accept_it_is_json_and_several_headers_are_one() -> None:
    assert accepted(_request()) == JSON
    assert accepted(_request("text/html", "application/ld+json")) == LD_JSON


def test_what_is_not_on_offer_does_not_count() -> None:
    assert accepted(_request("application/geo+json;q=0.9, application/ld+json;q=0.1"), PLAIN_OFFERS) == LD_JSON


@pytest.mark.parametrize("accept", ["application/xml", "application/geo+json", "*/*;q=0", "application/json;q=0"])
def test_what_cannot_be_given_is_told(accept: str) -> None:
    with pytest.raises(NotAcceptable, match="this answers application/json"):
        accepted(_request(accept), (JSON,))
