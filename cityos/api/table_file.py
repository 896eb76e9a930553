"""The entities of a query as a table for spreadsheets: a line for each, a column for each attribute."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import cast

from starlette.responses import Response

from cityos.api.spreadsheet import BOM, CSV, Cell, cell_of, is_point, lines_of, local_time, text_cell
from cityos.ngsi.instant import parse_instant
from cityos.ngsi.representation import View, shown_of
from cityos.ngsi.value import JsonObject
from cityos.vocabulary.heading import LATITUDE, LONGITUDE, WHEN, heading_of

_ID, _TYPE = "ID", "種類"


@dataclass(frozen=True, slots=True)
class _Column:
    """An attribute's one dataset; `is_place`: two columns, latitude and longitude."""

    attribute: str
    dataset: str
    is_place: bool

    def headings(self, view: View) -> list[str]:
        name = heading_of(self.attribute, view.context.compact(self.attribute), self.dataset)
        return [f"{name} {LATITUDE}", f"{name} {LONGITUDE}"] if self.is_place else [name]

    def cells(self, entity: JsonObject, view: View) -> list[Cell]:
        instance = _instance(entity, self.attribute, self.dataset)
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
    """In the order in which they are met; a place only where all that is told there are points."""
    shown = shown_of(view)
    places: dict[tuple[str, str], bool] = {}
    for entity in entities:
        for attribute, instances in entity.items():
            if ":" in attribute and shown.shows(attribute):
                for instance in cast(list[JsonObject], instances):
                    key = (attribute, cast(str, instance.get("datasetId", "")))
                    places[key] = places.get(key, True) and is_point(instance)
    return [_Column(attribute, dataset, is_place) for (attribute, dataset), is_place in places.items()]


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
