"""`python -m bench.follower HUB`: follows a city until its standard input ends; tells as JSON how well it kept up."""

from __future__ import annotations

import asyncio
import sys
import time
from contextlib import aclosing
from dataclasses import dataclass, field

import httpx
import orjson

from cityos.client import OLDEST, Change, City

_LOOK_S = 1.0
_LONGEST_S = 30.0


@dataclass
class Follower:
    """Counts what it is told, and how long after the hub it is."""

    hub: str
    seq: int = 0
    changes: int = 0
    gaps: int = 0
    resyncs: int = 0
    lags_s: list[float] = field(default_factory=list)

    async def follow(self) -> None:
        async with City(self.hub) as asking:
            while (broker_url := (await asking.health()).broker_url) is None:
                await asyncio.sleep(0.05)
        async with City(self.hub, broker_url=broker_url) as city, aclosing(city.follow(after=OLDEST)) as told:
            async for item in told:
                if isinstance(item, Change):
                    self.gaps += item.cursor.seq != self.seq + 1
                    self.seq = item.cursor.seq
                    self.changes += 1
                else:
                    self.resyncs += 1

    async def look(self) -> None:
        async with httpx.AsyncClient(base_url=self.hub, timeout=10) as http:
            while True:
                self.lags_s.append((await self.lag_s(http))[0])
                await asyncio.sleep(_LOOK_S)

    async def lag_s(self, http: httpx.AsyncClient) -> tuple[float, int]:
        """How long it takes until everything is heard that the hub has at this moment, and how much that is."""
        began = time.monotonic()
        head: int = (await http.get("/health")).raise_for_status().json()["head"]
        while self.seq < head and time.monotonic() - began < _LONGEST_S:
            await asyncio.sleep(0.002)
        return time.monotonic() - began, head


async def run(hub: str) -> dict[str, object]:
    """Until standard input ends; the last lag is taken then."""
    follower = Follower(hub)
    following = asyncio.create_task(follower.follow())
    looking = asyncio.create_task(follower.look())
    await asyncio.to_thread(sys.stdin.buffer.read)
    looking.cancel()
    async with httpx.AsyncClient(base_url=hub, timeout=10) as http:
        last_lag_s, head = await follower.lag_s(http)
    # Between the head's arrival and this line more may have come: counted are the changes up to the head.
    heard = follower.changes - (follower.seq - head)
    following.cancel()
    await asyncio.gather(following, looking, return_exceptions=True)
    told = {"changes": heard, "head": head, "gaps": follower.gaps, "resyncs": follower.resyncs}
    return {**told, "last_lag_s": last_lag_s, "lags_s": follower.lags_s}


if __name__ == "__main__":
    print(orjson.dumps(asyncio.run(run(sys.argv[1]))).decode(), flush=True)
