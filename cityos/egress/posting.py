"""Notifications over HTTP/1.1, lean: a fan-out of hundreds must not cost the hub a millisecond of CPU each.

httpx takes eight times the CPU of this for a POST on a kept connection (2.0 ms to 0.26 on a busy machine). It does what
a notification needs and no more: one request at a time on a connection, status only, no redirects, no proxy. Every
address is judged by the guard when it is connected to; httptools reads the answers.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import ssl
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import cast
from urllib.parse import urlsplit

import httptools

from cityos.egress.guard import HTTP_SCHEMES, AddressRefused, Guard
from cityos.egress.http import FetchFailed, FetchRefused

_LARGEST_REPLY = 65_536  # bytes of a reply's body and head; beyond, the connection is broken off
_IDLE_S = 30.0
_CONNECT_S = 5.0
_USER_AGENT = "CityOS/0.1"


@dataclass(frozen=True, slots=True)
class _Origin:
    """Where a connection leads."""

    scheme: str
    host: str
    port: int

    @property
    def authority(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        is_default = self.port == (443 if self.scheme == "https" else 80)
        return host if is_default else f"{host}:{self.port}"


class Poster:
    """Keeps connections for a while; at most `connections` at once. All methods belong to one event loop."""

    def __init__(self, guard: Guard, connections: int = 400, idle_s: float = _IDLE_S) -> None:
        self._guard = guard
        self._room = asyncio.Semaphore(connections)
        self._idle_s = idle_s
        self._idle: dict[_Origin, list[_Line]] = {}
        self._tls: ssl.SSLContext | None = None

    async def post(self, url: str, content: bytes, headers: Iterable[tuple[str, str]], *, deadline_s: float) -> int:
        """Sends; returns whatever status comes. Raises FetchFailed, or FetchRefused where it must not be sent."""
        try:
            origin, request = _request(url, content, headers)
            async with asyncio.timeout(deadline_s), self._room:
                return await self._exchange(origin, request)
        except AddressRefused as error:
            raise FetchRefused(f"{_place(url)} is not asked: {error}") from None
        except TimeoutError:
            raise FetchFailed(f"{_place(url)} did not answer within {deadline_s:g} s") from None
        except (OSError, httptools.HttpParserError, UnicodeError) as error:
            raise FetchFailed(f"{_place(url)} cannot be reached: {error or type(error).__name__}") from None

    async def close(self) -> None:
        """Closes the connections that wait for their next use."""
        for lines in self._idle.values():
            for line in lines:
                line.close()
        self._idle = {}

    async def _exchange(self, origin: _Origin, request: bytes) -> int:
        line = self._kept(origin)
        if line is not None:
            # The other side may have closed it at this moment: that says nothing of the notification.
            with contextlib.suppress(ConnectionError):
                return await self._ask(origin, line, request)
        return await self._ask(origin, await self._connect(origin), request)

    async def _ask(self, origin: _Origin, line: _Line, request: bytes) -> int:
        try:
            status = await line.ask(request)
        except BaseException:
            line.close()
            raise
        if line.is_reusable:
            self._idle.setdefault(origin, []).append(line)
            line.expire_after(self._idle_s, lambda: self._expire(origin, line))
        else:
            line.close()
        return status

    def _kept(self, origin: _Origin) -> _Line | None:
        lines = self._idle.get(origin, [])
        while lines:
            line = lines.pop()
            if not lines:
                del self._idle[origin]
            line.take()
            if line.is_reusable:
                return line
        return None

    def _expire(self, origin: _Origin, line: _Line) -> None:
        lines = self._idle.get(origin, [])
        if line in lines:
            lines.remove(line)
            if not lines:
                del self._idle[origin]
        line.close()

    async def _connect(self, origin: _Origin) -> _Line:
        addresses = await self._guard.resolve(origin.host, origin.port)
        tls = self._tls_context() if origin.scheme == "https" else None
        reason: OSError = OSError("no address")
        for address in addresses:
            try:
                async with asyncio.timeout(_CONNECT_S):
                    _, line = await asyncio.get_running_loop().create_connection(
                        _Line, address, origin.port, ssl=tls, server_hostname=origin.host if tls else None
                    )
            except OSError as error:  # TimeoutError is one
                reason = error
            else:
                return line
        raise reason

    def _tls_context(self) -> ssl.SSLContext:
        if self._tls is None:
            self._tls = ssl.create_default_context()
        return self._tls


def _request(url: str, content: bytes, headers: Iterable[tuple[str, str]]) -> tuple[_Origin, bytes]:
    origin, target = _split(url)
    lines = [f"POST {target} HTTP/1.1", f"Host: {origin.authority}", f"User-Agent: {_USER_AGENT}"]
    lines += [f"{name}: {value}" for name, value in headers]
    lines += [f"Content-Length: {len(content)}", "", ""]
    if any("\r" in line or "\n" in line for line in lines):
        raise FetchRefused(f"{_place(url)} cannot be asked: a header to be sent is not valid")
    return origin, "\r\n".join(lines).encode() + content


@functools.lru_cache(maxsize=4096)
def _split(url: str) -> tuple[_Origin, str]:
    """Where an address leads, and what to ask there. Whether it may be reached is judged when it is connected to."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise AddressRefused(f"it is not an address: {error}") from None
    if parts.scheme not in HTTP_SCHEMES or not parts.hostname:
        raise AddressRefused("it is not an address of http or https")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return _Origin(parts.scheme, parts.hostname, port or (443 if parts.scheme == "https" else 80)), _encoded(target)


def _encoded(target: str) -> str:
    """Blanks and letters beyond ASCII as an address writes them."""
    return "".join(sign if "!" <= sign <= "~" else "".join(f"%{byte:02X}" for byte in sign.encode()) for sign in target)


def _place(url: str) -> str:
    """The address as it may be told: without user, password and query."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "the address"
    return f"{parts.scheme}://{parts.hostname or ''}{f':{port}' if port else ''}{parts.path}"


class _Line(asyncio.Protocol):
    """One connection with one request on the way; also what httptools tells of the answer."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[int] | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._received = 0
        self._has_head = False
        self._timer: asyncio.TimerHandle | None = None
        self._is_kept = True

    @property
    def is_reusable(self) -> bool:
        """Whether another request may be sent on it."""
        return self._is_kept and self._transport is not None and not self._transport.is_closing()

    async def ask(self, request: bytes) -> int:
        """Sends a request; returns the status once the answer is whole. Raises ConnectionError, HttpParserError."""
        if self._transport is None or self._transport.is_closing():
            raise ConnectionResetError("the connection is closed")
        self._answer = asyncio.get_running_loop().create_future()
        self._received = 0
        self._has_head = False
        self._parser = httptools.HttpResponseParser(self)
        self._transport.write(request)
        return await self._answer

    def expire_after(self, wait_s: float, expire: Callable[[], None]) -> None:
        """Calls `expire` unless it is taken before."""
        self._timer = asyncio.get_running_loop().call_later(wait_s, expire)

    def take(self) -> None:
        """Takes it out of waiting."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def close(self) -> None:
        """Lets go of it."""
        self.take()
        if self._transport is not None:
            self._transport.abort()

    # ---- what the loop tells

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass

    def data_received(self, data: bytes) -> None:
        self._received += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._fail(error)
            self.close()
            return
        if self._received > _LARGEST_REPLY:
            self._is_kept = False
            self._finish()
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._is_kept = False
        if exc is None and self._has_head:  # an answer without a length ends with the connection
            self._finish()
        self._fail(exc or ConnectionResetError("the connection was closed before the answer"))

    # ---- what the parser tells

    def on_headers_complete(self) -> None:
        self._has_head = self._parser.get_status_code() // 100 != 1

    def on_message_complete(self) -> None:
        if self._parser.get_status_code() // 100 == 1:  # 100 Continue: the answer is still to come
            return
        self._is_kept = self._is_kept and self._parser.should_keep_alive()
        self._finish()

    def _finish(self) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(self._parser.get_status_code())

    def _fail(self, error: Exception) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error)
