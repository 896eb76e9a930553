from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from cityos.client import City, State
from cityos.client.watch import _portions
from cityos.vocabulary.attribute import get_text
from cityos.vocabulary.snow import SNOW_REMOVAL_ZONE
from tests.cityos.client.running_hub import RunningHub, until, zone


@asynccontextmanager
async def _watching(city: City) -> AsyncIterator[list[State]]:
    told: list[State] = []

    async def watch() -> None:
        async for state in city.watch(SNOW_REMOVAL_ZONE):
            told.append(state)

    task = asyncio.create_task(watch())
    try:
        yield told
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def _latest(told: list[State]) -> dict[str, str | None]:
    """The claim last told of each entity; deleted ones are left out."""
    last = {state.entity_id: state.entity for state in told}
    return {entity_id: get_text(entity, "claim") for entity_id, entity in last.items() if entity is not None}


async def test_present_entities_first_then_each_new_state(hub: RunningHub) -> None:
    await hub.put([zone("A-1"), zone("A-2")])
    async with hub.city() as city, _watching(city) as told:
        await until(lambda: len(told) == 2)
        await hub.put([zone("A-1", "現場確認中"), zone("A-3")])
        await hub.remove(zone("A-2").id)
        wanted = {zone("A-1").id: "現場確認中", zone("A-3").id: "作業中"}
        await until(lambda: _latest(told) == wanted)
    assert [state.deleted for state in told].count(True) == 1


async def test_what_was_deleted_while_the_hub_lost_its_feed_is_told_as_deleted(hub: RunningHub) -> None:
    await hub.put([zone("A-1"), zone("A-2")])
    async with hub.city() as city, _watching(city) as told:
        await until(lambda: len(told) == 2)
        await hub.stop()
        for file in hub.directory.glob("city.db*"):
            file.unlink()
        await hub.start()
        await hub.put([zone("A-2", "現場確認中")])
        await until(lambda: _latest(told) == {zone("A-2").id: "現場確認中"})


async def test_many_changed_at_once_and_ids_with_commas_all_arrive(hub: RunningHub) -> None:
    async with hub.city() as city, _watching(city) as told:
        await asyncio.sleep(0.2)
        entities = [
            zone(f"とても長い名前の工区,{number}" if number % 50 == 0 else f"工区{number}") for number in range(300)
        ]
        await hub.put(entities)
        await until(lambda: len(_latest(told)) == 300)


def test_portions_hold_every_id_once_and_fit_into_an_address() -> None:
    ids = [f"urn:ngsi-ld:Zone:f:{'雪' * (number % 40)}{number}" for number in range(500)]
    portions = list(_portions(ids))
    assert [one for portion in portions for one in portion] == ids
    assert max(len(portion) for portion in portions) > 1
