"""Subscriptions: made, read, changed, paused, deleted (clauses 5.8.1-5.8.5, 6.10, 6.11).

With a key set, reading them needs it, too: endpoints may carry passwords.
"""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from typing import cast
from urllib.parse import quote, urlencode

from starlette.requests import Request
from starlette.responses import Response

from cityos.api import reading
from cityos.api.accepting import accepted
from cityos.api.answering import context_said, entities_response
from cityos.api.description import CHANGED, JSON, LD_JSON, MERGE_PATCH, PROBLEM, TERMS, Body
from cityos.api.door import Door
from cityos.api.provision import PREFIX
from cityos.egress.guard import AddressRefused
from cityos.ngsi.context import Context
from cityos.ngsi.error import BadRequestData
from cityos.ngsi.expansion import is_uri
from cityos.ngsi.subscription import (
    Subscription,
    expand_subscription,
    merge_fragment,
    parse_subscription,
    tell_subscription,
)
from cityos.ngsi.value import Json, JsonObject
from cityos.notify.desk import Filed, Kept

_BODY_TYPES = (reading.JSON, reading.LD_JSON)
_PATCH_TYPES = (reading.JSON, reading.LD_JSON, reading.MERGE_PATCH)
_LARGEST_PAGE = 1_000
_PREFERRED = re.compile(r'(?:\A|,)\s*ngsi-ld\s*=\s*"?(\d+\.\d+)"?\s*(?=;|,|\Z)', re.IGNORECASE)


async def create(request: Request) -> Response:
    """POST /subscriptions"""
    reading.check_parameters(request, ())
    tenant = reading.writing_tenant(request)
    body = reading.as_object(await reading.read_json(request, reading.ENTITY_LIMIT, _BODY_TYPES))
    context = await reading.context_of(request, body)
    said, terms = expand_subscription(_without_nulls(body), context)
    said.setdefault("id", f"urn:ngsi-ld:Subscription:{uuid.uuid4()}")
    subscription = await _checked(request, said, terms)
    words = await _words(request, tenant, said, context)
    await reading.rooms_of(request).subscriptions.create(tenant, Kept(said, terms, words.said, words.address))
    location = f"{PREFIX}/subscriptions/{quote(subscription.id, safe=':')}"
    return Response(status_code=201, headers={"Location": location})


async def retrieve(request: Request) -> Response:
    """GET /subscriptions/{id}"""
    reading.check_parameters(request, _SHAPE_WORDS)
    accepted(request)
    tenant, subscription_id = _reading_tenant(request), _id_of(request)
    context = await reading.context_of(request)
    filed = await reading.rooms_of(request).subscriptions.get(tenant, subscription_id)
    return entities_response(request, context, _told(request, tenant, filed, context), _preference(request))


async def list_all(request: Request) -> Response:
    """GET /subscriptions"""
    reading.check_parameters(request, _LIST_WORDS)
    media_type = accepted(request)
    tenant, context = _reading_tenant(request), await reading.context_of(request)
    is_counted = reading.flag_of(request, "count")
    limit = reading.number_of(request, "limit", 20, 0 if is_counted else 1, _LARGEST_PAGE)
    offset = reading.number_of(request, "offset", 0, 0, 2**31)
    page, count = await reading.rooms_of(request).subscriptions.list_page(tenant, offset, limit)
    headers = _preference(request)
    if is_counted:
        headers["NGSILD-Results-Count"] = str(count)
    if links := _page_links(request, offset, limit, count, media_type):
        headers["Link"] = links
    return entities_response(request, context, [_told(request, tenant, one, context) for one in page], headers)


async def change(request: Request) -> Response:
    """PATCH /subscriptions/{id}"""
    reading.check_parameters(request, ())
    tenant, subscription_id = reading.writing_tenant(request), _id_of(request)
    body = reading.as_object(await reading.read_json(request, reading.ENTITY_LIMIT, _PATCH_TYPES))
    if body.get("id", subscription_id) != subscription_id:
        raise BadRequestData(f"The body's id {str(body['id'])[:200]} is not the id of the address, {subscription_id}")
    desk = reading.rooms_of(request).subscriptions
    kept = (await desk.get(tenant, subscription_id)).kept
    context = await reading.context_of(request, body)
    fragment, terms = expand_subscription(body, context)
    said = merge_fragment(kept.said, fragment)
    terms = {**kept.terms, **terms}
    await _checked(request, said, terms, is_expiry_new="expiresAt" in fragment)
    words = _Words(kept.context, kept.address)
    if "jsonldContext" in fragment:
        words = await _words(request, tenant, said, context)
    await desk.change(tenant, Kept(said, terms, words.said, words.address, kept.since))
    return Response(status_code=204)


async def delete(request: Request) -> Response:
    """DELETE /subscriptions/{id}"""
    reading.check_parameters(request, ())
    tenant, subscription_id = reading.writing_tenant(request), _id_of(request)
    await reading.rooms_of(request).subscriptions.delete(tenant, subscription_id)
    return Response(status_code=204)


async def _checked(
    request: Request, said: JsonObject, terms: dict[str, str], *, is_expiry_new: bool = True
) -> Subscription:
    """The subscription, if it may be. Raises BadRequestData."""
    rooms = reading.rooms_of(request)
    subscription = parse_subscription(said, terms)
    if is_expiry_new and subscription.status(rooms.clock.now()) == "expired":
        raise BadRequestData("expiresAt lies in the past")
    try:
        await rooms.check_endpoint(subscription.notification.endpoint)
    except AddressRefused as error:
        raise BadRequestData(f"notification.endpoint.uri cannot be used: {error}") from None
    return subscription


@dataclass(frozen=True, slots=True)
class _Words:
    """The @context that a subscription is told in, and the address of it."""

    said: Json
    address: str


async def _words(request: Request, tenant: str, said: JsonObject, context: Context) -> _Words:
    """jsonldContext where it is said, else the @context of the request (5.2.12). Raises LdContextNotAvailable."""
    named = said.get("jsonldContext")
    if named is not None:
        if not isinstance(named, str) or not named.startswith(("http://", "https://")):
            raise BadRequestData("jsonldContext is not the address of a @context")
        await reading.compiled(request, named)
        return _Words(named, named)
    used = context_said(request, context)
    address = await reading.rooms_of(request).library.path_of(tenant, used)
    return _Words(used, str(request.base_url).rstrip("/") + address if address.startswith("/") else address)


def _told(request: Request, tenant: str, filed: Filed, context: Context) -> JsonObject:
    rooms = reading.rooms_of(request)
    kept = filed.kept
    counters = rooms.subscriptions.counters(tenant, kept.id)
    status = parse_subscription(kept.said, kept.terms).status(rooms.clock.now())
    told = tell_subscription(kept.said, context, status, counters)
    told.setdefault("jsonldContext", kept.address)
    if reading.wants_times(request):
        told |= {"createdAt": filed.created_at, "modifiedAt": filed.modified_at}
    return told


def _without_nulls(body: JsonObject) -> JsonObject:
    """What is null is not said (clause 4.5.0); elsewhere than in a fragment that deletes nothing."""
    return {member: value for member, value in body.items() if value is not None}


def _id_of(request: Request) -> str:
    subscription_id = cast(str, request.path_params["id"])
    if not is_uri(subscription_id):
        raise BadRequestData(f"{subscription_id[:200]!r} is not a URI")
    return subscription_id


def _reading_tenant(request: Request) -> str:
    reading.check_key(request)
    return reading.reading_tenant(request)


def _page_links(request: Request, offset: int, limit: int, count: int, media_type: str) -> str:
    if not limit:
        return ""
    links: list[str] = []
    if offset > 0:
        links.append(_page_link(request, max(0, offset - limit), "prev", media_type))
    if offset + limit < count:
        links.append(_page_link(request, offset + limit, "next", media_type))
    return ", ".join(links)


def _page_link(request: Request, offset: int, relation: str, media_type: str) -> str:
    query = [(name, value) for name, value in request.query_params.multi_items() if name != "offset"]
    address = f"{request.url.path}?{urlencode([*query, ('offset', str(offset))])}"
    return f'<{address}>; rel="{relation}"; type="{media_type}"'


def _preference(request: Request) -> dict[str, str]:
    """An older version asked for (clause 6.3.6): a subscription looks the same in all of them (4.3.6.8)."""
    found = _PREFERRED.search(",".join(request.headers.getlist("prefer")))
    return {} if found is None else {"Preference-Applied": f"ngsi-ld={found[1]}"}


_SHAPE_WORDS = {"options": "sysAttrs: with createdAt and modifiedAt"}
_LIST_WORDS = {
    **_SHAPE_WORDS,
    "limit": f"At most so many, up to {_LARGEST_PAGE}; 20 if not said",
    "offset": "Leave out so many",
    "count": "true: tell how many there are in NGSILD-Results-Count",
}
_ALL = f"{PREFIX}/subscriptions"
_ONE = f"{PREFIX}/subscriptions/{{id}}"

DOORS = (
    Door("POST", _ALL, create, "Subscribe to changes", body=Body("Subscription"), answers={201: "", 409: PROBLEM}),
    Door("GET", _ALL, list_all, "List subscriptions", _LIST_WORDS, answers={200: TERMS}),
    Door("GET", _ONE, retrieve, "Read a subscription with its status", _SHAPE_WORDS, answers={200: TERMS}),
    Door(
        "PATCH",
        _ONE,
        change,
        "Change, pause or resume a subscription",
        body=Body("SubscriptionFragment", (JSON, LD_JSON, MERGE_PATCH)),
        answers=CHANGED,
    ),
    Door("DELETE", _ONE, delete, "Unsubscribe", answers=CHANGED),
)
