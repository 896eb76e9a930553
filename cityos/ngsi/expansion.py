"""What a request says, in any of its forms, to an entity: normalised, concise, simplified (clauses 4.5.1-4.5.4).

Every error names the place by path, in the words of the request: `snowDepth.observedAt is not ...`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import cast

from cityos.ngsi.context import Context
from cityos.ngsi.core_context import CORE_TERMS
from cityos.ngsi.entity import NOTE_MEMBERS, VALUE_MEMBER, Attributes, Entity, Instance
from cityos.ngsi.error import BadRequestData, InvalidRequest
from cityos.ngsi.instant import parse_instant
from cityos.ngsi.kind import is_geometry, is_instances, kind_of
from cityos.ngsi.scope_query import check_scope
from cityos.ngsi.value import MAX_DEPTH, Json, JsonObject, check_value

NULL = "urn:ngsi-ld:null"  # NGSI-LD Null, clause 4.5.0: "delete this" in a merge

# What a part of an instance does not say of its value. Known by identity: no text that a client sends is it.
UNSAID: Json = " ".join(("not", "said"))

_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:[^\s\x00-\x20<>\"{}|\\^`]+\Z")
_NAME = re.compile(r"[^\s\x00-\x20<>\"{}|\\^`/]+\Z")
# An entity's MQTT topic is made of its type and id, percent-encoded, and holds at most 65,535 bytes.
_LONGEST_ID = 4_096
_LONGEST_NAME = 1_024
# Written by the hub alone; what a client sends there is ignored (clause 4.8).
_SYSTEM = frozenset(("createdAt", "modifiedAt", "deletedAt", "instanceId"))
_RESERVED = frozenset(("id", "@id", "type", "@type", "scope", "expiresAt", "@context")) | _SYSTEM


def is_uri(text: str) -> bool:
    """Whether the text is an absolute URI as NGSI-LD asks of ids (clause 4.6.1)."""
    return _URI.match(text) is not None


def expand_entity(said: Json, context: Context) -> Entity:
    """An entity of a create, replace or upsert request. Raises BadRequestData."""
    body = _object(said, "the entity")
    entity_id = body.get("id", body.get("@id"))
    if not isinstance(entity_id, str) or not is_uri(entity_id):
        raise BadRequestData("id is missing or not a URI such as urn:ngsi-ld:Zone:1")
    check_value(entity_id, "id")
    if len(entity_id) > _LONGEST_ID:
        raise BadRequestData(f"id is longer than {_LONGEST_ID} characters")
    if "type" not in body and "@type" not in body:
        raise BadRequestData(f"{entity_id} has no type")
    fragment = expand_fragment(body, context)
    if not fragment.types:
        raise BadRequestData(f"{entity_id} has no type")
    fragment.id = entity_id
    return fragment


def expand_fragment(said: Json, context: Context) -> Entity:
    """A part of an entity, as a merge or update sends it: id "" and types () where it says none."""
    body = _object(said, "the entity")
    types = _names(body.get("type", body.get("@type", [])), "type")
    return Entity(
        id="",
        types=tuple(dict.fromkeys(_expanded_type(name, context) for name in types)),
        scopes=tuple(check_scope(scope) for scope in _names(body.get("scope", []), "scope")),
        attributes=_expand_attributes(body, context, "", depth=0),
        expires_at=_instant(body.get("expiresAt"), "expiresAt"),
    )


def expand_part(said: Json, context: Context) -> Entity:
    """A part of an entity that names whose it is, as batch update and merge send it. Raises BadRequestData."""
    body = _object(said, "the entity")
    entity_id = body.get("id", body.get("@id"))
    if not isinstance(entity_id, str) or not is_uri(entity_id):
        raise BadRequestData("id is missing or not a URI such as urn:ngsi-ld:Zone:1")
    fragment = expand_fragment(body, context)
    fragment.id = entity_id
    return fragment


def expand_attribute_name(word: str, context: Context) -> str:
    """The IRI of an attribute named in an address. Raises BadRequestData."""
    if word in _RESERVED:
        raise BadRequestData(f"{word!r} is no attribute")
    return _expanded(_checked_name(word, word), context, word)


def expand_instance_part(word: str, said: Json, context: Context, *, whole: bool = False) -> Instance:
    """What a request says of one instance of the attribute `word`; all of it, or (not `whole`) only a part.

    A part may leave out value and type: then they are UNSAID and "". Raises BadRequestData.
    """
    if not isinstance(said, dict):
        (instance,) = _expand_attribute(said, context, word, 0)
        return instance
    body = {key: value for key, value in said.items() if key != "@context"}
    if len(body) == 1 and word in body and isinstance(body[word], dict):
        body = cast(JsonObject, body[word])
    if whole or kind_of(body):
        return _expand_instance(body, context, word, 0, whole=whole)
    if is_geometry(body):
        return Instance("GeoProperty", _geometry(body, word))
    return _expand_particulars(Instance("", UNSAID), body, context, word, 0)


def dataset_of(said: Json, where: str) -> str:
    """A datasetId, "" for the instance without one. Raises BadRequestData."""
    return _dataset(said, where)


def _expand_attributes(body: JsonObject, context: Context, path: str, depth: int) -> Attributes:
    if depth > MAX_DEPTH:
        raise BadRequestData(f"{path} is nested deeper than {MAX_DEPTH} levels")
    attributes: Attributes = {}
    reserved = _RESERVED if depth == 0 else _SUB_RESERVED
    for name, value in body.items():
        if name in reserved:
            continue
        where = f"{path}{name}"
        iri = _expanded(_checked_name(name, where), context, where)
        if iri in _RESERVED_IRIS[reserved]:
            raise BadRequestData(f"{where!r} means {iri}, which is no attribute")
        for instance in _expand_attribute(value, context, where, depth):
            if instance.dataset in attributes.setdefault(iri, {}):
                raise BadRequestData(f"{where} has two instances of the dataset {instance.dataset or 'default'}")
            attributes[iri][instance.dataset] = instance
    return attributes


def _expanded_type(name: str, context: Context) -> str:
    if name in ("id", "type") or name[0] == "@":
        raise BadRequestData(f"type {name!r} is a word of JSON-LD, not the name of a type")
    return _expanded(name, context, "type")


def _expanded(name: str, context: Context, where: str) -> str:
    iri = context.expand(name)
    if len(iri) > _LONGEST_NAME:
        raise BadRequestData(f"{where[:80]} is longer than {_LONGEST_NAME} characters")
    return iri


_SUB_RESERVED = (
    _SYSTEM
    | frozenset(("type", "@type", "observedAt", "datasetId", "@context"))
    | frozenset(NOTE_MEMBERS)
    | frozenset(VALUE_MEMBER.values())
)
# Written as an IRI, a reserved word would pass as an attribute and be taken for the member itself when it is shown.
_RESERVED_IRIS = {
    words: frozenset(CORE_TERMS[word] for word in words if word in CORE_TERMS) for words in (_RESERVED, _SUB_RESERVED)
}


def _checked_name(name: str, where: str) -> str:
    check_value(name, f"the name {where!r}")
    if not (_NAME.match(name) or is_uri(name)) or name[0] == "@":
        raise BadRequestData(f"{where!r} is not a valid attribute name")
    return name


def _expand_attribute(value: Json, context: Context, where: str, depth: int) -> list[Instance]:
    if value is None:
        raise BadRequestData(f"{where} is null; to delete it in a merge, write {NULL}")
    if is_instances(value):
        return [
            _expand_instance(cast(JsonObject, one), context, f"{where}[{index}]", depth)
            for index, one in enumerate(cast(list[Json], value))
        ]
    if isinstance(value, dict) and kind_of(value):
        return [_expand_instance(value, context, where, depth)]
    check_value(value, where)
    if is_geometry(value):
        return [Instance("GeoProperty", _geometry(value, where))]
    return [Instance("Property", value)]


def _expand_instance(body: JsonObject, context: Context, where: str, depth: int, *, whole: bool = True) -> Instance:
    kind = kind_of(body)
    said = body.get("type", body.get("@type"))
    if kind is None or (said is not None and said != kind):
        raise BadRequestData(f"{where}.type is not one of {', '.join(VALUE_MEMBER)}")
    member = VALUE_MEMBER[kind]
    if member not in body and not whole:
        return _expand_particulars(Instance(kind, UNSAID), body, context, where, depth)
    if body.get(member) is None:
        raise BadRequestData(f"{where} is a {kind} without {member}")
    value = body[member]
    check_value(value, f"{where}.{member}")
    if kind == "LanguageProperty" and value == {"@none": NULL}:  # how a language map says NGSI-LD Null (4.5.18)
        value = NULL
    if value != NULL:
        value = _VALUE_CHECKS.get(kind, _as_said)(value, f"{where}.{member}")
        if kind == "VocabProperty":
            value = _expand_vocab(value, context)
    return _expand_particulars(Instance(kind, value), body, context, where, depth)


def _expand_particulars(instance: Instance, body: JsonObject, context: Context, where: str, depth: int) -> Instance:
    instance.observed_at = _instant(body.get("observedAt"), f"{where}.observedAt")
    instance.dataset = _dataset(body.get("datasetId"), f"{where}.datasetId")
    for note in NOTE_MEMBERS:
        if note in body:
            check_value(body[note], f"{where}.{note}")
            instance.notes[note] = body[note]
    instance.attributes = _expand_attributes(body, context, f"{where}.", depth + 1)
    return instance


def _as_said(value: Json, where: str) -> Json:
    return value


def _relationship(value: Json, where: str) -> Json:
    for uri in value if isinstance(value, list) else [value]:
        if not isinstance(uri, str) or not is_uri(uri):
            raise BadRequestData(f"{where} is not a URI")
    return value


def _language_map(value: Json, where: str) -> Json:
    if not isinstance(value, dict) or not all(isinstance(text, str | list) for text in value.values()):
        raise BadRequestData(f'{where} is not a map of language to text such as {{"ja": "雪"}}')
    return value


def _vocab(value: Json, where: str) -> Json:
    if isinstance(value, str) or (isinstance(value, list) and all(isinstance(word, str) for word in value)):
        return value
    raise BadRequestData(f"{where} is neither a word nor a list of words")


def _list(value: Json, where: str) -> Json:
    if not isinstance(value, list):
        raise BadRequestData(f"{where} is not a list")
    return value


def _geometry(value: Json, where: str) -> Json:
    """Checks a GeoJSON geometry: positions are WGS 84 lon, lat (RFC 7946; clause 4.7)."""
    if not is_geometry(value):
        raise BadRequestData(f"{where} is not a GeoJSON geometry")
    body = cast(JsonObject, value)
    if body["type"] == "GeometryCollection":
        for index, part in enumerate(cast(list[Json], _list(body.get("geometries"), f"{where}.geometries"))):
            _geometry(part, f"{where}.geometries[{index}]")
        return value
    _SHAPES[cast(str, body["type"])](body.get("coordinates"), f"{where}.coordinates")
    if len(set(_dimensions(body["coordinates"]))) > 1:
        raise BadRequestData(f"{where}.coordinates mixes positions with and without height")
    return value


def _dimensions(coordinates: Json) -> Iterator[int]:
    """How many numbers each position has."""
    parts = cast(list[Json], coordinates)
    if isinstance(parts[0], list):
        for part in parts:
            yield from _dimensions(part)
    else:
        yield len(parts)


def _position(value: Json, where: str) -> None:
    if not isinstance(value, list) or not 2 <= len(value) <= 3:
        raise BadRequestData(f"{where} is not a position [longitude, latitude]")
    if not all(isinstance(number, int | float) and not isinstance(number, bool) for number in value):
        raise BadRequestData(f"{where} is not made of numbers")
    lon, lat = cast(list[float], value[:2])
    if not (-180 <= lon <= 180 and -90 <= lat <= 90):
        raise BadRequestData(f"{where} is {lon}, {lat}, which is no longitude, latitude in degrees")


_Check = Callable[[Json, str], None]


def _several(check: _Check, least: int) -> _Check:
    def run(value: Json, where: str) -> None:
        if not isinstance(value, list) or len(value) < least:
            raise BadRequestData(f"{where} has fewer than {least} parts")
        for index, part in enumerate(value):
            check(part, f"{where}[{index}]")

    return run


def _ring(value: Json, where: str) -> None:
    _several(_position, 4)(value, where)
    points = cast(list[Json], value)
    if points[0] != points[-1]:
        raise BadRequestData(f"{where} is a ring that does not close")


_SHAPES: dict[str, _Check] = {
    "Point": _position,
    "MultiPoint": _several(_position, 1),
    "LineString": _several(_position, 2),
    "MultiLineString": _several(_several(_position, 2), 1),
    "Polygon": _several(_ring, 1),
    "MultiPolygon": _several(_several(_ring, 1), 1),
}
_VALUE_CHECKS: dict[str, Callable[[Json, str], Json]] = {
    "GeoProperty": _geometry,
    "Relationship": _relationship,
    "LanguageProperty": _language_map,
    "VocabProperty": _vocab,
    "ListProperty": _list,
    "ListRelationship": _list,
}


def _expand_vocab(value: Json, context: Context) -> Json:
    if isinstance(value, list):
        return [context.expand(cast(str, word)) for word in value]
    return context.expand(cast(str, value))


def _object(said: Json, what: str) -> JsonObject:
    if not isinstance(said, dict):
        raise InvalidRequest(f"{what} is not a JSON object")
    return said


def _names(said: Json, where: str) -> list[str]:
    names = said if isinstance(said, list) else [said]
    if not all(isinstance(name, str) and name for name in names):
        raise BadRequestData(f"{where} is neither a name nor a list of names")
    for name in cast(list[str], names):
        check_value(name, where)
        if re.search(r"\s", name):
            raise BadRequestData(f"{where} {name!r} holds white space")
    return cast(list[str], names)


def _instant(said: Json, where: str) -> datetime | None:
    if said is None:
        return None
    if not isinstance(said, str):
        raise BadRequestData(f"{where} is not text")
    try:
        return parse_instant(said)
    except ValueError as error:
        raise BadRequestData(f"{where}: {error}") from None


def _dataset(said: Json, where: str) -> str:
    if said is None or said == "@none":
        return ""
    if not isinstance(said, str) or not is_uri(said):
        raise BadRequestData(f"{where} is not a URI")
    return said
