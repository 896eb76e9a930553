"""Keys: the operator's own, and one per vehicle that is derived from it and opens that vehicle alone."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress

_SHORTEST = 16


class KeyTooShort(ValueError):
    """A key that could be guessed."""


def check_bind(host: str, key: str | None) -> None:
    """Refuses to serve others without a key, as the hub does. ValueError with what to do."""
    if key is not None and len(key) < _SHORTEST:
        raise KeyTooShort(f"CITYOS_API_KEY is shorter than {_SHORTEST} characters; make one: openssl rand -hex 16")
    if key is None and not _is_loopback(host):
        raise ValueError(f"--host {host} can be reached from outside; set CITYOS_API_KEY, or use --host 127.0.0.1")


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def driver_key(key: str, vehicle: str) -> str:
    """The key of one vehicle's driver. The operator's key cannot be found from it."""
    return hmac.new(key.encode(), f"on-demand driver {vehicle}".encode(), hashlib.sha256).hexdigest()[:32]


def opens(key: str | None, given: str | None, vehicle: str) -> bool:
    """Whether a given key opens a vehicle. Without a configured key (loopback only) everybody may."""
    if key is None:
        return True
    said = (given or "").encode()
    operator = hmac.compare_digest(key.encode(), said)
    return hmac.compare_digest(driver_key(key, vehicle).encode(), said) or operator
