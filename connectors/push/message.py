"""What was sent, as single objects: one, a list, or a line each."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import cast

from cityos.connector import Notice, Severity, SourceChanged
from cityos.connector.reading import Json, JsonObject, as_object, read_tree


@dataclass(frozen=True, slots=True)
class Item:
    """One object and its place in the document."""

    said: JsonObject
    where: str


def read_items(text: str, name: str, records: str) -> tuple[list[Item], list[Notice]]:
    """The objects of a document; whatever else stands in it becomes a notice. Raises SourceChanged without any JSON."""
    try:
        tree = _read_json(text, name)
    except SourceChanged:
        lines = [(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
        if len(lines) < 2 or not isinstance(_line(lines[0][1], name), dict):
            raise
        return _sorted_out([(_line(line, name), f"{name}:{number}") for number, line in lines])
    listed = tree if not records else at(as_object(tree), records)
    if isinstance(listed, dict):
        return [Item(listed, f"{name}[0]")], []
    if not isinstance(listed, list):
        raise SourceChanged(f"Document {name} holds no object and no list{f' at {records!r}' if records else ''}")
    return _sorted_out([(one, f"{name}[{number}]") for number, one in enumerate(listed)])


def at(said: JsonObject, path: str) -> Json:
    """What stands under a key, or under keys of keys joined by dots; None where nothing does."""
    if path in said:
        return said[path]
    first, dot, rest = path.partition(".")
    return at(as_object(said.get(first)), rest) if dot else None


def _sorted_out(found: list[tuple[Json, str]]) -> tuple[list[Item], list[Notice]]:
    items = [Item(said, where) for said, where in found if isinstance(said, dict)]
    notices = [_no_object(where) for said, where in found if not isinstance(said, dict)]
    return items, notices


def _no_object(where: str) -> Notice:
    return Notice("object_unreadable", Severity.ERROR, where, "Entry is no JSON object; it is left out")


def _line(line: str, name: str) -> Json:
    """One line as JSON, None where it is none."""
    try:
        return _read_json(line, name)
    except SourceChanged:
        return None


def _read_json(text: str, name: str) -> Json:
    """JSON; with NaN, too, which many devices send and JSON does not have: one bad number must not cost the others."""
    try:
        return read_tree(text, name)
    except SourceChanged as error:
        try:
            return cast(Json, json.loads(text))
        except (ValueError, RecursionError):
            raise error from None
