"""The hub's plug is pulled twenty times, at any moment: what was acknowledged is there, and nothing is told twice."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import orjson
import pytest

from tests.journeys.bus_ear import BusEar, Told
from tests.journeys.feed import changes_after, entities_of
from tests.journeys.ledger import GONE, TYPE, LedgerWriter, Witness, check_chain, wrote_by
from tests.processes import Family, HubProcess, free_port, wait_until

KILLS = 20
KILLS_AT_THE_START = 4
WRITERS = 6
LONGEST_LOAD_S = 1.2

# A feed whose source does not answer: it gives the hub a worker to leave behind.
_CITY = """
[city]
name = "kills"
title = "Kills"
box = [140.0, 40.0, 141.0, 41.0]
[[feeds]]
name = "koku"
connector = "snow_removal"
season = ["01-01", "12-31"]
config = {{ url = "http://127.0.0.1:{port}/koku.csv" }}
"""


@dataclass
class _Scene:
    hub: HubProcess
    chance: random.Random
    writers: list[LedgerWriter]
    family: Family = field(default_factory=Family)
    witness: Witness = field(default_factory=Witness)
    ready_s: list[float] = field(default_factory=list)

    def live(self, load_s: float = 0.0) -> None:
        """One life of the hub, from its start over its check to its sudden end."""
        self.hub.start()
        self.ready_s.append(self.hub.await_ready())
        self.check()
        asyncio.run(self._write_and_kill(load_s or self.chance.uniform(0.0, LONGEST_LOAD_S)))

    def live_shortly(self) -> None:
        """A life that ends before it has come up, or hardly has."""
        self.hub.start()
        time.sleep(self.chance.uniform(0.1, 1.0))
        self.family.note(self.hub.family())
        self.hub.kill()

    async def _write_and_kill(self, after_s: float) -> None:
        alive = True
        async with httpx.AsyncClient(base_url=self.hub.url, timeout=10) as http:
            tasks = [asyncio.create_task(one.write_until_cut(http, lambda: alive)) for one in self.writers]
            tasks.append(asyncio.create_task(self._follow(http)))
            await asyncio.sleep(after_s)
            self.family.note(self.hub.family())
            self.hub.kill()
            alive = False
            await asyncio.gather(*tasks)

    async def _follow(self, http: httpx.AsyncClient) -> None:
        after = 0 if not self.witness.told else len(self.witness.told)
        with contextlib.suppress(httpx.TransportError):
            while True:
                page = (await http.get("/changes", params={"after": after, "limit": 200})).json()
                self.witness.hear(page["items"], page["epoch"])
                after = page["next"]
                await asyncio.sleep(0.02)

    def check(self) -> None:
        """Everything acknowledged so far is there, in the feed and in the entities; the feed has no gap."""
        with httpx.Client(base_url=self.hub.url, timeout=30) as http:
            items, head, epoch = changes_after(http, 0)
            check_chain(items, head)
            self.witness.hear(items, epoch)
            self.witness.check_all_there(items)
            for writer in self.writers:
                writer.resolve(wrote_by(items, writer.name))
                assert not writer.refused
            found = {one["id"]: one["n"] for one in entities_of(http, TYPE)} if head else {}
        wanted = {i: value for one in self.writers for i, value in one.state.items() if value is not GONE}
        assert found == wanted


class _Ear:
    """Notes every event the bus tells, and those told twice with another content."""

    def __init__(self) -> None:
        self.events: dict[str, tuple[object, ...]] = {}
        self.contradictions: list[str] = []

    def hear(self, _topic: str, told: Told | None) -> None:
        if told is None or "event" not in told:
            return
        content = (told["seq"], told["prev"], told["op"], str(told.get("entity")))
        if self.events.setdefault(told["event"], content) != content:
            self.contradictions.append(f"{self.events[told['event']]} and {content}")


@pytest.mark.journey
def test_twenty_kills_lose_nothing_acknowledged_and_leave_nobody_behind(tmp_path: Path) -> None:
    city = tmp_path / "kills.toml"
    city.write_text(_CITY.format(port=free_port()))
    chance = random.Random(20260115)
    writers = [LedgerWriter(f"w{n}", random.Random(n)) for n in range(WRITERS)]
    scene = _Scene(HubProcess(tmp_path / "data", "--city", str(city)), chance, writers)
    short = set(chance.sample(range(1, KILLS), KILLS_AT_THE_START))
    ear = _Ear()
    try:
        scene.live(LONGEST_LOAD_S)
        with BusEar(_broker_url(scene.hub.data), ear.hear):
            for number in range(1, KILLS):
                if number in short:
                    scene.live_shortly()
                else:
                    scene.live()
        scene.hub.start()
        scene.ready_s.append(scene.hub.await_ready())
        scene.check()
        scene.family.note(scene.hub.family())
        assert scene.hub.stop() == 0
    finally:
        scene.hub.kill()
    _check_bus(ear, scene.witness)
    assert sum(len(one.attempts) for one in writers) > KILLS * WRITERS
    assert wait_until(lambda: not scene.family.alive(), 10), scene.family.alive()
    _tell(scene)


def _broker_url(data: Path) -> str:
    """The broker's address, the same in all lives."""
    life = orjson.loads((data / "broker" / "broker.json").read_bytes())
    return f"mqtt://127.0.0.1:{life['mqtt_port']}"


def _check_bus(ear: _Ear, witness: Witness) -> None:
    """The bus tells what the feed tells, under the same event ids."""
    assert not ear.contradictions
    assert ear.events
    for event, (seq, prev, op, _) in ear.events.items():
        assert witness.told[event][:2] == (seq, prev), event
        assert witness.told[event][3] == op


def _tell(scene: _Scene) -> None:
    """For those who run it by hand with -s: how it went; the bench measures restarts properly."""
    counts = f"{sum(len(one.attempts) for one in scene.writers)} acknowledged writes, {len(scene.witness.told)} changes"
    slowest = max(scene.ready_s)
    print(f"\n{KILLS} kills: {counts}, slowest exec-to-ready {slowest:.2f} s, {len(scene.family)} processes ended")  # noqa: T201
