"""Which media type an answer has: Accept as RFC 9110 reads it, ties broken by the standard's order (clause 6.3.4)."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.requests import Request

from cityos.api.errors import NotAcceptable

JSON, LD_JSON, GEO_JSON = "application/json", "application/ld+json", "application/geo+json"
PLAIN_OFFERS = (JSON, LD_JSON)
ENTITY_OFFERS = (JSON, LD_JSON, GEO_JSON)


def accepted(request: Request, offers: Sequence[str] = PLAIN_OFFERS) -> str:
    """The offer that the request prefers; the first of those it likes equally. Raises NotAcceptable.

    The doors of entities offer ENTITY_OFFERS. Asked before anything is looked up: a type that cannot be given is 406
    also where there is nothing to give.
    """
    said = ",".join(request.headers.getlist("accept")) or "*/*"
    ranges = [_parse(part) for part in said.split(",") if part.strip()]
    best = max(offers, key=lambda offer: _weight(offer, ranges))  # the first of equals
    if _weight(best, ranges) <= 0:
        raise NotAcceptable(f"Accept is {said[:200]}; this answers {', '.join(offers)}")
    return best


def _parse(part: str) -> tuple[str, float]:
    name, *details = (piece.strip().lower() for piece in part.split(";"))
    weights = [_number(detail[2:]) for detail in details if detail.startswith("q=")]
    return name, weights[0] if weights else 1.0


def _weight(offer: str, ranges: Sequence[tuple[str, float]]) -> float:
    """The weight of the most specific range that an offer falls into (RFC 9110, 12.5.1)."""
    for specific in (offer, f"{offer.partition('/')[0]}/*", "*/*"):
        weights = [weight for name, weight in ranges if name == specific]
        if weights:
            return max(weights)
    return 0.0


def _number(text: str) -> float:
    """A weight; one that is none is as good as not said."""
    try:
        number = float(text)
    except ValueError:
        return 1.0
    return number if 0 <= number <= 1 else 1.0
