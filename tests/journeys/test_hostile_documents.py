"""Every broken feed, every message and the bombs, brought to a running hub: it answers, hardly grows, and goes on."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from tests.connectors.gtfs_jp.reading import texts
from tests.connectors.gtfs_jp.test_bombs import MB, zipped
from tests.processes import HubProcess, wait_until
from tests.shared_data import shared

KEY = "key-of-the-hostile-test"
CITY = """
[city]
name = "yukino"
title = "雪野市"

[[feeds]]
name = "bus"
connector = "gtfs_jp"
pushed = true
config = { url = "none", most_rows = 1000000 }

[[feeds]]
name = "vehicles"
connector = "gtfs_rt"
pushed = true
config = { url = "none" }
"""
# Zips that inflate to much, and what stops each: the bytes really inflated, the rows, or the worker's memory.
BOMBS = {
    "zeros": lambda: zipped({**texts(), "stop_times.txt": b"0" * 300 * MB}),
    "lines": lambda: zipped({**texts(), "shapes.txt": b"shape_id,shape_pt_lat\n" + b"S12,40.0\n" * (45 * MB)}),
    "rows": lambda: zipped(
        {**texts(), "fare_rules.txt": b"fare_id,route_id,origin_id\n" + b"130_00,0012,1\n" * 1_000_001}
    ),
}
MOST_GROWN = 20 * MB


class Watch:
    """The most that was ever resident meanwhile of a hub's own process, and of each of its workers by process id."""

    def __init__(self, hub: HubProcess) -> None:
        (self._process,) = [one for one in hub.family() if one.pid == hub.pid]
        self.before = self._process.memory_info().rss
        self.most = self.before
        self.workers: dict[int, int] = {}
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def _look(self) -> None:
        while not self._is_over.wait(0.01):
            self.most = max(self.most, self._process.memory_info().rss)
            for one in workers_of(self._process):
                with suppress(psutil.NoSuchProcess):
                    self.workers[one.pid] = max(self.workers.get(one.pid, 0), one.memory_info().rss)

    @property
    def grown(self) -> int:
        return self.most - self.before

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join()


def workers_of(hub: psutil.Process) -> list[psutil.Process]:
    found = []
    for one in hub.children(recursive=True):
        try:
            if "cityos.ingest.worker" in one.cmdline():
                found.append(one)
        except psutil.NoSuchProcess:
            continue
    return found


@contextmanager
def running(directory: Path) -> Iterator[tuple[HubProcess, httpx.Client]]:
    (directory / "city.toml").write_text(CITY)
    hub = HubProcess(directory / "data", "--city", str(directory / "city.toml"), "--no-broker")
    hub.start()
    try:
        hub.await_ready()
        with httpx.Client(base_url=hub.url, timeout=120) as client:
            yield hub, client
    finally:
        assert hub.stop() == 0


def bring(client: httpx.Client, feed: str, content: bytes, name: str) -> httpx.Response:
    return client.post(f"/feeds/{feed}/documents", params={"name": name}, content=content)


@pytest.mark.journey
def test_no_file_crashes_anything(tmp_path: Path) -> None:
    feeds = sorted(shared("gtfs/broken").rglob("*.zip"))
    messages = sorted(shared("gtfs/rt").rglob("*.pb"))
    assert len(feeds) >= 49
    assert len(messages) >= 30
    with running(tmp_path) as (hub, client):
        for feed, files in (("bus", feeds), ("vehicles", messages)):
            for file in files:
                answer = bring(client, feed, file.read_bytes(), file.name)
                assert answer.status_code in (200, 422), (file, answer.text)
                assert "cannot be normalised" not in answer.text, (file, answer.text)
        # A sound feed flows afterwards.
        sound = bring(client, "bus", shared("gtfs/ja/aomori-nebutan-20190401.zip").read_bytes(), "sound.zip")
        assert sound.json()["accepted"] == 20 + 10 + 4 + 2
        assert hub.get("/health") is not None
    log = (tmp_path / "data.log").read_text()
    assert "Traceback" not in log


@pytest.mark.journey
@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_costs_the_hub_little_and_its_worker_does_not_stay_large(name: str, tmp_path: Path) -> None:
    bomb = BOMBS[name]()
    with running(tmp_path) as (hub, client):
        bring(client, "bus", shared("gtfs/ja/aomori-nebutan-20190401.zip").read_bytes(), "sound.zip")
        time.sleep(0.5)
        with Watch(hub) as watch:
            answer = bring(client, "bus", bomb, "bomb.zip")
        told: dict[str, Any] = answer.json()
        assert answer.status_code == 422, told
        assert "bomb.zip" in told["detail"]
        assert watch.grown <= MOST_GROWN, f"{watch.grown / MB:.0f} MB for {len(bomb) / MB:.1f} MB"
        process = psutil.Process(hub.pid)
        large = {pid for pid, size in watch.workers.items() if size > 160 * MB}
        assert wait_until(lambda: large.isdisjoint(one.pid for one in workers_of(process)), 5), "a large one is ended"
        assert bring(client, "bus", zipped(texts()), "again.zip").status_code == 200, "the next is read as ever"
