"""The one place that answers: what do the names mean that a request uses under this @context?

A context is an address, a map of terms, or a list of these, nested at will. Addresses are core contexts (built in),
contexts this hub keeps for its users (hosted, implicitly created), or documents elsewhere: fetched once through the
guarded egress, kept as cached, and used from there however long the other server is away.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
import uuid
from collections.abc import Callable, Mapping
from datetime import datetime

import orjson

from cityos.contexts.compiled import Compiled, CompiledContexts
from cityos.contexts.shape import addresses_in, parse_document
from cityos.contexts.shelf import Entry, Kind, Shelf
from cityos.egress.http import Egress, FetchFailed, FetchRefused
from cityos.ngsi.context import CORE, Context, compile_context
from cityos.ngsi.core_context import is_core_context
from cityos.ngsi.error import BadRequestData, LdContextNotAvailable, NgsiError
from cityos.ngsi.value import Json, JsonObject
from cityos.store.error import StoreUnavailable
from cityos.store.store import Store

log = logging.getLogger(__name__)

CONTEXTS_PATH = "/ngsi-ld/v1/jsonldContexts/"
_ACCEPT = {"Accept": "application/ld+json, application/json;q=0.9, */*;q=0.1"}
_MOST_DOCUMENTS = 50  # behind one @context
_DEADLINE_S = 12.0  # for all documents of one @context
_FAILED_FOR_S = 2.0  # so long an address that failed is not asked again: a batch names it once per entity
_IN_THREAD = 20_000  # bytes of documents from which compiling would hold up the loop


class Library:
    """`built_in` are documents by their local id, such as the city's own."""

    def __init__(
        self,
        store: Store,
        egress: Egress,
        now: Callable[[], datetime],
        built_in: Mapping[str, JsonObject],
    ) -> None:
        self.shelf = Shelf(store, now)
        self.built_in = built_in
        self.opened_at = now()
        self._egress = egress
        self._compiled = CompiledContexts()
        self._fetching: dict[str, asyncio.Task[JsonObject]] = {}
        self._failed: dict[str, tuple[float, NgsiError]] = {}

    async def compiled(self, said: Json, tenant: str) -> Context:
        """The compiled context of what a request says; counts the use of every kept document it is made of.

        Raises LdContextNotAvailable where a document cannot be had, BadRequestData where one is no context.
        """
        if is_core_context(said):
            return CORE
        key = (tenant, said if isinstance(said, str) else _digest(said))
        found = self._compiled.find(key)
        if found is None:
            generation = self._compiled.generation
            found = await self._compile(said, tenant)
            self._compiled.put(key, found, generation)
        for kind, context_id in found.read:
            self.shelf.count(tenant, kind, context_id)
        return found.context

    async def host(self, tenant: str, document: JsonObject) -> str:
        """Keeps a document that a user gives; returns its local id. Raises BadRequestData if it is no context."""
        if not addresses_in(document["@context"]):
            compile_context(document["@context"], lambda address: None)
        context_id = uuid.uuid4().hex
        await self.shelf.put(tenant, Kind.HOSTED, context_id, document)
        return context_id

    async def path_of(self, tenant: str, said: Json) -> str:
        """One address that stands for a context: its own, or that of a context created for it (clause 5.13.1).

        The address of a context this hub keeps is a path; the same context said again has the same path.
        """
        while isinstance(said, list) and len(said) == 1:
            said = said[0]
        if isinstance(said, str):
            return said
        addresses_in(said)
        context_id = _digest(said).hex()[:32]
        await self.shelf.put(tenant, Kind.IMPLICIT, context_id, {"@context": said})
        return CONTEXTS_PATH + context_id

    async def find(self, tenant: str, name: str) -> Entry | None:
        """A kept context by its local id or address; not those built in."""
        return await self.shelf.find(tenant, local_id(name) or name)

    async def list_all(self, tenant: str) -> list[Entry]:
        """All kept contexts that a tenant sees; not those built in."""
        return await self.shelf.list_all(tenant)

    async def delete(self, tenant: str, entry: Entry) -> None:
        """Forgets a context."""
        await self.shelf.delete(tenant, entry)
        self._compiled.clear()

    async def reload(self, entry: Entry) -> None:
        """Fetches a cached context anew; the old one stays if that fails. Raises LdContextNotAvailable."""
        self._failed.pop(entry.id, None)
        try:
            await self._fetch(entry.id)
        except BadRequestData as error:
            raise LdContextNotAvailable(str(error)) from None
        self._compiled.clear()

    async def flush(self) -> None:
        """Writes how often contexts were used."""
        await self.shelf.flush()

    async def _compile(self, said: Json, tenant: str) -> Compiled:
        try:
            async with asyncio.timeout(_DEADLINE_S):
                documents, read = await self._documents(said, tenant)
        except TimeoutError:
            raise LdContextNotAvailable(f"@context is not there whole within {_DEADLINE_S:g} s") from None
        weight = len(orjson.dumps([said, *documents.values()]))
        if weight > _IN_THREAD:
            context = await asyncio.to_thread(compile_context, said, documents.get)
        else:
            context = compile_context(said, documents.get)
        return Compiled(context, tuple(read), context.size)

    async def _documents(self, said: Json, tenant: str) -> tuple[dict[str, Json], list[tuple[Kind, str]]]:
        """Every document behind a context, by address, and which of them are kept here."""
        documents: dict[str, Json] = {}
        read: list[tuple[Kind, str]] = []
        waiting = addresses_in(said)
        while waiting:
            if len(documents) + len(waiting) > _MOST_DOCUMENTS:
                raise BadRequestData(f"@context is made of more than {_MOST_DOCUMENTS} documents")
            found = await asyncio.gather(*(self._document(address, tenant) for address in waiting))
            named: list[str] = []
            for address, (document, kept) in zip(waiting, found, strict=True):
                documents[address] = document
                read += kept
                named += addresses_in(document.get("@context"))
            waiting = [address for address in dict.fromkeys(named) if address not in documents]
        return documents, read

    async def _document(self, address: str, tenant: str) -> tuple[JsonObject, list[tuple[Kind, str]]]:
        own = local_id(address)
        if own and own in self.built_in:
            return self.built_in[own], []
        entry = await self.shelf.find(tenant, own) if own else None
        entry = entry or await self.shelf.find(tenant, address)
        if entry is not None:
            return entry.document, [(entry.kind, entry.id)]
        if "://" not in address:
            raise LdContextNotAvailable(f"@context {address[:200]} is not known here")
        return await self._fetched_once(address), [(Kind.CACHED, address)]

    async def _fetched_once(self, address: str) -> JsonObject:
        """Whoever asks for an address while it is being fetched waits for that one fetch."""
        until, error = self._failed.get(address, (0.0, None))
        if error is not None and time.monotonic() < until:
            raise type(error)(str(error))
        task = self._fetching.get(address)
        if task is None:
            task = self._fetching[address] = asyncio.create_task(self._fetch(address))
            task.add_done_callback(lambda done: self._end_fetch(address, done))
        # One who gives up does not take the document from the others.
        return await asyncio.shield(task)

    def _end_fetch(self, address: str, done: asyncio.Task[JsonObject]) -> None:
        self._fetching.pop(address, None)
        error = None if done.cancelled() else done.exception()
        now = time.monotonic()
        self._failed = {known: failed for known, failed in self._failed.items() if failed[0] > now}
        if isinstance(error, NgsiError):
            self._failed[address] = (now + _FAILED_FOR_S, error)

    async def _fetch(self, address: str) -> JsonObject:
        try:
            answer = await self._egress.get_guarded(address, _ACCEPT)
        except (FetchFailed, FetchRefused) as error:
            raise LdContextNotAvailable(f"@context {address[:200]} is not available: {error}") from None
        document = parse_document(address, answer.content or b"")
        try:
            await self.shelf.put("", Kind.CACHED, address, document)
        except StoreUnavailable as error:  # it can be used all the same
            log.warning("The @context %s is not kept: %s", address, error)
        return document


def local_id(address: str) -> str | None:
    """The local id in an address or path of this hub's contexts; whose host it names is not looked at."""
    _, path, context_id = address.partition(CONTEXTS_PATH)
    return context_id if path and context_id else None


def _digest(said: Json) -> bytes:
    return hashlib.sha256(orjson.dumps(said)).digest()
