"""Who waits for news: the newest seq of each tenant, and a bell that rings when it moves."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping


class Heads:
    """Lives in the event loop. The store's writer rings it from its thread through `ring_from_thread`."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._seqs: dict[str, int] = {}
        self._bell = asyncio.Event()

    def ring_from_thread(self, heads: Mapping[str, int]) -> None:
        """Tells new heads, from any thread; after the loop has closed nobody listens any more."""
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self.ring, dict(heads))

    def ring(self, heads: Mapping[str, int]) -> None:
        """Tells new heads."""
        self._seqs.update(heads)
        self._bell.set()
        self._bell = asyncio.Event()

    def of(self, tenant: str) -> int:
        """The newest seq told since the hub started; 0 if none was."""
        return self._seqs.get(tenant, 0)

    async def beyond(
        self, tenant: str, seq: int, timeout_s: float, given_up: Callable[[], bool] = lambda: False
    ) -> bool:
        """Waits until the tenant's head is beyond `seq`; False if that takes longer than `timeout_s`.

        `given_up` is asked whenever the bell rings: whoever no longer wants to wait need not.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while self.of(tenant) <= seq and not given_up():
                    await self._bell.wait()
        return self.of(tenant) > seq

    async def any_beyond(
        self, seqs: Mapping[str, int], timeout_s: float, concerns: Callable[[str], bool] = lambda tenant: True
    ) -> None:
        """Waits until the head of any tenant that concerns the caller is beyond the seq given for it (0 if none is).

        Returns as well when the time is over.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while not any(seq > seqs.get(name, 0) and concerns(name) for name, seq in self._seqs.items()):
                    await self._bell.wait()
