"""The words of the OpenAPI document that many doors share: what bodies hold, what answers mean, how parameters read.

Doors say what is theirs; what follows from it (a body may be too large, an entity may be missing) is said here once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

Schema = dict[str, Any]

JSON, LD_JSON, GEO_JSON = "application/json", "application/ld+json", "application/geo+json"
MERGE_PATCH = "application/merge-patch+json"
PROBLEM = "application/problem+json"

_URI: Final[Schema] = {"type": "string", "format": "uri", "maxLength": 4096, "example": "urn:ngsi-ld:Zone:1"}
_INSTANT: Final[Schema] = {"type": "string", "format": "date-time", "example": "2026-01-15T08:00:00Z"}
_NAME: Final[Schema] = {"type": "string", "minLength": 1, "maxLength": 1024}
_NAMES: Final[Schema] = {"anyOf": [_NAME, {"type": "array", "items": _NAME, "minItems": 1}]}
_VALUE: Final[Schema] = {
    "description": "Any JSON but null",
    "type": ["string", "number", "boolean", "object", "array"],
}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _kind(name: str, member: str, value: Schema) -> Schema:
    """One kind of attribute in normalised form (clauses 4.5.2, 4.5.18-4.5.24); other members are sub-attributes."""
    return {
        "type": "object",
        "required": ["type", member],
        "properties": {
            "type": {"const": name},
            member: value,
            "observedAt": _INSTANT,
            "unitCode": {"type": "string"},
            "datasetId": _URI,
        },
        # Sub-attributes are attributes, to any depth up to 32; told as values, so that the description ends.
        "additionalProperties": _VALUE,
    }


_POSITION: Final[Schema] = {
    "type": "array",
    "items": {"type": "number", "minimum": -90, "maximum": 90},
    "minItems": 2,
    "maxItems": 3,
}
_TEXTS: Final[Schema] = {"type": "object", "additionalProperties": {"type": "string"}}
_LINKS: Final[Schema] = {"anyOf": [_URI, {"type": "array", "items": _URI, "minItems": 1}]}
_KINDS: Final[tuple[Schema, ...]] = (
    _kind("Property", "value", _VALUE),
    _kind("GeoProperty", "value", _ref("Geometry")),
    _kind("Relationship", "object", _LINKS),
    _kind("LanguageProperty", "languageMap", _TEXTS),
    _kind("VocabProperty", "vocab", _NAMES),
    _kind("JsonProperty", "json", _VALUE),
    _kind("ListProperty", "valueList", {"type": "array", "items": _VALUE}),
    _kind("ListRelationship", "objectList", {"type": "array", "items": _URI}),
)
_ENTITY_MEMBERS: Final[Schema] = {
    "id": _URI,
    "type": _NAMES,
    "scope": {"anyOf": [{"type": "string", "pattern": "^/[A-Za-z][A-Za-z0-9_]*$"}, {"type": "array"}]},
    "expiresAt": _INSTANT,
    "location": {"anyOf": [_ref("Geometry"), _KINDS[1]]},
}
_ZONE: Final[Schema] = {
    "id": "urn:ngsi-ld:Zone:1",
    "type": "Zone",
    "depth": {"type": "Property", "value": 40, "unitCode": "CMT", "observedAt": "2026-01-15T08:00:00Z"},
    "location": {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [140.75, 40.83]}},
}
_QUERY_TEXTS: Final[tuple[str, ...]] = ("q", "scopeQ", "lang")
_QUERY_MEMBERS: Final[Schema] = {
    "type": {"const": "Query"},
    "entities": {
        "type": "array",
        "minItems": 1,
        "items": {
            "type": "object",
            "properties": {"type": _NAME, "id": _URI, "idPattern": {"type": "string"}},
        },
    },
    "attrs": {"type": "array", "items": _NAME, "minItems": 1},
    "pick": {"type": "array", "items": _NAME, "minItems": 1},
    "omit": {"type": "array", "items": _NAME, "minItems": 1},
    "geoQ": {
        "type": "object",
        "properties": {
            "georel": {"type": "string", "example": "near;maxDistance==500"},
            "geometry": {"type": "string", "example": "Point"},
            "coordinates": {"type": "array", "example": [140.75, 40.83]},
            "geoproperty": _NAME,
        },
    },
    "orderBy": {"type": "array", "items": _NAME},
    "join": {"enum": ["inline", "flat"]},
    "joinLevel": {"type": "integer", "minimum": 1},
    **{name: {"type": "string"} for name in _QUERY_TEXTS},
}
_TEMPORAL_Q: Final[Schema] = {
    "type": "object",
    "required": ["timerel", "timeAt"],
    "properties": {
        "timerel": {"enum": ["before", "after", "between"]},
        "timeAt": _INSTANT,
        "endTimeAt": _INSTANT,
        "timeproperty": {"enum": ["observedAt", "createdAt", "modifiedAt", "deletedAt"]},
        "lastN": {"type": "integer", "minimum": 1},
    },
}
_INSTANCES: Final[Schema] = {"type": "array", "items": {"anyOf": list(_KINDS)}, "minItems": 1}
_SUBSCRIPTION_MEMBERS: Final[Schema] = {
    "id": _URI,
    "type": {"const": "Subscription"},
    "subscriptionName": {"type": "string"},
    "description": {"type": "string"},
    "entities": _QUERY_MEMBERS["entities"],
    "watchedAttributes": {"type": "array", "items": _NAME, "minItems": 1},
    "notificationTrigger": {"type": "array", "items": {"type": "string"}},
    "timeInterval": {"type": "number", "exclusiveMinimum": 0},
    "q": {"type": "string"},
    "geoQ": _QUERY_MEMBERS["geoQ"],
    "scopeQ": {"type": "string"},
    "lang": {"type": "string"},
    "isActive": {"type": "boolean"},
    "expiresAt": _INSTANT,
    "throttling": {"type": "number", "minimum": 0},
    "notification": {
        "type": "object",
        "required": ["endpoint"],
        "properties": {
            "attributes": {"type": "array", "items": _NAME, "minItems": 1},
            "format": {"enum": ["normalized", "concise", "simplified", "keyValues"]},
            "showChanges": {"type": "boolean"},
            "sysAttrs": {"type": "boolean"},
            "endpoint": {
                "type": "object",
                "required": ["uri"],
                "properties": {"uri": _URI, "accept": {"enum": [JSON, LD_JSON, GEO_JSON]}},
            },
        },
    },
}
SCHEMAS: Final[Mapping[str, Schema]] = {
    "Geometry": {
        "type": "object",
        "description": "GeoJSON, positions are [longitude, latitude] in degrees (RFC 7946)",
        "required": ["type", "coordinates"],
        "properties": {
            "type": {"enum": ["Point", "MultiPoint", "LineString", "MultiLineString", "Polygon", "MultiPolygon"]},
            "coordinates": {"anyOf": [_POSITION, {"type": "array", "items": _POSITION}]},
        },
        "example": {"type": "Point", "coordinates": [140.75, 40.83]},
    },
    "Attribute": {
        "description": "Normalised, concise, or a plain value; a list of instances with different datasetId",
        "anyOf": [*_KINDS, {"type": "array", "items": {"anyOf": list(_KINDS)}, "minItems": 1}, _VALUE],
    },
    "Entity": {
        "type": "object",
        "required": ["id", "type"],
        "properties": _ENTITY_MEMBERS,
        "additionalProperties": _ref("Attribute"),
        "example": _ZONE,
    },
    "EntityFragment": {
        "type": "object",
        "description": "What is said of an entity; urn:ngsi-ld:null as a value deletes",
        "properties": _ENTITY_MEMBERS,
        "additionalProperties": _ref("Attribute"),
        "example": {"depth": {"type": "Property", "value": 42}},
    },
    "EntityPart": {
        "type": "object",
        "required": ["id"],
        "properties": _ENTITY_MEMBERS,
        "additionalProperties": _ref("Attribute"),
        "example": {"id": "urn:ngsi-ld:Zone:1", "depth": {"type": "Property", "value": 42}},
    },
    "Entities": {"type": "array", "items": _ref("Entity"), "minItems": 1, "maxItems": 10_000, "example": [_ZONE]},
    "EntityParts": {"type": "array", "items": _ref("EntityPart"), "minItems": 1, "maxItems": 10_000},
    "Ids": {"type": "array", "items": _URI, "minItems": 1, "maxItems": 10_000, "example": ["urn:ngsi-ld:Zone:1"]},
    "Query": {
        "type": "object",
        "description": "Clause 5.2.23 of CIM 009",
        "required": ["type"],
        "properties": _QUERY_MEMBERS,
        "example": {"type": "Query", "entities": [{"type": "Zone"}], "q": "depth>20"},
    },
    "TemporalQuery": {
        "type": "object",
        "description": "Clause 5.2.23 of CIM 009, with temporalQ (5.2.21)",
        "required": ["type", "temporalQ"],
        "properties": {**_QUERY_MEMBERS, "temporalQ": _TEMPORAL_Q},
        "example": {
            "type": "Query",
            "entities": [{"type": "Zone"}],
            "temporalQ": {"timerel": "after", "timeAt": "2026-01-15T00:00:00Z"},
        },
    },
    "TemporalEntity": {
        "type": "object",
        "required": ["id", "type"],
        "properties": _ENTITY_MEMBERS,
        "additionalProperties": _INSTANCES,
        "example": {**_ZONE, "depth": [_ZONE["depth"]]},
    },
    "TemporalFragment": {
        "type": "object",
        "properties": _ENTITY_MEMBERS,
        "additionalProperties": _INSTANCES,
        "example": {"depth": [_ZONE["depth"]]},
    },
    "Subscription": {
        "type": "object",
        "description": "Clause 5.2.12 of CIM 009",
        "required": ["type", "notification"],
        "properties": _SUBSCRIPTION_MEMBERS,
        "example": {
            "type": "Subscription",
            "entities": [{"type": "Zone"}],
            "notification": {"endpoint": {"uri": "http://127.0.0.1:9/notify"}},
        },
    },
    "SubscriptionFragment": {
        "type": "object",
        "properties": _SUBSCRIPTION_MEMBERS,
        "example": {"isActive": False},
    },
    "ContextDocument": {
        "type": "object",
        "required": ["@context"],
        "properties": {
            "@context": {
                "anyOf": [
                    {"type": "object", "additionalProperties": _URI},
                    {"type": "array", "items": {"type": "object", "additionalProperties": _URI}},
                ]
            }
        },
        "example": {"@context": {"depth": "https://example.org/depth"}},
    },
    "ProblemDetails": {
        "type": "object",
        "description": "RFC 9457: what, where, and what to do",
        "required": ["type", "title", "status", "detail"],
        "properties": {
            "type": {"type": "string"},
            "title": {"type": "string"},
            "status": {"type": "integer", "minimum": 400, "maximum": 599},
            "detail": {"type": "string"},
        },
        "example": {
            "type": "https://uri.etsi.org/ngsi-ld/errors/BadRequestData",
            "title": "The data of the request is not valid",
            "status": 400,
            "detail": "depth.observedAt: '8 o'clock' is not an ISO 8601 date-time such as 2026-01-15T08:00:00Z",
        },
    },
}

# How the values of parameters look, where they are more than text.
_FLAG: Final[Schema] = {"type": "boolean"}
_PARAMETERS: Final[Mapping[str, Schema]] = {
    "limit": {"type": "integer", "minimum": 0, "maximum": 1000},
    "offset": {"type": "integer", "minimum": 0, "maximum": 1_000_000},
    "after": {"type": "integer", "minimum": 0},
    "joinLevel": {"type": "integer", "minimum": 1},
    "count": _FLAG,
    "local": _FLAG,
    "details": _FLAG,
    "deleteAll": _FLAG,
    "reload": _FLAG,
    "acceptEndings": _FLAG,
    "join": {"enum": ["inline", "flat", "@none"]},
    "observedAt": {"type": "string", "format": "date-time"},
    "day": {"type": "string", "format": "date"},
    "type": {"type": "string", "example": "Zone"},
    "id": {"type": "string", "example": "urn:ngsi-ld:Zone:1"},
    "q": {"type": "string", "example": "depth>20"},
    "bbox": {"type": "string", "example": "140.7,40.8,140.8,40.9"},
    "georel": {"type": "string", "example": "near;maxDistance==500"},
    "geometry": {"type": "string", "example": "Point"},
    "coordinates": {"type": "string", "example": "[140.75,40.83]"},
    "orderBy": {"type": "string", "example": "depth;desc"},
    "attrs": {"type": "string", "example": "depth"},
    "pick": {"type": "string", "example": "id,depth"},
    "omit": {"type": "string", "example": "location"},
    "scopeQ": {"type": "string", "example": "/Aomori/#"},
    "idPattern": {"type": "string", "example": "^urn:ngsi-ld:Zone:"},
}
_WITHIN: Final[Mapping[str, Schema]] = {
    "id": {"type": "string", "minLength": 1, "format": "uri", "example": "urn:ngsi-ld:Zone:1"},
    "attr": {"type": "string", "minLength": 1, "example": "depth"},
    "type": {"type": "string", "minLength": 1, "example": "Zone"},
}
_ANY_WITHIN: Final[Schema] = {"type": "string", "minLength": 1}

_ANSWERS: Final[Mapping[int, str]] = {
    200: "What was asked for",
    201: "Created; the header Location says where, or the body which",
    202: "Taken",
    204: "Done; there is nothing to add",
    207: "Done in part: the body names what was not, and why",
    206: "A part of it, as the header Content-Range says",
    304: "Nothing changed since the ETag of If-None-Match",
    400: "The request is malformed, or what it says does not make sense",
    401: "A key is required: send it as X-API-Key",
    403: "The query is too complex",
    404: "There is no such thing, or no such tenant",
    405: "The method is not one of this address",
    406: "None of the accepted media types can be given",
    409: "It is there already",
    410: "The cursor is no longer valid; the body says how to begin anew",
    411: "A body says how long it is: send Content-Length",
    413: "The body is too large",
    412: "The entity is no longer the version that If-Match names",
    415: "The body is of a media type that is not taken here",
    416: "The Range lies outside of the document",
    422: "The request can be understood, but this cannot be done to what it names",
    501: "Not built yet",
    503: "The store is not available; nothing was written, try again",
    504: "An @context cannot be fetched",
}


# What doors answer, as media types with blanks between them; "" for a status alone.
ENTITY: Final = f"{JSON} {LD_JSON} {GEO_JSON}"
ENTITIES: Final = f"{ENTITY} text/csv"
TERMS: Final = f"{JSON} {LD_JSON}"
CHANGED: Final[Mapping[int, str]] = {204: "", 412: PROBLEM}
PARTLY_CHANGED: Final[Mapping[int, str]] = {204: "", 207: JSON, 412: PROBLEM}


@dataclass(frozen=True, slots=True)
class Body:
    """What a request's body holds: one of SCHEMAS (any JSON, or any bytes, if not said), sent as one of `types`."""

    schema: str = ""
    types: tuple[str, ...] = (JSON, LD_JSON)

    def described(self) -> Schema:
        """As the OpenAPI document says it."""
        schema = _ref(self.schema) if self.schema else {}
        return {"required": True, "content": {media_type: {"schema": schema} for media_type in self.types}}


ANY_BODY: Final = Body()


def parameter(name: str, words: str) -> Schema:
    """A query parameter."""
    schema = _PARAMETERS.get(name, {"type": "string"})
    return {"name": name, "in": "query", "required": False, "description": words, "schema": schema}


def within(name: str) -> Schema:
    """A part of the path."""
    return {"name": name, "in": "path", "required": True, "schema": _WITHIN.get(name, _ANY_WITHIN)}


def answers(method: str, path: str, said: Mapping[int, str], *, has_body: bool) -> dict[str, Schema]:
    """Every status that a door may answer: what it says itself, with the media types, and the problems that its
    method, path and body bring with them."""
    problems = {400, 401, 404, 503}  # of any request: its parameters, its tenant, the store
    if method == "GET":
        problems |= {403, 406}
    if has_body:
        problems |= {411, 413, 415}
    if path.startswith("/ngsi-ld/"):
        problems |= {403, 406, 504}
    every = {**dict.fromkeys(problems, PROBLEM), **said}
    return {str(status): _answer(status, every[status]) for status in sorted(every)}


def describe(document: Schema) -> Schema:
    """The OpenAPI document with the schemas that its doors refer to."""
    document.setdefault("components", {}).setdefault("schemas", {}).update(SCHEMAS)
    return document


def _answer(status: int, media_type: str) -> Schema:
    said: Schema = {"description": _ANSWERS[status]}
    if media_type:
        schema = _ref("ProblemDetails") if media_type == PROBLEM else {}
        said["content"] = {one: {"schema": schema} for one in media_type.split()}
    return said
