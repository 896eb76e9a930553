"""A store of its own for every test, on either database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cityos.store.connection import Database
from cityos.store.postgresql import PostgresDatabase
from cityos.store.sqlite import SqliteDatabase
from cityos.store.store import Store
from tests.cityos.store.building import close_readers, open_store
from tests.fakes import FakeClock
from tests.postgres import fresh_database


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    if request.param == "sqlite":
        yield SqliteDatabase(tmp_path)
        return
    with fresh_database() as url:
        yield PostgresDatabase(url)


@pytest.fixture
def store(tmp_path: Path, clock: FakeClock, database: Database) -> Iterator[Store]:
    opened = open_store(tmp_path, clock, database)
    yield opened
    close_readers(opened)
    opened.close()
