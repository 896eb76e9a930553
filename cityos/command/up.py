"""`cityos up`: sources, hub and services of a city, each a process of its own on one city clock, all ended together."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence

from cityos.city_file import CityFile, Process
from cityos.client import City, CityError
from cityos.clock import start_of
from cityos.command.port import HeldPorts, listen
from cityos.command.recorded import recordings_of
from cityos.leash import Leashed
from cityos.settings import LOOPBACK, is_loopback

_READY_S = 30.0
# glibc gives each thread a heap of its own and keeps what they free; two are enough for all of ours.
_SPARING = {"MALLOC_ARENA_MAX": "2"}


def run(said: argparse.Namespace) -> int:
    """Runs until Ctrl-C, SIGTERM, or until the hub ends."""
    return asyncio.run(_up(said))


async def _up(said: argparse.Namespace) -> int:
    city = CityFile.read(said.city)
    recordings_of(city, said)
    at = start_of(said.at, city.starts_at, said.data)
    speed = said.speed or city.speed
    environment = {**_SPARING, **os.environ, "CITYOS_STARTED": repr(time.time()), "PYTHONUNBUFFERED": "1"}
    _allow_loopback(said.host, environment)
    clock = ["--speed", repr(speed), *(["--at", at.isoformat()] if at else [])]
    sources: list[Leashed] = []
    services: list[Leashed] = []
    hub: list[Leashed] = []
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    to_play = () if said.recordings else city.sources
    listen(said.host, said.port).close()
    # Before anything starts: else we would read another city's sources and show its pages.
    ports = HeldPorts(said.city, said.host, (*city.services, *to_play), said.port)
    try:
        for source in to_play:
            ports.release(source.port)
            sources.append(_start(source, said, clock, environment))
        hub.append(Leashed(_hub_command(said, clock), env=environment))
        hub_url = f"http://{_reachable(said.host)}:{said.port}"
        if not await _ready(hub_url, hub[0], stop):
            print(f"cityos: the hub did not start; see the lines above and {said.data}", file=sys.stderr)
            return 1
        for service in city.services:
            ports.release(service.port)
            services.append(_start(service, said, ["--city-url", hub_url], environment))
        _welcome(city, hub_url, said)
        return await _until_ended(hub[0], dict(zip(city.services, services, strict=True)), stop)
    finally:
        ports.release()
        # Whoever asks goes before whoever answers, so that nobody ends with a complaint.
        for part in (services, hub, sources):
            await asyncio.gather(*(asyncio.to_thread(child.stop) for child in part))


def _allow_loopback(host: str, environment: dict[str, str]) -> None:
    """A demo's own @contexts and endpoints are on this machine; only this machine can name them, as it has no key."""
    if is_loopback(host) and not environment.get("CITYOS_API_KEY"):
        environment.setdefault("CITYOS_EGRESS_ALLOW", LOOPBACK)


def _start(process: Process, said: argparse.Namespace, more: Sequence[str], environment: Mapping[str, str]) -> Leashed:
    command = [sys.executable, "-m", process.module, "--host", said.host, "--port", str(process.port)]
    # {data} in an argument: where this city keeps its data, so that each has its own.
    arguments = [argument.replace("{data}", str(said.data)) for argument in process.arguments]
    return Leashed([*command, *arguments, *more], env=environment)


def _hub_command(said: argparse.Namespace, clock: Sequence[str]) -> list[str]:
    command = [sys.executable, "-m", "cityos", "serve", "--host", said.host, "--port", str(said.port)]
    command += ["--data", str(said.data), "--city", str(said.city), *clock]
    if said.recordings:
        command += ["--recordings", str(said.recordings)]
    return [*command, "--no-broker"] if said.no_broker else command


def _reachable(host: str) -> str:
    return {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, host)


async def _ready(url: str, hub: Leashed, stop: asyncio.Event) -> bool:
    deadline = time.monotonic() + _READY_S
    async with City(url) as city:
        while hub.poll() is None and time.monotonic() < deadline and not stop.is_set():
            try:
                await city.health()
            except CityError:
                await asyncio.sleep(0.05)
            else:
                return True
    return False


async def _until_ended(hub: Leashed, services: dict[Process, Leashed], stop: asyncio.Event) -> int:
    while not stop.is_set():
        for process, code in [(one, code) for one, child in services.items() if (code := child.poll()) is not None]:
            del services[process]
            print(
                f"cityos: {process.module} (port {process.port}) ended (exit code {code}); its lines above say why. "
                "The rest goes on.",
                file=sys.stderr,
                flush=True,
            )
        if (code := hub.poll()) is not None:
            print(
                f"cityos: the hub ended (exit code {code}), so everything is stopped. "
                "Its data is kept: the same command goes on from there.",
                file=sys.stderr,
            )
            return code
        try:
            await asyncio.wait_for(stop.wait(), 0.2)
        except TimeoutError:
            continue
    return 0


def _welcome(city: CityFile, hub_url: str, said: argparse.Namespace) -> None:
    host = _reachable(said.host)
    print(f"{city.title} is up. 動いています。")
    print(f"  data API   {hub_url}/ngsi-ld/v1/entities?type=SnowRemovalZone&format=simplified")
    print(f"  changes    {hub_url}/changes   feeds {hub_url}/feeds   docs {hub_url}/docs")
    for service in city.services:
        print(f"  {service.module:<20} http://{host}:{service.port}/")
    print("Ctrl-C ends everything.", flush=True)
