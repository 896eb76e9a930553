"""docker-compose.yml without Docker: parsed, and every service's own command and health check run on this machine."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from cityos.bus.contract import Message
from cityos.bus.mqtt import MqttBus
from tests.docs.story import ROOT
from tests.services_required import skip_unless

TEXT = (ROOT / "docker-compose.yml").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
OURS = {name: service for name, service in COMPOSE["services"].items() if "build" in service}
SECRETS = {"CITYOS_API_KEY": "key-of-the-compose-test", "CITYOS_BROKER_PASSWORD": "password-of-the-test"}
_VARIABLE = re.compile(r"\$\{(\w+)(?::([-?])([^}]*))?\}")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def filled(text: str, known: dict[str, str]) -> str:
    """Compose's own substitution: ${NAME:-default} and ${NAME:?message}."""

    def value_of(found: re.Match[str]) -> str:
        if found[1] in known:
            return known[found[1]]
        assert found[2] == "-", f"{found[1]} is required: {found[3]}"
        return found[3]

    return _VARIABLE.sub(value_of, text).replace("$$", "$")


class Here:
    """The compose file's hosts and ports as this machine has them."""

    def __init__(self, data: Path) -> None:
        self.ports = {port: str(free_port()) for port in sorted(set(re.findall(r"\b(?:8\d{3}|1883)\b", TEXT)))}
        self._data = data

    def __call__(self, text: str, service: str = "") -> str:
        """A text with this machine's addresses; each service's volume is a folder of its own."""
        for host in COMPOSE["services"]:
            text = re.sub(rf"(//|@){host}:(?=\d)", r"\g<1>127.0.0.1:", text)
        text = re.sub("|".join(rf"\b{port}\b" for port in self.ports), lambda found: self.ports[found[0]], text)
        text = text.replace("--data /data", f"--data {self._data / service}")
        return text.replace("/mosquitto/config", str(self._data / "config")).replace("/mosquitto/data", str(self._data))


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Here:
    return Here(tmp_path_factory.mktemp("compose"))


@pytest.fixture(scope="module")
def running(here: Here, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, subprocess.Popen[bytes]]]:
    """All services of our image and the broker, started by the commands of the compose file."""
    skip_unless(shutil.which("mosquitto") is not None, "mosquitto is not installed")
    directory = tmp_path_factory.mktemp("services")
    processes = {"broker": start_broker(here, directory)}
    for name, service in OURS.items():
        command = shlex.split(here(filled(service["command"], SECRETS), name).replace("0.0.0.0", "127.0.0.1"))
        program = [sys.executable, "-m", "cityos"] if command[0] == "cityos" else [sys.executable]
        environment = {key: here(filled(str(value), SECRETS)) for key, value in service.get("environment", {}).items()}
        with (directory / f"{name}.log").open("wb") as log:
            processes[name] = subprocess.Popen(
                [*program, *command[1:]], cwd=ROOT, env={**os.environ, **environment}, stdout=log, stderr=log
            )
    yield processes
    for process in reversed(processes.values()):
        process.terminate()
    for process in processes.values():
        process.wait(15)


def start_broker(here: Here, directory: Path) -> subprocess.Popen[bytes]:
    """The broker's command as it stands, with its files where this test may write."""
    configuration = Path(here("/mosquitto/config"))
    configuration.mkdir(parents=True)
    # Started by root, the broker would become its own user, whom this test's folder is closed to.
    said = (ROOT / "deploy/mosquitto.conf").read_text() + "user root\n" * (os.geteuid() == 0)
    (configuration / "mosquitto.conf").write_text(here(said))
    (configuration / "acl").write_text((ROOT / "deploy/mosquitto.acl").read_text())
    shell, option, script = COMPOSE["services"]["broker"]["command"]
    with (directory / "broker.log").open("wb") as log:
        return subprocess.Popen(
            [shell, option, here(filled(script, SECRETS)).replace("chown mosquitto", "chown $(id -u)")],
            env={**os.environ, **SECRETS},
            stdout=log,
            stderr=log,
        )


def test_both_secrets_are_required() -> None:
    assert "CITYOS_API_KEY:?" in TEXT
    assert "CITYOS_BROKER_PASSWORD:?" in TEXT
    assert not re.search(r"(KEY|PASSWORD):-", TEXT), "no secret has a default"


def test_everything_a_service_mounts_or_builds_from_is_here() -> None:
    for service in COMPOSE["services"].values():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert source in COMPOSE["volumes"] or (ROOT / source).exists()
    assert (ROOT / "Dockerfile").exists()


def test_every_service_has_an_address_of_its_own_and_a_volume_where_it_keeps_data() -> None:
    ports = [port for service in COMPOSE["services"].values() for port in service.get("ports", [])]
    assert len(set(ports)) == len(ports)
    for name, service in OURS.items():
        mounts = [volume.split(":")[1] for volume in service.get("volumes", [])]
        assert ("--data /data" in service["command"]) == ("/data" in mounts), name


@pytest.mark.journey
@pytest.mark.parametrize("name", OURS)
def test_command_runs_and_its_health_check_agrees(
    name: str, here: Here, running: dict[str, subprocess.Popen[bytes]]
) -> None:
    _, program, *arguments = here_list(here, OURS[name]["healthcheck"]["test"])
    assert program == "python"
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and running[name].poll() is None:
        done = subprocess.run([sys.executable, *arguments], check=False, capture_output=True)
        if done.returncode == 0:
            return
        time.sleep(0.3)
    pytest.fail(f"{name} is not healthy: {done.stderr.decode()[-500:]}")


@pytest.mark.journey
@pytest.mark.parametrize("name", ["portal", "snow-info", "on-demand", "transit"])
def test_a_service_finds_the_hub_by_its_address_in_the_file(
    name: str, here: Here, running: dict[str, subprocess.Popen[bytes]]
) -> None:
    port = here.ports[OURS[name]["ports"][0].split(":")[0]]
    health: dict[str, Any] = {}
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and running[name].poll() is None:
        with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/health") as answer:
            health = json.loads(answer.read())
            if health["status"] == "ok":
                return
        time.sleep(0.3)
    pytest.fail(f"{name}: {health}")


def here_list(here: Here, texts: list[str]) -> list[str]:
    return [here(text) for text in texts]


@pytest.mark.journey
async def test_the_hub_writes_to_the_broker_and_strangers_only_read(
    here: Here, running: dict[str, subprocess.Popen[bytes]]
) -> None:
    assert running["broker"].poll() is None
    stranger = MqttBus(f"mqtt://127.0.0.1:{here.ports['1883']}")
    await stranger.start()
    async with asyncio.timeout(60):
        while not await stranger.retained("cityos/yukino/Feed/#"):
            await asyncio.sleep(0.5)
        await stranger.publish([Message("cityos/yukino/lie", b"x")])
        assert "cityos/yukino/lie" not in await stranger.retained("cityos/yukino/#")
    await stranger.close()
