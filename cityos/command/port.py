"""Taking a port, so that a taken one is told in a sentence."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterable
from pathlib import Path

from cityos.city_file import Process


def listen(host: str, port: int) -> socket.socket:
    """Takes the port first, so that a taken one is told before anything is opened."""
    try:
        return _bind(host, port)
    except OSError as error:
        raise OSError(f"cannot listen on {host}:{port}: {error.strerror}; choose another --port") from None


class HeldPorts:
    """The ports of processes yet to be started, kept from everybody else: the broker looks for free ones, too."""

    def __init__(self, city_file: Path, host: str, processes: Iterable[Process], hub_port: int) -> None:
        """Takes them all. Raises OSError, naming the process and its line in the city file, where one is taken."""
        self._held: dict[int, socket.socket] = {}
        users = {hub_port: "the hub (--port)"}
        with contextlib.ExitStack() as taken:
            for process in processes:
                if process.port in users:
                    raise OSError(_refusal(city_file, process, f"{users[process.port]} has it, too"))
                users[process.port] = process.module
                self._held[process.port] = taken.enter_context(_hold(city_file, host, process))
            taken.pop_all()

    def release(self, *ports: int) -> None:
        """Lets these ports go, or all of them."""
        for port in ports or tuple(self._held):
            self._held.pop(port).close()


def _hold(city_file: Path, host: str, process: Process) -> socket.socket:
    try:
        held = _bind(host, process.port)
        # Bound alone, another socket could still be bound and listen.
        held.listen()
    except OSError as error:
        raise OSError(_refusal(city_file, process, error.strerror or str(error))) from None
    return held


def _refusal(city_file: Path, process: Process, why: str) -> str:
    return (
        f"{process.module} cannot listen on port {process.port}: {why}. Is another city running? End it, "
        f"or write another `port =` under its `module =` in a copy of {city_file}"
    )


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
    except OSError:
        bound.close()
        raise
    return bound
