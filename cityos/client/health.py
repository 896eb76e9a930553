"""What the hub says of itself and of its feeds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from cityos.client.answer import as_object, find_instant, find_number, find_text, instant, number, objects, text
from cityos.ngsi.value import JsonObject


@dataclass(frozen=True, slots=True)
class Health:
    """The hub's own state. `now` and `speed` are the city's clock, which may be a recorded day played fast.

    `title` is the city's name for people.
    """

    status: str
    epoch: str
    now: datetime
    speed: float
    tenant: str
    broker_url: str | None
    broker_websocket: str | None
    broker_connected: bool
    title: str = ""


@dataclass(frozen=True, slots=True)
class FeedStatus:
    """A feed (データの取得元) and how fresh it is. `state` is a `FeedState` value, its labels are for people.

    `as_of` is the city's instant up to which the data was known to hold, None where nothing has come yet.
    """

    name: str
    title: str
    state: str
    state_ja: str
    state_en: str
    as_of: datetime | None
    last_attempt_at: datetime | None
    last_success_at: datetime | None
    data_at: datetime | None
    next_run_at: datetime | None
    accepted: int
    held: int
    open_notices: int
    provider: str
    licence: str
    attribution: str
    owner: str
    telephone: str


def feed_of(entity_id: str) -> str | None:
    """The name of the feed that minted an entity's id; None where the id is not a minted one."""
    parts = entity_id.split(":", 4)
    return parts[3] if len(parts) == 5 and parts[:2] == ["urn", "ngsi-ld"] else None


def health_from_json(told: JsonObject) -> Health:
    """Reads `GET /health`."""
    broker = as_object(told.get("broker"), "broker")
    return Health(
        status=text(told, "status"),
        epoch=text(told, "epoch"),
        now=instant(told, "now"),
        speed=number(told, "speed"),
        tenant=text(told, "tenant"),
        broker_url=find_text(broker, "url"),
        broker_websocket=find_text(broker, "websocket"),
        broker_connected=broker.get("connected") is True,
        title=find_text(told, "title") or "",
    )


def feeds_from_json(told: JsonObject) -> tuple[FeedStatus, ...]:
    """Reads `GET /feeds`."""
    now = instant(told, "now")
    return tuple(_feed_from_json(feed, now) for feed in objects(told, "feeds"))


def _feed_from_json(told: JsonObject, now: datetime) -> FeedStatus:
    label = as_object(told.get("stateLabel"), "stateLabel")
    age_s = find_number(told, "ageSeconds")
    return FeedStatus(
        name=text(told, "name"),
        title=text(told, "title"),
        state=text(told, "state"),
        state_ja=text(label, "ja"),
        state_en=text(label, "en"),
        as_of=None if age_s is None else now - timedelta(seconds=age_s),
        last_attempt_at=find_instant(told, "lastAttemptAt"),
        last_success_at=find_instant(told, "lastSuccessAt"),
        data_at=find_instant(told, "dataAt"),
        next_run_at=find_instant(told, "nextRunAt"),
        accepted=int(find_number(told, "accepted") or 0),
        held=int(find_number(told, "held") or 0),
        open_notices=int(find_number(told, "openNotices") or 0),
        provider=find_text(told, "provider") or "",
        licence=find_text(told, "licence") or "",
        attribution=find_text(told, "attribution") or "",
        owner=find_text(told, "owner") or "",
        telephone=find_text(told, "telephone") or "",
    )
