"""The real hub application on a real port, in this process, with plugs that can be pulled."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import uvicorn

from cityos.bus.memory import MemoryBus
from cityos.client import City
from cityos.hub import Hub, Plan, open_hub
from cityos.ngsi.entity import Entity
from cityos.ngsi.provision import Command, delete, upsert_attributes
from cityos.vocabulary.snow import SNOW_REMOVAL_ZONE, ClaimCode, SnowRemoval

MeansToPlan = Callable[[Path], Plan]


def without_broker(directory: Path) -> Plan:
    """A hub whose bus stays inside the process."""
    return Plan(directory, bus=MemoryBus())


class RunningHub:
    """A hub that can be started, stopped, killed and started again on the same data and port."""

    def __init__(self, directory: Path, plan: MeansToPlan = without_broker) -> None:
        self.directory, self._plan = directory, plan
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port: int = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self._port}"
        self._life: AsyncExitStack | None = None
        self._server: uvicorn.Server | None = None
        self._serving: asyncio.Task[None] | None = None
        self.hub: Hub | None = None

    def city(self, broker_url: str | None = None, tenant: str | None = None) -> City:
        return City(self.url, tenant=tenant, broker_url=broker_url)

    async def start(self) -> None:
        self._life = AsyncExitStack()
        self.hub = await self._life.enter_async_context(open_hub(self._plan(self.directory)))
        config = uvicorn.Config(self.hub.app(), port=self._port, log_level="critical", lifespan="off")
        self._server = server = uvicorn.Server(config)
        self._serving = asyncio.create_task(server.serve())
        async with asyncio.timeout(10):
            while not server.started:
                await asyncio.sleep(0.01)

    async def stop(self) -> None:
        """Ends like a killed process as far as clients can see: every connection is cut where it stands."""
        if self._server is None or self._serving is None or self._life is None:
            return
        self._server.should_exit = self._server.force_exit = True
        async with asyncio.timeout(10):
            await self._serving
        self.cut()
        await self._life.aclose()
        self._server = self._serving = self._life = self.hub = None

    def cut(self) -> None:
        """Cuts every connection; the hub lives on."""
        assert self._server is not None
        for connection in list(self._server.server_state.connections):
            connection.transport.abort()

    async def write(self, *commands: Command, tenant: str | None = None) -> None:
        assert self.hub is not None
        outcomes = await self.hub.store.apply(tenant or self.hub.tenant, commands)
        assert not [outcome.error for outcome in outcomes if outcome.error]

    async def put(self, entities: Iterable[Entity]) -> None:
        await self.write(*(upsert_attributes(entity) for entity in entities))

    async def remove(self, *ids: str) -> None:
        await self.write(*(delete(entity_id) for entity_id in ids))


@asynccontextmanager
async def running_hub(directory: Path, plan: MeansToPlan = without_broker) -> AsyncIterator[RunningHub]:
    hub = RunningHub(directory, plan)
    await hub.start()
    try:
        yield hub
    finally:
        await hub.stop()


def zone(
    name: str, claim: str = "作業中", claimed_at: datetime = datetime(2026, 1, 15, 8, tzinfo=UTC), **more: str
) -> Entity:
    """A zone as the connector makes it."""
    meaning = more.get("meaning", "作業を指令し、その日の夜から始めるもの")
    remark = more.get("remark")
    state = SnowRemoval(
        SNOW_REMOVAL_ZONE, name, name, claim, ClaimCode.ORDERED, claimed_at, meaning, "2025-26", remark=remark
    )
    return state.to_entity("snow_removal")


async def until(holds: Callable[[], bool], timeout_s: float = 15.0) -> None:
    """Waits until something holds."""
    async with asyncio.timeout(timeout_s):
        while not holds():
            await asyncio.sleep(0.01)
