"""A writer that notes what was acknowledged, and the judge that holds the hub to it."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import httpx

_ENTITIES = "/ngsi-ld/v1/entities"
_UPSERT = "/ngsi-ld/v1/entityOperations/upsert"
TYPE = "Ledger"
GONE = None


@dataclass(frozen=True, slots=True)
class Wrote:
    """One change that a write asks for: the value the entity has after it, GONE where it was deleted."""

    id: str
    op: str
    value: int | None


@dataclass(slots=True)
class Attempt:
    """One request: its changes come all or not at all; `acknowledged` once the hub has said so."""

    changes: tuple[Wrote, ...]
    acknowledged: bool = False


@dataclass(slots=True)
class LedgerWriter:
    """Writes to ids of its own, one request after the other; every value is used once only."""

    name: str
    chance: random.Random
    size: int = 40
    attempts: list[Attempt] = field(default_factory=list)
    state: dict[str, int | None] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    _value: int = 0

    async def write_until_cut(self, http: httpx.AsyncClient, may_go_on: Callable[[], bool]) -> None:
        """Writes until told to stop or until the line is cut."""
        try:
            while may_go_on():
                await self._write_one(http)
        except httpx.TransportError:
            return

    async def _write_one(self, http: httpx.AsyncClient) -> None:
        attempt, ask = self._choose()
        self.attempts.append(attempt)
        response = await http.send(ask(http))
        if not response.is_success or response.status_code == httpx.codes.MULTI_STATUS:
            self.refused.append(f"{response.status_code} {response.text[:200]}")
            return
        self._settle(attempt)

    def _settle(self, attempt: Attempt) -> None:
        attempt.acknowledged = True
        self.state.update({wrote.id: wrote.value for wrote in attempt.changes})

    def _choose(self) -> tuple[Attempt, Callable[[httpx.AsyncClient], httpx.Request]]:
        one = self._any_id()
        if self.chance.random() < 0.15:
            return self._batch()
        if self.state.get(one) is GONE:
            return self._create(one)
        return self._delete(one) if self.chance.random() < 0.2 else self._patch(one)

    def _any_id(self) -> str:
        return f"urn:ngsi-ld:{TYPE}:{self.name}:{self.chance.randrange(self.size)}"

    def _next(self) -> int:
        self._value += 1
        return self._value

    def _create(self, one: str) -> tuple[Attempt, Callable[[httpx.AsyncClient], httpx.Request]]:
        value = self._next()
        body = entity(one, value)
        return Attempt((Wrote(one, "create", value),)), lambda http: http.build_request("POST", _ENTITIES, json=body)

    def _patch(self, one: str) -> tuple[Attempt, Callable[[httpx.AsyncClient], httpx.Request]]:
        value = self._next()
        body = {"n": {"type": "Property", "value": value}}
        wrote = Attempt((Wrote(one, "update", value),))
        return wrote, lambda http: http.build_request("PATCH", f"{_ENTITIES}/{one}", json=body)

    def _delete(self, one: str) -> tuple[Attempt, Callable[[httpx.AsyncClient], httpx.Request]]:
        return Attempt((Wrote(one, "delete", GONE),)), lambda http: http.build_request("DELETE", f"{_ENTITIES}/{one}")

    def _batch(self) -> tuple[Attempt, Callable[[httpx.AsyncClient], httpx.Request]]:
        ids = sorted({self._any_id() for _ in range(self.chance.randrange(2, 12))})
        changes = tuple(Wrote(i, "create" if self.state.get(i) is GONE else "update", self._next()) for i in ids)
        body = [entity(wrote.id, wrote.value or 0) for wrote in changes]
        return Attempt(changes), lambda http: http.build_request("POST", _UPSERT, json=body)

    def resolve(self, told: Sequence[Wrote]) -> None:
        """Compares with all the feed tells of this writer's entities, and settles what was cut off unanswered.

        Acknowledged attempts must be there, whole and in order; others may be, but then whole as well.
        """
        place = 0
        for attempt in self.attempts:
            if tuple(told[place : place + len(attempt.changes)]) == attempt.changes:
                place += len(attempt.changes)
                self._settle(attempt)
            elif attempt.acknowledged:
                found = told[place : place + len(attempt.changes)]
                raise AssertionError(f"{self.name}: acknowledged {attempt.changes}, the feed tells {found}")
        assert place == len(told), f"{self.name}: nobody wrote {told[place : place + 3]}"
        self.attempts = [attempt for attempt in self.attempts if attempt.acknowledged]


def entity(entity_id: str, value: int) -> dict[str, object]:
    """An entity of the ledger."""
    return {"id": entity_id, "type": TYPE, "n": {"type": "Property", "value": value}}


@dataclass(slots=True)
class Witness:
    """Reads the change feed again and again, over all lives: what was told once must be told so for ever."""

    told: dict[str, tuple[object, ...]] = field(default_factory=dict)
    epoch: str = ""

    def hear(self, items: Iterable[Mapping[str, object]], epoch: str) -> None:
        """Notes what was told; fails where an event id comes back with another content."""
        assert self.epoch in ("", epoch)
        self.epoch = epoch
        for item in items:
            event, content = (
                str(item["event"]),
                (item["seq"], item["prev"], item["id"], item["op"], str(item["changes"])),
            )
            assert self.told.setdefault(event, content) == content, f"event {event} is told twice, differently"

    def check_all_there(self, items: Iterable[Mapping[str, object]]) -> None:
        """Everything told in an earlier life is still in the feed."""
        lost = set(self.told) - {str(item["event"]) for item in items}
        assert not lost, f"{len(lost)} events told before the kill are gone"


def check_chain(items: Sequence[Mapping[str, object]], head: object) -> None:
    """Seqs are gapless from 1 to the head; every change names its entity's previous one."""
    assert [item["seq"] for item in items] == list(range(1, len(items) + 1))
    assert head == len(items)
    newest: dict[object, object] = {}
    for item in items:
        assert item["prev"] == newest.get(item["id"], 0), item
        newest[item["id"]] = item["seq"]


def wrote_by(items: Iterable[Mapping[str, object]], name: str) -> list[Wrote]:
    """What the feed tells of one writer's entities."""
    mine = f"urn:ngsi-ld:{TYPE}:{name}:"
    return [Wrote(str(i["id"]), str(i["op"]), _value_of(i)) for i in items if str(i["id"]).startswith(mine)]


def _value_of(item: Mapping[str, object]) -> int | None:
    changes = item["changes"]
    assert isinstance(changes, list)
    values = [one.get("value") for one in changes if one["attribute"] == "n"]
    assert len(values) == 1, item
    return GONE if values[0] is None else int(values[0])
