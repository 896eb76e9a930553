"""Objects that are NGSI-LD entities: normalised, concise or simplified, in the city's words."""

from __future__ import annotations

from cityos.connector import Notice, Row, Severity
from cityos.ngsi.core_context import is_core_context
from cityos.ngsi.error import BadRequestData
from cityos.ngsi.expansion import expand_entity
from cityos.ngsi.value import Json
from cityos.vocabulary.context import CITY_CONTEXT, CONTEXT_PATH, iri
from connectors.push.mapping import PushConfig
from connectors.push.message import Item


def read_entity(item: Item, config: PushConfig) -> tuple[Row | None, list[Notice]]:
    """The entity, unless it cannot be read or is of a type this sender may not write."""
    remarks = [] if _is_ours(item.said.get("@context")) else [_other_context(item.where)]
    try:
        entity = expand_entity(item.said, CITY_CONTEXT)
    except BadRequestData as error:
        return None, [*remarks, _unreadable(str(error), item.where)]
    strange = set(entity.types) - {iri(name) for name in config.types}
    if strange:
        return None, [*remarks, _not_allowed(strange, item.where)]
    return Row(entity, item.where), remarks


def _is_ours(context: Json) -> bool:
    """Whether a context means by its words what the city means; none at all does."""
    links = context if isinstance(context, list) else [context]
    return all(
        link is None or is_core_context(link) or (isinstance(link, str) and link.endswith(CONTEXT_PATH))
        for link in links
    )


def _other_context(where: str) -> Notice:
    detail = "Entity brings an @context of its own; its words are read as the city's"
    return Notice("context_ignored", Severity.WARNING, where, detail)


def _unreadable(fault: str, where: str) -> Notice:
    return Notice("object_unreadable", Severity.ERROR, where, f"Entity cannot be read: {fault[:300]}; it is left out")


def _not_allowed(types: set[str], where: str) -> Notice:
    detail = f"Sender may not write the type {', '.join(sorted(types))[:200]}; the entity is left out"
    return Notice("type_not_allowed", Severity.ERROR, where, detail)
