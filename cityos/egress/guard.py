"""Which addresses that strangers name may be reached: none inside the house (server-side request forgery).

A name is resolved once, every address it has is checked, and the connection goes to the address that was checked: a
name that answers differently the second time (DNS rebinding) gains nothing.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Collection, Sequence
from typing import Any
from urllib.parse import urlsplit

import httpcore
import httpx

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_Ip = ipaddress.IPv4Address | ipaddress.IPv6Address

SETTING = "CITYOS_EGRESS_ALLOW"
HTTP_SCHEMES = ("http", "https")
ENDPOINT_SCHEMES = ("http", "https", "mqtt", "mqtts")
# RFC 6052: an IPv4 address in the last 32 bits, which a gateway of the network makes real.
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


class AddressRefused(Exception):
    """An address that must not be reached; the text says why and which setting would allow it."""


class Guard:
    """`allowed` are the networks that may be reached although they are not public."""

    def __init__(self, allowed: Collection[Network] = ()) -> None:
        self._allowed = tuple(allowed)

    def check_address(self, address: str, schemes: Collection[str] = HTTP_SCHEMES) -> None:
        """What can be told without asking the network, for when an address is taken down. Raises AddressRefused."""
        try:
            parts = urlsplit(address)
            _ = parts.port  # raises ValueError where it is no port
        except ValueError as error:
            raise AddressRefused(f"{address[:200]!r} is not an address: {error}") from None
        if parts.scheme not in schemes or not parts.hostname:
            raise AddressRefused(f"{address[:200]!r} is not an address of {', '.join(schemes)}")
        ip = _as_ip(parts.hostname)
        if ip is not None:
            self._check(parts.hostname, [ip])

    async def resolve(self, host: str, port: int) -> list[str]:
        """The IP addresses to connect to, all checked. Raises AddressRefused, or OSError where no such name is."""
        ip = _as_ip(host)
        if ip is not None:
            return self._check(host, [ip])
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        return self._check(host, [ip for one in found if (ip := _as_ip(str(one[4][0]))) is not None])

    def _check(self, host: str, ips: Sequence[_Ip]) -> list[str]:
        may = list(dict.fromkeys(str(ip) for ip in ips if self._may_reach(ip)))
        if not may:
            told = ", ".join(sorted({str(ip) for ip in ips}))
            raise AddressRefused(
                f"{host} is {told}, which is not a public address; {SETTING} lists the networks that may be reached"
            )
        return may

    def _may_reach(self, ip: _Ip) -> bool:
        meant = _meant(ip)
        if any(one in network for network in self._allowed for one in (ip, meant)):
            return True
        # fec0::/10 was given up as private addresses, but Python counts it as global.
        is_old_private = isinstance(meant, ipaddress.IPv6Address) and meant.is_site_local
        return meant.is_global and not (meant.is_multicast or meant.is_reserved or is_old_private)


def _as_ip(host: str) -> _Ip | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _meant(ip: _Ip) -> _Ip:
    """The IPv4 address behind one of the ways to write it as IPv6."""
    if isinstance(ip, ipaddress.IPv4Address):
        return ip
    if ip in _NAT64:
        return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    teredo = ip.teredo
    return ip.ipv4_mapped or ip.sixtofour or (teredo[1] if teredo else ip)


class _GuardedBackend(httpcore.AnyIOBackend):
    """Connects to checked addresses only. Host header, TLS name and pooling stay with the name that was asked for."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard

    async def connect_tcp(self, host: str, port: int, *more: Any, **named: Any) -> httpcore.AsyncNetworkStream:
        try:
            addresses = await self._guard.resolve(host, port)
        except OSError as error:
            raise httpcore.ConnectError(f"{host} is not found: {error.strerror or error}") from None
        for address in addresses[:-1]:
            try:
                return await super().connect_tcp(address, port, *more, **named)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue
        return await super().connect_tcp(addresses[-1], port, *more, **named)


class GuardedTransport(httpx.AsyncHTTPTransport):
    """httpx over connections that the guard lets through; no proxy, which would resolve names by itself."""

    def __init__(self, guard: Guard, connections: int) -> None:
        super().__init__(trust_env=False)
        # httpx has no argument for the network below its pool; a test holds that this is what connects.
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=httpx.create_ssl_context(trust_env=False),
            max_connections=connections,
            max_keepalive_connections=connections,
            keepalive_expiry=30.0,
            network_backend=_GuardedBackend(guard),
        )
