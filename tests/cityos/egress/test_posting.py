"""Posting to addresses that came through the API: connections kept, limits, the guard."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import AsyncIterator

import pytest

from cityos.egress.guard import Guard
from cityos.egress.http import FetchFailed, FetchRefused
from cityos.egress.posting import Poster
from tests.cityos.egress.serving import answer, serve
from tests.cityos.notify.receiving import endpoint
from tests.processes import free_port

LOOPBACK = Guard([ipaddress.ip_network("127.0.0.0/8")])


@pytest.fixture
async def poster() -> AsyncIterator[Poster]:
    made = Poster(LOOPBACK)
    yield made
    await made.close()


async def post(poster: Poster, url: str, *headers: tuple[str, str], deadline_s: float = 5.0) -> int:
    return await poster.post(url, b"{}", headers, deadline_s=deadline_s)


async def test_a_connection_is_used_again(poster: Poster) -> None:
    async with endpoint() as there:
        for _ in range(5):
            assert await post(poster, there.url, ("X-Key", "雪")) == 200
        assert (len(there.heard), there.connections) == (5, 1)
        assert there.headers[0]["x-key"] == "雪"
        assert there.headers[0]["host"] == there.url.split("/")[2]


async def test_a_connection_that_was_closed_meanwhile_costs_no_notification(poster: Poster) -> None:
    port = free_port()
    async with endpoint(port) as there:
        await post(poster, there.url)
    async with endpoint(port) as there:
        assert await post(poster, there.url) == 200
        assert len(there.heard) == 1


@pytest.mark.parametrize("status", [204, 301, 404, 500])
async def test_whatever_status_comes_is_told(poster: Poster, status: int) -> None:
    async with serve(answer(status, b"", Location="http://127.0.0.1/")) as server:
        assert await post(poster, server.url) == status
        assert len(server.asked) == 1, "no redirect is followed"


async def test_chunked_answers_and_those_that_end_with_the_connection_are_read(poster: Poster) -> None:
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"
    until_closed = b"HTTP/1.0 200 OK\r\nServer: old\r\n\r\nok"
    async with serve(chunked, until_closed) as server:
        assert await post(poster, server.url) == 200
    async with serve(until_closed) as server:
        assert await post(poster, server.url) == 200
        assert await post(poster, server.url) == 200


async def test_a_long_answer_is_broken_off(poster: Poster) -> None:
    async with serve(answer(200, b"x" * 1_000_000)) as server:
        assert await post(poster, server.url) == 200


async def test_who_does_not_answer_in_time_fails(poster: Poster) -> None:
    async with endpoint() as there:
        there.mute = True
        with pytest.raises(FetchFailed, match="did not answer within"):
            await post(poster, there.url, deadline_s=0.1)


async def test_nobody_there_fails(poster: Poster) -> None:
    with pytest.raises(FetchFailed, match="cannot be reached"):
        await post(poster, f"http://user:secret@127.0.0.1:{free_port()}/x?key=secret")


async def test_no_failure_tells_a_secret(poster: Poster) -> None:
    with pytest.raises(FetchFailed) as failure:
        await post(poster, f"http://user:secret@127.0.0.1:{free_port()}/x?key=secret")
    assert "secret" not in str(failure.value)


async def test_what_is_no_http_fails(poster: Poster) -> None:
    async with serve(b"SSH-2.0-OpenSSH_9\r\n") as server:
        with pytest.raises(FetchFailed):
            await post(poster, server.url)


async def test_inner_addresses_are_refused_naming_the_setting() -> None:
    for url in ("http://127.0.0.1/", "http://localhost/", "http://169.254.169.254/latest", "http://[::1]/"):
        with pytest.raises(FetchRefused, match="CITYOS_EGRESS_ALLOW"):
            await post(Poster(Guard()), url)


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/", "http://", "http://127.0.0.1:port/", "http://[::1/"])
async def test_what_is_no_address_is_refused(poster: Poster, url: str) -> None:
    with pytest.raises(FetchRefused):
        await post(poster, url)


async def test_not_more_connections_than_allowed() -> None:
    poster = Poster(LOOPBACK, connections=2)
    async with endpoint() as there:
        await asyncio.gather(*(post(poster, there.url) for _ in range(10)))
        assert there.connections <= 2
    await poster.close()


async def test_an_idle_connection_is_let_go() -> None:
    poster = Poster(LOOPBACK, idle_s=0.05)
    async with endpoint() as there:
        await post(poster, there.url)
        await asyncio.sleep(0.15)
        await post(poster, there.url)
        assert there.connections == 2
    await poster.close()


def test_it_runs_on_the_loop_that_serves() -> None:
    """uvloop, whose transports are none of asyncio's classes."""
    uvloop = pytest.importorskip("uvloop")

    async def run() -> int:
        poster = Poster(LOOPBACK)
        async with endpoint() as there:
            status = await post(poster, there.url)
        await poster.close()
        return status

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(run()) == 200
