"""The entities that have a past, ended or not: found by id, by type, or walked through in order of id."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from cityos.ngsi.entity import Entity, from_bytes
from cityos.ngsi.evolution import Evolution
from cityos.ngsi.instant import from_microseconds
from cityos.ngsi.type_selection import TypeSelection
from cityos.store import history_statement as sql
from cityos.store.connection import Connection, Row
from cityos.store.entity_statement import GET_ENTITIES, GET_ENTITY
from cityos.store.instance_row import TYPE
from cityos.store.naming import Names
from cityos.store.record import HistoryQuery
from cityos.store.schema import WORD_LENGTH

_CANDIDATES = 200  # entities looked at between two statements


@dataclass(slots=True)
class Found:
    """An entity with a past: `state` None where it has ended."""

    no: int
    id: str
    state: Entity | None


def find_entity(connection: Connection, tenant: str, entity_id: str) -> Found | None:
    """The entity with a past, ended or not."""
    rows = connection.rows(GET_ENTITY, {"tenant": tenant, "id": entity_id})
    return _found(rows[0]) if rows else None


def candidates(connection: Connection, names: Names, tenant: str, asked: HistoryQuery) -> Iterator[Found]:
    """In order of id: all that are named, or of the types, or simply all."""
    ids: set[str] = set()
    for one in asked.selectors:
        if one.ids:
            ids |= one.ids
        elif one.types is not None and not one.types.is_everything:
            ids |= _ids_of_types(connection, names, tenant, one.types)
        else:
            return _all(connection, tenant, newest_first=asked.descending)
    if not asked.selectors:
        return _all(connection, tenant, newest_first=asked.descending)
    return _named(connection, tenant, sorted(ids, reverse=asked.descending))


def _ids_of_types(connection: Connection, names: Names, tenant: str, types: TypeSelection) -> set[str]:
    """Of each alternative one type is looked for; whether the others are there, too, is seen later."""
    wanted = {min(alternative) for alternative in types.any_of}
    numbers = [no for iri in wanted if (no := names.find_number(iri)) is not None]
    rows = connection.rows(sql.IDS_OF_TYPE, {"tenant": tenant, "types": connection.list_of(numbers)})
    ended_type = names.find_number(TYPE)
    if ended_type is not None:
        words = connection.list_of(iri[:WORD_LENGTH] for iri in wanted)
        rows += connection.rows(sql.ENDED_IDS_OF_TYPE, {"tenant": tenant, "attribute": ended_type, "words": words})
    return {row[0] for row in rows}


def _all(connection: Connection, tenant: str, *, newest_first: bool) -> Iterator[Found]:
    key, edge = ("before", "\U0010ffff") if newest_first else ("after", "")
    statement = sql.ENTITIES_BEFORE if newest_first else sql.ENTITIES_AFTER
    while True:
        rows = connection.rows(statement, {"tenant": tenant, key: edge, "count": _CANDIDATES})
        yield from map(_found, rows)
        if len(rows) < _CANDIDATES:
            return
        edge = rows[-1][0]


def _named(connection: Connection, tenant: str, ids: list[str]) -> Iterator[Found]:
    for start in range(0, len(ids), _CANDIDATES):
        portion = ids[start : start + _CANDIDATES]
        rows = connection.rows(GET_ENTITIES, {"tenant": tenant, "ids": connection.list_of(portion)})
        by_id = {row[0]: row for row in rows}
        yield from (_found(by_id[one]) for one in portion if one in by_id)


def begin_evolution(connection: Connection, names: Names, tenant: str, found: Found) -> Evolution:
    """An evolution without series yet."""
    state = found.state
    if state is not None:
        return Evolution(found.id, state.types, [], state.created_at, state.modified_at, state.expires_at)
    ended = connection.rows(
        sql.LAST_TYPES, {"tenant": tenant, "entity": found.no, "attribute": names.find_number(TYPE) or 0}
    )
    ended_at = max((at for _, at in ended), default=None)
    last = None if ended_at is None else from_microseconds(ended_at)
    return Evolution(
        found.id,
        tuple(iri for iri, at in ended if at == ended_at),  # of an earlier life it may have had others
        [],
        modified_at=last,
        deleted_at=last,
    )


def _found(row: Row) -> Found:
    entity_id, no, _, _, content = row
    return Found(no, entity_id, None if content is None else from_bytes(content))
