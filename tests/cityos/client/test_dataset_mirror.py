"""A mirror of datasets over the real hub: the newest version, the last one while there is no newer, none that ended."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from cityos.client import DatasetMirror, Mirror, Shelf
from cityos.vocabulary.dataset import DATASET, DatasetNews
from tests.cityos.client.running_hub import RunningHub, running_hub, until
from tests.services.dataset import bring_dataset


def _text(_: DatasetNews, content: bytes) -> str:
    return content.decode("ascii")


@asynccontextmanager
async def _mirror(hub: RunningHub, folder: Path | None = None) -> AsyncIterator[DatasetMirror[str]]:
    shelf = None if folder is None else Shelf(folder)
    async with hub.city() as city, Mirror(city, DATASET) as mirror:
        datasets = DatasetMirror(city, mirror, "roadGraph", _text, shelf, lambda feed: feed != "unwanted")
        async with datasets:
            yield datasets


def _held(datasets: DatasetMirror[str]) -> dict[str, str]:
    return {feed: one.content for feed, one in datasets.held.items()}


async def test_the_newest_version_of_each_wanted_feed_is_held(tmp_path: Path) -> None:
    async with running_hub(tmp_path) as hub, _mirror(hub) as datasets:
        await bring_dataset(hub, "a", "roadGraph", b"one")
        await bring_dataset(hub, "b", "roadGraph", b"two")
        await bring_dataset(hub, "c", "timetable", b"other kind")
        await bring_dataset(hub, "unwanted", "roadGraph", b"no")
        await until(lambda: _held(datasets) == {"a": "one", "b": "two"})
        await bring_dataset(hub, "a", "roadGraph", b"newer")
        await until(lambda: _held(datasets) == {"a": "newer", "b": "two"})
        assert not datasets.troubles


async def test_a_version_that_cannot_be_read_leaves_the_one_before_until_the_next(tmp_path: Path) -> None:
    async with running_hub(tmp_path) as hub, _mirror(hub, tmp_path / "kept") as datasets:
        await bring_dataset(hub, "a", "roadGraph", b"one")
        await until(lambda: _held(datasets) == {"a": "one"})
        await bring_dataset(hub, "a", "roadGraph", b"\xff")
        await until(lambda: "a" in datasets.troubles)
        assert _held(datasets) == {"a": "one"}
        assert [content for _, content in Shelf(tmp_path / "kept").list()] == [b"one"]
        await bring_dataset(hub, "a", "roadGraph", b"three")
        await until(lambda: _held(datasets) == {"a": "three"})
        assert not datasets.troubles


async def test_what_the_hub_no_longer_announces_is_dropped_and_what_it_cannot_be_asked_for_stays(
    tmp_path: Path,
) -> None:
    async with running_hub(tmp_path / "hub") as hub, _mirror(hub, tmp_path / "kept") as datasets:
        for feed in ("a", "b"):
            await bring_dataset(hub, feed, "roadGraph", feed.encode())
        await until(lambda: len(_held(datasets)) == 2)
        await hub.remove("urn:ngsi-ld:Dataset:hub:a:roadGraph")
        await until(lambda: _held(datasets) == {"b": "b"})
    async with _mirror(RunningHub(tmp_path / "none"), tmp_path / "kept") as alone:
        assert _held(alone) == {"b": "b"}


async def test_an_entity_that_only_calls_itself_a_dataset_is_told_and_harms_nothing(tmp_path: Path) -> None:
    async with running_hub(tmp_path) as hub, _mirror(hub) as datasets:
        lie = DatasetNews("lie", "roadGraph", "0" * 16, "x", 1, "0" * 64, "", "")
        await hub.put([lie.to_entity()])
        await bring_dataset(hub, "a", "roadGraph", b"one")
        await until(lambda: _held(datasets) == {"a": "one"})
        await until(lambda: "lie" in datasets.troubles)
