"""Gives memory back: glibc keeps what was freed, and after one large timetable that was 95 MB of 235."""

from __future__ import annotations

import asyncio
import ctypes
from collections.abc import Callable

LOOK_S = 5.0
# So many changes between two looks are a bulk load; what follows it in quiet is the time to tidy up.
BULK = 1_000


def give_back() -> None:
    """Returns what is free to the system (a few ms); nothing where the C library cannot (macOS, musl)."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


async def keep_giving_back(count: Callable[[], int], look_s: float = LOOK_S) -> None:
    """Gives back after each bulk load; `count` tells how many changes there have been."""
    before, is_due = count(), False
    while True:
        await asyncio.sleep(look_s)
        now = count()
        if now - before >= BULK:
            is_due = True
        elif is_due:
            await asyncio.to_thread(give_back)
            is_due = False
        before = now
