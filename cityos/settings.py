"""Settings, read from the environment and checked once. `hub.py` passes the values down; nobody else reads them."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

DEFAULT_URL = "http://127.0.0.1:8080"
LOOPBACK = "127.0.0.0/8,::1/128"
SHORTEST_KEY = 16
# Few enough for a page; whoever wants a month asks for a file, for aggregates, or sets CITYOS_HISTORY_PAGE.
HISTORY_PAGE = 30


class SettingError(ValueError):
    """A setting that cannot be used; the text says which, why and what to write instead."""


@dataclass(frozen=True, slots=True)
class Settings:
    """CITYOS_API_KEY: the key for writing and for `-internal` tenants. CITYOS_BROKER_URL: a broker instead of the
    embedded one. CITYOS_DATABASE_URL: a PostgreSQL database instead of the embedded one. CITYOS_URL: where commands
    find the hub. CITYOS_EGRESS_ALLOW: networks that addresses supplied through the API may lie in although they are
    not public. CITYOS_CORS_ORIGINS: whose pages may read the API in a browser. CITYOS_HISTORY_PAGE: how many instances
    of the past one answer of the temporal API holds."""

    api_key: str | None = None
    broker_url: str | None = None
    database_url: str | None = None
    url: str = DEFAULT_URL
    egress_allow: tuple[Network, ...] = ()
    cors_origins: tuple[str, ...] = ()
    history_page: int = HISTORY_PAGE

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> Settings:
        """Reads and checks. Raises SettingError."""
        key = environment.get("CITYOS_API_KEY") or None
        if key is not None and len(key) < SHORTEST_KEY:
            raise SettingError(
                f"CITYOS_API_KEY is shorter than {SHORTEST_KEY} characters; make one: openssl rand -hex 16"
            )
        return cls(
            api_key=key,
            broker_url=environment.get("CITYOS_BROKER_URL") or None,
            database_url=_database(environment.get("CITYOS_DATABASE_URL") or None),
            url=environment.get("CITYOS_URL") or DEFAULT_URL,
            egress_allow=_networks(environment.get("CITYOS_EGRESS_ALLOW", "")),
            cors_origins=_origins(environment.get("CITYOS_CORS_ORIGINS", "")),
            history_page=_count("CITYOS_HISTORY_PAGE", environment.get("CITYOS_HISTORY_PAGE") or str(HISTORY_PAGE)),
        )


def _database(url: str | None) -> str | None:
    if url is not None and not url.startswith(("postgresql://", "postgres://")):
        scheme = url.partition(":")[0][:20]
        raise SettingError(
            f"CITYOS_DATABASE_URL begins with {scheme!r}; write postgresql://user:password@host:5432/database, "
            "or leave it out for the embedded SQLite"
        )
    return url


def _origins(said: str) -> tuple[str, ...]:
    origins = tuple(part.strip() for part in said.split(",") if part.strip())
    for origin in origins:
        if origin != "*" and (not origin.startswith(("http://", "https://")) or origin.count("/") != 2):
            raise SettingError(
                f"CITYOS_CORS_ORIGINS holds {origin!r}; write origins such as https://map.example, or * for every page"
            )
    return origins


def _count(name: str, said: str) -> int:
    if not (said.isascii() and said.isdigit() and len(said) <= 6 and int(said) > 0):
        raise SettingError(f"{name} is {said!r}; it is a whole number from 1 to 999999")
    return int(said)


def _networks(said: str) -> tuple[Network, ...]:
    found: list[Network] = []
    for part in filter(None, (part.strip() for part in said.split(","))):
        try:
            found.append(ipaddress.ip_network(part))
        except ValueError as error:
            raise SettingError(
                f"CITYOS_EGRESS_ALLOW holds {part!r}, which is no network: {error}; "
                "write networks with commas between them, such as 10.0.0.0/8,192.168.1.5/32"
            ) from None
    return tuple(found)


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server bound to the host."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_bind(host: str, settings: Settings) -> None:
    """Refuses to serve others without a key. Raises SettingError."""
    if not is_loopback(host) and settings.api_key is None:
        raise SettingError(f"--host {host} can be reached from outside; set CITYOS_API_KEY, or use --host 127.0.0.1")
