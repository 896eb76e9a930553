"""MQTT outwards: single messages to brokers that subscribers name, each over a connection that is kept for a while.

Unlike `MqttBus` this follows no broker: it connects when there is something to send and gives up when that fails.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass

from cityos.bus.address import BrokerAddress
from cityos.bus.contract import BusUnavailable, Message
from cityos.bus.link import Link

_IDLE_S = 30.0  # a connection that carried nothing for so long is closed


@dataclass(frozen=True, slots=True)
class Target:
    """A broker to send to. `ips` are the addresses to connect to, already judged; `version` 4 is 3.1.1, 5 is 5.0."""

    address: BrokerAddress
    ips: tuple[str, ...]
    version: int = 5


class MqttOutlet:
    """Keeps one connection for each target. All methods belong to one event loop."""

    def __init__(self, idle_s: float = _IDLE_S) -> None:
        self._idle_s = idle_s
        self._lines: dict[Target, _Line] = {}

    async def send(self, target: Target, topic: str, payload: bytes, qos: int) -> None:
        """Publishes one message; with QoS 1 and 2 returns once it is acknowledged. Raises BusUnavailable."""
        line = self._lines.get(target)
        if line is None:
            line = self._lines[target] = _Line(target)
        line.users += 1
        try:
            await line.send(Message(topic, payload, retain=False), qos)
        finally:
            line.users -= 1
            self._close_later(target, line)

    async def close(self) -> None:
        """Closes every connection."""
        lines = list(self._lines.values())
        self._lines = {}
        await asyncio.gather(*(line.close() for line in lines), return_exceptions=True)

    def _close_later(self, target: Target, line: _Line) -> None:
        if line.timer is not None:
            line.timer.cancel()
        line.timer = asyncio.get_running_loop().call_later(self._idle_s, self._close_idle, target, line)

    def _close_idle(self, target: Target, line: _Line) -> None:
        if line.users or self._lines.get(target) is not line:
            return
        del self._lines[target]
        line.closing = asyncio.create_task(line.close())


class _Line:
    """The connection to one target: opened when needed, forgotten when it fails."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._link: Link | None = None
        self._opening = asyncio.Lock()
        self.users = 0
        self.timer: asyncio.TimerHandle | None = None
        self.closing: asyncio.Task[None] | None = None

    async def send(self, message: Message, qos: int) -> None:
        async with self._opening:
            link = self._link or await self._open()
        try:
            await link.publish([message], qos)
        except BusUnavailable:
            await self._drop(link)
            raise

    async def close(self) -> None:
        if self.timer is not None:
            self.timer.cancel()
        if self._link is not None:
            await self._drop(self._link)

    async def _open(self) -> Link:
        reason = BusUnavailable(f"Broker {self._target.address.url} has no address")
        for ip in self._target.ips:
            link = Link(
                self._target.address,
                role="notifier",
                receive=_ignore,
                lost=self._forget,
                version=self._target.version,
                connect_to=ip,
            )
            try:
                await link.open()
            except BusUnavailable as error:
                reason = error
                await link.close()
            else:
                self._link = link
                return link
        raise reason

    async def _drop(self, link: Link) -> None:
        self._forget()
        with contextlib.suppress(BusUnavailable):
            await link.close()

    def _forget(self) -> None:
        self._link = None


def _ignore(message: Message) -> None:
    """Nobody subscribes on these connections."""
