"""Following against a scripted feed: pulled plugs at every place, in a loop whose time jumps."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field

import httpx
import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from cityos.client import OLDEST, Change, Cursor, Resync
from cityos.client.contact import Contact
from cityos.client.door import Door
from cityos.client.follow import Follower, Wanted
from cityos.client.wake import Wake

_PAGE = 3  # the scripted hub gives so few at a time, so that most answers are a part


@dataclass(frozen=True)
class Write:
    count: int


@dataclass(frozen=True)
class Fail:
    """The next answer breaks: refused, an error, or cut off after so many thousandths of it."""

    how: str
    cut: int = 0


@dataclass(frozen=True)
class Trim:
    """The feed forgets all it holds."""


@dataclass(frozen=True)
class Wipe:
    """The data is replaced by other data."""


Step = Write | Fail | Trim | Wipe

_STEPS = st.lists(
    st.one_of(
        st.builds(Write, st.integers(1, 8)),
        st.builds(Fail, st.sampled_from(["refused", "503", "page of a proxy"])),
        st.builds(Fail, st.just("cut"), st.integers(0, 1000)),
        st.just(Trim()),
        st.just(Wipe()),
    ),
    max_size=25,
)


@dataclass
class ScriptedFeed:
    """The change feed of the contract; every request first takes the next step. Only even seqs pass the filter."""

    steps: list[Step]
    epoch: int = 0
    head: int = 0
    oldest: int = 1
    heads: dict[str, int] = field(default_factory=dict)

    def answer(self, request: httpx.Request) -> httpx.Response:
        fault = self._advance()
        self.heads[str(self.epoch)] = self.head
        if fault is not None and fault.how != "cut":
            return _broken(fault, request)
        response = self._honest(request)
        if fault is not None:
            content = response.content[: len(response.content) * fault.cut // 1000]
            response = httpx.Response(response.status_code, content=content)
        return response

    def _advance(self) -> Fail | None:
        match self.steps.pop(0) if self.steps else None:
            case Write(count):
                self.head += count
            case Trim():
                self.oldest = self.head + 1
            case Wipe():
                self.epoch, self.head, self.oldest = self.epoch + 1, self.head // 2, 1
            case Fail() as fault:
                return fault
        return None

    def _honest(self, request: httpx.Request) -> httpx.Response:
        after, epoch = int(request.url.params["after"]), request.url.params.get("epoch", str(self.epoch))
        if epoch != str(self.epoch) or 0 < after < self.oldest - 1 or after > self.head:
            return httpx.Response(410, json={"epoch": str(self.epoch), "head": self.head, "recipe": []})
        seen = range(max(after + 1, self.oldest), self.head + 1)[:_PAGE]
        items = [_item(seq) for seq in seen if seq % 2 == 0]
        place = seen[-1] if seen else max(after, self.head if after == 0 else after)
        if request.headers["accept"] == "text/event-stream":
            return httpx.Response(200, content=self._events(items, place))
        return httpx.Response(200, json={"epoch": str(self.epoch), "items": items, "next": place, "head": self.head})

    def _events(self, items: list[dict[str, object]], place: int) -> bytes:
        events = [f"event: change\nid: {self.epoch}:{i['seq']}\ndata: {orjson.dumps(i).decode()}\n\n" for i in items]
        return "".join([*events, f"event: head\nid: {self.epoch}:{place}\ndata: {{}}\n\n"]).encode()


def _broken(fault: Fail, request: httpx.Request) -> httpx.Response:
    if fault.how == "refused":
        raise httpx.ConnectError("refused", request=request)
    if fault.how == "503":
        return httpx.Response(503, json={"title": "busy"})
    return httpx.Response(200, html="<p>メンテナンス中です</p>")


def _item(seq: int) -> dict[str, object]:
    about = {"event": f"e{seq}", "id": "urn:ngsi-ld:Zone:f:1", "types": ["Zone"], "op": "update"}
    return {"seq": seq, "prev": 0, "at": "2026-01-15T08:00:00Z", "changes": [], **about}


class _JumpingSelector(selectors.DefaultSelector):
    def __init__(self) -> None:
        super().__init__()
        self.jumped_s = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        found = super().select(0)
        if not found and timeout:
            self.jumped_s += timeout
        return found


class _JumpingLoop(asyncio.SelectorEventLoop):
    """Where nothing is ready, time jumps to the next timer instead of passing."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        return super().time() + self._jumping.jumped_s


def _run(work: Coroutine[None, None, None]) -> None:
    with asyncio.Runner(loop_factory=_JumpingLoop) as runner:
        runner.run(work)


async def _follow(feed: ScriptedFeed, wake: Wake | None, told: list[Change | Resync], after: Cursor | None) -> None:
    door = Door("http://hub", None, None, httpx.MockTransport(feed.answer))

    async def listen() -> nullcontext[Wake]:
        assert wake is not None
        return nullcontext(wake)

    follower = Follower(door, Wanted(), after, Contact(), None if wake is None else listen)
    try:
        async for batch in follower.batches():
            told += [batch] if isinstance(batch, Resync) else batch
    finally:
        await door.close()


async def _play(steps: list[Step], wake_ups: list[int] | None, after: Cursor | None) -> None:
    """`wake_ups`: after how many tenths of a second each comes; None: server-sent events."""
    feed, told = ScriptedFeed(list(steps)), list[Change | Resync]()
    wake = None if wake_ups is None else Wake()
    following = asyncio.create_task(_follow(feed, wake, told, after))
    for tenths in wake_ups or []:
        await asyncio.sleep(tenths / 10)
        assert wake is not None
        wake.hear(Cursor(str(feed.epoch), feed.head))
    while feed.steps:
        await asyncio.sleep(1)
    await asyncio.sleep(12)
    following.cancel()
    with suppress(asyncio.CancelledError):
        await following
    _check(told, feed, after)


def _check(told: list[Change | Resync], feed: ScriptedFeed, after: Cursor | None) -> None:
    """Between two resyncs every wanted seq was told, once, in order; and all up to the head in the end."""
    place = after
    for item in told:
        if isinstance(item, Resync):
            place = item.cursor
        elif place is None or place.epoch == "":
            place = item.cursor  # from the oldest kept, wherever that is
        else:
            assert item.cursor.epoch == place.epoch
            assert item.cursor.seq == place.seq + 2 - place.seq % 2
            place = item.cursor
    assert place is not None
    if place != OLDEST:
        assert place.epoch == str(feed.epoch)
        assert place.seq >= feed.head - feed.head % 2


@given(_STEPS, st.sampled_from([None, OLDEST]))
@settings(max_examples=100, deadline=None)
def test_stream_tells_every_change_once_in_order_whatever_breaks(steps: list[Step], after: Cursor | None) -> None:
    _run(_play(steps, None, after))


@given(_STEPS, st.lists(st.integers(0, 80), max_size=20), st.sampled_from([None, OLDEST]))
@settings(max_examples=100, deadline=None)
def test_wake_ups_in_any_rhythm_neither_lose_nor_repeat(
    steps: list[Step], wake_ups: list[int], after: Cursor | None
) -> None:
    _run(_play(steps, wake_ups, after))
