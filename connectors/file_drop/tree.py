"""Lists of objects in JSON: members are columns, `properties.name` is a member's member."""

from __future__ import annotations

from collections.abc import Iterable

from cityos.connector import Notice, Severity, SourceChanged
from cityos.connector.reading import Json, as_object
from connectors.file_drop.form import Form, Reading, Record, demand, ignored, key_of, listed


def read_objects(tree: Json, name: str, form: Form) -> Reading:
    """Raises SourceChanged where there is no list, or nothing in it has one of the wanted members."""
    items = next(iter(_members(tree, form.records)), None) if form.records else tree
    if not isinstance(items, list):
        there = listed(as_object(tree)) or "none"
        raise SourceChanged(f"Document {name} has no list {form.records!r}; set `records`. Its members are {there}")
    found = [_record(item, f"{name}:{form.records}[{number}]", form) for number, item in enumerate(items)]
    records = [one for one in found if isinstance(one, Record)]
    faults = [one for one in found if isinstance(one, Notice)]
    members = dict.fromkeys(member for item in items for member in as_object(item))
    said = {column for record in records for column in record.cells}
    if items:
        demand(name, (column for column in form.wanted if column not in said), members)
    return Reading(tuple(records), (*faults, *_others(name, members, form)), not faults)


def _record(item: Json, where: str, form: Form) -> Record | Notice:
    """The members that are there."""
    if not isinstance(item, dict):
        return Notice("row_left_out", Severity.ERROR, where, "Entry is no object; it is left out")
    return Record({column: value for column in form.wanted for value in _members(item, column)}, where)


def _members(value: Json, path: str) -> list[Json]:
    """What stands at a path, as a list of one; an empty list where nothing does."""
    told = as_object(value)
    if path in told:
        return [told[path]]
    by_key = {key_of(member): inner for member, inner in told.items()}
    if key_of(path) in by_key:
        return [by_key[key_of(path)]]
    first, dot, rest = path.partition(".")
    return _members(by_key.get(key_of(first)), rest) if dot else []


def _others(name: str, members: Iterable[str], form: Form) -> list[Notice]:
    used = {key_of(part) for column in form.wanted for part in (column, column.split(".")[0])}
    return ignored(name, (member for member in members if key_of(member) not in used))
