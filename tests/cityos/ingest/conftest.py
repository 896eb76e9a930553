"""The fickle connector, installed as an outside package would be, and the rooms of a run."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from cityos.ingest.workers import Workers
from cityos.store.store import Store
from tests.cityos.ingest.desk import Desk
from tests.fakes import FakeClock

_ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def _installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Puts the metadata of a package `fickle` on the path of this process and of the workers it starts."""
    about = tmp_path / "site" / "fickle-1.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: fickle\nVersion: 1\n")
    (about / "entry_points.txt").write_text("[cityos.connectors]\nfickle = tests.cityos.ingest.fickle:connector\n")
    monkeypatch.syspath_prepend(about.parent)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join((str(about.parent), str(_ROOT))))


@pytest.fixture
async def workers() -> AsyncIterator[Workers]:
    opened = Workers(deadline_s=2.0, memory=2_000_000_000)
    await opened.start()
    yield opened
    await opened.close()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path / "data", FakeClock().now, lambda iri: iri.rpartition(":")[2])
    yield opened
    opened.close()


@pytest.fixture
def desk(tmp_path: Path, store: Store, workers: Workers) -> Desk:
    return Desk(store, tmp_path / "archive", workers)
