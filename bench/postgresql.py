"""The hub over PostgreSQL, a fresh database each run: batch upserts, and point reads beside those over SQLite."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import psycopg
import pytest

from bench import batch, read
from bench.figure import Row, spread
from bench.hub import running
from tests.postgres import fresh_database
from tests.processes import HubProcess

_REPEATS = 5


def measure(directory: Path) -> Iterator[Row]:
    """CPU time is the hub's; the server's own comes on top. Without a server nothing is measured."""
    try:
        with fresh_database() as url, _running(directory / "written", url) as hub:
            yield from (_named(row) for row in batch.upserts(hub))
        beside = running(HubProcess(directory / "sqlite", "--no-broker"))
        with fresh_database() as url, _running(directory / "read", url) as hub, beside as local:
            yield from _reads(hub, local)
    except (pytest.skip.Exception, psycopg.Error) as error:
        raise RuntimeError(str(error)) from None


def _running(data: Path, url: str) -> AbstractContextManager[HubProcess]:
    return running(HubProcess(data, "--no-broker", environment={"CITYOS_DATABASE_URL": url}))


def _reads(hub: HubProcess, local: HubProcess) -> Iterator[Row]:
    for one in (hub, local):
        read.fill_entities(one)
    over_postgresql, over_sqlite = read.in_turns([hub, local], _REPEATS)
    shares = [here.cpu_us / there.cpu_us for here, there in zip(over_sqlite, over_postgresql, strict=True)]
    yield Row("PostgreSQL: GET of one entity", read.rates(over_postgresql), "", read.costs(over_postgresql))
    yield Row("SQLite: GET of one entity", read.rates(over_sqlite), "", read.costs(over_sqlite))
    yield Row("  CPU per request, over SQLite / over PostgreSQL", spread(shares, "", 2), ">= 0.4")


def _named(row: Row) -> Row:
    return Row(f"PostgreSQL: {row.what}", row.measured, row.target, row.cpu)
