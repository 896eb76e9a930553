"""What a message says beside its entities, and what is to be noted of each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from cityos.connector import Notice, Severity
from connectors.gtfs_rt.message import Message, read_float, read_name, read_seconds


class Told:
    """What holds for all entities of a message, and the notices met on the way."""

    def __init__(self, message: Message, fetched_at: datetime, stale_after: timedelta) -> None:
        self.made_at = message.made_at
        self.stale_after = stale_after
        self.notices: list[Notice] = []
        self._name = message.name
        # A header that runs ahead must not make every vehicle look old.
        self._now = None if message.made_at is None else min(message.made_at, fetched_at)

    def age(self, at: datetime | None) -> timedelta | None:
        """How old an observation was when the message was made."""
        return None if at is None or self._now is None else self._now - at

    def where(self, entity: Any) -> str:
        """The place of an entity in the message."""
        return f"{self._name}:{read_name(entity.id) or '?'}"


@dataclass(frozen=True, slots=True)
class Subject:
    """What an entity is about: the name by which notices call it, and where it stands."""

    name: str
    where: str
    told: Told

    def clock(self, seconds: int) -> datetime | None:
        """Its own time, else the header's; None where its own is no time: then nobody knows how old it is."""
        if not seconds:
            return self.told.made_at
        at = read_seconds(seconds)
        if at is None:
            detail = f"{self.name} has timestamp {seconds}, which is no time in seconds; what it says is left out"
            self.told.notices.append(Notice("time_unreadable", Severity.ERROR, self.where, detail, self.name))
        return at

    def number(self, said: Any, field: str, least: float, most: float) -> float | None:
        """A field's value; None where it is not said, or beyond what it can be."""
        if not said.HasField(field):
            return None
        value = getattr(said, field)
        if least <= value <= most:
            return read_float(value) if isinstance(value, float) else float(value)
        detail = f"{self.name} has {field} {value:g}, not within {least:g} and {most:g}; it is left out"
        subject = f"{self.name} {field}"
        self.told.notices.append(Notice("value_absurd", Severity.WARNING, self.where, detail, subject))
        return None
