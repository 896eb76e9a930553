"""An entity to what a reader asked for, in the words of an @context (clause 4.5): normalized, concise, simplified.

Everything is rendered from canonical JSON. `compile_view` settles what a view asks once for all entities of an answer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from cityos.ngsi.context import Context
from cityos.ngsi.entity import VALUE_MEMBER, Entity, entity_to_json
from cityos.ngsi.error import TooComplexQuery
from cityos.ngsi.kind import kind_of, kind_of_bare
from cityos.ngsi.language import choose_language
from cityos.ngsi.linked import MOST_LINKED, Inline
from cityos.ngsi.projection import ENTITY_MEMBERS, EVERYTHING, Projection
from cityos.ngsi.value import Json, JsonObject

FORMS = ("normalized", "concise", "simplified")


@dataclass(frozen=True, slots=True)
class View:
    """How to show entities.

    `form` is one of FORMS; `attributes` the IRIs that attrs names (None: all); `system` shows createdAt, modifiedAt and
    expiresAt; `projection` is pick and omit; `languages` turns texts of LanguageProperties into the one wanted most;
    `datasets` shows these instances only ("" or @none: the default one).
    """

    context: Context
    form: str = "normalized"
    attributes: frozenset[str] | None = None
    system: bool = False
    projection: Projection = EVERYTHING
    languages: tuple[str, ...] = ()
    datasets: frozenset[str] | None = None


def compile_view(view: View, inline: Inline | None = None) -> Callable[[JsonObject], JsonObject]:
    """The view as a function from canonical JSON to what is shown, without @context.

    `inline` embeds linked entities (join=inline, clause 4.5.23). The result is empty where pick and omit leave nothing.
    """
    return _Renderer(view, shown_of(view), inline, [0]).entity


def represent(entity: Entity, view: View) -> JsonObject:
    """The JSON of an entity under a view, without @context."""
    return represent_canonical(entity_to_json(entity), view)


def represent_canonical(entity: JsonObject, view: View) -> JsonObject:
    """As `represent`, from canonical JSON: the way from the store to a reader needs no typed entity in between."""
    return compile_view(view)(entity)


def represent_instance(instance: JsonObject, view: View) -> Json:
    """The JSON of one attribute instance, given in canonical JSON, under a view."""
    return _Renderer(view, EVERYTHING, None, [0]).instance(instance)


def shown_of(view: View) -> Projection:
    """What a view shows of the entities themselves: attrs hides none of the members every entity has."""
    if view.attributes is None:
        return view.projection
    return Projection(frozenset(view.attributes) | ENTITY_MEMBERS)


_HIDDEN = frozenset(("createdAt", "modifiedAt", "expiresAt"))
_RELATIONSHIPS = frozenset(("Relationship", "ListRelationship"))
# Members of an instance that are not shown as they are kept.
_VOCABULARY = frozenset(("vocab", "previousVocab"))
_LISTS = frozenset(("objectList", "previousObjectList"))
_TRANSLATED = _VOCABULARY | _LISTS
# Clause 4.5.4: these keep their member when simplified, since the bare value would read as something else.
_KEPT = frozenset(("LanguageProperty", "VocabProperty", "JsonProperty"))


class _Renderer:
    """What a view and a level of a join come to. `embedded` counts, over all levels, the entities embedded."""

    def __init__(self, view: View, shown: Projection, inline: Inline | None, embedded: list[int]):
        self._view = view
        self._compact = view.context.compact
        self._shows = None if shown.pick is None and not shown.omit else shown.shows
        self._shown = shown
        self._inline = inline if inline is not None and inline.level > 0 else None
        self._embedded = embedded
        self._hidden = frozenset[str]() if view.system else _HIDDEN
        self.instance = {
            "normalized": self._normalized,
            "concise": self._concise,
            "simplified": self._simplified,
        }[view.form]

    def entity(self, entity: JsonObject) -> JsonObject:
        """The members of an entity that are shown."""
        compact, shows, hidden = self._compact, self._shows, self._hidden
        told: JsonObject = {}
        for member, value in entity.items():
            if shows is not None and not shows(member):
                continue
            if ":" in member:
                shown = self._attribute(member, cast(list[JsonObject], value), entity)
                if shown is not None:
                    told[compact(member)] = shown[0]
            elif member == "type":
                told[member] = _one_or_many([compact(iri) for iri in cast(list[str], value)])
            elif member == "scope":
                told[member] = _one_or_many(cast(list[str], value))
            elif member not in hidden:
                told[member] = value
        return told

    def _attribute(self, name: str, instances: list[JsonObject], entity: JsonObject) -> tuple[Json] | None:
        """What stands for an attribute, boxed, since it may be null; None where none of its instances is shown."""
        if self._view.datasets is not None:
            instances = [one for one in instances if self._is_of_dataset(one)]
            if not instances:
                return None
        if self._inline is not None:
            instances = [self._joined(one, name, entity) for one in instances]
        if len(instances) == 1:
            return (self.instance(instances[0]),)
        if self._view.form == "simplified":
            return ({"dataset": {cast(str, one.get("datasetId", "@none")): self.instance(one) for one in instances}},)
        return (self._several(instances),)

    def _is_of_dataset(self, instance: JsonObject) -> bool:
        dataset = cast(str, instance.get("datasetId", "@none"))
        wanted = cast(frozenset[str], self._view.datasets)
        return dataset in wanted or (dataset == "@none" and "" in wanted)

    def _sub_attribute(self, instances: list[JsonObject]) -> Json:
        return self.instance(instances[0]) if len(instances) == 1 else self._several(instances)

    def _several(self, instances: list[JsonObject]) -> Json:
        # Beside others no instance stands bare: the list would be read as one value.
        show = self._concise_object if self._view.form == "concise" else self.instance
        return [show(one) for one in instances]

    # Forms

    def _normalized(self, instance: JsonObject) -> Json:
        return self._members(self._read(instance))

    def _members(self, instance: JsonObject) -> JsonObject:
        hidden = self._hidden
        told: JsonObject = {}
        for key, value in instance.items():
            if ":" in key:
                told[self._compact(key)] = self._sub_attribute(cast(list[JsonObject], value))
            elif key in _TRANSLATED:
                told[key] = self._translated(key, value)
            elif key not in hidden:
                told[key] = value
        return told

    def _concise(self, instance: JsonObject) -> Json:
        if instance["type"] == "Property" and not self._view.system:
            value = instance["value"]
            hidden = ("createdAt" in instance) + ("modifiedAt" in instance)
            # As most are: nothing is said but a plain value.
            if len(instance) == 2 + hidden and value.__class__ is not dict and value.__class__ is not list:
                return value
        instance = self._read(instance)
        kind = cast(str, instance["type"])
        member = VALUE_MEMBER[kind]
        told = self._concise_object(instance)
        if len(told) > 1 or member not in told:
            return told
        value = told[member]
        # Bare where nothing else is said, and where it is read as what it is: [{"value": 1}] would not be.
        if kind == "Property" and value.__class__ is not dict and value.__class__ is not list:
            return value
        is_plain = kind == "GeoProperty" or not isinstance(value, dict)
        return value if is_plain and kind_of_bare(value) == kind else told

    def _concise_object(self, instance: JsonObject) -> JsonObject:
        instance = self._read(instance)
        told = self._members(instance)
        kind = told.pop("type")
        if kind not in _RELATIONSHIPS:
            member = VALUE_MEMBER[cast(str, kind)]
            value = told.get(member)
            # A Property that holds a geometry: its kind must be said.
            if kind == "GeoProperty" or value.__class__ is dict or value is None:
                is_seen = value is not None and kind_of({member: value}) == kind
                told = told if is_seen else {"type": kind, **told}
        return told

    def _simplified(self, instance: JsonObject) -> Json:
        instance = self._read(instance)
        if "entity" in instance:
            return instance["entity"]
        if "entityList" in instance:
            return instance["entityList"]
        kind = cast(str, instance["type"])
        member = VALUE_MEMBER[kind]
        value = instance.get(member)
        if member in _TRANSLATED:
            value = self._translated(member, value)
        if member == "objectList":
            return [one["object"] if isinstance(one, dict) else one for one in cast(list[Json], value)]
        return {member: value} if kind in _KEPT else value

    # Values

    def _read(self, instance: JsonObject) -> JsonObject:
        """The instance in the language the reader wants (clause 4.15)."""
        if not self._view.languages or instance["type"] != "LanguageProperty":
            return instance
        texts = instance.get("languageMap")
        chosen = choose_language(texts, self._view.languages) if isinstance(texts, dict) else None
        if chosen is None:
            return instance
        rest = {key: value for key, value in instance.items() if key not in ("type", "languageMap")}
        return {"type": "Property", "value": chosen[1], "lang": chosen[0], **rest}

    def _translated(self, member: str, value: Json) -> Json:
        if member in _LISTS:  # clause 4.5.22: each entry is {"object": URI}, however it was said
            entries = value if isinstance(value, list) else [value]
            return [one if isinstance(one, dict) else {"object": one} for one in entries]
        if isinstance(value, list):
            return [self._compact(cast(str, iri)) for iri in value]
        return self._compact(value) if isinstance(value, str) else value

    # Linked entities

    def _joined(self, instance: JsonObject, name: str, entity: JsonObject) -> JsonObject:
        """A relationship with the entities it leads to, where they are there; anything else as it is."""
        kind = instance["type"]
        if kind == "Relationship":
            said = instance["object"]
            found = self._linked(said if isinstance(said, list) else [said], name, entity)
            if found:
                return {**instance, "entity": found if isinstance(said, list) else found[0]}
        elif kind == "ListRelationship":
            entries = cast(list[Json], instance["objectList"])
            found = self._linked([one["object"] if isinstance(one, dict) else one for one in entries], name, entity)
            if found:
                return {**instance, "entityList": found}
        return instance

    def _linked(self, ids: list[Json], name: str, entity: JsonObject) -> list[Json]:
        inline = cast(Inline, self._inline)
        contained_by = inline.contained_by | {cast(str, entity["id"])}
        further = _Renderer(
            self._view,
            self._shown.of_linked(name),
            Inline(inline.entities, inline.level - 1, contained_by),
            self._embedded,
        )
        told: list[Json] = []
        for entity_id in cast(list[str], ids):
            linked = inline.entities.get(entity_id)
            if linked is None or entity_id in contained_by:
                continue
            self._embedded[0] += 1
            if self._embedded[0] > MOST_LINKED:
                raise TooComplexQuery(f"The join embeds more than {MOST_LINKED} entities; ask for join=flat")
            told.append(further.entity(linked))
        return told


def _one_or_many(names: list[str]) -> Json:
    return names[0] if len(names) == 1 else cast(Json, names)
