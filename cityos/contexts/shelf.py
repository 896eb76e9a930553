"""What the hub keeps of contexts: documents by kind and id, and how often each was used (clause 5.13.1)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import cast

import orjson

from cityos.ngsi.instant import format_instant, parse_instant
from cityos.ngsi.value import Json, JsonObject
from cityos.store.reading import Reader
from cityos.store.resource import EVERYONE, Resource
from cityos.store.store import Store

MOST_CACHED = 1_000
_USAGE = "contextUsage"


class Kind(StrEnum):
    """How a context came to be kept."""

    HOSTED = "Hosted"
    CACHED = "Cached"
    IMPLICIT = "ImplicitlyCreated"


@dataclass(slots=True)
class Usage:
    """How often a context was used, and when last."""

    hits: int = 0
    used_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One context. The id of a cached one is its address; cached ones belong to no tenant."""

    id: str
    kind: Kind
    body: bytes
    created_at: datetime
    usage: Usage

    @property
    def document(self) -> JsonObject:
        """The document, with its member @context."""
        return cast(JsonObject, orjson.loads(self.body))


class Shelf:
    """Documents lie in the store; usage is counted in memory, read with the documents and written by `flush`."""

    def __init__(self, store: Store, now: Callable[[], datetime], most_cached: int = MOST_CACHED) -> None:
        self._store = store
        self._now = now
        self._most_cached = most_cached
        self._cached: dict[str, datetime] | None = None  # when each cached one was fetched; read when first needed
        self._usages: dict[tuple[str, str], Usage] = {}
        self._unwritten: set[tuple[str, str]] = set()

    async def find(self, tenant: str, context_id: str) -> Entry | None:
        """A context of the tenant, or a cached one."""
        found = await self._store.read(lambda reader: _find(reader, tenant, context_id))
        return None if found is None else self._entry(found)

    async def list_all(self, tenant: str) -> list[Entry]:
        """The tenant's contexts and the cached ones."""
        return [self._entry(found) for found in await self._store.read(lambda reader: _list(reader, tenant))]

    async def put(self, tenant: str, kind: Kind, context_id: str, document: Mapping[str, Json]) -> None:
        """Keeps a document, in place of one of the same id."""
        owner = EVERYONE if kind is Kind.CACHED else tenant
        is_new = await self._store.put_resource(owner, _name(kind), context_id, orjson.dumps(document))
        if is_new and kind is Kind.CACHED:
            await self._make_room(context_id)

    async def delete(self, tenant: str, entry: Entry) -> None:
        """Forgets a context and its usage."""
        owner = EVERYONE if entry.kind is Kind.CACHED else tenant
        if self._cached is not None and entry.kind is Kind.CACHED:
            self._cached.pop(entry.id, None)
        self._usages.pop((owner, entry.id), None)
        self._unwritten.discard((owner, entry.id))
        await self._store.delete_resource(owner, _name(entry.kind), entry.id)
        await self._store.delete_resource(owner, _USAGE, entry.id)

    def count(self, tenant: str, kind: Kind, context_id: str) -> None:
        """Notes that a context that was found or put was used, now."""
        key = (EVERYONE if kind is Kind.CACHED else tenant, context_id)
        usage = self._usages.setdefault(key, Usage())
        usage.hits += 1
        usage.used_at = self._now()
        self._unwritten.add(key)

    async def flush(self) -> None:
        """Writes what was counted since the last time."""
        while self._unwritten:
            owner, context_id = self._unwritten.pop()
            usage = self._usages.get((owner, context_id))
            if usage is not None and usage.used_at is not None:
                body = orjson.dumps({"hits": usage.hits, "usedAt": format_instant(usage.used_at)})
                await self._store.put_resource(owner, _USAGE, context_id, body)

    def _entry(self, found: _Found) -> Entry:
        """What was read, with the usage that is counted in memory from then on."""
        usage = self._usages.setdefault((found.owner, found.row.id), _usage(found.usage))
        return Entry(found.row.id, found.kind, found.row.body, found.row.created_at, usage)

    async def _make_room(self, newest: str) -> None:
        """Anybody may name an address: beyond a number, the one that was not used for longest goes."""
        if self._cached is None:
            self._cached = {one.id: one.created_at for one in await self.list_all(EVERYONE)}
        self._cached[newest] = self._now()
        while len(self._cached) > self._most_cached:
            oldest = min((known for known in self._cached if known != newest), key=self._last_use)
            found = await self.find(EVERYONE, oldest)
            if found is None:
                self._cached.pop(oldest, None)
            else:
                await self.delete(EVERYONE, found)

    def _last_use(self, context_id: str) -> datetime:
        usage = self._usages.get((EVERYONE, context_id), Usage())
        return usage.used_at or (self._cached or {}).get(context_id, self._now())


@dataclass(frozen=True, slots=True)
class _Found:
    """A document as it was read, with its usage as it was last written."""

    owner: str
    kind: Kind
    row: Resource
    usage: bytes | None


def _find(reader: Reader, tenant: str, context_id: str) -> _Found | None:
    for owner, kind in _places(tenant):
        row = reader.find_resource(owner, _name(kind), context_id)
        if row is not None:
            usage = reader.find_resource(owner, _USAGE, context_id)
            return _Found(owner, kind, row, usage.body if usage else None)
    return None


def _list(reader: Reader, tenant: str) -> list[_Found]:
    found: list[_Found] = []
    for owner, kind in _places(tenant):
        usages = {usage.id: usage.body for usage in reader.list_resources(owner, _USAGE)}
        rows = reader.list_resources(owner, _name(kind))
        found += [_Found(owner, kind, row, usages.get(row.id)) for row in rows]
    return found


def _usage(body: bytes | None) -> Usage:
    if body is None:
        return Usage()
    said = orjson.loads(body)
    return Usage(said["hits"], parse_instant(said["usedAt"]))


def _places(tenant: str) -> Iterator[tuple[str, Kind]]:
    if tenant != EVERYONE:
        yield tenant, Kind.HOSTED
        yield tenant, Kind.IMPLICIT
    yield EVERYONE, Kind.CACHED


def _name(kind: Kind) -> str:
    return f"context{kind.value}"
