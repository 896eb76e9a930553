"""Entities as they were rendered last: the same view of a map is asked for by many, and little of it has changed."""

from __future__ import annotations

from collections.abc import Callable, Hashable

_MOST_BYTES = 8_000_000
_AROUND = 400  # bytes that an entry takes beside its body, about


class Rendered:
    """Bodies, each with the version it shows; the oldest go where there are too many."""

    def __init__(self, most_bytes: int = _MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._bytes = 0
        self._bodies: dict[Hashable, tuple[int, bytes]] = {}

    def body(self, key: Hashable, seq: int, render: Callable[[], bytes]) -> bytes:
        """What was rendered for the key from this version, else what is rendered now."""
        known = self._bodies.get(key)
        if known is not None:
            if known[0] == seq:
                return known[1]
            self._drop(key)
        body = render()
        self._bodies[key] = (seq, body)
        self._bytes += len(body) + _AROUND
        while self._bytes > self._most_bytes:
            self._drop(next(iter(self._bodies)))
        return body

    def _drop(self, key: Hashable) -> None:
        self._bytes -= len(self._bodies.pop(key)[1]) + _AROUND
