"""Messages for tests, from their JSON."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from google.protobuf import json_format
from google.transit import gtfs_realtime_pb2

from cityos.connector import Batch, Document
from cityos.vocabulary.alert import ServiceAlert
from cityos.vocabulary.context import iri
from cityos.vocabulary.vehicle import TRIP_UPDATE, VEHICLE, TripUpdate, Vehicle
from connectors.gtfs_rt import GtfsRealtimeConfig, connector

AT = datetime(2026, 1, 14, 23, 0, tzinfo=UTC)
URL = "https://bus.example/all.pb"


def seconds(at: datetime) -> str:
    """An instant as the messages write it."""
    return str(int(at.timestamp()))


def message(entities: Iterable[dict[str, Any]], **header: Any) -> bytes:
    """The bytes of a message made at AT."""
    head = {"gtfsRealtimeVersion": "2.0", "incrementality": "FULL_DATASET", "timestamp": seconds(AT), **header}
    feed = json_format.ParseDict({"header": head, "entity": list(entities)}, gtfs_realtime_pb2.FeedMessage())
    return bytes(feed.SerializeToString())


def vehicle(entity_id: str = "1", **said: Any) -> dict[str, Any]:
    """An entity with a vehicle position: at the station, heard of at AT, unless said otherwise."""
    place = {"latitude": 40.83, "longitude": 140.73}
    return {
        "id": entity_id,
        "vehicle": {"vehicle": {"id": "b1"}, "position": place, "timestamp": seconds(AT), **said},
    }


def trip_update(entity_id: str = "1", trip: dict[str, Any] | None = None, **said: Any) -> dict[str, Any]:
    """An entity with a trip update."""
    return {"id": entity_id, "tripUpdate": {"trip": trip or {"tripId": "t1", "startDate": "20260115"}, **said}}


def read(content: bytes, url: str = URL, fetched_at: datetime = AT + timedelta(seconds=5), **config: Any) -> Batch:
    """What the connector makes of it."""
    document = Document("all.pb", content, fetched_at, url)
    return connector.normalise(document, GtfsRealtimeConfig(**(config or {"url": URL})))


def vehicles(batch: Batch) -> list[Vehicle]:
    """The vehicles of a batch."""
    return [Vehicle.from_entity(row.entity) for row in batch.rows if iri(VEHICLE) in row.entity.types]


def trips(batch: Batch) -> list[TripUpdate]:
    """The trip updates of a batch."""
    return [TripUpdate.from_entity(row.entity) for row in batch.rows if iri(TRIP_UPDATE) in row.entity.types]


def alerts(batch: Batch) -> list[ServiceAlert]:
    """The alerts of a batch."""
    return [ServiceAlert.from_entity(row.entity) for row in batch.rows]


def codes(batch: Batch) -> list[str]:
    """The codes of its notices."""
    return [notice.code for notice in batch.notices]
