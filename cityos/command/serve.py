"""`cityos serve`: one hub in this process."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import logging
import os
import signal
import sys
import time

import uvicorn

from cityos.bus.memory import MemoryBus
from cityos.city_file import CityFile
from cityos.clock import REAL, Clock, start_of
from cityos.command.port import listen
from cityos.command.recorded import recordings_of
from cityos.hub import Plan, open_hub
from cityos.settings import Settings, check_bind

# A hub that fell mid-write is back well within these; a client that holds a stream open is let go after it.
_DRAIN_S = 3
# The writer lets go of the interpreter at every step of the database and wants it back at once. While another thread is
# busy it waits this long each time: with Python's 5 ms a batch took forty times as long, with half a millisecond twice.
_SWITCH_S = 0.0005
# New objects between two searches for cycles. Requests leave hardly any, and Python's 700 cost a batch a third more.
_NEW_OBJECTS = (20_000, 20, 50)


def plan_of(said: argparse.Namespace) -> Plan:
    """What the arguments and the environment ask for. Raises SettingError, CityFileError, ValueError."""
    settings = Settings.read(os.environ)
    check_bind(said.host, settings)
    city = CityFile.read(said.city) if said.city else None
    return Plan(
        data=said.data,
        settings=settings,
        host=said.host,
        city=city,
        clock=clock_of(said, city),
        recordings=recordings_of(city, said),
        bus=MemoryBus() if said.no_broker else None,
    )


def clock_of(said: argparse.Namespace, city: CityFile | None) -> Clock:
    """The city's clock: real, unless --at, --speed or the city file say otherwise."""
    at = start_of(said.at, city.starts_at if city else None, said.data)
    speed = said.speed or (city.speed if city else 1.0)
    if speed <= 0:
        raise ValueError("--speed is not greater than 0")
    if at is None and speed == 1.0:
        return REAL
    started = float(os.environ.get("CITYOS_STARTED", time.time()))
    return Clock(at or REAL.now(), speed, started)


def run(said: argparse.Namespace) -> int:
    """Serves until SIGTERM or Ctrl-C."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname).1s %(message)s", stream=sys.stderr)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    with _fast_loop() as runner:
        runner.run(serve(plan_of(said), said.port))
    return 0


def _fast_loop() -> asyncio.Runner:
    try:
        import uvloop
    except ImportError:
        return asyncio.Runner()
    return asyncio.Runner(loop_factory=uvloop.new_event_loop)


async def serve(plan: Plan, port: int) -> None:
    """Opens the hub and answers requests until told to stop."""
    listening = listen(plan.host, port)
    async with open_hub(plan) as hub:
        _tune()
        config = uvicorn.Config(
            hub.app(),
            log_level="warning",
            access_log=False,
            timeout_graceful_shutdown=_DRAIN_S,
            lifespan="off",
            proxy_headers=False,
        )
        server = _Server(config)
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        serving = asyncio.create_task(server.serve([listening]))
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait((serving, stopping), return_when=asyncio.FIRST_COMPLETED)
        server.should_exit = True
        await hub.stop_tasks()
        with contextlib.suppress(asyncio.CancelledError):
            await serving
        stopping.cancel()


def _tune() -> None:
    """Sets the interpreter for a hub: one writer, one loop, a few readers, and much that never goes away."""
    sys.setswitchinterval(_SWITCH_S)
    gc.freeze()
    gc.set_threshold(*_NEW_OBJECTS)


class _Server(uvicorn.Server):
    """Leaves signals to `serve`, which has more to end than the server."""

    @contextlib.contextmanager
    def capture_signals(self):  # type: ignore[no-untyped-def]
        yield
