"""Entities written one at a time: create, replace, merge, delete, and their attributes (clauses 6.4-6.7)."""

from __future__ import annotations

from dataclasses import replace
from typing import cast
from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from cityos.api import reading
from cityos.api.answering import json_response
from cityos.api.description import CHANGED, PARTLY_CHANGED, PROBLEM, Body
from cityos.api.door import Door
from cityos.api.rendition import versions_of
from cityos.ngsi import provision
from cityos.ngsi.entity import Entity, Instance
from cityos.ngsi.error import BadRequestData, InvalidRequest
from cityos.ngsi.expansion import (
    dataset_of,
    expand_attribute_name,
    expand_entity,
    expand_fragment,
    expand_instance_part,
    is_uri,
)
from cityos.ngsi.provision import Command
from cityos.store.record import Outcome

PREFIX = "/ngsi-ld/v1"
_BODY_TYPES = (reading.JSON, reading.LD_JSON)
_PATCH_TYPES = (reading.JSON, reading.LD_JSON, reading.MERGE_PATCH)


async def create(request: Request) -> Response:
    """POST /entities"""
    reading.check_parameters(request, _LOCAL)
    tenant = reading.writing_tenant(request)
    body = await reading.read_json(request, reading.ENTITY_LIMIT, _BODY_TYPES)
    entity = expand_entity(body, await reading.context_of(request, body))
    await apply_one(request, tenant, provision.create(entity))
    return Response(status_code=201, headers={"Location": f"{PREFIX}/entities/{quote(entity.id, safe=':')}"})


async def replace_entity(request: Request) -> Response:
    """PUT /entities/{id}"""
    reading.check_parameters(request, _LOCAL)
    tenant, entity_id = reading.writing_tenant(request), id_of(request)
    said = await _fragment(request, entity_id, _BODY_TYPES)
    await apply_one(request, tenant, provision.replace_entity(entity_id, said))
    return Response(status_code=204)


async def merge(request: Request) -> Response:
    """PATCH /entities/{id}"""
    reading.check_parameters(request, _MERGE_WORDS)
    tenant, entity_id = reading.writing_tenant(request), id_of(request)
    said = await _fragment(request, entity_id, _PATCH_TYPES)
    observed_at = reading.instant_of(request, "observedAt")
    command = provision.merge(entity_id, said, observed_at=observed_at, lang=request.query_params.get("lang"))
    await apply_one(request, tenant, command)
    return Response(status_code=204)


async def delete(request: Request) -> Response:
    """DELETE /entities/{id}"""
    entity_id = id_of(request)
    reading.check_parameters(request, _LOCAL)
    await apply_one(request, reading.writing_tenant(request), provision.delete(entity_id))
    return Response(status_code=204)


async def append_attributes(request: Request) -> Response:
    """POST /entities/{id}/attrs"""
    reading.check_parameters(request, _APPEND_WORDS)
    tenant, entity_id = reading.writing_tenant(request), id_of(request)
    overwrite = not wants_no_overwrite(request)
    said = await _fragment(request, entity_id, _BODY_TYPES)
    return await _update(request, tenant, said, provision.append_attributes(entity_id, said, overwrite=overwrite))


async def update_attributes(request: Request) -> Response:
    """PATCH /entities/{id}/attrs"""
    reading.check_parameters(request, _LOCAL)
    tenant, entity_id = reading.writing_tenant(request), id_of(request)
    said = await _fragment(request, entity_id, _PATCH_TYPES)
    return await _update(request, tenant, said, provision.update_existing(entity_id, said))


async def update_attribute(request: Request) -> Response:
    """PATCH /entities/{id}/attrs/{attr}"""
    reading.check_parameters(request, _LOCAL)
    tenant, entity_id = reading.writing_tenant(request), id_of(request)
    name, said = await _instance(request, _PATCH_TYPES)
    await apply_one(request, tenant, provision.update_partially(entity_id, name, said))
    return Response(status_code=204)


async def replace_attribute(request: Request) -> Response:
    """PUT /entities/{id}/attrs/{attr}"""
    reading.check_parameters(request, _LOCAL)
    tenant, entity_id = reading.writing_tenant(request), id_of(request)
    name, said = await _instance(request, _BODY_TYPES, whole=True)
    await apply_one(request, tenant, provision.replace_attribute(entity_id, name, said))
    return Response(status_code=204)


async def delete_attribute(request: Request) -> Response:
    """DELETE /entities/{id}/attrs/{attr}"""
    reading.check_parameters(request, _DELETE_WORDS)
    tenant, entity_id = reading.writing_tenant(request), id_of(request)
    context = await reading.context_of(request)
    word = cast(str, request.path_params["attr"])
    name = word if word == "scope" else expand_attribute_name(word, context)
    dataset = dataset_of(request.query_params.get("datasetId"), "datasetId")
    everything = reading.flag_of(request, "deleteAll")
    await apply_one(request, tenant, provision.delete_attribute(entity_id, name, dataset, everything=everything))
    return Response(status_code=204)


async def write_nothing(request: Request) -> Response:
    """PATCH and PUT /entities"""
    raise BadRequestData("The address names no entity: write its id after /entities/")


async def apply_one(request: Request, tenant: str, command: Command) -> Outcome:
    """Carries out one command; what it refuses is raised. `If-Match` holds it to a version that was read."""
    said = request.headers.get("if-match")
    if said is not None and said.strip() != "*":
        command = replace(command, versions=versions_of(said, reading.rooms_of(request).store.epoch))
    (outcome,) = await reading.rooms_of(request).store.apply(tenant, [command])
    if outcome.error is not None:
        raise outcome.error
    return outcome


async def _update(request: Request, tenant: str, said: Entity, command: Command) -> Response:
    """204, or 207 with what was and what was not updated (clause 5.2.18)."""
    if not said.attributes and not said.types and not said.scopes:
        raise BadRequestData("The body names no attribute")
    outcome = await apply_one(request, tenant, command)
    if not outcome.refused:
        return Response(status_code=204)
    refused = {name for name, _ in outcome.refused}
    told = {
        "updated": [name for name in said.attributes if name not in refused],
        "notUpdated": [{"attributeName": name, "reason": reason} for name, reason in outcome.refused],
    }
    return json_response(told, 207)


async def _fragment(request: Request, entity_id: str, types: tuple[str, ...]) -> Entity:
    body = reading.as_object(await reading.read_json(request, reading.ENTITY_LIMIT, types))
    said = body.get("id", body.get("@id", entity_id))
    if said != entity_id:
        raise BadRequestData(f"The body's id {str(said)[:200]} is not the id of the address, {entity_id}")
    return replace(expand_fragment(body, await reading.context_of(request, body)), id=entity_id)


async def _instance(request: Request, types: tuple[str, ...], *, whole: bool = False) -> tuple[str, Instance]:
    body = await reading.read_json(request, reading.ENTITY_LIMIT, types)
    context = await reading.context_of(request, body)
    word = cast(str, request.path_params["attr"])
    return expand_attribute_name(word, context), expand_instance_part(word, body, context, whole=whole)


def wants_no_overwrite(request: Request) -> bool:
    """`options=noOverwrite`; a mistyped word must not overwrite."""
    said = request.query_params.get("options", "")
    if said not in ("", "noOverwrite"):
        raise InvalidRequest(f"options is {said[:40]!r}; it can be noOverwrite")
    return bool(said)


def id_of(request: Request) -> str:
    """The entity's id from the path."""
    entity_id = cast(str, request.path_params["id"])
    if entity_id.endswith("/attrs"):  # the address of an entity's attributes, with a method that it does not have
        raise HTTPException(405)
    if not is_uri(entity_id):
        raise BadRequestData(f"{entity_id!r} is not a URI")
    return entity_id


_LOCAL = {"local": "true: this hub only; federation is not built yet, so it is always so"}
_MERGE_WORDS = {
    **_LOCAL,
    "options": "keyValues or simplified: the body holds plain values",
    "format": "simplified: the body holds plain values",
    "observedAt": "The instant of all observations said without one",
    "lang": "The language of plain texts said for a LanguageProperty",
}
_APPEND_WORDS = {**_LOCAL, "options": "noOverwrite: attributes that are there stay as they are"}
_DELETE_WORDS = {
    **_LOCAL,
    "datasetId": "The instance of this dataset; the one without dataset if not said",
    "deleteAll": "true: all instances of the attribute",
}
_ONE = f"{PREFIX}/entities/{{id}}"
_ATTRIBUTES = f"{PREFIX}/entities/{{id}}/attrs"
_ATTRIBUTE = f"{PREFIX}/entities/{{id}}/attrs/{{attr}}"
_FRAGMENT = Body("EntityFragment", _PATCH_TYPES)
_PART, _WHOLE = Body("Attribute", _PATCH_TYPES), Body("Attribute")

_NOWHERE = "Refused: the address names no entity"

DOORS = (
    *(
        Door(
            method,
            f"{PREFIX}/entities",
            write_nothing,
            _NOWHERE,
            name=f"{method.lower()}_nothing",
            answers={400: PROBLEM},
            is_useful=False,
        )
        for method in ("PATCH", "PUT")
    ),
    Door(
        "POST",
        f"{PREFIX}/entities",
        create,
        "Create an entity",
        _LOCAL,
        body=Body("Entity"),
        answers={201: "", 409: PROBLEM},
    ),
    Door("PATCH", _ATTRIBUTE, update_attribute, "Change parts of one attribute", _LOCAL, body=_PART, answers=CHANGED),
    Door("PUT", _ATTRIBUTE, replace_attribute, "Replace one attribute", _LOCAL, body=_WHOLE, answers=CHANGED),
    Door("DELETE", _ATTRIBUTE, delete_attribute, "Delete one attribute", _DELETE_WORDS, answers=CHANGED),
    Door(
        "POST",
        _ATTRIBUTES,
        append_attributes,
        "Add attributes, or replace them",
        _APPEND_WORDS,
        body=Body("EntityFragment"),
        answers=PARTLY_CHANGED,
    ),
    Door(
        "PATCH",
        _ATTRIBUTES,
        update_attributes,
        "Replace attributes that are there",
        _LOCAL,
        body=_FRAGMENT,
        answers=PARTLY_CHANGED,
    ),
    Door("PUT", _ONE, replace_entity, "Replace an entity", _LOCAL, body=Body("EntityFragment"), answers=CHANGED),
    Door("PATCH", _ONE, merge, "Merge into an entity", _MERGE_WORDS, body=_FRAGMENT, answers=CHANGED),
    Door("DELETE", _ONE, delete, "Delete an entity", _LOCAL, answers=CHANGED),
)
