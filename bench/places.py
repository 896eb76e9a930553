"""Queries of 20 entities by type and box among 100,000: small, large and all-embracing boxes, two types."""

from __future__ import annotations

import base64
import random
import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import orjson

from bench.figure import Row, spread
from bench.hub import TO_1_KB, UPSERT, cpu_s_of, entity, running
from bench.load import Order, run_load
from tests.processes import HubProcess

_STOCK = 100_000
_RARE_IN = 100
_BATCH = 1_000
WEST, SOUTH, EDGE = 140.0, 40.0, 1.0  # degrees: the square in which all lie
_COUNT = 1_000
_CLIENTS = 4
_REPEATS = 3
_LONGEST_S = 6.0
_TARGET = ">= 800/s per core"


@dataclass(frozen=True, slots=True)
class _Case:
    hits: int  # entities of all types inside a box, about
    type: str
    page: str

    @property
    def what(self) -> str:
        return f"20 of {self.type}, box of about {self.hits:,}, {self.page} page"


def measure(directory: Path) -> Iterator[Row]:
    """Each combination; a rate per core is one over the CPU time of a request."""
    with running(HubProcess(directory / "data", "--no-broker")) as hub:
        fill_places(hub.port)
        for hits in (80, 8_000, _STOCK):
            for kind in ("Common", "Rare"):
                for page in ("first", "middle"):
                    yield _asked(hub, _Case(hits, kind, page))


def fill_places(port: int) -> None:
    """100,000 entities of 1 KB anywhere in the square, one in a hundred of the rare type."""
    chance = random.Random(1)
    for first in range(0, _STOCK, _BATCH):
        body = orjson.dumps([_entity(first + n, chance) for n in range(_BATCH)]).decode()
        run_load(Order(port, "POST", UPSERT, body)).check("201")


def _entity(number: int, chance: random.Random) -> dict[str, object]:
    position = [WEST + chance.random() * EDGE, SOUTH + chance.random() * EDGE]
    return {
        **entity(number, TO_1_KB),
        "id": _id(number),
        "type": "Common" if number % _RARE_IN else "Rare",
        "location": {"type": "GeoProperty", "value": {"type": "Point", "coordinates": position}},
    }


def _id(number: int) -> str:
    return f"urn:ngsi-ld:Place:{number:06}"


def _boxes(hits: int) -> list[str]:
    """Boxes anywhere, no two alike, so that no answer is an earlier one's."""
    chance = random.Random(hits)
    side = min(EDGE, (hits / _STOCK) ** 0.5 * EDGE)
    boxes = []
    for _ in range(_COUNT):
        west, south = (edge + chance.random() * (EDGE - side) for edge in (WEST, SOUTH))
        margin = chance.random() / 100 if hits >= _STOCK else 0.0
        boxes.append(f"{west - margin:.6f},{south - margin:.6f},{west + side + margin:.6f},{south + side + margin:.6f}")
    return boxes


def _asked(hub: HubProcess, case: _Case) -> Row:
    path = f"/ngsi-ld/v1/entities?type={case.type}&limit=20&bbox={{turn}}"
    if case.page == "middle":  # half of the hits lie before the middle of the ids
        path += f"&cursor={base64.urlsafe_b64encode(_id(_STOCK // 2).encode()).decode()}"
    return _measured(hub, case.what, path, _boxes(case.hits))


def _measured(hub: HubProcess, what: str, path: str, boxes: list[str]) -> Row:
    rates: list[float] = []
    costs: list[float] = []
    for _ in range(_REPEATS):
        before = cpu_s_of(hub.family()[:1])
        order = Order(hub.port, "GET", path, "", _COUNT, _CLIENTS, turns=boxes, longest_s=_LONGEST_S)
        result = run_load(order).check("200")
        rates.append(result.per_s)
        costs.append((cpu_s_of(hub.family()[:1]) - before) / len(result.latencies) * 1e6)
    middle = statistics.median(costs)
    cost = f"{middle:.0f} us ({min(costs):.0f} to {max(costs):.0f}): {1e6 / middle:,.0f}/s per core"
    return Row(what, spread(rates, "/s", 0), _TARGET, cost)
