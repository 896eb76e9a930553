"""Asks the transit service for boards of stops; keeps the last answers for when it is away."""

from __future__ import annotations

import asyncio
import json
import logging
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from services.portal.bus import Heard

log = logging.getLogger(__name__)

_PATIENCE_S = 2.0  # a reader waits no longer for one part of a page
_FRESH_S = 5.0
_AGAIN_S = 5.0  # after a failure, readers are not kept waiting for the next one
_LARGEST = 1_000_000
_MANY = 200  # stops whose last answer is kept
_ROWS = 6


@dataclass(frozen=True, slots=True)
class _Answer:
    told: Mapping[str, Any]
    at: float  # monotonic


class TransitDesk:
    """The transit service at an address, for the stops that the page always shows and those that readers ask for.

    Only one question per stop is under way at a time, however many readers wait for it.
    """

    def __init__(self, url: str, stops: Sequence[str]) -> None:
        self._url, self._stops = url.rstrip("/"), tuple(stops)
        self._answers: dict[str, _Answer] = {}
        self._asking: dict[str, asyncio.Task[None]] = {}
        self._not_before = 0.0
        self.trouble: str | None = "the transit service has not been asked yet"

    async def hear(self, stop: str) -> Heard:
        """The boards of a stop, or of those always shown where none is named."""
        wanted = (stop,) if stop else self._stops
        await asyncio.gather(*(self._refresh(one) for one in wanted))
        if (meant := self._meant(stop)) is not None:
            await self._refresh(meant)
            wanted = (stop, meant)
        known = {one: self._answers[one] for one in wanted if one in self._answers}
        oldest = min((answer.at for answer in known.values()), default=time.monotonic())
        lost_s = None if self.trouble is None else time.monotonic() - oldest
        return Heard(stop, {one: answer.told for one, answer in known.items()}, lost_s)

    def _meant(self, stop: str) -> str | None:
        """The one stop that may have been meant by a name that none has."""
        answer = self._answers.get(stop)
        like = answer.told.get("like") if answer is not None and stop else None
        names = {one["name"] for one in like if isinstance(one, dict) and "name" in one} if like else set()
        return str(*names) if len(names) == 1 else None

    async def _refresh(self, stop: str) -> None:
        known, now = self._answers.get(stop), time.monotonic()
        if (known is not None and now - known.at < _FRESH_S and self.trouble is None) or now < self._not_before:
            return
        if stop not in self._asking:
            self._asking[stop] = asyncio.create_task(self._ask(stop))
            self._asking[stop].add_done_callback(lambda _: self._asking.pop(stop, None))
        await asyncio.shield(self._asking[stop])

    async def _ask(self, stop: str) -> None:
        query = urlencode({"stop": stop, "limit": _ROWS})
        try:
            told = await asyncio.to_thread(_read, f"{self._url}/departures?{query}")
        except (OSError, ValueError) as error:
            if self.trouble is None:
                log.warning("the transit service at %s does not answer: %s", self._url, error)
            self.trouble = str(error)
            self._not_before = time.monotonic() + _AGAIN_S
            return
        self.trouble = None
        self._answers.pop(stop, None)
        self._answers[stop] = _Answer(told, time.monotonic())
        while len(self._answers) > _MANY:
            self._answers.pop(next(one for one in self._answers if one not in self._stops))


def _read(url: str) -> Mapping[str, Any]:
    """The answer; that there is no such stop, or that nothing is known yet, is one. OSError, ValueError."""
    try:
        with urllib.request.urlopen(url, timeout=_PATIENCE_S) as answer:
            content = answer.read(_LARGEST)
    except urllib.error.HTTPError as error:
        with error:
            if error.code != HTTPStatus.NOT_FOUND:
                raise
            content = error.read(_LARGEST)
    told = json.loads(content)
    if not isinstance(told, dict):
        raise ValueError("the answer is not an object")  # noqa: TRY004 - data, not code
    return told
