from __future__ import annotations

import logging
from datetime import timedelta
from pathlib import Path

import pytest

from cityos.bus.memory import MemoryBus
from cityos.client import City, Mirror
from cityos.client.health import feed_of, feeds_from_json
from cityos.clock import REAL, Clock
from cityos.hub import Plan
from cityos.ngsi.instant import parse_instant
from cityos.settings import Settings
from cityos.vocabulary.attribute import get_text
from cityos.vocabulary.snow import SNOW_REMOVAL_ZONE
from tests.cityos.client.running_hub import RunningHub, running_hub, until, zone


async def test_a_mirror_starts_without_the_hub_and_catches_up(tmp_path: Path) -> None:
    hub = RunningHub(tmp_path)
    async with hub.city() as city, Mirror(city, SNOW_REMOVAL_ZONE) as mirror:
        await until(lambda: "not reachable" in (mirror.trouble or ""))
        assert (mirror.ready, mirror.synced, mirror.age_s, dict(mirror.entities)) == (False, False, None, {})
        await hub.start()
        try:
            await hub.put([zone("A-1")])
            await until(lambda: mirror.synced and zone("A-1").id in mirror.entities)
        finally:
            await hub.stop()


async def test_the_last_good_state_stays_with_its_age_when_the_hub_dies(
    hub: RunningHub, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "cityos.client")
    await hub.put([zone("A-1"), zone("A-2")])
    async with hub.city() as city, Mirror(city, SNOW_REMOVAL_ZONE) as mirror:
        await mirror.wait_ready()
        await hub.stop()
        await until(lambda: not mirror.synced)
        assert set(mirror.entities) == {zone("A-1").id, zone("A-2").id}
        await until(lambda: (mirror.age_s or 0) > 0.5)
        await hub.start()
        await hub.put([zone("A-1", "現場確認中")])
        await hub.remove(zone("A-2").id)
        await until(lambda: mirror.synced and len(mirror.entities) == 1)
        assert get_text(mirror.entities[zone("A-1").id], "claim") == "現場確認中"
    told = [record.message for record in caplog.records if record.name == "cityos.client"]
    assert len(told) == 2, "the log tells once that the hub went and once that it came back"


async def test_a_refusal_is_told_as_trouble_and_ends_nothing(tmp_path: Path) -> None:
    def locked(directory: Path) -> Plan:
        return Plan(directory, Settings(api_key="a key of some length"), bus=MemoryBus())

    async with (
        running_hub(tmp_path, locked) as hub,
        City(hub.url, tenant="yukino-internal") as city,
        Mirror(city, SNOW_REMOVAL_ZONE) as mirror,
    ):
        await until(lambda: "401" in (mirror.trouble or ""))
        assert not mirror.ready


async def test_the_mirrors_clock_is_the_citys(tmp_path: Path) -> None:
    recorded = Clock(parse_instant("2026-01-15T08:00:00Z"), 1.0, REAL.now().timestamp())
    async with (
        running_hub(tmp_path, lambda directory: Plan(directory, clock=recorded, bus=MemoryBus())) as hub,
        hub.city() as city,
        Mirror(city, SNOW_REMOVAL_ZONE) as mirror,
    ):
        await mirror.wait_ready()
        await until(lambda: abs(mirror.clock.now() - recorded.now()) < timedelta(seconds=1))


def test_feeds_are_read_with_the_instant_their_data_holds_for() -> None:
    row: dict[str, object] = {
        "name": "snow_removal",
        "title": "除雪",
        "state": "late",
        "stateLabel": {"ja": "更新遅れ", "en": "late"},
        "ageSeconds": 5400,
        "dataAt": "2026-01-15T06:00:00Z",
        "lastSuccessAt": None,
        "telephone": "017-700-0000",
    }
    (feed,) = feeds_from_json({"now": "2026-01-15T08:00:00Z", "feeds": [row]})  # type: ignore[list-item]
    assert feed.as_of == parse_instant("2026-01-15T06:30:00Z")
    assert (feed.state_ja, feed.telephone, feed.last_success_at, feed.owner) == ("更新遅れ", "017-700-0000", None, "")


def test_the_feed_of_an_entity_is_in_its_id() -> None:
    assert feed_of(zone("A:1").id) == "snow_removal"
    assert feed_of("https://example.org/1") is None
