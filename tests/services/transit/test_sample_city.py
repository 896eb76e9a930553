"""The sample city's own timetable and messages, through the real connectors and hub: what the city said comes out."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import httpx
from google.transit import gtfs_realtime_pb2

from cityos.clock import Clock
from cityos.connector.document import Document
from cityos.hub import Plan as HubPlan
from cityos.vocabulary.timetable import TIMETABLE
from connectors.gtfs_jp import connector as gtfs_jp
from connectors.gtfs_rt import connector as gtfs_rt
from services.sample_city.gtfs import feed_zip
from services.sample_city.realtime import trip_updates, vehicle_positions
from services.transit.app import Plan, create_app
from tests.cityos.client.running_hub import running_hub, without_broker
from tests.services.dataset import bring_dataset

SEED = 20260115
MORNING = datetime(2026, 1, 14, 23, 30, tzinfo=UTC)  # 08:30 in 雪野市
_HUGE_SPEED = 1e-9  # the clock stands still


def _timetable() -> bytes:
    config = gtfs_jp.config_type.model_validate({"feed": "bus", "url": "http://city/bus.zip"})
    batch = gtfs_jp.normalise(Document("http://city/bus.zip", feed_zip(SEED, MORNING), MORNING), config)
    return next(one.content for one in batch.datasets if one.kind == TIMETABLE)


async def test_the_delays_the_city_tells_are_those_of_its_departures(tmp_path: Path) -> None:
    addresses = {"url_trip_updates": "http://city/tu.pb", "url_vehicles": "http://city/vp.pb"}
    config = gtfs_rt.config_type.model_validate({"feed": "bus", **addresses})
    messages = {"http://city/tu.pb": trip_updates(SEED, MORNING), "http://city/vp.pb": vehicle_positions(SEED, MORNING)}
    batches = [gtfs_rt.normalise(Document(url, told, MORNING), config) for url, told in messages.items()]

    def stands_still(directory: Path) -> HubPlan:
        plan = without_broker(directory)
        return HubPlan(plan.data, bus=plan.bus, clock=Clock(MORNING, _HUGE_SPEED, 0.0))

    async with running_hub(tmp_path, stands_still) as hub:
        await bring_dataset(hub, "bus", TIMETABLE, _timetable())
        await hub.put(row.entity for batch in batches for row in batch.rows)
        app = create_app(Plan(hub.city(), {}))
        transport = httpx.ASGITransport(app)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://t") as http,
        ):
            async with asyncio.timeout(20):
                while (await http.get("/health")).json()["status"] != "ok":
                    await asyncio.sleep(0.05)
            answer = (await http.get("/departures", params={"stop": "雪野駅前", "hours": 1, "limit": 100})).json()
    (board,) = answer["boards"]
    live = [one for one in board["departures"] if one["basis"] == "live" and one["status"] == "running"]
    said = _foretold(messages["http://city/tu.pb"])
    assert len(live) > 10
    for one in live:
        expected = int(datetime.fromisoformat(one["expectedAt"]).timestamp())
        assert said[one["tripId"], one["platform"]["id"].split(":")[-1]] == expected
    assert any(one["delaySeconds"] >= 120 for one in live), "in the snow, buses are late"
    assert any(one["vehicle"] for one in live)


def _foretold(message: bytes) -> dict[tuple[str, str], int]:
    """Departures at the stops from which they are told: trip, stop -> instant."""
    feed = gtfs_realtime_pb2.FeedMessage.FromString(message)
    return {
        (entity.trip_update.trip.trip_id, stop.stop_id): stop.departure.time
        for entity in feed.entity
        for stop in entity.trip_update.stop_time_update
        if stop.HasField("departure")
    }
