"""Real processes of CityOS, to be started, killed and looked after: hubs, services, and what they leave behind."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import orjson
import psutil

READY_S = 30.0
_POLL_S = 0.005
_ROOT = Path(__file__).parents[1]


def free_port() -> int:
    """A port that nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Started:
    """A Python module as a process that answers HTTP on a port of its own; may be killed and started again."""

    def __init__(
        self,
        module: str,
        arguments: Sequence[str],
        log: Path,
        *,
        port: int | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """`arguments` stand before `--port`; `log` receives what the process says, life after life."""
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = log
        self._command = [sys.executable, "-m", module, *arguments, "--port", str(self.port)]
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("CITYOS_")}
        self._environment = {**inherited, "PYTHONPATH": str(_ROOT), **(environment or {})}
        self._process: subprocess.Popen[bytes] | None = None
        self._started_at = 0.0

    @property
    def pid(self) -> int:
        """The process id of this life."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Begins a life."""
        with self.log.open("ab") as log:
            self._started_at = time.monotonic()
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._environment,
                start_new_session=True,
            )

    def await_ready(self, timeout_s: float = READY_S) -> float:
        """Blocks until GET /health answers 200; returns the seconds since the process was started."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            if self._process is None or self._process.poll() is not None:
                raise AssertionError(f"{self._command[2]} ended by itself; its log:\n{self.log.read_text()[-2000:]}")
            if self.get("/health") is not None:
                return time.monotonic() - self._started_at
            time.sleep(_POLL_S)
        raise AssertionError(
            f"{self._command[2]} is not ready in {timeout_s} s; its log:\n{self.log.read_text()[-2000:]}"
        )

    def get(self, path: str, timeout_s: float = 5.0) -> object | None:
        """The JSON answer to a GET; None where the process does not answer 200."""
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout_s)
        try:
            line.request("GET", path)
            answer = line.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException):
            return None
        finally:
            line.close()
        return orjson.loads(content) if answer.status == 200 else None

    def kill(self) -> None:
        """Pulls the plug: SIGKILL to this process alone."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def stop(self, timeout_s: float = 15.0) -> int:
        """Asks it to end; returns its exit code."""
        if self._process is None:
            return 0
        self._process.send_signal(signal.SIGTERM)
        try:
            return self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def family(self) -> list[psutil.Process]:
        """This process and all it started, at this moment."""
        try:
            own = psutil.Process(self.pid)
            return [own, *own.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []


class HubProcess(Started):
    """`cityos serve` as a process."""

    def __init__(
        self, data: Path, *arguments: str, environment: Mapping[str, str] | None = None, module: str = "cityos"
    ) -> None:
        command = ["serve", "--data", str(data), *arguments]
        super().__init__(module, command, data.with_suffix(".log"), environment=environment)
        self.data = data
        _prefer_own_ports(data / "broker" / "broker.json")


def _prefer_own_ports(life: Path) -> None:
    """Hubs of several tests stand beside each other: the port of a broker that was killed must not be another's."""
    if not life.exists():
        life.parent.mkdir(parents=True, exist_ok=True)
        ports = {"mqtt_port": free_port(), "websocket_port": free_port()}
        life.write_bytes(orjson.dumps({**ports, "pid": 0, "started": ""}))


class Family:
    """Remembers every process of several lives, to see who stayed behind."""

    def __init__(self) -> None:
        self._seen: dict[tuple[int, float], str] = {}

    def note(self, processes: Iterable[psutil.Process]) -> None:
        """Remembers these processes."""
        for process in processes:
            with contextlib.suppress(psutil.NoSuchProcess):
                self._seen[process.pid, process.create_time()] = " ".join(process.cmdline())

    def alive(self) -> list[str]:
        """Who of them is still there, by command line."""
        return [told for (pid, born), told in self._seen.items() if _lives(pid, born)]

    def __len__(self) -> int:
        return len(self._seen)


def _lives(pid: int, born: float) -> bool:
    try:
        process = psutil.Process(pid)
        return process.create_time() == born and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def wait_until(holds: Callable[[], bool], timeout_s: float) -> bool:
    """Blocks until something holds; False if it does not in time."""
    deadline = time.monotonic() + timeout_s
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True
