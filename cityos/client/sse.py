"""Server-sent events from bytes (WHATWG HTML, 9.2), in whatever pieces the bytes come."""

from __future__ import annotations

import re
from dataclasses import dataclass

# Only these end a line; str.splitlines would also cut at U+2028, which may stand inside JSON.
_LINE_END = re.compile(rb"\r\n|\n|\r")


@dataclass(frozen=True, slots=True)
class Event:
    """One event; `id` is None where it names none."""

    name: str
    data: str
    id: str | None


class EventReader:
    """Collects bytes and gives the events that are complete; comments (heartbeats) give nothing."""

    def __init__(self) -> None:
        self._rest = b""
        self._name = "message"
        self._data: list[str] = []
        self._id: str | None = None

    def feed(self, piece: bytes) -> list[Event]:
        """Takes the next bytes; returns the events they complete."""
        lines = self._lines(piece)
        return [event for line in lines if (event := self._take(line)) is not None]

    def _lines(self, piece: bytes) -> list[str]:
        content = self._rest + piece
        held = b"\r" if content.endswith(b"\r") else b""  # its \n may be on the way
        *lines, self._rest = _LINE_END.split(content[: len(content) - len(held)])
        self._rest += held
        return [line.decode(errors="replace") for line in lines]

    def _take(self, line: str) -> Event | None:
        if not line:
            return self._finish()
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "event":
            self._name = value
        elif name == "data":
            self._data.append(value)
        elif name == "id":
            self._id = value
        return None

    def _finish(self) -> Event | None:
        complete = bool(self._data) or self._id is not None
        event = Event(self._name, "\n".join(self._data), self._id) if complete else None
        self._name, self._data, self._id = "message", [], None
        return event
