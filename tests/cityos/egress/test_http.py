"""The outgoing door: limits hold, redirects are trusted no further than the host, and failures are sentences."""

from __future__ import annotations

import gzip
import socket
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from cityos.egress.http import Egress, FetchFailed, FetchRefused
from tests.cityos.egress.serving import answer, serve


@pytest.fixture
async def egress() -> AsyncIterator[Egress]:
    opened = Egress(deadline_s=0.5, largest=10_000)
    yield opened
    await opened.close()


async def test_a_document_comes_with_what_the_server_says_of_it(egress: Egress) -> None:
    modified = "Thu, 15 Jan 2026 08:00:00 GMT"
    async with serve(answer(200, b"a,b", Content_Type="text/csv", ETag='"1"', Last_Modified=modified)) as server:
        got = await egress.get(server.url, {"X-Key": "k"})
    assert (got.content, got.media_type, got.etag, got.last_modified) == (b"a,b", "text/csv", '"1"', modified)
    assert got.modified_at == datetime(2026, 1, 15, 8, tzinfo=UTC)
    assert b"x-key: k" in server.asked[0].lower()
    assert b"user-agent: cityos" in server.asked[0].lower()


async def test_nothing_new_has_no_content(egress: Egress) -> None:
    async with serve(answer(304)) as server:
        assert (await egress.get(server.url, {"If-None-Match": '"1"'})).content is None


@pytest.mark.parametrize("text", ["yesterday", "Thu, 99 Jan 2026 08:00:00 GMT", ""])
async def test_a_date_that_is_none_is_no_date(egress: Egress, text: str) -> None:
    async with serve(answer(200, b"a", Last_Modified=text)) as server:
        assert (await egress.get(server.url, {})).modified_at is None


@pytest.mark.parametrize("status", [401, 403, 404, 410, 451])
async def test_a_refusal_is_not_worth_another_try(egress: Egress, status: int) -> None:
    async with serve(answer(status)) as server:
        with pytest.raises(FetchRefused, match=f"/data/a.csv answers {status}"):
            await egress.get(f"{server.url}?key=secret", {})


@pytest.mark.parametrize("status", [204, 300, 302, 400, 429, 500, 503])
async def test_a_failure_is_worth_another_try(egress: Egress, status: int) -> None:
    async with serve(answer(status)) as server:
        with pytest.raises(FetchFailed, match=f"answers {status}"):
            await egress.get(server.url, {})


async def test_a_redirect_within_the_host_is_followed(egress: Egress) -> None:
    async with serve(answer(302, Location="/elsewhere"), answer(200, b"there")) as server:
        assert (await egress.get(server.url, {})).content == b"there"
    assert server.asked[1].startswith(b"GET /elsewhere ")


@pytest.mark.parametrize(
    "target",
    [
        "http://localhost/x",
        "http://169.254.169.254/latest",
        "file:///etc/passwd",
        "//other.example/x",
        "ftp://127.0.0.1/",
    ],
)
async def test_a_redirect_elsewhere_is_refused(egress: Egress, target: str) -> None:
    async with serve(answer(302, Location=target)) as server:
        with pytest.raises(FetchRefused, match="redirects to"):
            await egress.get(server.url, {})


@pytest.mark.parametrize("target", ["http://127.0.0.1:99999/", "http://[", "http://127.0.0.1:x/"])
async def test_a_redirect_to_nowhere_is_a_refusal_not_a_crash(egress: Egress, target: str) -> None:
    async with serve(answer(302, Location=target)) as server:
        with pytest.raises((FetchRefused, FetchFailed)):
            await egress.get(server.url, {})


async def test_redirects_in_a_circle_end(egress: Egress) -> None:
    async with serve(answer(302, Location="/again")) as server:
        with pytest.raises(FetchFailed, match="redirects more than 5 times"):
            await egress.get(server.url, {})
    assert len(server.asked) == 6


async def test_a_document_beyond_the_limit_is_dropped_also_when_it_hides_in_compression(egress: Egress) -> None:
    bomb = gzip.compress(b"0" * 1_000_000)
    assert len(bomb) < 10_000
    async with serve(answer(200, b"x" * 10_001), answer(200, bomb, Content_Encoding="gzip")) as server:
        for _ in range(2):
            with pytest.raises(FetchFailed, match="larger than 10000 bytes"):
                await egress.get(server.url, {})


async def test_a_trickle_is_cut_at_the_deadline(egress: Egress) -> None:
    async with serve(answer(200, b"x" * 5_000), trickle_s=0.01) as server:
        with pytest.raises(FetchFailed, match=r"did not answer whole within 0\.5 s"):
            await egress.get(server.url, {})


async def test_a_server_that_breaks_off_is_a_failure(egress: Egress) -> None:
    async with serve(answer(200, b"x" * 100)[:-50], b"nonsense\r\n\r\n", b"") as server:
        for _ in range(3):
            with pytest.raises(FetchFailed, match="cannot be reached"):
                await egress.get(server.url, {})


async def test_a_closed_port_is_a_failure(egress: Egress) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.raises(FetchFailed, match=f"127.0.0.1:{port}/x cannot be reached"):
        await egress.get(f"http://127.0.0.1:{port}/x", {})


@pytest.mark.parametrize("url", ["http://[", "http://a:x/", "nonsense", "file:///etc/passwd", ""])
async def test_what_is_no_address_is_told(egress: Egress, url: str) -> None:
    with pytest.raises((FetchRefused, FetchFailed)):
        await egress.get(url, {})
