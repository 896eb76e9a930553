"""An entity to what a reader asked for: normalised, concise or simplified, in the words of an @context (clause 4.5)."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import cast

from cityos.ngsi.context import Context
from cityos.ngsi.entity import VALUE_MEMBER, Entity, entity_to_json
from cityos.ngsi.kind import kind_of, kind_of_bare
from cityos.ngsi.value import Json, JsonObject

FORMS = ("normalized", "concise", "simplified")


@dataclass(frozen=True, slots=True)
class View:
    """How to show entities: one of FORMS, the attribute IRIs wanted (None: all), with or without times."""

    context: Context
    form: str = "normalized"
    attributes: Collection[str] | None = None
    system: bool = False


def represent(entity: Entity, view: View) -> JsonObject:
    """The JSON of an entity under a view, without @context."""
    return represent_canonical(entity_to_json(entity), view)


def represent_canonical(entity: JsonObject, view: View) -> JsonObject:
    """As `represent`, from canonical JSON: the way from the store to a reader needs no typed entity in between."""
    compact = view.context.compact
    types = cast(list[str], entity["type"])
    told: JsonObject = {"id": entity["id"], "type": _one_or_many([compact(iri) for iri in types])}
    if view.form != "simplified":
        _add_about_entity(told, entity, view)
    for iri, instances in entity.items():
        if ":" in iri and (view.attributes is None or iri in view.attributes):
            told[compact(iri)] = _shown_attribute(cast(list[JsonObject], instances), view)
    return told


def represent_instance(instance: JsonObject, view: View) -> Json:
    """The JSON of one attribute instance, given in canonical JSON, under a view."""
    return _SHOW[view.form](instance, view)


def _add_about_entity(told: JsonObject, entity: JsonObject, view: View) -> None:
    if "scope" in entity:
        told["scope"] = _one_or_many(cast(list[str], entity["scope"]))
    if view.system:
        told.update({name: entity[name] for name in _TIMES if name in entity})


def _shown_attribute(instances: list[JsonObject], view: View) -> Json:
    show = _SHOW[view.form]
    if view.form == "simplified" and len(instances) > 1:
        return {"dataset": {cast(str, one.get("datasetId", "@none")): show(one, view) for one in instances}}
    return _shown(instances, view, show)


def _shown(instances: list[JsonObject], view: View, show: Show) -> Json:
    if len(instances) == 1:
        return show(instances[0], view)
    # Beside others no instance stands bare: the list would be read as one value.
    return [_concise_object(one, view) if show is _concise else show(one, view) for one in instances]


def _one_or_many(names: list[str]) -> Json:
    return names[0] if len(names) == 1 else cast(Json, names)


def _kind_and_member(instance: JsonObject) -> tuple[str, str]:
    kind = cast(str, instance["type"])
    return kind, VALUE_MEMBER[kind]


def _value(instance: JsonObject, view: View) -> Json:
    kind, member = _kind_and_member(instance)
    value = instance[member]
    if kind != "VocabProperty":
        return value
    if isinstance(value, list):
        return [view.context.compact(cast(str, iri)) for iri in value]
    return view.context.compact(cast(str, value))


def _normalized(instance: JsonObject, view: View) -> Json:
    kind, member = _kind_and_member(instance)
    told: JsonObject = {"type": kind, member: _value(instance, view)}
    _add_particulars(told, instance, view, _normalized)
    return told


def _concise(instance: JsonObject, view: View) -> Json:
    kind, member = _kind_and_member(instance)
    told, value = _concise_object(instance, view), instance[member]
    is_plain = kind == "GeoProperty" or not isinstance(value, dict)
    # Bare where nothing else is said, and where it is read as what it is: [{"value": 1}] would not be.
    return value if len(told) == 1 and is_plain and kind_of_bare(value) == kind else told


def _concise_object(instance: JsonObject, view: View) -> JsonObject:
    kind, member = _kind_and_member(instance)
    told: JsonObject = {member: _value(instance, view)}
    if kind_of(told) != kind:  # a Property that holds a geometry: its kind must be said
        told["type"] = kind
    _add_particulars(told, instance, view, _concise)
    return told


def _simplified(instance: JsonObject, view: View) -> Json:
    kind, member = _kind_and_member(instance)
    value = _value(instance, view)
    # Clause 4.5.4: these keep their member, since the bare value would read as something else.
    return {member: value} if kind in ("LanguageProperty", "VocabProperty", "JsonProperty") else value


def _add_particulars(told: JsonObject, instance: JsonObject, view: View, show: Show) -> None:
    """observedAt, datasetId, notes; the times of writing where they are asked for; sub-attributes."""
    member = VALUE_MEMBER[cast(str, instance["type"])]
    for key, value in instance.items():
        if ":" in key:
            told[view.context.compact(key)] = _shown(cast(list[JsonObject], value), view, show)
        elif key not in ("type", member) and (view.system or key not in _TIMES):
            told[key] = value


_TIMES = ("createdAt", "modifiedAt")
Show = Callable[[JsonObject, View], Json]
_SHOW: dict[str, Show] = {"normalized": _normalized, "concise": _concise, "simplified": _simplified}
