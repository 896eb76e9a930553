"""Subscriptions (clauses 5.2.12-5.2.15, 5.2.22): what a subscriber says, checked once, and told again.

What is kept is what was said with every name made an IRI (`expand_subscription`), so that no @context is needed to read
it; the words of `q` stay, with the meanings they had beside them (`terms`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from cityos.ngsi.context import Context
from cityos.ngsi.endpoint import Endpoint, parse_endpoint
from cityos.ngsi.error import BadRequestData
from cityos.ngsi.expansion import NULL, expand_attribute_name, is_uri
from cityos.ngsi.geo import GeoQuery, read_geo_query
from cityos.ngsi.instant import parse_instant
from cityos.ngsi.language import parse_languages
from cityos.ngsi.linked import Join, parse_join
from cityos.ngsi.pattern import compile_pattern
from cityos.ngsi.projection import ENTITY_MEMBERS, EVERYTHING, Projection, of_attributes, parse_projection
from cityos.ngsi.q import Condition, parse_q
from cityos.ngsi.scope_query import ScopeQuery, parse_scope_query
from cityos.ngsi.selector import Selector
from cityos.ngsi.type_selection import parse_type_selection
from cityos.ngsi.value import Json, JsonObject, check_key, check_value

TRIGGERS = (
    "entityCreated",
    "entityUpdated",
    "entityDeleted",
    "attributeCreated",
    "attributeUpdated",
    "attributeDeleted",
)
DEFAULT_TRIGGERS = frozenset(("attributeCreated", "attributeUpdated"))
_FORMS = {"normalized": "normalized", "concise": "concise", "keyValues": "simplified", "simplified": "simplified"}
_LONGEST_LIST = 1_000
_LONGEST_SPAN_S = 10 * 365 * 86_400.0


@dataclass(frozen=True, slots=True)
class NotificationParams:
    """What is told and to whom (5.2.14). `form` is one of representation.FORMS."""

    endpoint: Endpoint
    form: str = "normalized"
    projection: Projection = EVERYTHING
    system: bool = False
    show_changes: bool = False
    join: Join | None = None


@dataclass(frozen=True, slots=True)
class Subscription:
    """A checked subscription. `selectors` empty is every entity, `watched` empty every attribute (IRIs).

    `datasets` restricts what is told to instances of these datasets; None is all of them.
    """

    id: str
    notification: NotificationParams
    selectors: tuple[Selector, ...] = ()
    watched: frozenset[str] = frozenset()
    triggers: frozenset[str] = DEFAULT_TRIGGERS
    q: Condition | None = None
    place: GeoQuery | None = None
    scope: ScopeQuery | None = None
    datasets: frozenset[str] | None = None
    languages: tuple[str, ...] = ()
    throttling_s: float = 0.0
    interval_s: float = 0.0
    is_active: bool = True
    expires_at: datetime | None = None

    def status(self, now: datetime) -> str:
        """active, paused or expired (5.2.12)."""
        if self.expires_at is not None and self.expires_at <= now:
            return "expired"
        return "active" if self.is_active else "paused"


@dataclass(frozen=True, slots=True)
class Counters:
    """What became of the notifications so far (5.2.14.2)."""

    sent: int = 0
    failed: int = 0
    last_notification: str | None = None
    last_success: str | None = None
    last_failure: str | None = None

    def to_json(self) -> JsonObject:
        """The members of NotificationParams; none before the first notification."""
        if not self.sent and not self.failed:
            return {}
        has_failed = self.last_failure is not None and self.last_failure >= (self.last_success or "")
        told: JsonObject = {
            "status": "failed" if has_failed else "ok",
            "timesSent": self.sent,
            "timesFailed": self.failed,
            "lastNotification": self.last_notification,
            "lastSuccess": self.last_success,
            "lastFailure": self.last_failure,
        }
        return {member: value for member, value in told.items() if value is not None}

    @classmethod
    def from_json(cls, told: JsonObject) -> Counters:
        """Reads what `to_json` wrote; trusts it."""
        return cls(
            cast(int, told.get("timesSent", 0)),
            cast(int, told.get("timesFailed", 0)),
            cast("str | None", told.get("lastNotification")),
            cast("str | None", told.get("lastSuccess")),
            cast("str | None", told.get("lastFailure")),
        )


# ---- names in what is said

_NAME = re.compile(r"[^\s,|;{}()]+")
_KNOWN = frozenset(
    (
        *("id", "type", "subscriptionName", "description", "entities", "watchedAttributes", "notificationTrigger"),
        *("timeInterval", "q", "geoQ", "scopeQ", "csf", "isActive", "notification", "expiresAt", "throttling"),
        *("lang", "datasetId", "jsonldContext"),
    )
)
_PARAMS = frozenset(
    ("attributes", "pick", "omit", "format", "showChanges", "sysAttrs", "join", "joinLevel", "endpoint")
)
# Of these the subscriber may leave out, or take back with null, every one.
_MANDATORY = ("type", "notification")


class _NotedContext(Context):
    """Notes what each name was taken to mean."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self.terms: dict[str, str] = {}

    def expand(self, name: str) -> str:
        iri = self.terms[name] = self._context.expand(name)
        return iri


def expand_subscription(said: JsonObject, context: Context) -> tuple[JsonObject, dict[str, str]]:
    """What is to be kept of a subscription or a fragment of one, and the meanings of the words in its `q`.

    Names become IRIs; what a subscriber does not say (unknown members, read-only ones) is left out (5.2.12).
    Raises BadRequestData.
    """
    check_value(said, "the subscription")
    kept = {member: value for member, value in said.items() if member in _KNOWN}
    _rename(kept, context.expand)
    noted = _NotedContext(context)
    for member in ("q", "csf"):
        if isinstance(kept.get(member), str):
            parse_q(cast(str, kept[member]), noted, encoded=True)
    return kept, noted.terms


def merge_fragment(kept: JsonObject, fragment: JsonObject) -> JsonObject:
    """A subscription with a fragment merged in: whole members, null deletes (5.8.2). Raises BadRequestData."""
    deleted = {member for member, value in fragment.items() if value is None or value == NULL}
    if wrong := deleted & {*_MANDATORY, "id"}:
        raise BadRequestData(f"{min(wrong)} cannot be deleted from a subscription")
    return {member: value for member, value in {**kept, **fragment}.items() if member not in deleted}


def tell_subscription(kept: JsonObject, context: Context, status: str, counters: Counters) -> JsonObject:
    """A kept subscription in the words of an @context, with status and counters."""
    told = dict(kept)
    _rename(told, context.compact)
    if "timeInterval" not in told:
        told.setdefault("notificationTrigger", cast(Json, sorted(DEFAULT_TRIGGERS)))
    told["status"] = status
    told["notification"] = cast(JsonObject, told["notification"]) | counters.to_json()
    return told


def _rename(said: JsonObject, name_of: Callable[[str], str]) -> None:
    """Passes every name through `name_of`, as far as the shapes are right; replaces, never alters, what is inside."""
    if isinstance(said.get("entities"), list):
        said["entities"] = [_renamed(one, "type", name_of) for one in cast(list[Json], said["entities"])]
    said.update(cast(JsonObject, _renamed(said, "watchedAttributes", name_of)))
    if "geoQ" in said:
        said["geoQ"] = _renamed(said["geoQ"], "geoproperty", name_of)
    params = said.get("notification")
    if isinstance(params, dict):
        params = {member: value for member, value in params.items() if member in _PARAMS}
        for member in ("attributes", "pick", "omit"):
            params = cast(JsonObject, _renamed(params, member, name_of))
        said["notification"] = params


def _renamed(holder: Json, member: str, name_of: Callable[[str], str]) -> Json:
    if not isinstance(holder, dict) or member not in holder:
        return holder
    value = holder[member]
    if isinstance(value, list):
        return {**holder, member: [_renamed_text(one, name_of) for one in value]}
    return {**holder, member: _renamed_text(value, name_of)}


def _renamed_text(text: Json, name_of: Callable[[str], str]) -> Json:
    if not isinstance(text, str):
        return text

    def replaced(found: re.Match[str]) -> str:
        name = found[0]
        return name if name in ENTITY_MEMBERS or name == "*" else name_of(name)

    return _NAME.sub(replaced, text)


# ---- the checks


def parse_subscription(kept: JsonObject, terms: Mapping[str, str]) -> Subscription:
    """The subscription that is kept so, every rule of clause 5.2.12 checked. Raises BadRequestData."""
    context = Context(terms)
    if kept.get("type") != "Subscription":
        raise BadRequestData("type is not Subscription")
    if not isinstance(kept.get("id"), str) or not is_uri(cast(str, kept["id"])):
        raise BadRequestData("id is not a URI such as urn:ngsi-ld:Subscription:1")
    check_key(cast(str, kept["id"]), "id")
    for member in ("subscriptionName", "description"):
        _text(kept, member)
    if "entities" not in kept and "watchedAttributes" not in kept:
        raise BadRequestData("The subscription has neither entities nor watchedAttributes")
    if "csf" in kept:
        parse_q(cast(str, _text(kept, "csf")), context, encoded=True)
    throttling_s, interval_s = _span(kept, "throttling"), _span(kept, "timeInterval")
    if throttling_s and interval_s:
        raise BadRequestData("throttling and timeInterval exclude each other")
    q, scope, language = _text(kept, "q"), _text(kept, "scopeQ"), _text(kept, "lang")
    return Subscription(
        cast(str, kept["id"]),
        _parse_params(_object(kept, "notification"), context),
        tuple(_parse_selector(one, n, context) for n, one in enumerate(_list(kept, "entities"))),
        frozenset(expand_attribute_name(name, context) for name in _texts(kept, "watchedAttributes")),
        _parse_triggers(kept),
        None if q is None else parse_q(q, context, encoded=True),
        read_geo_query(_object(kept, "geoQ"), context) if "geoQ" in kept else None,
        None if scope is None else parse_scope_query(scope),
        _parse_datasets(kept),
        () if language is None else parse_languages(language),
        throttling_s,
        interval_s,
        _flag(kept, "isActive", default=True),
        _parse_expiry(kept),
    )


def _parse_params(said: JsonObject, context: Context) -> NotificationParams:
    form = said.get("format", "normalized")
    if not isinstance(form, str) or form not in _FORMS:
        raise BadRequestData(f"notification.format is none of {', '.join(_FORMS)}")
    show_changes = _flag(said, "showChanges")
    if show_changes and _FORMS[form] == "simplified":
        raise BadRequestData("notification.showChanges cannot be told in simplified format")
    return NotificationParams(
        parse_endpoint(_object(said, "endpoint", "notification.")),
        _FORMS[form],
        _parse_projection(said, context),
        _flag(said, "sysAttrs"),
        show_changes,
        parse_join(said.get("join"), said.get("joinLevel")),
    )


def _parse_projection(said: JsonObject, context: Context) -> Projection:
    attributes, pick, omit = (_texts(said, member, "notification.") for member in ("attributes", "pick", "omit"))
    if attributes and (pick or omit):
        raise BadRequestData("notification.attributes excludes pick and omit")
    if attributes:
        return of_attributes(frozenset(expand_attribute_name(name, context) for name in attributes))
    return parse_projection(pick or "", omit or "", context)


def _parse_selector(said: Json, number: int, context: Context) -> Selector:
    where = f"entities[{number}]"
    if not isinstance(said, dict) or not isinstance(said.get("type"), str):
        raise BadRequestData(f"{where} has no type")
    ids = said.get("id", [])
    named = ids if isinstance(ids, list) else [ids]
    if not all(isinstance(one, str) and is_uri(one) for one in named):
        raise BadRequestData(f"{where}.id is not a URI")
    pattern = said.get("idPattern")
    if pattern is not None and not isinstance(pattern, str):
        raise BadRequestData(f"{where}.idPattern is not text")
    if pattern is not None:
        compile_pattern(pattern, f"{where}.idPattern")
    return Selector(
        parse_type_selection(cast(str, said["type"]), context),
        frozenset(cast(list[str], named)),
        pattern if not named else None,  # an id says more (5.2.33)
    )


def _parse_triggers(kept: JsonObject) -> frozenset[str]:
    said = _texts(kept, "notificationTrigger")
    if unknown := set(said) - set(TRIGGERS):
        raise BadRequestData(f"notificationTrigger {min(unknown)[:40]!r} is none of {', '.join(TRIGGERS)}")
    return frozenset(said) or DEFAULT_TRIGGERS


def _parse_datasets(kept: JsonObject) -> frozenset[str] | None:
    said = kept.get("datasetId")
    if said is None:
        return None
    found = [said] if isinstance(said, str) else _texts(kept, "datasetId")
    if wrong := [one for one in found if one != "@none" and not is_uri(one)]:
        raise BadRequestData(f"datasetId {wrong[0][:80]!r} is not a URI")
    return frozenset(found)


def _parse_expiry(kept: JsonObject) -> datetime | None:
    said = _text(kept, "expiresAt")
    try:
        return None if said is None else parse_instant(said)
    except ValueError as error:
        raise BadRequestData(f"expiresAt: {error}") from None


# ---- members


def _text(said: JsonObject, member: str) -> str | None:
    value = said.get(member)
    if member in said and (not isinstance(value, str) or not value):
        raise BadRequestData(f"{member} is not text")
    return cast("str | None", value)


def _texts(said: JsonObject, member: str, path: str = "") -> list[str]:
    found = _list(said, member, path)
    if not all(isinstance(one, str) and one for one in found):
        raise BadRequestData(f"{path}{member} is not a list of names")
    return cast(list[str], found)


def _list(said: JsonObject, member: str, path: str = "") -> list[Json]:
    if member not in said:
        return []
    value = said[member]
    if not isinstance(value, list) or not 0 < len(value) <= _LONGEST_LIST:
        raise BadRequestData(f"{path}{member} is not a list of 1 to {_LONGEST_LIST}")
    return value


def _object(said: JsonObject, member: str, path: str = "") -> JsonObject:
    value = said.get(member)
    if not isinstance(value, dict):
        raise BadRequestData(f"{path}{member} is missing or not an object")
    return value


def _flag(said: JsonObject, member: str, *, default: bool = False) -> bool:
    value = said.get(member, default)
    if not isinstance(value, bool):
        raise BadRequestData(f"{member} is neither true nor false")
    return value


def _span(said: JsonObject, member: str) -> float:
    """Seconds; 0 where not said."""
    if member not in said:
        return 0.0
    value = said[member]
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= _LONGEST_SPAN_S:
        raise BadRequestData(f"{member} is not a number of seconds above 0")
    return float(value)
