"""How a change is told to a subscriber: the Notification (5.3.1), its headers, the MQTT message (7.2).

What is told of an entity depends on few things, so it is rendered once for all subscriptions that ask alike.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import cast

import orjson

from cityos.ngsi.context import Context
from cityos.ngsi.entity import VALUE_MEMBER
from cityos.ngsi.expansion import NULL
from cityos.ngsi.geojson import compile_feature
from cityos.ngsi.instant import format_instant
from cityos.ngsi.linked import Gathering
from cityos.ngsi.projection import Projection
from cityos.ngsi.representation import View, compile_view, shown_of
from cityos.ngsi.subscription import Subscription
from cityos.ngsi.value import Json, JsonObject
from cityos.notify.change import AttributeChange, Change

LD_JSON, GEO_JSON = "application/ld+json", "application/geo+json"
# The member that tells what a value was (clause 4.5.2 and on), by the member of the value.
_PREVIOUS: Mapping[str, str] = {
    "value": "previousValue",
    "object": "previousObject",
    "languageMap": "previousLanguageMap",
    "vocab": "previousVocab",
    "json": "previousJson",
    "valueList": "previousValueList",
    "objectList": "previousObjectList",
}


@dataclass(frozen=True, slots=True)
class Words:
    """In which words a subscription is told: its @context compiled, as it is told, and its address for a Link."""

    context: Context
    said: Json
    address: str


def told_of(change: Change, subscription: Subscription) -> JsonObject:
    """The canonical JSON of what a subscription is told of a change (5.8.6): with what was deleted, and before."""
    if change.op == "delete":
        return _told_of_end(change, subscription)
    entity = change.entity
    params = subscription.notification
    gone = [one for one in change.attributes if one.after is None]
    if gone:
        entity = dict(entity)
        for name in {one.name for one in gone}:
            entity[name] = _with_gone(cast(list[JsonObject], entity.get(name, [])), name, gone, change, subscription)
    return _with_previous(entity, change) if params.show_changes else entity


def _with_gone(
    present: list[JsonObject], name: str, gone: list[AttributeChange], change: Change, subscription: Subscription
) -> Json:
    instances = [_nulled(cast(JsonObject, one.before), change, subscription) for one in gone if one.name == name]
    # Of an attribute that is gone whole, one instance says it all.
    is_whole = not present and len(instances) > 1 and not subscription.notification.show_changes
    return cast(Json, [*present, *([_first(instances)] if is_whole else instances)])


def _first(instances: list[JsonObject]) -> JsonObject:
    return next((one for one in instances if "datasetId" not in one), instances[0])


def _nulled(before: JsonObject, change: Change, subscription: Subscription) -> JsonObject:
    """A deleted instance: the NGSI-LD Null for its value (clause 4.5.0); no sub-attributes, they are gone with it."""
    kind = cast(str, before["type"])
    member = VALUE_MEMBER[kind]
    null: Json = {"@none": NULL} if kind == "LanguageProperty" else NULL
    told: JsonObject = {"type": kind, member: [null] if member in ("valueList", "objectList") else null}
    if subscription.notification.show_changes:
        told[_PREVIOUS[member]] = before[member]
    told |= {name: before[name] for name in ("datasetId", "createdAt", "modifiedAt") if name in before}
    if subscription.notification.system:
        told["deletedAt"] = format_instant(change.at)
    return told


def _with_previous(entity: JsonObject, change: Change) -> JsonObject:
    entity = dict(entity)
    for one in change.attributes:
        if one.before is None or one.after is None:
            continue
        instances = cast(list[JsonObject], entity[one.name])
        entity[one.name] = [
            _and_before(told, one.before) if told.get("datasetId", "") == one.dataset else told for told in instances
        ]
    return entity


def _and_before(instance: JsonObject, before: JsonObject) -> JsonObject:
    member = VALUE_MEMBER[cast(str, before["type"])]
    return {**instance, _PREVIOUS[member]: before[member]}


def _told_of_end(change: Change, subscription: Subscription) -> JsonObject:
    entity = change.entity
    members = ("id", "type", "scope", "createdAt", "modifiedAt")
    told: JsonObject = {member: entity[member] for member in members if member in entity}
    told["deletedAt"] = format_instant(change.at)
    for name in _ended_names(change, subscription):
        told[name] = _with_gone([], name, list(change.attributes), change, subscription)
    return told


def _ended_names(change: Change, subscription: Subscription) -> list[str]:
    """Which attributes are told to be gone: all where changes are shown, else those whose deletion is watched."""
    names = list(dict.fromkeys(one.name for one in change.attributes))
    if subscription.notification.show_changes:
        return names
    if "attributeDeleted" in subscription.triggers:
        return [name for name in names if not subscription.watched or name in subscription.watched]
    return []


def shape_of(subscription: Subscription, words: Words) -> tuple[object, ...]:
    """All that what is told of an entity depends on: subscriptions of one shape are told the same."""
    params = subscription.notification
    return (
        id(words.context),
        orjson.dumps(words.said),
        params.endpoint.accept,
        params.form,
        params.system,
        params.show_changes,
        params.join,
        repr(params.projection),
        subscription.languages,
        subscription.datasets,
        (subscription.triggers, subscription.watched),  # for what is told of an end
    )


def render(
    entity: JsonObject, subscription: Subscription, words: Words, linked: Mapping[str, JsonObject | None]
) -> tuple[bytes, ...]:
    """What stands in `data` for an entity: itself, and its linked entities where they are joined flat.

    `linked` are the entities that a join may need, by id. Empty where pick and omit leave nothing.
    """
    return tuple(map(orjson.dumps, _rendered(entity, subscription, words, linked)))


def links_wanted(
    entity: JsonObject, subscription: Subscription, linked: Mapping[str, JsonObject | None]
) -> frozenset[str]:
    """Which entities a join still needs beyond those in `linked`; those that do not exist stay wanted."""
    join = subscription.notification.join
    if join is None:
        return frozenset()
    gathering = Gathering(join, [entity], subscription.notification.projection)
    while ids := gathering.wanted():
        if missing := ids - linked.keys():
            return missing
        gathering.add([found for one in ids if (found := linked[one])])
    return frozenset()


def _rendered(
    entity: JsonObject, subscription: Subscription, words: Words, linked: Mapping[str, JsonObject | None]
) -> Iterable[JsonObject]:
    params = subscription.notification
    view = View(
        words.context,
        params.form,
        None,
        params.system,
        params.projection,
        subscription.languages,
        subscription.datasets,
    )
    inline, beside = None, list[tuple[JsonObject, Projection]]()
    if params.join is not None:
        gathering = Gathering(params.join, [entity], shown_of(view))
        while ids := gathering.wanted():
            gathering.add([found for one in ids if (found := linked.get(one))])
        if params.join.form == "inline":
            inline = gathering.inline()
        else:
            beside = gathering.flat()
    is_geo = params.endpoint.accept == GEO_JSON
    shown = [(compile_feature(view, inline=inline) if is_geo else compile_view(view, inline))(entity)]
    for other, projection in beside:
        of_other = replace(view, projection=projection)
        shown.append((compile_feature(of_other) if is_geo else compile_view(of_other))(other))
    shown = [one for one in shown if one]
    if params.endpoint.accept == LD_JSON:
        for one in shown:
            one["@context"] = words.said
    return shown


@dataclass(frozen=True, slots=True)
class Notification:
    """What is sent: a JSON body and the headers that say how to read it.

    `whose` is tenant and subscription; `seq` the oldest change it tells of, 0 where it tells of none.
    """

    whose: tuple[str, str]
    seq: int
    body: bytes
    headers: tuple[tuple[str, str], ...]

    def mqtt_payload(self) -> bytes:
        """The message of the MQTT binding (clause 7.2): metadata and body."""
        return b'{"metadata":' + orjson.dumps(dict(self.headers)) + b',"body":' + self.body + b"}"


def compose(
    tenant: str, subscription: Subscription, words: Words, entities: Iterable[bytes], at: str, seq: int
) -> Notification:
    """The notification that tells these rendered entities (clause 5.3.1)."""
    accept = subscription.notification.endpoint.accept
    head: JsonObject = {
        "id": f"urn:ngsi-ld:Notification:{uuid.uuid4().hex}",
        "type": "Notification",
        "subscriptionId": subscription.id,
        "notifiedAt": at,
    }
    data = b"[" + b",".join(entities) + b"]"
    if accept == GEO_JSON:
        data = b'{"type":"FeatureCollection","features":' + data + b"}"
    body = orjson.dumps(head)[:-1] + b',"data":' + data + b"}"
    return Notification((tenant, subscription.id), seq, body, tuple(_headers(subscription, words)))


def _headers(subscription: Subscription, words: Words) -> Iterable[tuple[str, str]]:
    endpoint = subscription.notification.endpoint
    yield "Content-Type", endpoint.accept
    if endpoint.accept != LD_JSON:
        yield "Link", f'<{words.address}>; rel="http://www.w3.org/ns/json-ld#context"; type="application/ld+json"'
    yield from endpoint.receiver_info
