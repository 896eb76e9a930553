"""The recorded city whole: every feed in good health, each on its own clock, buses of 2019 beside the snow of 2026."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.processes import HubProcess, wait_until
from tests.shared_data import shared

CITY = Path(__file__).parents[2] / "cities" / "recorded.toml"


@pytest.mark.journey
def test_recorded_aomori_comes_up_with_every_feed_in_good_health(tmp_path: Path) -> None:
    recordings = shared("gtfs/rt/aomori-derived").parents[2]
    arguments = ["--city", str(CITY), "--recordings", str(recordings), "--speed", "600", "--no-broker"]
    hub = HubProcess(tmp_path / "data", *arguments, "--at", "2026-02-03T20:40:00+09:00")
    hub.start()
    try:
        hub.await_ready()
        assert wait_until(lambda: set(states(hub).values()) == {"fresh"}, 90), states(hub)
        told: Any = hub.get("/feeds")
        feeds = {feed["name"]: feed for feed in told["feeds"]}
        assert feeds["aomori-bus"]["accepted"] == 823 + 396 + 249 + 2
        assert feeds["aomori-bus-vehicles"]["dataAt"].startswith("2019-06-02T23:0")
        assert feeds["aomori-koku"]["dataAt"].startswith("2026-02-0")
        assert feeds["aomori-bus-vehicles"]["held"] == 0, "every trip is in the timetable"
    finally:
        hub.stop()


def states(hub: HubProcess) -> dict[str, str]:
    told: Any = hub.get("/feeds") or {"feeds": []}
    return {feed["name"]: feed["state"] for feed in told["feeds"]}
