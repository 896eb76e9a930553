"""Entities as GeoJSON (clauses 4.5.16 and 4.5.17): a Feature each, for maps."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from cityos.ngsi.core_context import LOCATION
from cityos.ngsi.kind import is_geometry
from cityos.ngsi.linked import Inline
from cityos.ngsi.representation import View, compile_view
from cityos.ngsi.value import Json, JsonObject


def compile_feature(
    view: View, geometry_property: str = LOCATION, inline: Inline | None = None
) -> Callable[[JsonObject], JsonObject]:
    """A view as a function from canonical JSON to a Feature, without @context.

    `geometry_property` is the IRI of the geo-property that gives the geometry; null where the entity has none.
    """
    show = compile_view(view, inline)

    def feature(entity: JsonObject) -> JsonObject:
        properties = show(entity)
        properties.pop("id", None)
        geometry = _geometry(cast(list[JsonObject], entity.get(geometry_property, [])), view.datasets)
        return {"id": entity["id"], "type": "Feature", "geometry": geometry, "properties": properties}

    return feature


def _geometry(instances: list[JsonObject], datasets: frozenset[str] | None) -> Json:
    """The default instance's geometry; of the datasets asked for, the first one's."""
    wanted = datasets if datasets else frozenset(("@none", ""))
    for instance in instances:
        dataset = cast(str, instance.get("datasetId", "@none"))
        if (dataset in wanted or (dataset == "@none" and "" in wanted)) and instance["type"] == "GeoProperty":
            value = instance["value"]
            return value if is_geometry(value) else None
    return None
