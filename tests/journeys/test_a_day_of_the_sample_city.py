"""The sample city's snowy day, played fast: followers miss nothing, and the operator is told of every fault, once.

`CITYOS_DAY_SPEED=60` plays the whole day as `make run` does, in 24 minutes; without it, the hours with faults fast.
"""

from __future__ import annotations

import asyncio
import os
import re
import tomllib
from collections.abc import Iterator
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from cityos.client import OLDEST, Change, City, Resync
from cityos.ngsi.instant import parse_instant
from tests.journeys.feed import changes_after, entities_of
from tests.processes import Family, Started, free_port, wait_until

SPEED = float(os.environ.get("CITYOS_DAY_SPEED", "1000"))
BEGINS = datetime.fromisoformat("2026-01-15T05:00:00+09:00")
# All faults lie between 07:00 and 23:30; what is played fast ends when the last can have been noticed.
LASTS = timedelta(hours=23.9) if SPEED <= 120 else timedelta(hours=19.5)
# Played very fast, sources are asked every 15 minutes instead of 5, and what is published meanwhile is late.
GOOD = {"fresh"} if SPEED <= 120 else {"fresh", "late"}
_NOTICED = timedelta(hours=1)  # after a fault begins or ends: the slowest poll, and the machine's own time played fast
_LOOK_S = 0.5
_WELL_S = 15.0  # real seconds in which a busy machine gets through all feeds
_SOURCE = re.compile(r"/(?:snow|people|gtfs-rt)/\S+")  # an address may begin with a variable of the environment
_CITY = Path(__file__).parents[2] / "cities" / "sample.toml"

# What a fault is told as. A frozen source answers well, so only the age of what it says can tell.
_CODES = {
    ("truncated", ".geojson"): "source_changed",
    ("truncated", ".csv"): "document_cut",
    ("html_page", ".csv"): "source_changed",
    ("cp932", ".csv"): "encoding_not_utf8",
    ("outage", ".geojson"): "source_unavailable",
    ("header_renamed", ".csv"): "source_changed",
    ("format_change", ".csv"): "columns_beyond_header",
    ("full_width_digits", ".csv"): "full_width_digits",
    ("unknown_status", ".csv"): "unknown_status",
    ("unknown_status", ".geojson"): "unknown_status",
    ("unknown_trip", ".pb"): "reference_unknown",
    ("null_island", ".pb"): "position_outside",
    ("zero_bytes", ".pb"): "source_changed",
    ("html_page", ".pb"): "source_changed",
}
# It is the first bus of a message that goes wrong, and in an hour that is one bus after the other: one notice each.
_ONE_EACH = {"reference_unknown", "position_outside"}
# What the sample city keeps from reality on any day: a hamlet with a date but no order, repeated days, days of zeros.
_USUAL = {"order_contradiction", "duplicate_count", "suspect_outage"}


@dataclass
class _Scene:
    up: Started
    ports: dict[str, int]
    paths: dict[str, str]  # of the sources -> feed
    changes: list[Change] = field(default_factory=list)
    resyncs: list[Resync] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    seen_well: set[str] = field(default_factory=set)

    async def follow(self) -> None:
        async with City(self.up.url) as asking:
            broker_url = (await asking.health()).broker_url
        async with City(self.up.url, broker_url=broker_url) as city, aclosing(city.follow(after=OLDEST)) as told:
            async for item in told:
                if isinstance(item, Change):
                    self.changes.append(item)
                else:
                    self.resyncs.append(item)

    async def look_around(self) -> None:
        """Asks what citizens and operators ask, all the time; no answer is the server's fault."""
        async with httpx.AsyncClient(timeout=10) as http:
            while True:
                for url in self.pages():
                    await self._look_at(url, http)
                await asyncio.sleep(_LOOK_S)

    async def _look_at(self, url: str, http: httpx.AsyncClient) -> None:
        try:
            status = (await http.get(url)).status_code
        except httpx.TransportError as error:
            if url in self.seen_well:
                self.faults.append(f"{error!r} {url}")
            return
        if status < 500:
            self.seen_well.add(url)
        elif status != 503 or url in self.seen_well:  # 503: a service that has heard nothing yet
            self.faults.append(f"{status} {url}")

    def pages(self) -> Iterator[str]:
        hub, portal, snow = self.up.url, self._service("services.portal"), self._service("services.snow_info")
        yield from (f"{hub}{path}" for path in ("/health", "/feeds", "/changes?after=0&limit=5", "/openapi.json"))
        yield f"{hub}/ngsi-ld/v1/entities?type=SnowRemovalZone,CrowdFlowObserved&limit=100"
        yield from (f"{hub}/feeds/{feed}" for feed in self.paths.values())
        yield from (f"{portal}{path}" for path in ("/", "/?lang=en", "/health"))
        yield from (f"{snow}{path}" for path in ("/zones", "/zones.geojson", "/health"))
        transit, rides = self._service("services.transit"), self._service("services.on_demand")
        yield from (f"{transit}{path}" for path in ("/departures?stop=雪野駅前", "/stops?name=駅", "/feeds", "/health"))
        yield from (f"{rides}{path}" for path in ("/meeting-points", "/health"))

    def _service(self, module: str) -> str:
        return f"http://127.0.0.1:{self.ports[module]}"

    def mischief(self) -> list[dict[str, Any]]:
        """What went wrong on purpose, by the sample city's own timetable."""
        told = httpx.get(f"{self._service('services.sample_city')}/mischief", params={"on": f"{BEGINS:%Y-%m-%d}"})
        return list(told.raise_for_status().json())

    def zones_shown(self) -> int:
        """How many zones the snow information shows."""
        told = httpx.get(f"{self._service('services.snow_info')}/zones").raise_for_status().json()
        return len(told["zones"])


def _paths_of(config: dict[str, Any]) -> Iterator[str]:
    """The sources a feed asks, of those that go wrong on purpose."""
    for said in config.values():
        if isinstance(said, str):
            yield from _SOURCE.findall(said)


def _scene(directory: Path) -> _Scene:
    """The sample city's own file, on ports of ours."""
    text, told = _CITY.read_text(), tomllib.loads(_CITY.read_text())
    ports: dict[str, int] = {}
    for process in (*told["sources"], *told["services"]):
        ports[process["module"]] = free_port()
        text = re.sub(rf"\b{process['port']}\b", str(ports[process["module"]]), text)
    if SPEED > 120:
        text = text.replace('poll = "5m"', 'poll = "15m"')
        text = text.replace('stale_after = "10m"', 'stale_after = "40m"\npoll = "10m"').replace('"3m"', '"30m"')
    city = directory / "city.toml"
    city.write_text(text)
    command = ["up", "--city", str(city), "--data", str(directory / "data"), "--speed", str(SPEED)]
    paths = {path: feed["name"] for feed in told["feeds"] for path in _paths_of(feed["config"])}
    return _Scene(Started("cityos", command, directory / "up.log"), ports, paths)


@pytest.mark.journey
async def test_a_day_is_followed_without_a_gap_and_each_fault_is_told_once(tmp_path: Path) -> None:
    scene, family = _scene(tmp_path), Family()
    scene.up.start()
    try:
        await asyncio.to_thread(scene.up.await_ready)
        tasks = [asyncio.create_task(scene.follow()), asyncio.create_task(scene.look_around())]
        await _until_the_day_is_over(scene, tasks)
        family.note(scene.up.family())
        tasks[1].cancel()
        with suppress(asyncio.CancelledError):
            await tasks[1]
        with httpx.Client(base_url=scene.up.url, timeout=30) as http:
            items = await _check_follower(scene, http)
            await asyncio.to_thread(_check_operator, scene, http, items)
            assert scene.zones_shown() == len(list(entities_of(http, "SnowRemovalZone"))) > 30
        tasks[0].cancel()
        assert scene.up.stop() == 0
    finally:
        scene.up.kill()
    assert not scene.faults
    assert scene.seen_well == set(scene.pages())
    assert not re.search(r"^.* E .*$|^Traceback.*$", scene.up.log.read_text(), re.MULTILINE)
    assert wait_until(lambda: not family.alive(), 10), family.alive()


async def _until_the_day_is_over(scene: _Scene, tasks: list[asyncio.Task[None]]) -> None:
    while True:
        for task in tasks:
            if task.done():
                task.result()
        health = await asyncio.to_thread(scene.up.get, "/health")
        assert isinstance(health, dict)
        left = BEGINS + LASTS - parse_instant(health["now"])
        if left <= timedelta():
            return
        await asyncio.sleep(min(5.0, left.total_seconds() / SPEED + 0.1))


async def _check_follower(scene: _Scene, http: httpx.Client) -> list[dict[str, Any]]:
    """It was told every change once, in order."""
    items, head, _ = await asyncio.to_thread(changes_after, http, 0)
    async with asyncio.timeout(15):
        while not scene.changes or scene.changes[-1].cursor.seq < head:
            await asyncio.sleep(0.05)
    told = [(change.cursor.seq, change.event) for change in scene.changes if change.cursor.seq <= head]
    assert told == [(item["seq"], item["event"]) for item in items]
    assert not scene.resyncs
    return items


def _check_operator(scene: _Scene, http: httpx.Client, items: list[dict[str, Any]]) -> None:
    """Each fault is one notice, or one spell in which its feed is stale; nothing else is told; the feeds end well."""
    feeds = {name: http.get(f"/feeds/{name}").raise_for_status().json() for name in scene.paths.values()}
    expected: set[tuple[str, str]] = set()
    faults = [fault for fault in scene.mischief() if fault["path"] in scene.paths]  # others hit no feed of this city
    assert {fault["kind"] for fault in faults} >= {kind for kind, _ in _CODES}
    for fault in faults:
        feed = scene.paths[fault["path"]]
        if fault["kind"] == "freeze":
            _check_stale_once(feed, fault, items)
            continue
        code = _CODES[fault["kind"], Path(fault["path"]).suffix]
        expected.add((feed, code))
        _check_noticed_once(feeds[feed], code, fault)
    told = {(name, notice["code"]) for name, feed in feeds.items() for notice in feed["notices"]}
    assert {(feed, code) for feed, code in told if code not in _USUAL} == expected
    assert wait_until(lambda: not _unwell(http), _WELL_S), _unwell(http)
    lines = re.findall(r" W Feed (\S+): (\w+) at", scene.up.log.read_text())
    lines = [line for line in lines if line[0] in feeds and line[1] not in _USUAL]
    assert sorted({*lines}) == sorted(expected)
    assert not {line for line in lines if lines.count(line) > 1 and line[1] not in _ONE_EACH}


def _unwell(http: httpx.Client) -> dict[str, str]:
    """The feeds that are not well at this moment."""
    feeds = http.get("/feeds").raise_for_status().json()["feeds"]
    return {feed["name"]: feed["state"] for feed in feeds if feed["state"] not in GOOD}


def _check_noticed_once(feed: dict[str, Any], code: str, fault: dict[str, Any]) -> None:
    notices = [notice for notice in feed["notices"] if notice["code"] == code]
    assert len(notices) == 1 or (notices and code in _ONE_EACH), (fault, notices)
    begins, ends = (None if fault[key] is None else datetime.fromisoformat(fault[key]) for key in ("from", "to"))
    assert begins is not None
    for notice in notices:
        first_at = parse_instant(notice["firstAt"])
        assert begins <= first_at <= (begins if ends is None else ends) + _NOTICED, (fault, notice)
        assert notice["open"] == (ends is None), (fault, notice)  # a fault that is over is no longer open


def _check_stale_once(feed: str, fault: dict[str, Any], items: list[dict[str, Any]]) -> None:
    """Stale for one spell, within the fault; what was so before the feed was first read does not count."""
    states = list(_states(feed, items))
    first = next(n for n, (_, state) in enumerate(states) if state not in ("waiting", "stale"))
    spells = [at for at, state in states[first:] if state == "stale"]
    begins, ends = (datetime.fromisoformat(fault[key]) for key in ("from", "to"))
    within = [at for at in spells if begins < at < ends + _NOTICED]
    assert len(within) == 1, states
    if SPEED <= 120:  # played faster, a busy machine itself may be late by more than an hour of the city
        assert spells == within


def _states(feed: str, items: list[dict[str, Any]]) -> Iterator[tuple[datetime, str]]:
    """When a feed's entity came into which state."""
    for item in items:
        if item["types"] == ["Feed"] and item["id"].endswith(f":{feed}"):
            for one in item["changes"]:
                if one["attribute"] == "feedState":
                    yield parse_instant(item["at"]), one["value"]
