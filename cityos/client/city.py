"""The city as seen from a service: entities, changes, feeds, clock."""

from __future__ import annotations

import hashlib
import time
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Self, cast
from urllib.parse import quote

import httpx

from cityos.client.answer import as_object, names, objects, text
from cityos.client.change import Change, ChangePage, Resync
from cityos.client.contact import Contact
from cityos.client.cursor import Cursor
from cityos.client.dataset import datasets_from_json
from cityos.client.door import Door, problem_from_json, understood, understood_list
from cityos.client.error import CityRefused, CityUnavailable, PartlyRefused, Problem
from cityos.client.follow import Follower, Wanted, ask_changes
from cityos.client.health import FeedStatus, Health, feeds_from_json, health_from_json
from cityos.client.wake import MqttListener, topic_filters
from cityos.client.watch import Snapshot, State, Watcher
from cityos.clock import Clock
from cityos.ngsi.entity import Entity
from cityos.ngsi.expansion import expand_entity
from cityos.ngsi.representation import View, represent
from cityos.ngsi.value import Json, JsonObject
from cityos.vocabulary.context import CITY_CONTEXT
from cityos.vocabulary.dataset import DatasetNews

_ENTITIES = "/ngsi-ld/v1/entities"
_UPSERT = "/ngsi-ld/v1/entityOperations/upsert"
_PAGE = 500
_VIEW = View(CITY_CONTEXT)

Names = str | Sequence[str]


@dataclass(frozen=True, slots=True)
class Near:
    """Places within so many metres of a point, degrees WGS 84."""

    lon: float
    lat: float
    within_m: float

    def query(self) -> dict[str, str]:
        """As NGSI-LD asks it (clause 4.10)."""
        coordinates = f"[{self.lon},{self.lat}]"
        return {"georel": f"near;maxDistance=={self.within_m}", "geometry": "Point", "coordinates": coordinates}


class City:
    """A connection to a hub, to be used as `async with City(url) as city`. Opens nothing until it is asked something.

    Without `broker_url`, changes come over HTTP alone (server-sent events); it saves nothing for an internal tenant,
    which is never on the bus. Every method may raise CityUnavailable
    (try again later) and CityRefused (the hub says no); `follow`, `watch` and `Mirror` wait for the hub by themselves.
    """

    def __init__(
        self,
        url: str,
        key: str | None = None,
        tenant: str | None = None,
        broker_url: str | None = None,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """`transport` replaces the network, for a hub in the same process. ValueError for a URL that is none."""
        self.url = url
        self._door = Door(url, key, tenant, transport)
        self._tenant, self._broker_url = tenant, broker_url

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._door.close()

    async def health(self) -> Health:
        """The hub's own state."""
        return understood(await self._door.get("/health"), health_from_json)

    async def clock(self) -> Clock:
        """The city's clock: the one to compute ages with, since a hub may play a recorded day fast."""
        asked = time.time()
        health = await self.health()
        return Clock(health.now, health.speed, (asked + time.time()) / 2)

    async def feeds(self) -> tuple[FeedStatus, ...]:
        """All feeds and how fresh they are."""
        return understood(await self._door.get("/feeds"), feeds_from_json)

    async def datasets(self) -> tuple[DatasetNews, ...]:
        """Every version of every dataset (timetables, road graphs), newest first."""
        return understood(await self._door.get("/datasets"), datasets_from_json)

    async def read_dataset(self, news: DatasetNews) -> bytes:
        """The content of a version, its checksum compared. CityUnavailable where it arrived damaged."""
        content = (await self._door.get(news.path, {"kind": news.kind})).content
        if hashlib.sha256(content).hexdigest() != news.digest:
            raise CityUnavailable(f"{self.url}{news.path} arrived damaged: its checksum is not {news.digest}")
        return content

    async def get_entity(self, entity_id: str) -> Entity:
        """One entity. CityRefused with status 404 where there is none."""
        return understood(await self._door.get(_path(entity_id)), _entity)

    async def find_entity(self, entity_id: str) -> Entity | None:
        """One entity, or None."""
        try:
            return await self.get_entity(entity_id)
        except CityRefused as refusal:
            if refusal.problem.status == httpx.codes.NOT_FOUND:
                return None
            raise

    async def entities(
        self,
        type: Names = (),
        *,
        ids: Names = (),
        attrs: Names = (),
        bbox: tuple[float, float, float, float] | None = None,
        near: Near | None = None,
    ) -> AsyncGenerator[Entity]:
        """Entities of any of these types, ids, at a place; page by page, so an unlimited number.

        `attrs` leaves only these attributes; `bbox` is west, south, east, north in degrees.
        """
        named = {"type": ",".join(names(type)), "id": ",".join(names(ids)), "attrs": ",".join(names(attrs))}
        query: dict[str, str | int] = {name: value for name, value in named.items() if value}
        if bbox is not None:
            query["bbox"] = ",".join(str(degree) for degree in bbox)
        if near is not None:
            query |= near.query()
        query["limit"] = _PAGE
        while query:
            response = await self._door.get(_ENTITIES, query)
            for entity in understood_list(response, _entity):
                yield entity
            query = _next_query(response)

    async def create(self, entity: Entity) -> None:
        """Creates an entity. CityRefused with status 409 where it exists."""
        await self._door.send("POST", _ENTITIES, body=represent(entity, _VIEW))

    async def merge(self, entity: Entity) -> None:
        """Merges what `entity` says into the entity of its id: what it does not name stays as it is."""
        fragment = {name: value for name, value in represent(entity, _VIEW).items() if name != "id"}
        await self._door.send("PATCH", _path(entity.id), body=fragment)

    async def upsert(self, entities: Iterable[Entity]) -> None:
        """Writes entities, new or known; attributes that are not named stay. PartlyRefused names those not taken."""
        body: list[Json] = [represent(entity, _VIEW) for entity in entities]
        if not body:
            return
        response = await self._door.send("POST", _UPSERT, {"options": "update"}, body)
        if response.status_code == httpx.codes.MULTI_STATUS:
            refused = understood(response, _refused)
            if refused:
                raise PartlyRefused(refused)

    async def delete(self, entity_id: str) -> None:
        """Deletes an entity. CityRefused with status 404 where there is none."""
        await self._door.send("DELETE", _path(entity_id))

    async def changes(self, after: Cursor, *, types: Names = (), ids: Names = (), limit: int = _PAGE) -> ChangePage:
        """One page of the change feed. Raises CursorGone where it no longer goes back that far."""
        return await ask_changes(self._door, after, Wanted(names(types), names(ids)), limit)

    async def follow(
        self, types: Names = (), *, ids: Names = (), after: Cursor | None = None
    ) -> AsyncGenerator[Change | Resync]:
        """Every change after a cursor, once, in order; goes on over every failure and never ends by itself.

        Without a cursor it begins at the present head, with a `Resync`: what is read after it plus the changes that
        follow is the whole story. A `Resync` with `missed` comes where the feed no longer goes back to the cursor.
        Keep `change.cursor` (or `resync.cursor`) after dealing with an item, and pass it as `after` the next time;
        `OLDEST` starts with the oldest change the hub keeps.

        Use it within `contextlib.aclosing` when you leave the loop before the program ends.
        """
        follower = self._follower(Wanted(names(types), names(ids)), after, Contact())
        async with aclosing(follower.batches()) as batches:
            async for batch in batches:
                if isinstance(batch, Resync):
                    yield batch
                else:
                    for change in batch:
                        yield change

    async def watch(self, types: Names) -> AsyncGenerator[State]:
        """The present entities of these types, then the new state of each that changes; deleted ones too.

        States between two readings are skipped; `follow` tells them all. What was missed is read again and told as
        new states, so that the last state told of an entity is always its present one.
        """
        async with aclosing(self.watcher(names(types), Contact()).news()) as news:
            async for told in news:
                for state in told.states if isinstance(told, Snapshot) else told:
                    yield state

    def watcher(self, types: tuple[str, ...], contact: Contact) -> Watcher:
        """What `watch` and `Mirror` are made of."""

        async def read_all() -> list[Entity]:
            return [entity async for entity in self.entities(types)]

        async def read_some(ids: tuple[str, ...]) -> list[Entity]:
            if len(ids) > 1:
                return [entity async for entity in self.entities(types, ids=ids)]
            found = await self.find_entity(ids[0])
            return [] if found is None else [found]

        return Watcher(self._follower(Wanted(types), None, contact), read_all, read_some, contact)

    def _follower(self, wanted: Wanted, after: Cursor | None, contact: Contact) -> Follower:
        broker_url = self._broker_url
        if broker_url is None:
            return Follower(self._door, wanted, after, contact)

        async def listen() -> MqttListener:
            tenant = self._tenant or (await self.health()).tenant
            return MqttListener(broker_url, topic_filters(tenant, wanted.types))

        return Follower(self._door, wanted, after, contact, listen)


def _path(entity_id: str) -> str:
    return f"{_ENTITIES}/{quote(entity_id, safe='')}"


def _entity(told: JsonObject) -> Entity:
    return expand_entity(told, CITY_CONTEXT)


def _next_query(response: httpx.Response) -> dict[str, str | int]:
    """The parameters of the next page, {} on the last one.

    Only they are taken from the link: behind a proxy its host may not be the one this client speaks to, and the key
    goes to nobody else.
    """
    link = cast(Mapping[str, str], response.links.get("next", {}))
    return dict(httpx.URL(link["url"]).params) if "url" in link else {}


def _refused(told: JsonObject) -> dict[str, Problem]:
    return {text(one, "entityId"): _problem_of(one) for one in objects(told, "errors")}


def _problem_of(told: JsonObject) -> Problem:
    problem = as_object(told.get("error"), "error")
    status = problem.get("status")
    return problem_from_json(problem, status if isinstance(status, int) else httpx.codes.BAD_REQUEST)
