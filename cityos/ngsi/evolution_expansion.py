"""What a request says of an entity's past (clauses 5.6.11, 5.6.12), to instances by attribute."""

from __future__ import annotations

from typing import cast

from cityos.ngsi.context import Context
from cityos.ngsi.entity import Instance
from cityos.ngsi.error import BadRequestData
from cityos.ngsi.evolution import SCOPE, Said, is_null, scope_instance
from cityos.ngsi.expansion import NULL, expand_entity, expand_fragment, expand_instance_part, expand_instances
from cityos.ngsi.scope_query import check_scope
from cityos.ngsi.value import Json, JsonObject


def expand_evolution(said: Json, context: Context) -> Said:
    """A temporal representation of an entity: who it is, and all that was so of it. Raises BadRequestData."""
    return _with_instances(Said(expand_entity(_members(said), context)), said, context)


def expand_additions(entity_id: str, said: Json, context: Context) -> Said:
    """Attributes to be added to the past of the entity of this id. Raises BadRequestData."""
    entity = expand_fragment(_members(said), context)
    entity.id = entity_id
    told = _with_instances(Said(entity), said, context)
    if not told.instances and not entity.types:
        raise BadRequestData("The body names no attribute")
    return told


def _members(said: Json) -> Json:
    """An entity without its attributes and its scope, which are read apart."""
    if not isinstance(said, dict):
        return said
    return {name: said[name] for name in ("id", "@id", "type", "@type", "expiresAt") if name in said}


def _with_instances(told: Said, said: Json, context: Context) -> Said:
    body = cast(JsonObject, said)
    if SCOPE in body:
        told.instances[SCOPE] = _scopes(body[SCOPE], context)
    told.instances |= expand_instances(body, context)
    return told


def _scopes(said: Json, context: Context) -> list[Instance]:
    """A scope as an entity has it, or as it was through time: a Property with its instances (clause 4.5.6)."""
    parts = said if isinstance(said, list) else [said]
    if not any(isinstance(part, dict) for part in parts):
        return [scope_instance(_checked(said))]
    found: list[Instance] = []
    for part in parts:
        instance = expand_instance_part(SCOPE, part, context, whole=True)
        if instance.kind != "Property" or instance.attributes or instance.dataset:
            raise BadRequestData("scope is a Property without sub-attributes and datasetId")
        gone = is_null(instance) or instance.value == []
        found.append(
            Instance("Property", NULL, instance.observed_at)
            if gone
            else scope_instance(_checked(instance.value), instance.observed_at)
        )
    return found


def _checked(said: Json) -> tuple[str, ...]:
    scopes = said if isinstance(said, list) else [said]
    if not scopes or not all(isinstance(scope, str) for scope in scopes):
        raise BadRequestData("scope is neither a scope such as /Aomori/Snow nor a list of them")
    return tuple(dict.fromkeys(check_scope(cast(str, scope)) for scope in scopes))
