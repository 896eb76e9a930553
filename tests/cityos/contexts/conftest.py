"""A library over a real store, and context servers on loopback."""

from __future__ import annotations

import ipaddress
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from cityos.contexts.library import Library
from cityos.egress.guard import Guard
from cityos.egress.http import Egress
from cityos.store.store import Store
from tests.cityos.store.building import open_store
from tests.fakes import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def store(tmp_path: Path, clock: FakeClock) -> Iterator[Store]:
    opened = open_store(tmp_path, clock)
    yield opened
    opened.close()


@pytest.fixture
async def egress() -> AsyncIterator[Egress]:
    opened = Egress(guard=Guard([ipaddress.ip_network("127.0.0.0/8")]))
    yield opened
    await opened.close()


@pytest.fixture
def library(store: Store, egress: Egress, clock: FakeClock) -> Library:
    return Library(store, egress, clock.now, {"cityos": {"@context": {"snow": "urn:city:snow"}}})
