"""MQTT to brokers that subscribers name (clause 7), against a real Mosquitto where there is one."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from cityos.bus.address import BrokerAddress
from cityos.bus.contract import BusUnavailable
from cityos.bus.outlet import MqttOutlet, Target
from tests.processes import free_port

MOSQUITTO = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
pytestmark = pytest.mark.skipif(MOSQUITTO is None, reason="Mosquitto is not installed")


class Broker:
    """A Mosquitto and an ear on all of its topics."""

    def __init__(self, port: int, user: str | None, password: str | None) -> None:
        self.port = port
        self.heard: list[tuple[str, bytes, int]] = []
        self._more = threading.Event()
        self._client = Client(CallbackAPIVersion.VERSION2)
        if user is not None:
            self._client.username_pw_set(user, password)
        subscribed = threading.Event()
        self._client.on_subscribe = lambda *_: subscribed.set()
        self._client.on_message = self._hear
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        self._client.subscribe("#", 2)
        assert subscribed.wait(5)

    def _hear(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        self.heard.append((message.topic, bytes(message.payload), message.qos))

    async def until_heard(self, count: int) -> None:
        async with asyncio.timeout(5):
            while len(self.heard) < count:
                await asyncio.sleep(0.01)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


def started(directory: Path, lines: str) -> tuple[subprocess.Popen[bytes], int]:
    port = free_port()
    file = directory / "mosquitto.conf"
    # Started by root it would take another user's rights, which cannot read what lies in a test's directory.
    file.write_text(f"user root\nlistener {port} 127.0.0.1\n{lines}\n")
    process = subprocess.Popen([str(MOSQUITTO), "-c", str(file)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return process, port


def ear(port: int, user: str | None = None, password: str | None = None) -> Broker:
    for _ in range(100):
        try:
            return Broker(port, user, password)
        except OSError:
            threading.Event().wait(0.05)
    raise AssertionError("Mosquitto does not come up")


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    process, port = started(tmp_path, "allow_anonymous true")
    listening = ear(port)
    yield listening
    listening.close()
    process.terminate()
    process.wait()


@pytest.fixture
async def outlet() -> AsyncIterator[MqttOutlet]:
    made = MqttOutlet()
    yield made
    await made.close()


def target(port: int, version: int = 5, host: str = "127.0.0.1", **login: str) -> Target:
    return Target(BrokerAddress("mqtt", host, port, **login), ("127.0.0.1",), version)


@pytest.mark.parametrize("version", [4, 5])
@pytest.mark.parametrize("qos", [0, 1, 2])
async def test_every_quality_and_version_arrives(broker: Broker, outlet: MqttOutlet, version: int, qos: int) -> None:
    for number in range(3):
        await outlet.send(target(broker.port, version), "a/雪", b"%d" % number, qos)
    await broker.until_heard(3)
    assert broker.heard == [("a/雪", b"%d" % number, qos) for number in range(3)]


async def test_it_connects_to_the_judged_address_whatever_the_name(broker: Broker, outlet: MqttOutlet) -> None:
    await outlet.send(target(broker.port, host="broker.invalid"), "a", b"x", 1)
    await broker.until_heard(1)


async def test_user_and_password_are_given(tmp_path: Path, outlet: MqttOutlet) -> None:
    passwords = tmp_path / "passwords"
    tool = shutil.which("mosquitto_passwd")
    if tool is None:
        pytest.skip("mosquitto_passwd is not installed")
    subprocess.run([tool, "-b", "-c", str(passwords), "user", "p:w@"], check=True, capture_output=True)
    passwords.chmod(0o644)
    process, port = started(tmp_path, f"allow_anonymous false\npassword_file {passwords}")
    try:
        listening = ear(port, "user", "p:w@")
        await outlet.send(target(port, user="user", password="p:w@"), "a", b"x", 1)
        await listening.until_heard(1)
        with pytest.raises(BusUnavailable):
            await outlet.send(target(port, user="user", password="wrong"), "a", b"x", 1)
        listening.close()
    finally:
        process.terminate()
        process.wait()


async def test_nobody_there_is_told(outlet: MqttOutlet) -> None:
    with pytest.raises(BusUnavailable):
        await outlet.send(target(free_port()), "a", b"x", 0)


async def test_a_broker_that_comes_back_is_connected_to_again(tmp_path: Path, outlet: MqttOutlet) -> None:
    process, port = started(tmp_path, "allow_anonymous true")
    ear(port).close()
    await outlet.send(target(port), "a", b"1", 1)
    process.kill()
    process.wait()
    with pytest.raises(BusUnavailable):
        await outlet.send(target(port), "a", b"2", 1)
    file = tmp_path / "mosquitto.conf"
    process = subprocess.Popen([str(MOSQUITTO), "-c", str(file)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        listening = ear(port)
        await outlet.send(target(port), "a", b"3", 1)
        await listening.until_heard(1)
        listening.close()
    finally:
        process.terminate()
        process.wait()


async def test_an_idle_connection_is_closed(broker: Broker) -> None:
    outlet = MqttOutlet(idle_s=0.05)
    await outlet.send(target(broker.port), "a", b"1", 1)
    await asyncio.sleep(0.3)
    await outlet.send(target(broker.port), "a", b"2", 1)
    await broker.until_heard(2)
    await outlet.close()
