"""An entity's past in the forms a reader asks for: every instance, values with their times, or aggregates.

Normalized and concise (clause 4.5.7), temporalValues (4.5.9), aggregatedValues (4.5.19).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import cast

from cityos.ngsi.evolution import SCOPE, Evolution, Point, Series, instance_id
from cityos.ngsi.instant import format_instant, from_microseconds
from cityos.ngsi.representation import View, represent_instance
from cityos.ngsi.value import Json, JsonObject

# The member that carries the values of each attribute kind in temporalValues.
VALUES_MEMBER = {
    "Property": "values",
    "GeoProperty": "values",
    "Relationship": "objects",
    "LanguageProperty": "languageMaps",
    "VocabProperty": "vocabs",
    "JsonProperty": "jsons",
    "ListProperty": "valueLists",
    "ListRelationship": "objectLists",
}


@dataclass(frozen=True, slots=True)
class TemporalView:
    """How to show the past: `form` is normalized, concise, temporalValues or aggregatedValues.

    `view` names the @context, system attributes, pick and omit, and languages.
    """

    view: View
    form: str = "normalized"


def represent_evolution(evolution: Evolution, asked: TemporalView) -> JsonObject:
    """The JSON of an evolution, without @context; empty where pick and omit leave nothing of it."""
    view = asked.view
    shows = view.projection.shows
    told: JsonObject = {}
    if shows("id"):
        told["id"] = evolution.id
    if shows("type"):
        types = [view.context.compact(iri) for iri in evolution.types]
        told["type"] = types[0] if len(types) == 1 else cast(Json, types)
    for member in ("createdAt", "modifiedAt", "expiresAt", "deletedAt"):
        instant = getattr(evolution, _FIELDS[member])
        if instant is not None and (view.system or member == "deletedAt") and shows(member):
            told[member] = format_instant(instant)
    show = _SHOW[asked.form]
    for attribute in dict.fromkeys(one.attribute for one in evolution.series):
        if shows(attribute):
            parts = [one for one in evolution.series if one.attribute == attribute]
            told[attribute if attribute == SCOPE else view.context.compact(attribute)] = show(parts, asked)
    return told


_FIELDS = {
    "createdAt": "created_at",
    "modifiedAt": "modified_at",
    "expiresAt": "expires_at",
    "deletedAt": "deleted_at",
}


def _instances(parts: list[Series], asked: TemporalView) -> Json:
    view = replace(asked.view, form=asked.form)
    return [represent_instance(_told(point, one, view.system), view) for one in parts for point in one.points]


def _told(point: Point, series: Series, system: bool) -> JsonObject:
    """An instance with all that is told about it beside what was said."""
    told: JsonObject = {**point.body, "instanceId": instance_id(point.no)}
    if series.attribute == SCOPE:
        # Set by the core API, it is taken as observed when it was set (clause 4.5.6).
        told.setdefault("observedAt", _instant(point.modified_at))
        del told["instanceId"]
    if point.is_deleted:
        told["deletedAt"] = _instant(point.modified_at)
        if series.attribute == SCOPE:
            del told["observedAt"]
    if system:
        told["createdAt"], told["modifiedAt"] = _instant(point.created_at), _instant(point.modified_at)
    return told


def _values(parts: list[Series], asked: TemporalView) -> Json:
    view = replace(asked.view, form="simplified")
    told: dict[tuple[str, str], JsonObject] = {}
    for one in parts:
        _values_of(told, one, one.kind, view)
        for point in one.points:
            pair = [represent_instance(point.body, view), _instant(point.at)]
            holder = _values_of(told, one, cast(str, point.body["type"]), view)
            cast(list[Json], next(value for key, value in holder.items() if key in _MEMBERS)).append(cast(Json, pair))
    return _one_or_many([one for one in told.values() if _has_values(one)] or list(told.values())[:1])


_MEMBERS = frozenset(VALUES_MEMBER.values())


def _has_values(told: JsonObject) -> bool:
    return any(told[member] for member in _MEMBERS if member in told)


def _values_of(told: dict[tuple[str, str], JsonObject], series: Series, kind: str, view: View) -> JsonObject:
    """Where the values of a dataset and kind are gathered."""
    if kind == "LanguageProperty" and view.languages:
        kind = "Property"  # in one language it is a plain text (clause 4.15)
    found = told.get((series.dataset, kind))
    if found is None:
        found = told[series.dataset, kind] = {"type": kind}
        if series.dataset:
            found["datasetId"] = series.dataset
        found[VALUES_MEMBER[kind]] = []
    return found


def _aggregates(parts: list[Series], asked: TemporalView) -> Json:
    told: list[JsonObject] = []
    for one in parts:
        shown: JsonObject = {"type": one.kind}
        if one.dataset:
            shown["datasetId"] = one.dataset
        for method, rows in (one.summary or {}).items():
            shown[method] = [[value, _instant(begin), _instant(end)] for value, begin, end in rows]
        told.append(shown)
    return _one_or_many(told)


def _one_or_many(told: list[JsonObject]) -> Json:
    return told[0] if len(told) == 1 else cast(Json, told)


def _instant(count: int) -> str:
    return format_instant(from_microseconds(count))


_SHOW: dict[str, Callable[[list[Series], TemporalView], Json]] = {
    "normalized": _instances,
    "concise": _instances,
    "temporalValues": _values,
    "aggregatedValues": _aggregates,
}
