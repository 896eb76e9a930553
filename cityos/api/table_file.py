"""The entities of a query as a table for spreadsheets: a line for each, a column for each attribute."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import cast

from starlette.responses import Response

from cityos.api.spreadsheet import (
    BOM,
    CSV,
    Cell,
    cell_of,
    headings_of,
    is_point,
    lines_of,
    local_time,
    particular_cells,
    particulars_of,
    text_cell,
)
from cityos.ngsi.instant import parse_instant
from cityos.ngsi.representation import View, shown_of
from cityos.ngsi.value import JsonObject
from cityos.vocabulary.heading import WHEN

_ID, _TYPE = "ID", "種類"


@dataclass(slots=True)
class _Column:
    """An attribute's one dataset and what is said of it; `is_place`: two columns, latitude and longitude."""

    attribute: str
    dataset: str
    is_place: bool = True
    particulars: dict[str, None] = field(default_factory=dict)  # sub-attributes in the order met

    def meet(self, instance: JsonObject) -> None:
        """A place only where all that is told there are points."""
        self.is_place = self.is_place and is_point(instance)
        self.particulars.update(dict.fromkeys(particulars_of(instance)))

    def headings(self, view: View) -> list[str]:
        return headings_of(self.attribute, self.dataset, self.particulars, view, is_place=self.is_place)

    def cells(self, entity: JsonObject, view: View) -> list[Cell]:
        instance = _instance(entity, self.attribute, self.dataset)
        return self._own_cells(instance, view) + particular_cells(instance, list(self.particulars), view)

    def _own_cells(self, instance: JsonObject | None, view: View) -> list[Cell]:
        if not self.is_place:
            return [""] if instance is None else [cell_of(instance, view)]
        if instance is None or not is_point(instance):
            return ["", ""]
        longitude, latitude = cast(list[float], cast(JsonObject, instance["value"])["coordinates"])[:2]
        return [latitude, longitude]


def table_of(entities: Sequence[JsonObject], view: View) -> Response:
    """Entities in canonical JSON as a file; `日時` is the newest instant at which anything of one was observed."""
    plain = replace(view, form="simplified")
    columns = _columns(entities, view)
    headings = [_ID, _TYPE, WHEN, *(heading for column in columns for heading in column.headings(plain))]
    rows: list[list[Cell]] = [[*map(text_cell, headings)]]
    for entity in entities:
        types = " ".join(plain.context.compact(iri) for iri in cast(list[str], entity["type"]))
        about: list[Cell] = [text_cell(cast(str, entity["id"])), types, _observed(entity)]
        rows.append([*about, *(cell for column in columns for cell in column.cells(entity, plain))])
    headers = {"Content-Disposition": 'attachment; filename="entities.csv"'}
    return Response(lines_of(rows, BOM), headers=headers, media_type=f"{CSV}; charset=utf-8")


def _columns(entities: Sequence[JsonObject], view: View) -> list[_Column]:
    """In the order in which they are met."""
    shown = shown_of(view)
    columns: dict[tuple[str, str], _Column] = {}
    for entity in entities:
        for attribute, instances in entity.items():
            if ":" in attribute and shown.shows(attribute):
                for instance in cast(list[JsonObject], instances):
                    key = (attribute, cast(str, instance.get("datasetId", "")))
                    columns.setdefault(key, _Column(*key)).meet(instance)
    return list(columns.values())


def _instance(entity: JsonObject, attribute: str, dataset: str) -> JsonObject | None:
    instances = cast(list[JsonObject], entity.get(attribute, []))
    return next((one for one in instances if one.get("datasetId", "") == dataset), None)


def _observed(entity: JsonObject) -> str:
    told = [
        cast(str, instance["observedAt"])
        for attribute, instances in entity.items()
        if ":" in attribute
        for instance in cast(list[JsonObject], instances)
        if "observedAt" in instance
    ]
    return local_time(max(map(parse_instant, told))) if told else ""
