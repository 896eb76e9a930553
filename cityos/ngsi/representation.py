"""An entity to what a reader asked for: normalised, concise or simplified, in the words of an @context (clause 4.5)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import cast

from cityos.ngsi.context import Context
from cityos.ngsi.entity import VALUE_MEMBER, Entity, Instance
from cityos.ngsi.instant import format_instant
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
    compact = view.context.compact
    told: JsonObject = {"id": entity.id, "type": _one_or_many([compact(iri) for iri in entity.types])}
    if entity.scopes and view.form != "simplified":
        told["scope"] = _one_or_many(list(entity.scopes))
    if view.system and view.form != "simplified":
        _add_times(told, entity)
    show = _SHOW[view.form]
    for iri, instances in entity.attributes.items():
        if view.attributes is not None and iri not in view.attributes:
            continue
        if view.form == "simplified" and len(instances) > 1:
            told[compact(iri)] = {"dataset": {d or "@none": show(one, view) for d, one in instances.items()}}
        else:
            told[compact(iri)] = _shown(instances, view, show)
    return told


def _shown(instances: Mapping[str, Instance], view: View, show: Show) -> Json:
    if len(instances) == 1:
        return show(next(iter(instances.values())), view)
    # Beside others no instance stands bare: the list would be read as one value.
    return [_concise_object(one, view) if show is _concise else show(one, view) for one in instances.values()]


def represent_instance(instance: Instance, view: View) -> Json:
    """The JSON of one attribute instance under a view."""
    return _SHOW[view.form](instance, view)


def _one_or_many(names: list[str]) -> Json:
    return names[0] if len(names) == 1 else cast(Json, names)


def _add_times(told: JsonObject, of: Entity | Instance) -> None:
    if of.created_at is not None:
        told["createdAt"] = format_instant(of.created_at)
    if of.modified_at is not None:
        told["modifiedAt"] = format_instant(of.modified_at)


def _value(instance: Instance, view: View) -> Json:
    if instance.kind != "VocabProperty":
        return instance.value
    if isinstance(instance.value, list):
        return [view.context.compact(cast(str, iri)) for iri in instance.value]
    return view.context.compact(cast(str, instance.value))


def _normalized(instance: Instance, view: View) -> Json:
    told: JsonObject = {"type": instance.kind, VALUE_MEMBER[instance.kind]: _value(instance, view)}
    _add_particulars(told, instance, view, _normalized)
    return told


def _concise(instance: Instance, view: View) -> Json:
    told = _concise_object(instance, view)
    is_plain = instance.kind == "GeoProperty" or not isinstance(instance.value, dict)
    # Bare where nothing else is said, and where it is read as what it is: [{"value": 1}] would not be.
    return instance.value if len(told) == 1 and is_plain and kind_of_bare(instance.value) == instance.kind else told


def _concise_object(instance: Instance, view: View) -> JsonObject:
    told: JsonObject = {VALUE_MEMBER[instance.kind]: _value(instance, view)}
    if kind_of(told) != instance.kind:  # a Property that holds a geometry: its kind must be said
        told["type"] = instance.kind
    _add_particulars(told, instance, view, _concise)
    return told


def _simplified(instance: Instance, view: View) -> Json:
    value = _value(instance, view)
    # Clause 4.5.4: these two keep their member, since the bare value would read as something else.
    if instance.kind in ("LanguageProperty", "VocabProperty", "JsonProperty"):
        return {VALUE_MEMBER[instance.kind]: value}
    return value


def _add_particulars(told: JsonObject, instance: Instance, view: View, show: Show) -> None:
    if instance.observed_at is not None:
        told["observedAt"] = format_instant(instance.observed_at)
    if instance.dataset:
        told["datasetId"] = instance.dataset
    told.update(instance.notes)
    if view.system:
        _add_times(told, instance)
    for iri, subs in instance.attributes.items():
        told[view.context.compact(iri)] = _shown(subs, view, show)


Show = Callable[[Instance, View], Json]
_SHOW: dict[str, Show] = {"normalized": _normalized, "concise": _concise, "simplified": _simplified}
