"""A real hub in this process, and a client that speaks to its application."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from cityos.bus.memory import MemoryBus
from cityos.hub import Hub, Plan, open_hub
from cityos.settings import Settings
from tests.cityos.api.asking import client_of


@pytest.fixture
async def hub(tmp_path: Path) -> AsyncIterator[Hub]:
    async with open_hub(Plan(tmp_path, bus=MemoryBus())) as opened:
        yield opened


@pytest.fixture
async def client(hub: Hub) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(hub) as opened:
        yield opened


@pytest.fixture
async def guarded(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a hub that has a key."""
    plan = Plan(tmp_path / "guarded", Settings(api_key="key-of-sixteen-letters"), bus=MemoryBus())
    async with open_hub(plan) as opened, client_of(opened) as asking:
        yield asking
