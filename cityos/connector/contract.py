"""The contract itself: manifest, config, connector, fetcher."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import ClassVar, Generic, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from cityos.connector.batch import Batch
from cityos.connector.cadence import Cadence
from cityos.connector.document import Document


@dataclass(frozen=True, slots=True)
class Request:
    """One document to ask for: an absolute http(s) address and headers the source wants (a key, say)."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)


class Fetcher(Protocol):
    """How a connector reaches its source. Time-outs, size limits, retries and conditional requests are the hub's."""

    async def get(self, request: Request) -> Document:
        """The document behind the request. Raises SourceUnavailable or SourceRefused."""
        ...


class Config(BaseModel):
    """What a city file says about one feed. Subclasses add addresses, area, keys; they are frozen and refuse extras.

    `feed` is the name under which entity ids are minted: the feed's own, unless several feeds speak of the same things
    and the city file gives them one name.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    feed: str = Field(default="feed", pattern=r"^[A-Za-z0-9_\-]+$")

    def requests(self) -> Sequence[Request]:
        """The documents one run asks for; by default the address in `url`, if there is one."""
        url = getattr(self, "url", None)
        return [Request(str(url))] if url else []


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a connector declares; data only.

    `emits` are type IRIs; `stale_after` is how overdue data may be before it is called stale; `exempt` names checks of
    the contract suite that do not apply, each with its reason. `transient` are the emitted types whose entities come
    and go all day (vehicles): many of them may end at once, where of others more than 30 % at once are held.
    """

    name: str
    title: str
    provider: str
    licence: str
    attribution: str
    emits: frozenset[str]
    cadence: Cadence
    stale_after: timedelta
    exempt: Mapping[str, str] = field(default_factory=dict)
    transient: frozenset[str] = frozenset()


C = TypeVar("C", bound=Config)


class Connector(Generic[C]):
    """Base of every connector: set `manifest` and `config_type`, write `normalise`."""

    manifest: ClassVar[Manifest]
    config_type: type[C]

    def emits(self, config: C) -> frozenset[str]:
        """The type IRIs a feed with this config may write; a connector of any type asks the config for them."""
        return self.manifest.emits

    async def fetch(self, config: C, fetcher: Fetcher) -> AsyncIterator[Document]:
        """Yields the documents of one run; by default just the requests that the config names."""
        for request in config.requests():
            yield await fetcher.get(request)

    def normalise(self, document: Document, config: C) -> Batch:
        """What the document says. Pure, total, deterministic: a bad row is a Notice.

        Raises SourceChanged where the document as a whole is not in a form this connector knows.
        """
        raise NotImplementedError
