"""Entities, documents and runs in one line, and what a store holds in one word."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from weakref import WeakKeyDictionary

import orjson

from cityos.connector.batch import Notice, Row, Severity
from cityos.ngsi.core_context import LOCATION
from cityos.ngsi.entity import Entity, Instance, from_bytes
from cityos.ngsi.value import Json
from cityos.store.connection import Database
from cityos.store.reading import Reader
from cityos.store.record import ChangeItem, Delivery, Run, RunOutcome, RunResult
from cityos.store.statement import Statement
from cityos.store.store import Store
from tests.fakes import START, FakeClock, document

TENANT = "yukino"
ZONE = "urn:t:Zone"
OTHER = "urn:t:Other"


def open_store(directory: Path, clock: FakeClock, database: Database | None = None) -> Store:
    return Store(directory, clock.now, lambda iri: iri.rpartition(":")[2], database=database)


def reader_of(store: Store) -> Reader:
    """A look into the database from outside the store's own threads; lives as long as the store."""
    reader = _READERS.get(store)
    if reader is None:
        reader = _READERS[store] = Reader(store.database.connect(read_only=True), store.epoch)
    return reader


def close_readers(store: Store) -> None:
    """Closes the look, if there was one."""
    reader = _READERS.pop(store, None)
    if reader is not None:
        reader.close()


_READERS: WeakKeyDictionary[Store, Reader] = WeakKeyDictionary()


def minutes(count: float) -> datetime:
    return START + timedelta(minutes=count)


def entity(local: str, at: datetime | None = None, of: str = ZONE, **values: Json) -> Entity:
    """An entity with Properties `urn:a:<name>`; `at` is when they were observed."""
    made = Entity(f"urn:e:{local}", (of,))
    for name, value in values.items():
        made.set(f"urn:a:{name}", Instance("Property", value, at))
    return made


def placed(local: str, lon: float, lat: float, of: str = ZONE) -> Entity:
    made = Entity(f"urn:e:{local}", (of,))
    made.set(LOCATION, Instance("GeoProperty", {"type": "Point", "coordinates": [lon, lat]}))
    return made


def delivery(
    *entities: Entity,
    name: str = "a.csv",
    covers: Iterable[str] | None = (ZONE,),
    notices: Iterable[Notice] = (),
    held: Iterable[str] = (),
    data_at: datetime | None = None,
) -> Delivery:
    """A document that says so much; by default it names every zone of its feed."""
    content = orjson.dumps([name, [repr(one) for one in entities]])
    return Delivery(
        document(name, content),
        tuple(Row(one, f"{name}:{line}") for line, one in enumerate(entities, 2)),
        tuple(notices),
        held=len(tuple(held)),
        held_ids=frozenset(held),
        covers=None if covers is None else frozenset(covers),
        data_at=data_at,
    )


async def ingest(
    store: Store,
    *deliveries: Delivery,
    feed: str = "koku",
    outcome: RunOutcome = "applied",
    detail: str = "",
    at: datetime = START,
    accept_endings: bool = False,
    replayed: bool = False,
) -> RunResult:
    run = Run(feed, at, at, outcome, detail, deliveries, accept_endings, replayed)
    return await store.ingest(TENANT, run)


def notice(code: str, detail: str = "", subject: str = "") -> Notice:
    return Notice(code, Severity.WARNING, "a.csv:2", detail, subject)


def find(store: Store, local: str, tenant: str = TENANT) -> Entity | None:
    stored = reader_of(store).find(tenant, f"urn:e:{local}")
    return None if stored is None else from_bytes(stored.content)


def value(store: Store, local: str, name: str) -> Json:
    found = find(store, local)
    assert found is not None
    instance = found.find(f"urn:a:{name}")
    return None if instance is None else instance.value


def changes(store: Store, tenant: str = TENANT) -> tuple[ChangeItem, ...]:
    return reader_of(store).changes(tenant, 0, limit=1000).items


def history(store: Store, local: str, name: str) -> list[Json]:
    """All values history holds of an attribute, by time: read as an operator would, from the tables themselves."""
    text = (
        "SELECT i.body FROM instance i JOIN entity e ON e.no = i.entity JOIN name n ON n.no = i.attribute"
        f" WHERE e.id = 'urn:e:{local}' AND n.iri = 'urn:a:{name}' ORDER BY i.at, i.no"
    )
    connection = store.database.connect(read_only=True)
    rows = connection.rows(Statement(text, text), {})
    connection.close()
    return [None if body is None else orjson.loads(body)["value"] for (body,) in rows]
