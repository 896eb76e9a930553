"""Instants: aware UTC inside, ISO 8601 with Z outside (clause 4.6.3)."""

from __future__ import annotations

import functools
from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@functools.lru_cache(maxsize=4096)  # the same few instants stand in every attribute of an entity
def parse_instant(text: str) -> datetime:
    """An aware UTC datetime of an ISO 8601 date-time that names its zone; ValueError otherwise."""
    if "T" not in text:
        raise ValueError(f"{text!r} is not an ISO 8601 date-time such as 2026-01-15T08:00:00Z")
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text[:60]!r} is not an ISO 8601 date-time such as 2026-01-15T08:00:00Z") from None
    if instant.tzinfo is None:
        raise ValueError(f"{text!r} names no time zone; write 2026-01-15T08:00:00Z or +09:00")
    try:
        return instant.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"{text!r} is outside the years 1 to 9999") from None


@functools.lru_cache(maxsize=4096)
def format_instant(instant: datetime) -> str:
    """ISO 8601 in UTC with Z; a fraction only where there is one."""
    if instant.tzinfo is not UTC:
        instant = instant.astimezone(UTC)
    return f"{instant.isoformat()[: -len('+00:00')]}Z"


def to_microseconds(instant: datetime) -> int:
    """Microseconds since 1970-01-01T00:00Z: what the store keeps, since text with and without fraction missorts."""
    return (instant - EPOCH) // _MICROSECOND


def from_microseconds(count: int) -> datetime:
    """The inverse of `to_microseconds`."""
    return EPOCH + timedelta(microseconds=count)
