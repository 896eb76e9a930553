"""Reading what is asked for, once, at the edge: JSON in, a wish out. Refused as unreadable, naming what is wrong."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from math import isfinite

from services.on_demand.place import Position
from services.on_demand.refusal import Reason, Refused
from services.on_demand.ride import Party, Wish

LONGEST_BODY = 10_000
NEXT_SERVICE = "next_service"
"""For `depart_after`: now, or from when vehicles run again."""
_LONGEST_CONTACT = 100
_LARGEST_PARTY = 100
_LONGEST_KEY = 200

Json = Mapping[str, object]


def read_object(body: bytes) -> Json:
    """A JSON object."""
    if len(body) > LONGEST_BODY:
        raise _unreadable(f"the body is longer than {LONGEST_BODY} bytes")
    try:
        said = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise _unreadable(f"the body is not JSON: {error}") from error
    return _object(said, "the body")


def read_wish(said: Json) -> Wish:
    """`{from, to, party, depart_after | arrive_by, contact}`."""
    _only(said, "the body", {"from", "to", "party", "depart_after", "arrive_by", "contact"})
    may_wait = said.get("depart_after") == NEXT_SERVICE
    depart_after = None if may_wait else _instant(said, "depart_after")
    arrive_by = _instant(said, "arrive_by")
    if arrive_by is not None and (may_wait or depart_after is not None):
        raise _unreadable("depart_after and arrive_by cannot both be kept; give one")
    origin, destination = _place(said, "from"), _place(said, "to")
    return Wish(origin, destination, _party(said), depart_after, arrive_by, _contact(said), may_wait)


def read_quote_id(said: Json) -> str:
    """`{quote_id}`."""
    _only(said, "the body", {"quote_id"})
    quote_id = said.get("quote_id")
    if not isinstance(quote_id, str) or not quote_id:
        raise _unreadable("quote_id is not text")
    return quote_id


def read_key(said: str | None) -> str | None:
    """The Idempotency-Key header; None where there is none."""
    if said is not None and not 0 < len(said) <= _LONGEST_KEY:
        raise _unreadable(f"Idempotency-Key is not of 1 to {_LONGEST_KEY} characters")
    return said


def _place(said: Json, name: str) -> str | Position:
    told = said.get(name)
    if isinstance(told, str) and told:
        return told
    place = _object(told, f"{name}, unless the id of a meeting point,")
    _only(place, name, {"lon", "lat"})
    lon, lat = _degrees(place, name, "lon", 180), _degrees(place, name, "lat", 90)
    return Position(lon, lat)


def _degrees(place: Json, where: str, name: str, most: float) -> float:
    told = place.get(name)
    if not isinstance(told, int | float) or isinstance(told, bool) or not isfinite(told) or abs(told) > most:
        raise _unreadable(f"{where}.{name} is not in degrees")
    return float(told)


def _party(said: Json) -> Party:
    told = _object(said.get("party", {"adults": 1}), "party")
    _only(told, "party", {"adults", "children", "wheelchairs"})
    party = Party(*(_count(told, name) for name in ("adults", "children", "wheelchairs")))
    if party.seats + party.wheelchairs == 0:
        raise _unreadable("party is nobody")
    return party


def _count(party: Json, name: str) -> int:
    told = party.get(name, 0)
    if not isinstance(told, int) or isinstance(told, bool) or not 0 <= told <= _LARGEST_PARTY:
        raise _unreadable(f"party.{name} is not a number of people")
    return told


def _instant(said: Json, name: str) -> float | None:
    told = said.get(name)
    if told is None:
        return None
    try:
        instant = datetime.fromisoformat(told) if isinstance(told, str) else None
        if instant is None or instant.tzinfo is None:
            raise _unreadable(f"{name} is not an instant such as 2026-01-15T09:30:00+09:00")
        return instant.timestamp()
    except (ValueError, OverflowError) as error:
        raise _unreadable(f"{name} is not an instant such as 2026-01-15T09:30:00+09:00") from error


def _contact(said: Json) -> str | None:
    told = said.get("contact")
    if told is not None and (not isinstance(told, str) or len(told) > _LONGEST_CONTACT):
        raise _unreadable(f"contact is not text of at most {_LONGEST_CONTACT} characters")
    return told or None


def _object(said: object, what: str) -> Json:
    if not isinstance(said, dict):
        raise _unreadable(f"{what} is not an object")
    return said


def _only(said: Json, what: str, known: set[str]) -> None:
    """A misspelt word must not be taken for one left out."""
    unknown = sorted(set(said) - known)
    if unknown:
        raise _unreadable(f"{what} holds {unknown[0]}; it can hold {', '.join(sorted(known))}")


def _unreadable(detail: str) -> Refused:
    return Refused(Reason.UNREADABLE, detail)
