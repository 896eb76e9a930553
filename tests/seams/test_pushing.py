"""Documents that devices send over MQTT: with the embedded broker and with Mosquitto as deploy/ sets it up."""

from __future__ import annotations

import asyncio
import contextlib
import os
import queue
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from cityos.bus.address import BrokerAddress
from cityos.bus.topic import push_topic
from cityos.city_file import CityFile
from cityos.hub import Hub, Plan, open_hub
from cityos.settings import Settings
from tests.cityos.api.asking import client_of
from tests.docs.story import ROOT
from tests.processes import HubProcess, free_port
from tests.services_required import skip_unless

GAUGE_KEY, OTHER_KEY = "the-gauges-long-key", "the-others-long-key"
TOPIC = push_topic("yukino", "gauges")
CITY = f"""
[city]
name = "yukino"
title = "雪野市"

[[feeds]]
name = "gauges"
connector = "push"
pushed = true
push_key = "{GAUGE_KEY}"

[feeds.config]
type = "SnowDepthObserved"
observed_at = "at"
values = {{ cm = "snowDepth" }}

[[feeds]]
name = "others"
connector = "push"
pushed = true
push_key = "{OTHER_KEY}"
config = {{ allowed_types = ["SnowPlow"] }}
"""


class Device:
    """A client as a device is: paho, QoS 1, a user and a key."""

    def __init__(self, url: str, user: str | None = "gauges", key: str = GAUGE_KEY) -> None:
        self._address, self._user, self._key = BrokerAddress.parse(url), user, key

    def send(self, *payloads: bytes, topic: str = TOPIC) -> None:
        """Connects, sends, and returns when the broker has acknowledged everything.

        ConnectionRefusedError when the broker does not let it in, TimeoutError when it does not acknowledge.
        """
        answers: queue.Queue[str] = queue.Queue()
        client = Client(
            CallbackAPIVersion.VERSION2, client_id=f"device-{os.urandom(4).hex()}", reconnect_on_failure=False
        )
        client.on_connect = lambda *said: answers.put(str(said[3]) if said[3].is_failure else "")
        if self._user is not None:
            client.username_pw_set(self._user, self._key)
        client.connect(self._address.host, self._address.port)
        client.loop_start()
        try:
            if refused := answers.get(timeout=10.0):
                raise ConnectionRefusedError(refused)
            sent = [client.publish(topic, payload, qos=1) for payload in payloads]
            for one in sent:
                one.wait_for_publish(10.0)
            if not all(one.is_published() for one in sent):
                raise TimeoutError("not acknowledged")
        finally:
            client.disconnect()
            client.loop_stop()


def depth(gauge: str, cm: int, minute: int = 0) -> bytes:
    return orjson.dumps({"id": gauge, "cm": cm, "at": f"2026-01-15T08:{minute:02}:00+09:00"})


@contextlib.asynccontextmanager
async def running(data: Path, broker_url: str | None = None) -> AsyncIterator[tuple[Hub, httpx.AsyncClient]]:
    (data / "city.toml").write_text(CITY)
    plan = Plan(data / "data", Settings(broker_url=broker_url), city=CityFile.read(data / "city.toml"))
    async with open_hub(plan) as hub, client_of(hub) as client:
        yield hub, client


async def until(holds: Callable[[], Any], timeout_s: float = 60.0) -> Any:
    """Waits until an awaited answer is true, and returns it."""
    async with asyncio.timeout(timeout_s):
        while not (told := await holds()):
            await asyncio.sleep(0.05)
    return told


async def depths(client: httpx.AsyncClient) -> dict[str, int]:
    params = {"type": "SnowDepthObserved", "format": "simplified", "limit": "1000"}
    told = (await client.get("/ngsi-ld/v1/entities", params=params)).json()
    return {one["id"].rpartition(":")[2]: one["snowDepth"] for one in told}


async def send(device: Device, *payloads: bytes, **said: Any) -> None:
    """Sends as soon as the broker lets the device in."""
    async with asyncio.timeout(60):
        while True:
            try:
                return await asyncio.to_thread(device.send, *payloads, **said)
            except (OSError, TimeoutError):
                await asyncio.sleep(0.1)


async def broker_of(hub: Hub) -> str:
    await hub.broker_opened.wait()
    url = hub.broker.url if hub.broker is not None else hub.plan.settings.broker_url
    assert url is not None
    return url


async def check_the_door(hub: Hub, client: httpx.AsyncClient, url: str) -> None:
    """What must hold with any broker."""
    await send(Device(url), depth("g1", 80))
    assert await until(lambda: depths(client)) == {"g1": 80}
    feed = (await client.get("/feeds/gauges")).json()
    assert (feed["lastOutcome"], feed["accepted"]) == ("applied", 1)
    # Archived as it came, under its own name, as by HTTP.
    await send(Device(url), depth("g2", 55), topic=f"{TOPIC}/屋上の計器")
    assert await until(lambda: _has(client, "g2"))
    records = await hub.store.read(lambda reader: reader.latest_documents("yukino", "gauges"))
    (latest,) = [one for one in records if one.name != "document"]
    assert latest.name == "屋上の計器"
    assert (hub.plan.data / "archive" / latest.digest[:2] / f"{latest.digest}.gz").exists()
    # A bad payload is a notice, and what follows flows.
    await send(Device(url), b"\xff\xfenot JSON", depth("g3", 5))
    assert await until(lambda: _has(client, "g3"))
    codes = {notice["code"] for notice in (await client.get("/feeds/gauges")).json()["notices"]}
    assert "source_changed" in codes
    # Another's key opens nothing here: 3.1.1 cannot say no, so the message is acknowledged and has no effect.
    with contextlib.suppress(TimeoutError, OSError):
        await asyncio.to_thread(Device(url, "others", OTHER_KEY).send, depth("lie", 1))
    with contextlib.suppress(TimeoutError, OSError):
        await asyncio.to_thread(Device(url, None).send, depth("lie", 2))
    with pytest.raises(ConnectionRefusedError, match=r"(?i)authori"):
        await asyncio.to_thread(Device(url, "gauges", OTHER_KEY).send, depth("lie", 3))
    await send(Device(url), depth("g4", 7))
    assert await until(lambda: _has(client, "g4"))
    assert set(await depths(client)) == {"g1", "g2", "g3", "g4"}


async def _has(client: httpx.AsyncClient, gauge: str) -> bool:
    return gauge in await depths(client)


async def test_a_device_sends_to_the_embedded_broker(tmp_path: Path) -> None:
    async with running(tmp_path) as (hub, client):
        await check_the_door(hub, client, await broker_of(hub))


async def test_nobody_reads_what_is_sent(tmp_path: Path) -> None:
    async with running(tmp_path) as (hub, client):
        url = await broker_of(hub)
        await send(Device(url), depth("g1", 80))
        assert await until(lambda: depths(client))
        heard: list[bytes] = []
        for user, key in ((None, ""), ("gauges", GAUGE_KEY)):
            reader = Client(CallbackAPIVersion.VERSION2)
            if user is not None:
                reader.username_pw_set(user, key)
            reader.on_message = lambda _, __, message: heard.append(bytes(message.payload))
            address = BrokerAddress.parse(url)
            reader.connect(address.host, address.port)
            reader.subscribe([("cityos-push/#", 1), (f"{TOPIC}/#", 1)])
            reader.loop_start()
            await asyncio.sleep(0.5)
            await send(Device(url), depth("g1", 81, minute=1))
            await asyncio.sleep(0.3)
            reader.disconnect()
            reader.loop_stop()
        assert heard == []


async def test_what_was_acknowledged_before_a_kill_is_in_the_city_after_it(tmp_path: Path) -> None:

    (tmp_path / "city.toml").write_text(CITY)
    hub = HubProcess(tmp_path / "data", "--city", str(tmp_path / "city.toml"))
    acknowledged: dict[str, int] = {}
    try:
        for life in range(2):
            hub.start()
            await asyncio.to_thread(hub.await_ready)
            url = await until(lambda: _broker_url(hub))
            for number in range(20):
                name = f"g{life}-{number}"
                await send(Device(url), depth(name, number))
                acknowledged[name] = number
            hub.kill()  # in the middle of what it is taking
        hub.start()
        await asyncio.to_thread(hub.await_ready)
        async with httpx.AsyncClient(base_url=hub.url) as client:
            await until(lambda: _all_there(client, acknowledged), 20.0)
    finally:
        hub.kill()


async def _broker_url(hub: HubProcess) -> str | None:
    told = await asyncio.to_thread(hub.get, "/health")
    return told["broker"]["url"] if isinstance(told, dict) else None


async def _all_there(client: httpx.AsyncClient, acknowledged: dict[str, int]) -> bool:
    return (await depths(client)).items() >= acknowledged.items()


@contextlib.contextmanager
def mosquitto(directory: Path) -> Any:
    """Mosquitto with the files of deploy/, and the feed's account made as they say."""
    skip_unless(shutil.which("mosquitto") is not None, "mosquitto is not installed")
    port = free_port()
    said = (ROOT / "deploy/mosquitto.conf").read_text()
    said = said.replace("1883", f"{port} 127.0.0.1").replace("8083", f"{free_port()} 127.0.0.1")
    said = said.replace("/mosquitto/config", str(directory)).replace("/mosquitto/data", str(directory))
    (directory / "mosquitto.conf").write_text(said + "user root\n" * (os.geteuid() == 0))
    shutil.copy(ROOT / "deploy/mosquitto.acl", directory / "acl")
    passwords = directory / "passwords"
    passwords.touch()
    for user, key in (("hub", "the-hubs-password"), ("gauges", GAUGE_KEY), ("others", OTHER_KEY)):
        subprocess.run(["mosquitto_passwd", "-b", str(passwords), user, key], check=True)
    with (directory / "mosquitto.log").open("wb") as log:
        process = subprocess.Popen(["mosquitto", "-c", str(directory / "mosquitto.conf")], stdout=log, stderr=log)
    try:
        yield port
    finally:
        process.terminate()
        process.wait(10)


async def test_a_device_sends_to_mosquitto(tmp_path: Path) -> None:
    with mosquitto(tmp_path) as port:
        async with running(tmp_path, f"mqtt://hub:the-hubs-password@127.0.0.1:{port}") as (hub, client):
            await asyncio.sleep(3.0)  # the hub subscribes; before its first time the broker keeps nothing for it
            await check_the_door(hub, client, f"mqtt://127.0.0.1:{port}")


async def test_mosquitto_keeps_what_is_sent_while_the_hub_is_away(tmp_path: Path) -> None:
    with mosquitto(tmp_path) as port:
        url = f"mqtt://hub:the-hubs-password@127.0.0.1:{port}"
        async with running(tmp_path, url) as (_, client):
            await asyncio.sleep(3.0)
            await send(Device(f"mqtt://127.0.0.1:{port}"), depth("g1", 1))
            assert await until(lambda: depths(client))
        await send(Device(f"mqtt://127.0.0.1:{port}"), *(depth(f"g{number}", number) for number in range(2, 60)))
        async with running(tmp_path, url) as (_, client):
            await until(lambda: _has(client, "g59"))
            assert len(await depths(client)) == 59
