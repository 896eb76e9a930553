"""The booking desk's plug is pulled twenty times under load: what was confirmed is there, once, and still planned."""

from __future__ import annotations

import asyncio
import contextlib
import random
import signal
import sqlite3
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from services.on_demand.config import SAMPLE
from tests.processes import Started
from tests.services.on_demand.town import YUKINO

KILLS = 20
RIDERS = 12
LONGEST_LOAD_S = 1.0


@dataclass
class _Rider:
    """Asks, confirms, sometimes cancels; keeps what it was promised, and what it does not know the outcome of."""

    name: str
    chance: random.Random
    rides: dict[str, str] = field(default_factory=dict)  # Idempotency-Key -> ride
    cancelled: set[str] = field(default_factory=set)
    open_key: tuple[str, str] | None = None  # Idempotency-Key, quote
    refused: Counter[str] = field(default_factory=Counter)
    asked: int = 0

    async def ride_until_cut(self, http: httpx.AsyncClient) -> None:
        with contextlib.suppress(httpx.TransportError):
            while True:
                await self.resolve(http)
                if self.rides and self.chance.random() < 0.1:
                    await self._cancel(http, self.chance.choice(list(self.rides.values())))
                await self._ask(http)

    async def resolve(self, http: httpx.AsyncClient) -> None:
        """Confirms what is open, again if need be: the same key must answer with the same ride."""
        if self.open_key is None:
            return
        key, quote = self.open_key
        answer = await http.post("/rides", json={"quote_id": quote}, headers={"Idempotency-Key": key})
        if answer.status_code == 201:
            self.rides[key] = answer.json()["ride"]
        else:
            self.refused[answer.json()["reason"]] += 1
        self.open_key = None

    async def _ask(self, http: httpx.AsyncClient) -> None:
        origin, destination = self.chance.sample(list(YUKINO.points), 2)
        at = datetime.now(UTC) + timedelta(hours=self.chance.uniform(2, 150))
        wish = {"from": origin, "to": destination, "depart_after": at.isoformat()}
        answer = await http.post("/rides/quotes", json=wish)
        self.asked += 1
        if answer.status_code == 201:
            self.open_key = f"{self.name}-{self.asked}", answer.json()["id"]

    async def _cancel(self, http: httpx.AsyncClient, ride: str) -> None:
        answer = await http.delete(f"/rides/{ride}")
        assert answer.status_code == 200
        self.cancelled.add(ride)


async def _load(desk: Started, riders: list[_Rider], for_s: float) -> None:
    async with httpx.AsyncClient(base_url=desk.url, timeout=10) as http:
        tasks = [asyncio.create_task(rider.ride_until_cut(http)) for rider in riders]
        await asyncio.sleep(for_s)
        desk.kill()
        await asyncio.gather(*tasks)


async def _check(desk: Started, riders: list[_Rider]) -> None:
    """Every ride that was confirmed is there; every confirmation repeated answers with the same ride."""
    async with httpx.AsyncClient(base_url=desk.url, timeout=10) as http:
        for rider in riders:
            await rider.resolve(http)
            for ride in rider.rides.values():
                state = (await http.get(f"/rides/{ride}")).json()["state"]
                assert state == "cancelled" if ride in rider.cancelled else state in ("confirmed", "cancelled")


@pytest.mark.journey
def test_twenty_kills_lose_and_double_no_confirmed_ride(tmp_path: Path) -> None:
    config = tmp_path / "all_day.toml"
    text = SAMPLE.read_text(encoding="utf-8")
    for hours in ('"06:30"', '"07:30"'):
        text = text.replace(hours, '"00:00"')
    config.write_text(text.replace('"21:30"', '"24:00"').replace('"22:30"', '"24:00"'), encoding="utf-8")
    data = tmp_path / "data"
    arguments = ["--data", str(data), "--config", str(config), "--city-url", "http://127.0.0.1:9"]
    desk = Started("services.on_demand", arguments, tmp_path / "log")
    riders, chance = [_Rider(f"r{n}", random.Random(n)) for n in range(RIDERS)], random.Random(20260115)
    try:
        for _ in range(KILLS):
            desk.start()
            desk.await_ready()
            asyncio.run(_load(desk, riders, chance.uniform(0.05, LONGEST_LOAD_S)))
        desk.start()
        desk.await_ready()
        asyncio.run(_check(desk, riders))
        assert desk.stop() == -signal.SIGTERM  # uvicorn ends in order, then by the signal it was sent
    finally:
        desk.kill()
    _check_data(data, riders)


def _check_data(data: Path, riders: list[_Rider]) -> None:
    """No booking more than was confirmed, and each open one stands in the plan exactly once."""
    with contextlib.closing(sqlite3.connect(data / "on_demand.db")) as database:
        rows = database.execute("SELECT number, key, token, state FROM booking").fetchall()
        plans = database.execute("SELECT stops FROM duty").fetchall()
        confirmed = database.execute("SELECT booking FROM event WHERE kind = 'confirmed'").fetchall()
    promised = {key: ride for rider in riders for key, ride in rider.rides.items()}
    assert {key: token for _, key, token, _ in rows} == promised
    assert len(rows) == len(promised) > KILLS * 3
    assert sorted(number for (number,) in confirmed) == sorted(number for number, *_ in rows)
    planned = [int(stop) for (told,) in plans for stop in told.strip("[]").split(",") if stop]
    wanted = [stop for number, _, _, state in rows if state == "confirmed" for stop in (2 * number, 2 * number + 1)]
    assert sorted(planned) == sorted(wanted)
    assert not sum((rider.refused for rider in riders), Counter()).keys() - {"seat_gone"}
