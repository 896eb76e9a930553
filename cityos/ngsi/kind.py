"""What a piece of JSON shows of an attribute's kind: asked by those who read it and by those who must be read again."""

from __future__ import annotations

from cityos.ngsi.entity import VALUE_MEMBER
from cityos.ngsi.value import Json, JsonObject

_KIND_OF_MEMBER = {member: kind for kind, member in VALUE_MEMBER.items() if kind != "GeoProperty"}
GEOMETRIES = frozenset(
    ("Point", "MultiPoint", "LineString", "MultiLineString", "Polygon", "MultiPolygon", "GeometryCollection")
)


def is_geometry(value: Json) -> bool:
    """Whether a value looks like a GeoJSON geometry."""
    return (
        isinstance(value, dict)
        and isinstance(value.get("type"), str)
        and value["type"] in GEOMETRIES
        and ("coordinates" in value or "geometries" in value)
    )


def kind_of(body: JsonObject) -> str | None:
    """The kind an instance says, or shows by its value member (concise form); None for a plain value."""
    said = body.get("type")
    if said.__class__ is str and said in VALUE_MEMBER:
        return said
    said = body.get("@type")
    if isinstance(said, str) and said in VALUE_MEMBER:
        return said
    for member, kind in _KIND_OF_MEMBER.items():
        if member in body:
            return "GeoProperty" if member == "value" and is_geometry(body[member]) else kind
    return None


def is_instances(value: Json) -> bool:
    """Whether a list is one of instances, not the value of one."""
    return value.__class__ is list and bool(value) and all(isinstance(one, dict) and kind_of(one) for one in value)


def kind_of_bare(value: Json) -> str | None:
    """The kind that a bare value (concise and simplified form) is read as; None where it is read as instances."""
    if is_instances(value) or (isinstance(value, dict) and kind_of(value)):
        return None
    return "GeoProperty" if is_geometry(value) else "Property"
