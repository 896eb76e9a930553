"""What a bulk load took is given back."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes

import psutil
import pytest

from cityos.memory import BULK, give_back, keep_giving_back


def resident() -> int:
    size: int = psutil.Process().memory_info().rss
    return size


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="this C library has no malloc_trim")
async def test_after_a_bulk_load_freed_memory_goes_back_to_the_system() -> None:
    give_back()
    # Pieces below glibc's mmap threshold, and one at the end that keeps the heap from shrinking by itself.
    pieces = [b"x" * 50_000 for _ in range(2_000)]
    last = b"x" * 50_000
    del pieces
    before = resident()
    count = 0
    task = asyncio.create_task(keep_giving_back(lambda: count, look_s=0.02))
    await asyncio.sleep(0.05)
    count = BULK
    await asyncio.sleep(0.2)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    assert resident() < before - 50_000_000
    assert last
