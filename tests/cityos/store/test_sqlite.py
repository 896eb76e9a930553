"""The database as a file: one hub, one schema, and nothing lost."""

from __future__ import annotations

import os
import re
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from cityos.ngsi.provision import create
from cityos.store import query_statement as sql
from cityos.store.entity_statement import PAST_INSTANCE
from cityos.store.error import DirectoryInUse, SchemaTooNew
from cityos.store.statement import Statement
from cityos.store.store import Store
from tests.cityos.store.building import TENANT, delivery, entity, ingest, open_store, reader_of, value
from tests.fakes import FakeClock, document

_ROOT = Path(__file__).parents[3]


def test_a_directory_belongs_to_one_hub(tmp_path: Path, clock: FakeClock) -> None:
    store = open_store(tmp_path, clock)
    with pytest.raises(DirectoryInUse, match="another hub"):
        open_store(tmp_path, clock)
    store.close()


def test_a_directory_is_free_again_after_closing(tmp_path: Path, clock: FakeClock) -> None:
    first = open_store(tmp_path, clock)
    first.close()
    second = open_store(tmp_path, clock)
    assert second.epoch == first.epoch
    second.close()


def test_every_database_has_an_epoch_of_its_own(tmp_path: Path, clock: FakeClock) -> None:
    stores = [open_store(tmp_path / name, clock) for name in ("a", "b")]
    assert stores[0].epoch != stores[1].epoch
    for store in stores:
        store.close()


def test_a_newer_schema_is_refused_and_left_alone(tmp_path: Path, clock: FakeClock) -> None:
    open_store(tmp_path, clock).close()
    connection = sqlite3.connect(tmp_path / "city.db")
    connection.execute("UPDATE meta SET value = '999' WHERE key = 'schema'")
    connection.commit()
    connection.close()
    for _ in range(2):
        with pytest.raises(SchemaTooNew, match="schema 999"):
            open_store(tmp_path, clock)


def test_a_creation_cut_short_is_done_again(tmp_path: Path, clock: FakeClock) -> None:
    connection = sqlite3.connect(tmp_path / "city.db")
    connection.execute("CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL)")
    connection.commit()
    connection.close()
    open_store(tmp_path, clock).close()


_VICTIM = """
import asyncio, sys
from pathlib import Path
from cityos.ngsi.provision import create
from tests.cityos.store.building import TENANT, entity, open_store
from tests.fakes import FakeClock

async def main():
    store = open_store(Path(sys.argv[1]), FakeClock())
    number = 0
    while True:
        await store.apply(TENANT, [create(entity(str(number), a=number))])
        print(number, flush=True)
        number += 1

asyncio.run(main())
"""


def test_what_was_acknowledged_outlives_a_kill(tmp_path: Path, clock: FakeClock) -> None:
    command = [sys.executable, "-c", _VICTIM, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=_ROOT) as victim:
        assert victim.stdout is not None
        for line in victim.stdout:
            if int(line) >= 20:
                break
        os.kill(victim.pid, signal.SIGKILL)
        acknowledged = max([20, *(int(line) for line in victim.stdout if line.endswith("\n"))])
    store = open_store(tmp_path, clock)
    head = reader_of(store).tenants()[TENANT]
    assert head > acknowledged
    assert [value(store, str(number), "a") for number in range(acknowledged + 1)] == list(range(acknowledged + 1))
    page = reader_of(store).changes(TENANT, 0, limit=10_000)
    assert [item.seq for item in page.items] == list(range(1, head + 1))
    store.close()


async def test_reopening_goes_on_where_it_stopped(tmp_path: Path, clock: FakeClock) -> None:
    store = open_store(tmp_path, clock)
    await store.apply(TENANT, [create(entity("1", a=1))])
    await ingest(store, delivery(entity("2", a=1)))
    store.close()
    store = open_store(tmp_path, clock)
    (outcome,) = await store.apply(TENANT, [create(entity("3", a=1))])
    assert outcome.seq == 3
    assert reader_of(store).feeds(TENANT)["koku"].accepted == 1
    store.close()


async def test_a_document_is_news_until_it_is_applied(store: Store) -> None:
    said = delivery(entity("1", a=1))
    assert await store.add_document(TENANT, "koku", said.document)
    assert await store.add_document(TENANT, "koku", said.document)
    await ingest(store, said)
    assert not await store.add_document(TENANT, "koku", said.document)


async def test_a_document_that_returns_to_an_earlier_content_is_news(store: Store) -> None:
    one, other = delivery(entity("1", a=1)), delivery(entity("1", a=2))
    for said in (one, other):
        await store.add_document(TENANT, "koku", said.document)
        await ingest(store, said)
    assert await store.add_document(TENANT, "koku", one.document)


async def test_documents_of_other_feeds_and_names_are_news(store: Store) -> None:
    said = document("a.csv", "1")
    await store.add_document(TENANT, "koku", said)
    latest = reader_of(store).latest_document(TENANT, "koku", "a.csv")
    assert latest is not None
    assert latest.digest == said.digest
    assert reader_of(store).latest_document(TENANT, "map", "a.csv") is None
    assert reader_of(store).latest_document(TENANT, "koku", "b.csv") is None


@pytest.mark.parametrize(
    ("statement", "index"),
    [
        (PAST_INSTANCE, r"instance_now \(tenant=\? AND attribute=\? AND entity=\? AND dataset=\?\)"),
        (sql.having(("number", ">"), 0), r"instance_(value|now) \(tenant=\? AND attribute=\?"),
        (
            sql.walking(sql.Walk(True, True, None)),
            r"instance_now \(tenant=\? AND attribute=\? AND entity=\?\)",
        ),
    ],
)
def test_what_is_so_now_is_found_by_the_indexes_of_what_is_so_now(
    store: Store, statement: Statement, index: str
) -> None:
    """Else every write would walk the past of its attribute, and every question the past of all."""
    plan = _plan(store, statement)
    assert not plan or re.search(index, plan), plan


@pytest.mark.parametrize(
    ("statement", "ways"),
    [
        (sql.INSIDE, ["place USING INTEGER PRIMARY KEY", "place_tree VIRTUAL TABLE INDEX"]),
        (sql.PLACES_IN_ORDER, [r"place USING COVERING INDEX place_in_order \(layer=\? AND id>\?"]),
        (sql.numbered(True, None), ["entity USING INTEGER PRIMARY KEY", "instance_now"]),
    ],
)
def test_places_are_found_by_the_tree_or_passed_over_in_order(
    store: Store, statement: Statement, ways: list[str]
) -> None:
    plan = _plan(store, statement)
    assert not plan or all(re.search(way, plan) for way in ways), plan


def _plan(store: Store, statement: Statement) -> str:
    """How SQLite goes about it; nothing of another database, which has statistics to go by."""
    connection = store.database.connect(read_only=True)
    about = dict.fromkeys(re.findall(r":(\w+)", statement.sqlite), "0")
    explain = Statement(f"EXPLAIN QUERY PLAN {statement.sqlite}", "")
    rows = connection.rows(explain, about) if connection.dialect == "sqlite" else []
    connection.close()
    return "\n".join(row[3] for row in rows)
