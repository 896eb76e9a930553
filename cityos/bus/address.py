"""A broker's address: what CITYOS_BROKER_URL may say."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import unquote, urlsplit

_PORTS = {"mqtt": 1883, "mqtts": 8883, "ws": 80, "wss": 443}


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """`mqtt://[user:password@]host[:1883]`, `mqtts://` (TLS, system CAs), `ws://`, `wss://` (path `/mqtt`)."""

    scheme: str
    host: str
    port: int
    path: str = ""
    user: str | None = None
    password: str | None = field(default=None, repr=False)

    @classmethod
    def parse(cls, url: str) -> BrokerAddress:
        """Read a URL; raise ValueError that never repeats the password."""
        parts = urlsplit(url)
        if parts.scheme not in _PORTS or not parts.hostname:
            raise ValueError("Broker URL is none of mqtt://host, mqtts://host, ws://host/mqtt, wss://host/mqtt")
        if parts.query or parts.fragment or (parts.path.strip("/") and parts.scheme.startswith("mqtt")):
            raise ValueError(f"Broker URL of {parts.hostname} has a path, query or fragment that means nothing here")
        return cls(
            scheme=parts.scheme,
            host=parts.hostname,
            port=parts.port or _PORTS[parts.scheme],
            path=(parts.path if parts.path.strip("/") else "/mqtt") if parts.scheme.startswith("ws") else "",
            user=None if parts.username is None else unquote(parts.username),
            password=None if parts.password is None else unquote(parts.password),
        )

    @property
    def url(self) -> str:
        """The address without user and password, fit for logs and pages."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}{self.path}"

    @property
    def transport(self) -> Literal["tcp", "websockets"]:
        """What paho calls the way underneath."""
        return "websockets" if self.scheme.startswith("ws") else "tcp"

    @property
    def encrypted(self) -> bool:
        """Whether TLS is spoken."""
        return self.scheme.endswith("s") and self.scheme != "ws"
