"""From the change feed to the bus: every changed entity's newest state on its retained topic.

The bus may lose everything at any time. After each (re)connection the retained tree is read, what differs from the
store is published and what the store does not know is cleared; then the feed is followed from the head read first.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from datetime import datetime

import orjson

from cityos.bus.contract import Bus, BusUnavailable, Message, RetainedIncomplete
from cityos.bus.topic import entity_topic, head_topic, parse_entity_topic, tenant_filter
from cityos.ngsi.context import Context
from cityos.ngsi.instant import format_instant
from cityos.notify.heads import Heads
from cityos.notify.wording import head_message, show_states, state_message, tombstone
from cityos.store.error import StoreError
from cityos.store.record import ChangeItem, ChangePage, State
from cityos.store.store import Store
from cityos.vocabulary.tenant import is_internal

log = logging.getLogger(__name__)

_PAGE = 500  # changes read, entities compared, messages in flight
_FEW = 20  # changes and states that are read in the loop: in a thread each reading takes a millisecond more
_HEAD_EVERY_S = 1.0
_LOOK_S = 1.0  # how long a broker that came back with an empty tree may go unnoticed while nothing changes
_GATHER_S = 0.01  # between two pages, so that under load one holds many changes; who writes after a pause waits no more
_PAUSE_S = 0.2  # a reading of the tree may fail while the main connection still seems to stand


@dataclass(slots=True)
class _Progress:
    """How far one tenant is published on the present connection."""

    cursor: int = 0
    head_told: int = -1
    head_told_at: float = 0.0
    ahead: dict[str, int] = field(default_factory=dict)  # topics published beyond the cursor, with their seq


class Publisher:
    """Follows the store on behalf of the bus. Tenants named `-internal` never get there."""

    def __init__(self, store: Store, bus: Bus, heads: Heads, context: Context, now: Callable[[], datetime]) -> None:
        self._store = store
        self._bus = bus
        self._heads = heads
        self._context = context
        self._show = show_states(context)
        self._now = now
        self.is_connected = False

    async def run(self) -> None:
        """Publishes until cancelled; a lost broker is waited for."""
        while True:
            generation = await self._connected()
            try:
                await self._publish_until_lost(generation)
            except BusUnavailable:
                self.is_connected = False
                await asyncio.sleep(_PAUSE_S)
            except StoreError as error:  # trimmed away before it was told, or too slow: set right from the state
                log.warning("Changes cannot be read for the bus, its topics are compared anew: %s", error)
                await asyncio.sleep(_PAUSE_S)

    async def _connected(self) -> int:
        self.is_connected = False
        generation = await self._bus.connected()
        self.is_connected = True
        return generation

    async def _publish_until_lost(self, generation: int) -> None:
        """Returns when the connection is another: an outage between two messages raises nothing."""
        progress: dict[str, _Progress] = {}
        while await self._connected() == generation:
            for tenant in await self._open_tenants():
                if tenant not in progress:
                    progress[tenant] = _Progress(await self._reconcile(tenant))
                await self._catch_up(tenant, progress[tenant])
            cursors = {tenant: one.cursor for tenant, one in progress.items()}
            untold = any(one.head_told != one.cursor for one in progress.values())
            await asyncio.sleep(_GATHER_S)
            await self._heads.any_beyond(cursors, _HEAD_EVERY_S / 4 if untold else _LOOK_S, _is_open)

    async def _open_tenants(self) -> list[str]:
        return [tenant for tenant in (await self._store.tenants()) if _is_open(tenant)]

    # ---- following

    async def _catch_up(self, tenant: str, progress: _Progress) -> None:
        while True:
            page = await self._read(tenant, progress.cursor)
            if page.items:
                await self._publish(tenant, page, progress)
            progress.cursor = max(progress.cursor, page.next)
            await self._tell_head(tenant, progress)
            if progress.cursor >= page.head:
                return

    async def _read(self, tenant: str, after: int) -> ChangePage:
        is_short = self._heads.of(tenant) - after <= _FEW
        read = self._store.read_soon if is_short else self._store.read
        return await read(lambda reader: reader.changes(tenant, after, limit=_PAGE))

    async def _publish(self, tenant: str, page: ChangePage, progress: _Progress) -> None:
        """States first, then ends: a tombstone and the empty message that clears the topic, both acknowledged."""
        # By topic as well: an entity ended and begun anew under another type has an end and a beginning to tell.
        newest = {(item.topic, item.entity_id): item for item in page.items}
        messages: list[Message] = []
        states = await self._states(tenant, [item.entity_id for item in newest.values()])
        for item in newest.values():
            messages += self._messages(tenant, item, progress, states.get(item.entity_id))
        await self._bus.publish(messages)
        progress.ahead = {topic: seq for topic, seq in progress.ahead.items() if seq > page.next}

    def _messages(self, tenant: str, item: ChangeItem, progress: _Progress, state: State | None) -> Iterator[Message]:
        topic = _topic(tenant, item.topic, item.entity_id)
        if topic is None or progress.ahead.get(topic, 0) >= item.seq:
            return
        if state is None or state.stored.topic != item.topic:  # ended; perhaps it has begun anew under another type
            if item.op == "delete":  # else its end is still to come in the feed, under its own event id
                yield Message(topic, tombstone(self._store.epoch, item))
                yield Message(topic, b"")
            return
        progress.ahead[topic] = state.stored.seq
        yield self._message(topic, state)

    async def _tell_head(self, tenant: str, progress: _Progress) -> None:
        now = asyncio.get_running_loop().time()
        if progress.head_told == progress.cursor or now - progress.head_told_at < _HEAD_EVERY_S:
            return
        payload = head_message(self._store.epoch, progress.cursor, format_instant(self._now()))
        await self._bus.publish([Message(head_topic(tenant), payload)])
        progress.head_told, progress.head_told_at = progress.cursor, now

    # ---- reconciling

    async def _reconcile(self, tenant: str) -> int:
        """Makes the retained tree what the store says; returns the head from which to follow."""
        head = (await self._store.tenants()).get(tenant, 0)
        tree, is_whole = await self._retained(tenant)
        published = 0
        after = ""
        while True:
            rows = await self._heads_after(tenant, after)
            if not rows:
                break
            after = rows[-1][0]
            topics: dict[str, str] = {}
            for entity_id, type_name, seq in rows:
                topic = _topic(tenant, type_name, entity_id)
                if topic is not None and _version(tree.pop(topic, b"")) != (self._store.epoch, seq):
                    topics[entity_id] = topic
            states = await self._states(tenant, topics)
            await self._bus.publish([self._message(topics[entity_id], state) for entity_id, state in states.items()])
            published += len(states)
        unknown = [topic for topic in tree if is_whole and parse_entity_topic(topic) is not None]
        await self._bus.publish([Message(topic, b"") for topic in unknown])
        if published or unknown:
            log.info("Bus of %s is set right: %d states published, %d topics cleared", tenant, published, len(unknown))
        return head

    async def _heads_after(self, tenant: str, after: str) -> list[tuple[str, str, int]]:
        return await self._store.read(lambda reader: reader.heads(tenant, after, _PAGE))

    async def _retained(self, tenant: str) -> tuple[dict[str, bytes], bool]:
        """The retained tree, and whether it is whole: what a broker hides is published again, but not cleared."""
        try:
            return await self._bus.retained(tenant_filter(tenant)), True
        except RetainedIncomplete as error:
            log.warning("The broker does not show its whole retained tree: %s", error)
            return error.found, False

    async def _states(self, tenant: str, ids: Collection[str]) -> dict[str, State]:
        if not ids:
            return {}
        read = self._store.read_soon if len(ids) <= _FEW else self._store.read
        return await read(lambda reader: reader.states(tenant, ids))

    def _message(self, topic: str, state: State) -> Message:
        return Message(topic, state_message(self._store.epoch, state.stored, state.made_by, self._context, self._show))


def _is_open(tenant: str) -> bool:
    return not is_internal(tenant)


def _topic(tenant: str, type_name: str, entity_id: str) -> str | None:
    """The entity's topic; None where it has none (an id too long for MQTT), so that it stops nobody else's news."""
    try:
        return entity_topic(tenant, type_name, entity_id)
    except ValueError as error:
        log.error("Entity %.80s is not told on the bus: %s", entity_id, error)  # noqa: TRY400 - one line, no trace
        return None


def _version(payload: bytes) -> tuple[str, int] | None:
    """Epoch and seq of a retained payload; None for anything that is not one of ours or is a tombstone."""
    try:
        told = orjson.loads(payload)
        return None if told["op"] == "delete" else (told["epoch"], told["seq"])
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return None
