"""What a request says, in any of its forms, to an entity: normalised, concise, simplified (clauses 4.5.1-4.5.4).

Every error names the place by path, in the words of the request: `snowDepth.observedAt is not ...`.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from datetime import datetime
from typing import cast

from cityos.ngsi.context import Context
from cityos.ngsi.core_context import CORE_TERMS
from cityos.ngsi.entity import NOTE_MEMBERS, VALUE_MEMBER, Attributes, Entity, Instance
from cityos.ngsi.error import BadRequestData, InvalidRequest
from cityos.ngsi.geometry import check_geometry
from cityos.ngsi.instant import parse_instant
from cityos.ngsi.kind import is_geometry, is_instances, kind_of
from cityos.ngsi.scope_query import check_scope
from cityos.ngsi.value import MAX_DEPTH, Json, JsonObject, check_key, check_value

NULL = "urn:ngsi-ld:null"  # NGSI-LD Null, clause 4.5.0: "delete this" in a merge

# What a part of an instance does not say of its value. Known by identity: no text that a client sends is it.
UNSAID: Json = " ".join(("not", "said"))

_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:[^\s\x00-\x20<>\"{}|\\^`]+\Z")
_NAME = re.compile(r"[^\s\x00-\x20<>\"{}|\\^`/]+\Z")
_LONGEST_NAME = 1_024  # bytes of an IRI
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
    check_key(entity_id, "id")
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


def expand_instances(said: Json, context: Context) -> dict[str, list[Instance]]:
    """The attributes of a temporal representation (4.5.7): by IRI, each with many instances of a dataset, as said.

    Raises BadRequestData.
    """
    found: dict[str, list[Instance]] = {}
    for name, value in _object(said, "the entity").items():
        if name not in _RESERVED:
            iri = _attribute_iri(name, context, True)
            found.setdefault(iri, []).extend(_expand_attribute(value, context, name, 0))
    return found


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
        instances = _expand_attribute(said, context, word, 0)
        if len(instances) != 1:
            raise BadRequestData(f"{word} is said as {len(instances)} instances; say one, and whose by its datasetId")
        return instances[0]
    body = {key: value for key, value in said.items() if key != "@context"}
    if len(body) == 1 and word in body and isinstance(body[word], dict):
        body = cast(JsonObject, body[word])
    if whole or kind_of(body):
        return _expand_instance(body, context, word, 0, whole=whole)
    if is_geometry(body):
        return Instance("GeoProperty", check_geometry(body, word))
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
        try:
            iri = _attribute_iri(name, context, depth == 0)
        except BadRequestData as error:
            raise BadRequestData(f"{where!r}: {error}") from None
        instances = attributes.setdefault(iri, {})
        for instance in _expand_attribute(value, context, where, depth):
            if iri in _PLACES and instance.kind != "GeoProperty" and instance.value != NULL:
                raise BadRequestData(f"{where} is no GeoJSON geometry such as {_POINT}")
            if instance.dataset in instances:
                raise BadRequestData(f"{where} has two instances of the dataset {instance.dataset or 'default'}")
            instances[instance.dataset] = instance
    return attributes


@functools.lru_cache(maxsize=8192)  # the same few names stand in every entity
def _attribute_iri(name: str, context: Context, is_top: bool) -> str:
    iri = _expanded(_checked_name(name, name), context, name)
    if iri in _RESERVED_IRIS[_RESERVED if is_top else _SUB_RESERVED]:
        raise BadRequestData(f"{name!r} means {iri}, which is no attribute")
    return iri


def _expanded_type(name: str, context: Context) -> str:
    if name in ("id", "type") or name[0] == "@":
        raise BadRequestData(f"type {name!r} is a word of JSON-LD, not the name of a type")
    return _expanded(name, context, "type")


def _expanded(name: str, context: Context, where: str) -> str:
    iri = context.expand(name)
    if len(iri) > _LONGEST_NAME or len(iri.encode()) > _LONGEST_NAME:
        raise BadRequestData(f"{where[:80]} is longer than {_LONGEST_NAME} bytes")
    return iri


_SUB_RESERVED = (
    _SYSTEM
    | frozenset(("type", "@type", "observedAt", "datasetId", "@context"))
    | frozenset(NOTE_MEMBERS)
    | frozenset(VALUE_MEMBER.values())
)
# Places of every entity (clause 4.5.2.2, table 4.4.1): something else under these names would never be found.
_PLACES = frozenset(CORE_TERMS[name] for name in ("location", "observationSpace", "operationSpace"))
_POINT = '{"type": "Point", "coordinates": [140.74, 40.82]}'
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
    if value.__class__ is dict:
        if kind_of(value):
            return [_expand_instance(value, context, where, depth)]
    elif value is None:
        raise BadRequestData(f"{where} is null; to delete it in a merge, write {NULL}")
    elif is_instances(value):
        return [
            _expand_instance(cast(JsonObject, one), context, f"{where}[{index}]", depth)
            for index, one in enumerate(cast(list[Json], value))
        ]
    check_value(value, where)
    if is_geometry(value):
        return [Instance("GeoProperty", check_geometry(value, where))]
    return [Instance("Property", value)]


def _expand_instance(body: JsonObject, context: Context, where: str, depth: int, *, whole: bool = True) -> Instance:
    kind = kind_of(body)
    said = body.get("type", body.get("@type"))
    if kind is None or (said is not None and said != kind):
        raise BadRequestData(f"{where}.type is not one of {', '.join(VALUE_MEMBER)}")
    member = VALUE_MEMBER[kind]
    value = body.get(member)
    if value is None:
        if member in body or whole:
            raise BadRequestData(f"{where} is a {kind} without {member}")
        return _expand_particulars(Instance(kind, UNSAID), body, context, where, depth)
    instance = Instance(kind, _expand_value(kind, member, value, context, where))
    if len(body) == (1 if said is None else 2):  # nothing but type and value, as most are
        return instance
    return _expand_particulars(instance, body, context, where, depth)


def _expand_value(kind: str, member: str, value: Json, context: Context, where: str) -> Json:
    check_value(value, where)
    if kind == "Property" or value == NULL:
        return value
    if kind == "LanguageProperty" and value == {"@none": NULL}:  # how a language map says NGSI-LD Null (4.5.18)
        return NULL
    check = _VALUE_CHECKS.get(kind)
    if check is not None:
        value = check(value, f"{where}.{member}")
    return _expand_vocab(value, context) if kind == "VocabProperty" else value


def _expand_particulars(instance: Instance, body: JsonObject, context: Context, where: str, depth: int) -> Instance:
    if "observedAt" in body:
        instance.observed_at = _instant(body["observedAt"], f"{where}.observedAt")
    if "datasetId" in body:
        instance.dataset = _dataset(body["datasetId"], f"{where}.datasetId")
    for note in NOTE_MEMBERS:
        if note in body:
            check_value(body[note], f"{where}.{note}")
            instance.notes[note] = body[note]
    if not body.keys() <= _SUB_RESERVED:
        instance.attributes = _expand_attributes(body, context, f"{where}.", depth + 1)
    return instance


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


_VALUE_CHECKS: dict[str, Callable[[Json, str], Json]] = {
    "GeoProperty": check_geometry,
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
    check_key(said, where)
    return said
