"""The NGSI-LD core @context, built in: the terms a user's context cannot change (clause 4.4, annex B).

Written from the standard's tables, as a map; the document itself is ETSI's and is not copied here.
"""

from __future__ import annotations

from typing import TypeGuard

from cityos.ngsi.value import Json

CORE_ADDRESS = "https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context-v1.9.jsonld"
_VERSIONS = ("", "-v1.3", "-v1.4", "-v1.5", "-v1.6", "-v1.7", "-v1.8", "-v1.9")
CORE_ADDRESSES = tuple(f"https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context{version}.jsonld" for version in _VERSIONS)
_ADDRESSES = frozenset(CORE_ADDRESSES)

# The geo-property a query means when it names none (clause 4.7).
LOCATION = "https://uri.etsi.org/ngsi-ld/location"

_NGSI = "https://uri.etsi.org/ngsi-ld/"
_GEOJSON = "https://purl.org/geojson/vocab#"

_NGSI_TERMS = """
    Property Relationship GeoProperty LanguageProperty VocabProperty JsonProperty ListProperty ListRelationship
    Subscription Notification ContextSourceRegistration ContextSourceNotification
    location observationSpace operationSpace scope datasetId instanceId observedAt createdAt modifiedAt deletedAt
    expiresAt unitCode lang previousValue previousObject previousLanguageMap previousVocab previousJson
    previousValueList previousObjectList entity entityList valueType ngsildproof
"""
_GEOJSON_TERMS = """
    Feature FeatureCollection GeometryCollection LineString MultiLineString MultiPoint MultiPolygon Point Polygon
    features geometry properties
"""

CORE_TERMS: dict[str, str] = {
    "ngsi-ld": _NGSI,
    "geojson": _GEOJSON,
    **{term: _NGSI + term for term in _NGSI_TERMS.split()},
    **{term: _GEOJSON + term for term in _GEOJSON_TERMS.split()},
    "title": "http://purl.org/dc/terms/title",
    "description": "http://purl.org/dc/terms/description",
    "value": _NGSI + "hasValue",
    "object": _NGSI + "hasObject",
    "objectType": _NGSI + "hasObjectType",
    "languageMap": _NGSI + "hasLanguageMap",
    "vocab": _NGSI + "hasVocab",
    "json": _NGSI + "hasJSON",
    "valueList": _NGSI + "hasValueList",
    "objectList": _NGSI + "hasObjectList",
    "coordinates": _GEOJSON + "coordinates",
}

# The core terms that compact IRIs may begin with.
CORE_PREFIXES = {"ngsi-ld": _NGSI, "geojson": _GEOJSON}


def is_core_context(said: Json) -> TypeGuard[str]:
    """Whether this is the address of a core context of a version this hub speaks; an exact list, never a prefix."""
    return isinstance(said, str) and said in _ADDRESSES
