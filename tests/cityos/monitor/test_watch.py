"""The feeds' entities are kept true, and written only when something happened."""

from __future__ import annotations

import logging
from datetime import timedelta
from pathlib import Path

import pytest

from cityos.clock import Clock
from cityos.connector.cadence import Cadence
from cityos.connector.feed import Feed
from cityos.ingest.catalogue import get_connector
from cityos.monitor.health import FeedReport
from cityos.monitor.watch import FeedWatch
from cityos.ngsi.entity import from_bytes
from cityos.store.record import FeedRecord
from cityos.store.store import Store
from cityos.vocabulary.feed import FeedHealth, FeedState
from tests.cityos.store.building import reader_of
from tests.fakes import START, FakeClock


def _row(state: FeedState) -> FeedReport:
    connector = get_connector("people_flow")
    hour = timedelta(hours=1)
    config = connector.config_type(url="http://source.example/a.csv")
    feed = Feed("hiroba", "広場", connector, config, Cadence(hour, every=hour), hour, Clock(START))
    return FeedReport(feed, FeedRecord("hiroba"), state, None, None)


async def test_an_entity_follows_the_feed_and_each_change_is_logged_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = Store(tmp_path, FakeClock().now, lambda iri: "Feed")
    rows = [_row(FeedState.FRESH)]

    async def reports() -> list[FeedReport]:
        return rows

    watch = FeedWatch(store, "yukino", reports)
    with caplog.at_level(logging.INFO):
        for state in (FeedState.FRESH, FeedState.FRESH, FeedState.DEAD, FeedState.DEAD, FeedState.FRESH):
            rows[:] = [_row(state)]
            await watch.look()
    told = [record.getMessage() for record in caplog.records]
    assert told == ["Feed hiroba is dead", "Feed hiroba is fresh"]
    assert reader_of(store).tenants() == {"yukino": 3}
    stored = reader_of(store).find("yukino", "urn:ngsi-ld:Feed:hub:hiroba")
    assert stored is not None
    assert FeedHealth.from_entity(from_bytes(stored.content)).state is FeedState.FRESH
    store.close()
