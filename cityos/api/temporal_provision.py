"""The past of entities written: instances added, changed and deleted, or all of it erased (clauses 6.18-6.23)."""

from __future__ import annotations

import re
from typing import cast
from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from cityos.api import reading
from cityos.api.description import CHANGED, Body
from cityos.api.door import Door
from cityos.api.provision import PREFIX, id_of
from cityos.ngsi.context import Context
from cityos.ngsi.error import BadRequestData, ResourceNotFound
from cityos.ngsi.evolution import SCOPE, number_of_instance
from cityos.ngsi.evolution_expansion import expand_additions, expand_evolution
from cityos.ngsi.expansion import dataset_of, expand_attribute_name, expand_instance_part, is_uri

_MANY = f"{PREFIX}/temporal/entities"
_PATCH_TYPES = (reading.JSON, reading.LD_JSON, reading.MERGE_PATCH)
# A name is met in addresses: there `..` would lead elsewhere, and what is percent-encoded twice hides it.
_NO_NAME = re.compile(r"\.*\Z|[^:]*[()%,;]")


async def create_or_update(request: Request) -> Response:
    """POST /temporal/entities"""
    reading.check_parameters(request, _LOCAL)
    tenant = reading.writing_tenant(request)
    body = await reading.read_json(request, reading.BATCH_LIMIT)
    said = expand_evolution(body, await reading.context_of(request, body))
    outcome = await reading.rooms_of(request).store.add_instances(tenant, said)
    if outcome.done != "created":
        return Response(status_code=204)
    return Response(status_code=201, headers={"Location": f"{_MANY}/{quote(said.entity.id, safe=':')}"})


async def add_attributes(request: Request) -> Response:
    """POST /temporal/entities/{id}/attrs"""
    reading.check_parameters(request, _LOCAL)
    tenant, entity_id = reading.writing_tenant(request), id_of(request)
    body = await reading.read_json(request, reading.BATCH_LIMIT)
    said = expand_additions(entity_id, reading.as_object(body), await reading.context_of(request, body))
    await reading.rooms_of(request).store.add_instances(tenant, said, only_known=True)
    return Response(status_code=204)


async def change_instance(request: Request) -> Response:
    """PATCH /temporal/entities/{id}/attrs/{attr}/{instance}"""
    reading.check_parameters(request, _LOCAL)
    tenant, entity_id = reading.writing_tenant(request), id_of(request)
    if not request.path_params["attr"]:
        raise HTTPException(405)  # such an address names the collection of all attributes, which is not patched
    body = await reading.read_json(request, reading.ENTITY_LIMIT, _PATCH_TYPES)
    context = await reading.context_of(request, body)
    name, number = _name(request, context), _number(request)
    said = expand_instance_part(cast(str, request.path_params["attr"]), body, context)
    await reading.rooms_of(request).store.change_instance(tenant, entity_id, name, number, said)
    return Response(status_code=204)


async def delete_instance(request: Request) -> Response:
    """DELETE /temporal/entities/{id}/attrs/{attr}/{instance}"""
    if _is_whole_name(request):
        return await delete_attribute(request)
    reading.check_parameters(request, _LOCAL)
    tenant, entity_id = reading.writing_tenant(request), id_of(request)
    name, number = _name(request, await reading.context_of(request)), _number(request)
    await reading.rooms_of(request).store.delete_instance(tenant, entity_id, name, number)
    return Response(status_code=204)


async def delete_attribute(request: Request) -> Response:
    """DELETE /temporal/entities/{id}/attrs/{attr}"""
    reading.check_parameters(request, _DELETE_WORDS)
    tenant, entity_id = reading.writing_tenant(request), id_of(request)
    name = _name(request, await reading.context_of(request))
    dataset = dataset_of(request.query_params.get("datasetId"), "datasetId")
    everything = reading.flag_of(request, "deleteAll")
    await reading.rooms_of(request).store.delete_history(tenant, entity_id, name, dataset, everything=everything)
    return Response(status_code=204)


async def erase(request: Request) -> Response:
    """DELETE /temporal/entities/{id}"""
    reading.check_parameters(request, _LOCAL)
    tenant, entity_id = reading.writing_tenant(request), id_of(request)
    if "/attrs/" in entity_id:
        raise BadRequestData("The address names no attribute")
    await reading.rooms_of(request).store.erase(tenant, entity_id)
    return Response(status_code=204)


def _name(request: Request, context: Context) -> str:
    word = cast(str, request.path_params["attr"])
    if word == SCOPE:
        return SCOPE
    if _NO_NAME.match(word):
        raise BadRequestData(f"{word[:80]!r} is not a valid attribute name")
    return expand_attribute_name(word, context)


def _is_whole_name(request: Request) -> bool:
    """Whether what looks like an instance is the end of an attribute's IRI, which has slashes of its own."""
    name, last = (cast(str, request.path_params[piece]) for piece in ("attr", "instance"))
    if "//" not in name or is_uri(last):
        return False
    request.path_params["attr"] = f"{name}/{last}"
    return True


def _number(request: Request) -> int:
    uri = cast(str, request.path_params["instance"])
    if not is_uri(uri):
        raise BadRequestData(f"The instance {uri[:80]!r} is not a URI")
    number = number_of_instance(uri)
    if number is None:
        raise ResourceNotFound(f"There is no instance {uri[:200]}")
    return number


_LOCAL = {"local": "true: this hub only; federation is not built yet, so it is always so"}
_DELETE_WORDS = {
    **_LOCAL,
    "datasetId": "The instances of this dataset; those without dataset if not said",
    "deleteAll": "true: all instances of the attribute",
}
_ONE = f"{_MANY}/{{id}}"
_INSTANCE = f"{_ONE}/attrs/{{attr}}/{{instance}}"

DOORS = (
    Door(
        "POST",
        _MANY,
        create_or_update,
        "Add to the past of an entity, which may be new",
        _LOCAL,
        body=Body("TemporalEntity"),
        answers={201: "", 204: ""},
    ),
    Door(
        "POST",
        f"{_ONE}/attrs",
        add_attributes,
        "Add attribute instances to the past of an entity",
        _LOCAL,
        body=Body("TemporalFragment"),
        answers=CHANGED,
    ),
    Door(
        "PATCH",
        _INSTANCE,
        change_instance,
        "Change one instance of the past",
        _LOCAL,
        body=Body("EntityFragment", _PATCH_TYPES),
        answers=CHANGED,
    ),
    Door("DELETE", _INSTANCE, delete_instance, "Delete one instance of the past", _LOCAL, answers=CHANGED),
    Door(
        "DELETE",
        f"{_ONE}/attrs/{{attr}}",
        delete_attribute,
        "Delete an attribute with its past",
        _DELETE_WORDS,
        answers=CHANGED,
    ),
    Door("DELETE", _ONE, erase, "Erase an entity with all its past", _LOCAL, answers=CHANGED),
)
