"""The hub killed and started again, with the sample city's data and sources: from exec to ready."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from pathlib import Path

from bench.city import SampleCity
from bench.figure import Row, spread
from bench.hub import cpu_s_of
from tests.processes import HubProcess

_KILLS = 20


def measure(directory: Path) -> Iterator[Row]:
    """Twenty times, killed at any moment of its work."""
    city = SampleCity(directory)
    with city.lived(hours=6, speed=720):
        pass
    hub = HubProcess(city.data, "--city", str(city.file))
    sources = city.sources()
    sources.start()
    chance = random.Random(1)
    took: list[float] = []
    cpu_s: list[float] = []
    try:
        sources.await_ready()
        for _ in range(_KILLS):
            hub.start()
            took.append(hub.await_ready())
            cpu_s.append(cpu_s_of(hub.family()[:1]))
            time.sleep(chance.uniform(0.2, 1.5))
            hub.kill()
    finally:
        hub.kill()
        sources.stop()
    cpu = f"hub until then {sorted(cpu_s)[_KILLS // 2]:.2f} s"
    yield Row("SIGKILL, then exec to ready", spread(took, "s"), "median <= 2 s, max <= 4 s", cpu)
