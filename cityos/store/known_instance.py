"""Observations that history already holds: growing files repeat their whole past with every poll."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from cityos.connector.batch import Row
from cityos.ngsi.entity import instance_to_bytes
from cityos.ngsi.expansion import NULL
from cityos.ngsi.instant import to_microseconds
from cityos.store import entity_statement as sql
from cityos.store.connection import Connection


def unknown_rows(
    connection: Connection, number_of: Callable[[str], int], tenant: str, rows: tuple[Row, ...]
) -> tuple[Row, ...]:
    """The rows that say anything new, and the last of each entity. `number_of` knows the numbers of IRIs."""
    last = {row.entity.id: index for index, row in enumerate(rows)}
    if len(last) == len(rows):
        return rows
    known = _KnownInstances(connection, number_of, tenant, rows)
    return tuple(row for index, row in enumerate(rows) if last[row.entity.id] == index or not known.holds(row))


class _KnownInstances:
    """What history holds of the entities of a batch, read once per entity, attribute and dataset."""

    def __init__(
        self, connection: Connection, number_of: Callable[[str], int], tenant: str, rows: tuple[Row, ...]
    ) -> None:
        self._connection = connection
        self._number_of = number_of
        self._tenant = tenant
        clocks = [to_microseconds(at) for row in rows if (at := row.entity.latest_observation()) is not None]
        self._span = (min(clocks, default=0), max(clocks, default=0))
        self._known: dict[tuple[str, str, str], dict[int, bytes]] = {}

    def holds(self, row: Row) -> bool:
        observed = False
        for attribute, instances in row.entity.attributes.items():
            for one in instances.values():
                if one.observed_at is None or one.value == NULL:
                    continue
                observed = True
                known = self._of(row.entity.id, attribute, one.dataset)
                if known.get(to_microseconds(one.observed_at)) != instance_to_bytes(one):
                    return False
        return observed

    def _of(self, entity_id: str, attribute: str, dataset: str) -> dict[int, bytes]:
        key = (entity_id, attribute, dataset)
        if key not in self._known:
            self._known[key] = self._read(*key)
        return self._known[key]

    def _read(self, entity_id: str, attribute: str, dataset: str) -> dict[int, bytes]:
        row = self._connection.rows(sql.GET_ENTITY, {"tenant": self._tenant, "id": entity_id})
        no = self._number_of(attribute)
        if not row or not no:
            return {}
        found = self._connection.rows(
            sql.KNOWN_INSTANCES,
            {
                "tenant": self._tenant,
                "entity": row[0][1],
                "attribute": no,
                "dataset": dataset,
                "since": self._span[0],
                "until": self._span[1],
            },
        )
        return cast(dict[int, bytes], dict(cast(list[tuple[int, bytes]], found)))
