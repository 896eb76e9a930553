"""Aomori's real bus feed and the messages made from it: read by a hub, in memory, and on their way to a subscriber.

The data lie beside the project (tests/shared_data.py says where); without them these figures are not measured.
"""

from __future__ import annotations

import http.server
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import orjson

from bench.figure import Row, percentiles, spread
from bench.hub import cpu_s_of, processes_of
from tests.processes import HubProcess, wait_until
from tests.shared_data import find_shared

FEED = "gtfs/ja/aomori-city-bus-20190325.zip"
MESSAGES = "gtfs/rt/aomori-derived/20190603T0800_vehicle_{:02}.pb"
_PLATFORMS, _ROUTES, _TRIPS = 823, 249, 1_626
_REPEATS = 5
_ROUNDS = 6
_CITY = """
[city]
name = "aomori"
title = "青森市"
box = [140.2, 40.5, 141.2, 41.2]

[[feeds]]
name = "bus"
connector = "gtfs_jp"
pushed = {pushed}
config = {{ url = "{url}" }}

[[feeds]]
name = "vehicles"
connector = "gtfs_rt"
pushed = true
refers_to = "bus"
config = {{ feed = "bus", url_vehicles = "none" }}
"""


def measure(directory: Path) -> Iterator[Row]:
    """From the source's answer to entities and dataset; the hub's memory then; from a message to MQTT."""
    yield from _reading(directory)
    yield from _telling(directory)


def _content(path: str) -> bytes:
    found = find_shared(path)
    if found is None:
        raise RuntimeError(f"{path} is not on this machine")
    return found.read_bytes()


# ---- the timetable


class _Source(http.server.BaseHTTPRequestHandler):
    """Serves the feed; `fetched` is when it was last gone whole, by the monotonic clock."""

    content = b""
    fetched = 0.0

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.content)))
        self.end_headers()
        self.wfile.write(self.content)
        _Source.fetched = time.monotonic()

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@contextmanager
def _serving(content: bytes) -> Iterator[str]:
    _Source.content = content
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Source)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/feed.zip"
    server.shutdown()
    server.server_close()


def _reading(directory: Path) -> Iterator[Row]:
    with _serving(_content(FEED)) as url:
        lives = [_read_once(_hub(directory / f"read{number}", url)) for number in range(_REPEATS)]
    took, cpu_s, sizes = ([life[part] for life in lives] for part in range(3))
    cpu = f"hub, start included {min(cpu_s):.1f} s"
    yield Row("Aomori feed fetched to entities and dataset readable", spread(took, "s"), "<= 5 s", cpu)
    yield Row("  hub resident with it, workers and broker apart", spread(sizes, "MB", 0), "<= 150 MB")


def _read_once(hub: HubProcess) -> tuple[float, float, float]:
    """Seconds from the source's answer until all is readable, CPU seconds of the hub until then, its size in MB."""
    _Source.fetched = 0.0
    hub.start()
    try:
        hub.await_ready()
        if not wait_until(lambda: _Source.fetched > 0 and _is_readable(hub), 60):
            raise RuntimeError("the feed is not readable after a minute")
        took, cpu_s = time.monotonic() - _Source.fetched, _cpu(hub)
        time.sleep(11.0)  # published, and what the reading took given back
        return took, cpu_s, sum(one.memory_info().rss for one in processes_of(hub)["hub"]) / 1e6
    finally:
        hub.stop()


def _hub(data: Path, url: str, *, pushed: bool = False) -> HubProcess:
    city = data.with_suffix(".toml")
    city.write_text(_CITY.format(url=url, pushed=str(pushed).lower()))
    # As `cityos up` starts it.
    return HubProcess(data, "--city", str(city), environment={"MALLOC_ARENA_MAX": "2"})


def _cpu(hub: HubProcess) -> float:
    return cpu_s_of(processes_of(hub)["hub"])


def _is_readable(hub: HubProcess) -> bool:
    """The dataset whole, and all entities; asked for only once the dataset is told, so that asking costs nothing."""
    datasets: Any = hub.get("/datasets")
    if not datasets or not datasets["datasets"]:
        return False
    entities = hub.get("/ngsi-ld/v1/entities?type=GtfsRoute&limit=1000&format=simplified")
    if not isinstance(entities, list) or len(entities) < _ROUTES:
        return False
    stops = hub.get("/ngsi-ld/v1/entities?type=GtfsStop&limit=1000&format=simplified")
    if not isinstance(stops, list) or len(stops) < _PLATFORMS:
        return False
    return len(httpx.get(f"{hub.url}/datasets/bus/latest").raise_for_status().content) > 100_000


# ---- its messages


def _telling(directory: Path) -> Iterator[Row]:
    """Eleven messages, again and again, each as of half a minute later than the one before."""
    contents = [_content(MESSAGES.format(number)) for number in range(11)]
    hub = _hub(directory / "tell", "none", pushed=True)
    hub.start()
    try:
        hub.await_ready()
        if not wait_until(lambda: _broker(hub) is not None, 10):
            raise RuntimeError("there is no broker")
        httpx.post(f"{hub.url}/feeds/bus/documents", content=_content(FEED), timeout=60).raise_for_status()
        time.sleep(2.0)
        command = [sys.executable, "-m", "bench.bus_subscriber", str(_broker(hub))]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as subscriber:
            assert subscriber.stdin is not None
            assert subscriber.stdout is not None
            subscriber.stdout.readline()  # it is subscribed
            sent, vehicles, spent = _send(hub, contents)
            time.sleep(1.0)
            subscriber.stdin.close()
            heard: dict[str, list[float]] = orjson.loads(subscriber.stdout.readline())
    finally:
        hub.stop()
    took = [1000 * (at - sent[as_of]) for as_of, ats in heard.items() if as_of in sent for at in ats]
    whole = [1000 * (max(heard[as_of]) - at) for as_of, at in sent.items() if as_of in heard]
    what = f"GTFS-RT message of {min(vehicles)} to {max(vehicles)} vehicles, sent to heard over MQTT"
    cpu = f"hub {1000 * spent / len(sent):.0f} ms a message"
    yield Row(what, percentiles(took, "ms"), "p95 <= 100 ms", cpu)
    yield Row("  its last vehicle", percentiles(whole, "ms"))
    yield Row("  vehicles heard of those told", f"{len(took)} of {sum(vehicles)}")


def _broker(hub: HubProcess) -> str | None:
    health: Any = hub.get("/health")
    return health["broker"]["url"] if health and health["broker"]["connected"] else None


def _send(hub: HubProcess, contents: list[bytes]) -> tuple[dict[str, float], list[int], float]:
    """When each message was sent, by the time its vehicles carry; how many those were; the hub's CPU seconds."""
    from google.transit import gtfs_realtime_pb2

    sent: dict[str, float] = {}
    vehicles: list[int] = []
    before = _cpu(hub)
    with httpx.Client(base_url=hub.url, timeout=30) as client:
        for number in range(_ROUNDS * len(contents)):
            message = gtfs_realtime_pb2.FeedMessage.FromString(contents[number % len(contents)])
            at = 1_559_516_400 + 30 * number
            message.header.timestamp = at
            for entity in message.entity:
                entity.vehicle.timestamp = at
            content = message.SerializeToString()
            sent[str(at)] = time.monotonic()
            told = client.post("/feeds/vehicles/documents", content=content).raise_for_status().json()
            if told["held"] or told["accepted"] != len(message.entity):
                raise RuntimeError(f"the hub took {told}")
            vehicles.append(len(message.entity))
            time.sleep(0.2)
    return sent, vehicles, _cpu(hub) - before
