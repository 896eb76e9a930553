"""What there is to ask for: the entity types and the attributes in use (clauses 5.7.5-5.7.10, 6.25-6.28)."""

from __future__ import annotations

import uuid
from typing import cast

from starlette.requests import Request
from starlette.responses import Response

from cityos.api import reading
from cityos.api.accepting import accepted
from cityos.api.answering import entities_response
from cityos.api.description import TERMS
from cityos.api.door import Door
from cityos.api.provision import PREFIX
from cityos.ngsi.context import Context
from cityos.ngsi.error import ResourceNotFound
from cityos.ngsi.expansion import expand_attribute_name
from cityos.ngsi.value import Json, JsonObject
from cityos.store.discovery import AttributeUse, TypeUse


async def list_types(request: Request) -> Response:
    """GET /types"""
    reading.check_parameters(request, _LIST_WORDS)
    accepted(request)
    tenant, context = reading.reading_tenant(request), await reading.context_of(request)
    details = reading.flag_of(request, "details")
    uses = await reading.rooms_of(request).store.read(lambda reader: reader.list_types(tenant, with_attributes=details))
    if not details:
        names = sorted(context.compact(use.iri) for use in uses)
        return _list(request, context, "EntityTypeList", {"typeList": cast(Json, names)})
    return entities_response(request, context, [_type(use, context) for use in uses])


async def get_type(request: Request) -> Response:
    """GET /types/{type}"""
    reading.check_parameters(request, _LOCAL)
    accepted(request)
    tenant, context = reading.reading_tenant(request), await reading.context_of(request)
    iri = expand_attribute_name(cast(str, request.path_params["type"]), context)
    use = await reading.rooms_of(request).store.read(lambda reader: reader.find_type(tenant, iri))
    if use is None:
        raise ResourceNotFound(f"There is no entity of the type {iri}")
    told: JsonObject = {
        "id": use.iri,
        "type": "EntityTypeInfo",
        "typeName": context.compact(use.iri),
        "entityCount": use.count,
        "attributeDetails": [_attribute(one, context, counted=False) for one in use.attributes],
    }
    return entities_response(request, context, told)


async def list_attributes(request: Request) -> Response:
    """GET /attributes"""
    reading.check_parameters(request, _LIST_WORDS)
    accepted(request)
    tenant, context = reading.reading_tenant(request), await reading.context_of(request)
    uses = await reading.rooms_of(request).store.read(lambda reader: reader.list_attributes(tenant))
    if not reading.flag_of(request, "details"):
        names = sorted(context.compact(use.iri) for use in uses)
        return _list(request, context, "AttributeList", {"attributeList": cast(Json, names)})
    return entities_response(request, context, [_attribute(use, context, counted=False, kinds=False) for use in uses])


async def get_attribute(request: Request) -> Response:
    """GET /attributes/{attr}"""
    reading.check_parameters(request, _LOCAL)
    accepted(request)
    tenant, context = reading.reading_tenant(request), await reading.context_of(request)
    iri = expand_attribute_name(cast(str, request.path_params["attr"]), context)
    use = await reading.rooms_of(request).store.read(lambda reader: reader.find_attribute(tenant, iri))
    if use is None:
        raise ResourceNotFound(f"No entity has the attribute {iri}")
    return entities_response(request, context, _attribute(use, context, counted=True))


def _list(request: Request, context: Context, kind: str, members: JsonObject) -> Response:
    return entities_response(request, context, {"id": f"urn:ngsi-ld:{kind}:{uuid.uuid4()}", "type": kind, **members})


def _type(use: TypeUse, context: Context) -> JsonObject:
    names = sorted(context.compact(one.iri) for one in use.attributes)
    return {
        "id": use.iri,
        "type": "EntityType",
        "typeName": context.compact(use.iri),
        "attributeNames": cast(Json, names),
    }


def _attribute(use: AttributeUse, context: Context, *, counted: bool, kinds: bool = True) -> JsonObject:
    told: JsonObject = {"id": use.iri, "type": "Attribute", "attributeName": context.compact(use.iri)}
    if counted:
        told["attributeCount"] = use.count
    if kinds:
        told["attributeTypes"] = cast(Json, sorted(use.kinds))
    if counted or not kinds:
        told["typeNames"] = cast(Json, sorted(context.compact(iri) for iri in use.types))
    return told


_LOCAL = {"local": "true: this hub only; federation is not built yet, so it is always so"}
_LIST_WORDS = {**_LOCAL, "details": "true: with what each is used for"}
_TOLD = {200: TERMS}

DOORS = (
    Door("GET", f"{PREFIX}/types", list_types, "The entity types in use", _LIST_WORDS, answers=_TOLD),
    Door(
        "GET", f"{PREFIX}/types/{{type}}", get_type, "One entity type, its count and attributes", _LOCAL, answers=_TOLD
    ),
    Door("GET", f"{PREFIX}/attributes", list_attributes, "The attributes in use", _LIST_WORDS, answers=_TOLD),
    Door(
        "GET",
        f"{PREFIX}/attributes/{{attr}}",
        get_attribute,
        "One attribute, its count, kinds and types",
        _LOCAL,
        answers=_TOLD,
    ),
)
