"""What the store takes and gives: plain values, never a row."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal, cast

import orjson

from cityos.connector.batch import Notice, Row
from cityos.connector.document import Document
from cityos.ngsi.error import NgsiError
from cityos.ngsi.evolution import Evolution
from cityos.ngsi.geo import GeoQuery
from cityos.ngsi.ordering import Ordering
from cityos.ngsi.q import Condition
from cityos.ngsi.scope_query import ScopeQuery
from cityos.ngsi.selector import Selector
from cityos.ngsi.temporal_query import EVER, TemporalQuery
from cityos.ngsi.value import JsonObject

# ---- writing


Op = Literal["create", "update", "delete"]


@dataclass(slots=True)
class Outcome:
    """What became of one command: `created`, `updated`, `unchanged`, `deleted`, or an error; `seq` of its change.

    `refused` names attributes (IRIs) that were not updated, and why.
    """

    id: str
    done: Literal["created", "updated", "unchanged", "deleted", "failed"]
    seq: int | None = None
    error: NgsiError | None = None
    refused: tuple[tuple[str, str], ...] = ()


# ---- reading


@dataclass(frozen=True, slots=True)
class Stored:
    """An entity as stored: canonical bytes and its version; `parsed` where somebody has read them already."""

    id: str
    topic: str
    seq: int
    content: bytes
    parsed: JsonObject | None = field(default=None, compare=False, repr=False)

    def entity(self) -> JsonObject:
        """The canonical JSON."""
        return cast(JsonObject, orjson.loads(self.content)) if self.parsed is None else self.parsed


@dataclass(frozen=True, slots=True)
class Query:
    """Which entities: what any of the selectors means, having any of the attributes, fulfilling `q`, of a scope, at a
    place. In order of id after a cursor; or, with an ordering, `offset` of them left out."""

    selectors: tuple[Selector, ...] = (Selector(),)
    attributes: frozenset[str] = frozenset()
    condition: Condition | None = None
    scope: ScopeQuery | None = None
    place: GeoQuery | None = None
    ordering: Ordering | None = None
    after: str = ""
    offset: int = 0
    limit: int = 20
    counted: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """Entities in order; `next` is the cursor of the next page, None on the last; `count` of all hits if asked for."""

    items: tuple[Stored, ...]
    next: str | None
    count: int | None = None


@dataclass(frozen=True, slots=True)
class ChangeItem:
    """One change: `prev` is the entity's previous seq (0: none); `body` a JSON list of attribute changes, canonical.

    An attribute change is {"attribute": IRI, "dataset": id or "", "after": instance|null, "before": instance|null}.
    """

    seq: int
    prev: int
    event: str
    entity_id: str
    topic: str
    types: tuple[str, ...]
    op: Op
    at: datetime
    body: bytes


@dataclass(frozen=True, slots=True)
class State:
    """An entity with the change that made it what it is, where that is still kept."""

    stored: Stored
    made_by: ChangeItem | None


@dataclass(frozen=True, slots=True)
class ChangePage:
    """Changes after a cursor. `next` continues, also past what a filter left out; `head` is the newest seq."""

    epoch: str
    items: tuple[ChangeItem, ...]
    next: int
    head: int


# ---- history


@dataclass(frozen=True, slots=True)
class HistoryQuery:
    """Which part of whose past: any of the selectors (none: all), q, place, scope; instances by time and attribute.

    `shown` tells of an attribute's IRI or `scope` whether it is shown at all. `portion` is how many instances are read
    of a series at most. The page is `limit` entities after `offset`, by id; `counted` asks how many there are in all.
    """

    temporal: TemporalQuery = EVER
    selectors: tuple[Selector, ...] = ()
    attributes: frozenset[str] | None = None
    datasets: frozenset[str] | None = None
    shown: Callable[[str], bool] | None = None
    condition: Condition | None = None
    place: GeoQuery | None = None
    scope: ScopeQuery | None = None
    offset: int = 0
    limit: int = 20
    counted: bool = False
    descending: bool = False
    portion: int = 1_000


@dataclass(frozen=True, slots=True)
class EvolutionPage:
    """Evolutions in order of id; whether there are more; how many in all, where that was asked for."""

    items: tuple[Evolution, ...]
    more: bool
    count: int | None = None


# ---- feeds

RunOutcome = Literal["applied", "unchanged", "source_unavailable", "source_refused", "source_changed"]
SUCCESSFUL: frozenset[str] = frozenset(("applied", "unchanged"))


@dataclass(frozen=True, slots=True)
class DatasetRecord:
    """One version of a feed's bulk data; its content is in the store's files under `digest`. `size` in bytes."""

    feed: str
    kind: str
    version: str
    media_type: str
    size: int
    digest: str
    valid_from: date | None
    valid_until: date | None
    licence: str
    attribution: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Delivery:
    """What one document of a run came to: accepted rows, notices, what it covers, its own clock.

    `rows` may leave out observations that history holds already; `seen` counts all that were accepted. Entities of
    held rows (`held_ids`) are named by the source all the same: they have not ended.
    """

    document: Document
    rows: tuple[Row, ...]
    notices: tuple[Notice, ...]
    held: int = 0
    held_ids: frozenset[str] = frozenset()
    covers: frozenset[str] | None = None
    transient: frozenset[str] = frozenset()
    data_at: datetime | None = None
    seen: int = 0
    datasets: tuple[DatasetRecord, ...] = ()


@dataclass(frozen=True, slots=True)
class Run:
    """One attempt of one feed: what it brought, or why it brought nothing.

    `replayed` runs repeat archived documents: they end nothing and say nothing of the feed's health.
    """

    feed: str
    started_at: datetime
    finished_at: datetime
    outcome: RunOutcome
    detail: str = ""
    deliveries: tuple[Delivery, ...] = ()
    accept_endings: bool = False
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class RunResult:
    """What a run did: rows accepted and held, entities changed and ended, notices that were not open before."""

    accepted: int = 0
    held: int = 0
    changed: int = 0
    ended: int = 0
    opened: tuple[Notice, ...] = ()
    closed: int = 0

    def plus(self, other: RunResult) -> RunResult:
        """Both together."""
        return RunResult(
            self.accepted + other.accepted,
            self.held + other.held,
            self.changed + other.changed,
            self.ended + other.ended,
            self.opened + other.opened,
            self.closed + other.closed,
        )


@dataclass(frozen=True, slots=True)
class FeedRecord:
    """What is known of a feed's runs; instants None where it never happened. Health is derived from it elsewhere."""

    name: str
    attempted_at: datetime | None = None
    succeeded_at: datetime | None = None
    outcome: str = ""
    detail: str = ""
    data_at: datetime | None = None
    accepted: int = 0
    held: int = 0
    failures: int = 0
    failing_since: datetime | None = None
    open_notices: int = 0


@dataclass(frozen=True, slots=True)
class NoticeRecord:
    """A notice as kept: told once, however often it is met."""

    notice: Notice
    document: str
    first_at: datetime
    last_at: datetime
    count: int
    open: bool


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A past run."""

    started_at: datetime
    finished_at: datetime
    outcome: str
    detail: str
    accepted: int
    held: int
    changed: int
    ended: int


@dataclass(frozen=True, slots=True)
class DocumentRecord:
    """An archived document: the same content met again is the same record, seen until `last_at`."""

    feed: str
    name: str
    url: str
    digest: str
    media_type: str
    modified_at: datetime | None
    first_at: datetime
    last_at: datetime
    applied: bool


@dataclass(frozen=True, slots=True)
class Retention:
    """How many days are kept, and how many versions of a dataset. `history_by_type` (type IRI) wins over `history`."""

    changes: float = 7.0
    history: float = 400.0
    documents: float = 30.0
    runs: float = 30.0
    dataset_versions: int = 5
    history_by_type: Mapping[str, float] = field(default_factory=dict)
