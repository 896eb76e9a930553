"""One suite for every bus: memory, the embedded broker, Mosquitto."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cityos.bus.contract import Bus, BusUnavailable, Message, RetainedIncomplete
from cityos.bus.embedded import EmbeddedBroker
from cityos.bus.link import Link
from cityos.bus.memory import MemoryBus
from cityos.bus.mqtt import MqttBus
from cityos.bus.topic import entity_topic, parse_entity_topic
from tests.services_required import skip_unless


@dataclass(frozen=True)
class Place:
    """A bus, and how to pull the plug of its broker: `kill` at once, `revive` returns when it is coming back."""

    bus: Bus
    kill: Callable[[], None]
    revive: Callable[[], Awaitable[None]]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Mosquitto:
    """A mosquitto of the test's own."""

    def __init__(self, directory: Path, *settings: str) -> None:
        found = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
        skip_unless(found is not None, "mosquitto is not installed")
        self._binary = str(found)
        self._port = _free_port()
        self._config = directory / "mosquitto.conf"
        lines = [f"listener {self._port} 127.0.0.1", "allow_anonymous true", "persistence false", *settings]
        self._config.write_text("\n".join([*lines, ""]))
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"mqtt://127.0.0.1:{self._port}"

    async def start(self) -> None:
        log = self._config.with_suffix(".log").open("ab")
        with log:
            self._process = subprocess.Popen([self._binary, "-c", str(self._config)], stdout=log, stderr=log)
        async with asyncio.timeout(5):
            while not self._answers():
                await asyncio.sleep(0.02)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def pause(self, number: signal.Signals) -> None:
        """SIGSTOP leaves the connection open and every request unanswered; SIGCONT ends that."""
        if self._process is not None:
            self._process.send_signal(number)

    def _answers(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self._port)) == 0


@asynccontextmanager
async def _memory(_directory: Path) -> AsyncIterator[Place]:
    bus = MemoryBus()

    async def revive() -> None:
        bus.restore()

    yield Place(bus, bus.drop, revive)


@asynccontextmanager
async def _embedded(directory: Path) -> AsyncIterator[Place]:
    broker = EmbeddedBroker(directory, mqtt_port=_free_port(), websocket_port=_free_port())
    await broker.start()

    def kill() -> None:
        assert broker.pid is not None
        os.kill(broker.pid, signal.SIGKILL)

    async def revive() -> None:
        """The supervisor does it."""

    try:
        yield Place(MqttBus(broker.hub_url), kill, revive)
    finally:
        await broker.stop()


@asynccontextmanager
async def _mosquitto(directory: Path) -> AsyncIterator[Place]:
    broker = Mosquitto(directory, "max_queued_messages 0")
    await broker.start()
    try:
        yield Place(MqttBus(broker.url), broker.kill, broker.start)
    finally:
        broker.kill()


PLACES = {"memory": _memory, "embedded": _embedded, "mosquitto": _mosquitto}


@pytest.fixture(params=list(PLACES))
async def place(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Place]:
    async with PLACES[request.param](tmp_path) as made:
        await made.bus.start()
        try:
            async with asyncio.timeout(60):
                await made.bus.connected()
                yield made
        finally:
            await made.bus.close()


def _messages(count: int, payload: bytes = b"x" * 500, tenant: str = "t") -> list[Message]:
    return [Message(entity_topic(tenant, "T", f"urn:ngsi-ld:T:feed:{number}"), payload) for number in range(count)]


async def _until(holds: Callable[[], bool], timeout_s: float = 5.0) -> None:
    async with asyncio.timeout(timeout_s):
        while not holds():
            await asyncio.sleep(0.01)


async def _outlive(bus: Bus, generation: int) -> int:
    """Wait for a connection newer than `generation`."""
    async with asyncio.timeout(20):
        while (now := await bus.connected()) <= generation:
            await asyncio.sleep(0.01)
    return now


async def test_published_is_retained_and_empty_payload_clears(place: Place) -> None:
    first, second = _messages(2)
    await place.bus.publish(
        [first, second, Message(first.topic, b"newer"), Message("cityos/t/event", b"x", retain=False)]
    )
    assert await place.bus.retained("cityos/t/#") == {first.topic: b"newer", second.topic: second.payload}
    await place.bus.publish([Message(first.topic, b"")])
    assert await place.bus.retained("cityos/t/#") == {second.topic: second.payload}
    assert await place.bus.retained("cityos/other/#") == {}


async def test_retained_tree_of_5000_is_read_completely(place: Place) -> None:
    messages = _messages(5000)
    await place.bus.publish([*messages, *_messages(10, tenant="other")])
    assert await place.bus.retained("cityos/t/#") == {message.topic: message.payload for message in messages}


async def test_subscriber_gets_what_is_retained_and_what_comes(place: Place) -> None:
    held, live = _messages(2)
    heard: list[Message] = []
    await place.bus.publish([held])
    unsubscribe = await place.bus.subscribe("cityos/t/#", heard.append)
    await _until(lambda: len(heard) == 1)
    await place.bus.publish([live])
    await _until(lambda: len(heard) == 2)
    assert heard == [held, Message(live.topic, live.payload, retain=False)]
    await unsubscribe()
    await place.bus.publish([held])
    assert len(heard) == 2


async def test_second_receiver_of_a_filter_keeps_its_subscription(place: Place) -> None:
    first: list[Message] = []
    second: list[Message] = []
    unsubscribe = await place.bus.subscribe("cityos/t/#", first.append)
    await place.bus.subscribe("cityos/t/#", second.append)
    await unsubscribe()
    await place.bus.publish(_messages(3))
    await _until(lambda: len(second) == 3)
    assert first == []


async def test_receiver_that_raises_stops_nobody(place: Place) -> None:
    complaints: list[object] = []
    heard: list[Message] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: complaints.append(context["exception"]))

    def fail(message: Message) -> None:
        raise LookupError(message.topic)

    await place.bus.subscribe("cityos/t/#", fail)
    await place.bus.subscribe("cityos/#", heard.append)
    await place.bus.publish(_messages(3))
    await _until(lambda: {message.topic for message in heard} == {message.topic for message in _messages(3)})
    assert all(isinstance(complaint, LookupError) for complaint in complaints)
    assert len(complaints) >= 3


WILD = ["札幌駅 前", "a/b+c#d", "1.2", "%", "*", ">", "$SYS", "\x00\x7f\x85", "\u3000\u2028", "\ufdd0\uffff\U0010ffff"]
WILD += ["🚌", "é" * 300, "x" * 20_000, "\u200b", '";\\']


async def test_any_id_survives_the_broker(place: Place) -> None:
    messages = [Message(entity_topic("札幌", kind, wild), wild.encode()) for wild in WILD for kind in ("T", wild[:50])]
    heard: list[Message] = []
    await place.bus.subscribe("cityos/#", heard.append)
    await place.bus.publish(messages)
    tree = await place.bus.retained("cityos/#")
    assert tree == {message.topic: message.payload for message in messages}
    await _until(lambda: {message.topic for message in heard} == set(tree))
    for topic, payload in tree.items():
        parsed = parse_entity_topic(topic)
        assert parsed is not None
        assert parsed.entity_id.encode() == payload


async def test_kill_in_mid_publish_is_told_and_nothing_is_sent_later(place: Place) -> None:
    bus = place.bus
    generation = await bus.connected()
    heard: set[str] = set()
    await bus.subscribe("cityos/t/#", lambda message: heard.add(message.topic))
    publishing = asyncio.create_task(bus.publish(_messages(20_000)))
    await _until(lambda: len(heard) > 100)
    place.kill()
    with pytest.raises(BusUnavailable):
        await publishing
    await place.revive()
    assert await _outlive(bus, generation) > generation
    await asyncio.sleep(0.3)
    # Nothing of the interrupted call is on its way any more: what is there now stays as it is.
    before = await bus.retained("cityos/t/#")
    assert len(before) < 20_000
    await bus.publish(_messages(1, payload=b"afterwards", tenant="u"))
    assert await bus.retained("cityos/t/#") == before
    await bus.publish(_messages(500))
    assert len(await bus.retained("cityos/t/#")) >= 500


async def test_subscription_outlives_the_broker(place: Place) -> None:
    heard: list[Message] = []
    await place.bus.subscribe("cityos/t/#", heard.append)
    generation = await place.bus.connected()
    place.kill()
    await place.revive()
    await _outlive(place.bus, generation)
    await place.bus.publish(_messages(1))
    await _until(lambda: len(heard) == 1)


async def test_unreachable_broker_is_told_at_once(place: Place) -> None:
    place.kill()

    async def refused() -> bool:
        try:
            await place.bus.publish(_messages(1))
        except BusUnavailable:
            return True
        return False

    async with asyncio.timeout(5):
        while not await refused():
            await asyncio.sleep(0.005)


async def test_concurrent_publishers_keep_their_order(place: Place) -> None:
    topic = _messages(1)[0].topic
    heard: list[bytes] = []
    await place.bus.subscribe("cityos/t/#", lambda message: heard.append(message.payload))
    series = [[Message(topic, f"{name}{number}".encode()) for number in range(300)] for name in "abc"]
    await asyncio.gather(*map(place.bus.publish, series))
    await _until(lambda: len(heard) == 900)
    for name in "abc":
        own = [payload for payload in heard if payload.startswith(name.encode())]
        assert own == [f"{name}{number}".encode() for number in range(300)]


async def test_cancelled_publish_does_not_disturb_the_next(place: Place) -> None:
    for _ in range(5):
        publishing = asyncio.create_task(place.bus.publish(_messages(2000)))
        await asyncio.sleep(0.005)
        publishing.cancel()
        await asyncio.gather(publishing, return_exceptions=True)
    last = _messages(1000, payload=b"last")
    await place.bus.publish(last)
    tree = await place.bus.retained("cityos/t/#")
    assert {topic: tree[topic] for topic in (message.topic for message in last)} == dict.fromkeys(
        (message.topic for message in last), b"last"
    )


@pytest.fixture
async def tight(tmp_path: Path) -> AsyncIterator[MqttBus]:
    """A bus on a Mosquitto that keeps ten messages for a client that does not read fast enough."""
    broker = Mosquitto(tmp_path, "max_queued_messages 10")
    await broker.start()
    bus = MqttBus(broker.url)
    await bus.start()
    await bus.connected()
    yield bus
    await bus.close()
    broker.kill()


async def test_broker_that_drops_retained_messages_is_found_out(
    tight: MqttBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cityos.bus.mqtt.MARK_S", 0.5)
    messages = _messages(1500, payload=b"x" * 20_000)
    await tight.publish(messages)
    received = Link._paho_received

    def slowly(link: Link, client: Any, data: object, message: Any) -> None:
        time.sleep(0.002)  # or the reader keeps pace with a broker that has as little of the machine
        received(link, client, data, message)

    monkeypatch.setattr(Link, "_paho_received", slowly)
    with pytest.raises(RetainedIncomplete, match="max_queued_messages 0") as told:
        await tight.retained("cityos/t/#")
    assert 0 < len(told.value.found) <= 1500


async def test_broker_that_answers_nothing_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cityos.bus.link.STALL_S", 0.5)
    broker = Mosquitto(tmp_path)
    await broker.start()
    bus = MqttBus(broker.url)
    await bus.start()
    await bus.connected()
    broker.pause(signal.SIGSTOP)
    with pytest.raises(BusUnavailable, match="no acknowledgement"):
        await bus.publish(_messages(1000))
    broker.pause(signal.SIGCONT)
    assert await _outlive(bus, 1) == 2
    await bus.publish(_messages(1000))
    assert len(await bus.retained("cityos/t/#")) == 1000
    await bus.close()
    broker.kill()


async def test_absent_broker_holds_up_neither_start_nor_close() -> None:
    bus = MqttBus(f"mqtt://127.0.0.1:{_free_port()}")
    async with asyncio.timeout(3):
        await bus.start()
        await bus.subscribe("cityos/#", lambda _message: None)
        with pytest.raises(BusUnavailable):
            await bus.publish([Message("cityos/t/head", b"1")])
        with pytest.raises(BusUnavailable):
            await bus.retained("cityos/#")
        waiting = asyncio.create_task(bus.connected())
        await asyncio.sleep(0.3)
        await bus.close()
        with pytest.raises(BusUnavailable):
            await waiting


async def test_outage_is_logged_once_and_its_end_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    broker = Mosquitto(tmp_path)
    bus = MqttBus(broker.url)
    caplog.set_level("INFO", logger="cityos.bus.mqtt")
    await bus.start()
    await asyncio.sleep(1.0)  # several attempts
    await broker.start()
    async with asyncio.timeout(5):
        await bus.connected()
    broker.kill()
    await _until(lambda: len(caplog.messages) == 3)
    await asyncio.sleep(1.0)
    await bus.close()
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO", "WARNING"]
