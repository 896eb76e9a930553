"""What a connector is handed: live documents with validators, and recordings on their own clock."""

from __future__ import annotations

import time
from datetime import timedelta
from pathlib import Path

import pytest

from cityos.clock import Clock
from cityos.connector import Request, SourceRefused, SourceUnavailable
from cityos.egress.http import Egress
from cityos.ingest.archive import Archive
from cityos.ingest.fetching import LiveFetcher, RecordedFetcher, Recording, name_of
from tests.cityos.egress.serving import answer, serve
from tests.fakes import START

URL = "http://source.example/a.csv"


def _clock(minutes: float) -> Clock:
    return Clock(START + timedelta(minutes=minutes), 0.001, time.time())


async def test_an_unchanged_document_is_read_from_the_archive(tmp_path: Path) -> None:
    archive, egress = Archive(tmp_path), Egress()
    first = answer(200, b"1,a", ETag='"v1"', Content_Type="text/csv")
    async with serve(first, answer(304), answer(304)) as server:
        fetcher = LiveFetcher(egress, _clock(0), archive.get)
        one = await fetcher.get(Request(server.url))
        archive.keep(one.digest, one.content)
        again = await fetcher.get(Request(server.url))
        third = await fetcher.get(Request(server.url))
    assert (again.content, again.media_type, third.content) == (b"1,a", "text/csv", b"1,a")
    assert b"if-none-match" not in server.asked[0].lower()
    assert b'if-none-match: "v1"' in server.asked[1].lower()
    await egress.close()


async def test_an_unchanged_document_that_is_lost_is_asked_for_anew(tmp_path: Path) -> None:
    egress = Egress()
    async with serve(answer(200, b"1,a", ETag='"v1"'), answer(304), answer(200, b"1,a")) as server:
        fetcher = LiveFetcher(egress, _clock(0), Archive(tmp_path).get)
        await fetcher.get(Request(server.url))
        assert (await fetcher.get(Request(server.url))).content == b"1,a", "asked anew at once, not a failure"
    assert b"if-none-match" not in server.asked[2].lower()
    await egress.close()


async def test_a_304_that_was_not_allowed_is_the_sources_fault(tmp_path: Path) -> None:
    egress = Egress()
    async with serve(answer(304)) as server:
        with pytest.raises(SourceUnavailable, match="304"):
            await LiveFetcher(egress, _clock(0), Archive(tmp_path).get).get(Request(server.url))
    await egress.close()


async def test_failures_are_told_as_what_the_runner_must_do(tmp_path: Path) -> None:
    egress = Egress()
    async with serve(answer(500), answer(403)) as server:
        fetcher = LiveFetcher(egress, _clock(0), Archive(tmp_path).get)
        with pytest.raises(SourceUnavailable, match="answers 500"):
            await fetcher.get(Request(f"{server.url}?key=secret"))
        with pytest.raises(SourceRefused, match="answers 403") as told:
            await fetcher.get(Request(f"{server.url}?key=secret"))
    assert "secret" not in str(told.value)
    await egress.close()


@pytest.mark.parametrize(
    ("url", "name"),
    [("http://a/b/c/d.csv?x=1", "c/d.csv?1f206b"), ("http://a/d.csv", "d.csv"), ("http://a/", "a"), ("http://a", "a")],
)
def test_a_document_is_called_by_the_end_of_its_address(url: str, name: str) -> None:
    assert name_of(url) == name


def _recording(directory: Path, minutes: float, content: str, **more: str) -> Recording:
    path = directory / f"{minutes}.csv"
    path.write_text(content, "utf-8")
    return Recording(URL, START + timedelta(minutes=minutes), path, **more)  # type: ignore[arg-type]


async def test_the_newest_recording_that_is_not_later_is_played(tmp_path: Path) -> None:
    recordings = [_recording(tmp_path, minutes, str(minutes)) for minutes in (10, 0, 20)]
    for now, content in ((0, b"0"), (9, b"0"), (10, b"10"), (99, b"20")):
        fetched = await RecordedFetcher(recordings, _clock(now)).get(Request(URL))
        assert fetched.content == content
    with pytest.raises(SourceUnavailable, match="no recording yet"):
        await RecordedFetcher(recordings, _clock(-1)).get(Request(URL))
    with pytest.raises(SourceUnavailable):
        await RecordedFetcher(recordings, _clock(0)).get(Request("http://other/"))


async def test_a_growing_recording_shows_no_row_of_the_future(tmp_path: Path) -> None:
    rows = "dt,n\n2026-01-15T17:00:00,1\n?,2\n2026-01-15T17:10:00,3\n2026-01-15T17:20:00,4\n"
    recording = _recording(tmp_path, 0, rows, grows_by="dt")
    fetched = await RecordedFetcher([recording], _clock(10.1)).get(Request(URL))
    assert fetched.content.decode().split() == ["dt,n", "2026-01-15T17:00:00,1", "?,2", "2026-01-15T17:10:00,3"]


async def test_a_recording_that_is_gone_is_unavailable(tmp_path: Path) -> None:
    recording = Recording(URL, START, tmp_path / "none.csv")
    with pytest.raises(SourceUnavailable, match="cannot be read"):
        await RecordedFetcher([recording], _clock(0)).get(Request(URL))
