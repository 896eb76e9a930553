"""`cityos up` refuses before anything starts, and says what to write; the command itself, as a process."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from cityos.city_file import Process
from cityos.command.port import HeldPorts
from tests.processes import free_port

_CITY = '[city]\nname = "yukino"\ntitle = "雪野市"\n'
_RECORDED = _CITY + "".join(
    f'[[recordings]]\nurl = "recorded://a"\nat = 2026-01-15T0{n}:00:00Z\nfile = "{n}.csv"\n' for n in range(2)
)
_HERE = "127.0.0.1"


def _refused(directory: Path, city: str, *more: str, command: str = "up") -> str:
    """What the command says when it ends by itself."""
    path = directory / "city.toml"
    path.write_text(city, "utf-8")
    arguments = ["--city", str(path), "--data", str(directory / "data"), "--no-broker", *more]
    if "--port" not in more:
        arguments += ["--port", str(free_port())]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CITYOS_")}
    ended = subprocess.run(
        [sys.executable, "-m", "cityos", command, *arguments],
        capture_output=True,
        text=True,
        timeout=30,
        env=environment,
        check=False,
    )
    assert ended.returncode == 1
    assert ended.stdout == ""
    assert not (directory / "data").exists()
    (line,) = ended.stderr.splitlines()
    return line


@pytest.mark.parametrize("command", ["up", "serve"])
def test_recordings_that_are_not_there_are_told_at_the_start(tmp_path: Path, command: str) -> None:
    nowhere, some = tmp_path / "nowhere", tmp_path / "some"
    some.mkdir()
    (some / "0.csv").touch()
    assert f"--recordings {nowhere} is no directory" in _refused(
        tmp_path, _RECORDED, "--recordings", str(nowhere), command=command
    )
    told = _refused(tmp_path, _RECORDED, "--recordings", str(some), command=command)
    assert f"1 are missing: {some / '1.csv'}; say with --recordings DIR" in told
    assert "plays recordings: say with --recordings DIR" in _refused(tmp_path, _RECORDED, command=command)


def test_a_taken_port_is_told_with_the_service_that_needs_it(tmp_path: Path) -> None:
    with socket.create_server((_HERE, 0)) as taken:
        port = taken.getsockname()[1]
        told = _refused(tmp_path, f'{_CITY}[[services]]\nmodule = "services.snow_info"\nport = {port}\n')
        assert f"services.snow_info cannot listen on port {port}: Address already in use" in told
        assert f"another `port =` under its `module =` in a copy of {tmp_path / 'city.toml'}" in told
        assert "choose another --port" in _refused(tmp_path, _CITY, "--port", str(port))


def test_two_of_a_city_cannot_have_one_port(tmp_path: Path) -> None:
    port = free_port()
    twins = "".join(f'[[services]]\nmodule = "services.{name}"\nport = {port}\n' for name in ("portal", "snow_info"))
    assert f"snow_info cannot listen on port {port}: services.portal has it, too" in _refused(tmp_path, _CITY + twins)
    told = _refused(tmp_path, f'{_CITY}[[services]]\nmodule = "services.portal"\nport = {port}\n', "--port", str(port))
    assert f"portal cannot listen on port {port}: the hub (--port) has it, too" in told


def test_a_held_port_is_nobody_elses_until_it_is_released() -> None:
    """Else the broker, which takes the next free port, would take that of a service yet to come."""
    port = free_port()
    held = HeldPorts(Path("city.toml"), _HERE, [Process(module="services.portal", port=port)], hub_port=1)
    with pytest.raises(OSError, match="in use"):
        socket.create_server((_HERE, port))
    held.release(port)
    socket.create_server((_HERE, port)).close()
