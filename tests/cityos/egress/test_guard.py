"""The guard: nothing inside the house is reached by an address that a stranger named."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
from collections.abc import AsyncIterator

import pytest

from cityos.egress.guard import ENDPOINT_SCHEMES, AddressRefused, Guard
from cityos.egress.http import Egress, FetchFailed, FetchRefused
from tests.cityos.egress.serving import answer, serve

LOOPBACK = ipaddress.ip_network("127.0.0.0/8")


@pytest.fixture
async def strict() -> AsyncIterator[Egress]:
    opened = Egress()
    yield opened
    await opened.close()


@pytest.fixture
async def open_to_loopback() -> AsyncIterator[Egress]:
    opened = Egress(guard=Guard([LOOPBACK]))
    yield opened
    await opened.close()


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "[::1]",
        "[::]",
        "[fe80::1]",
        "[fec0::1]",
        "[fe80::1%25eth0]",
        "[fc00::1]",
        "[ff02::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:a00:1]",
        "[2002:7f00:1::]",
        "[64:ff9b::7f00:1]",
        "[2001:0:0:0:0:0:80ff:fffe]",
    ],
)
async def test_what_is_not_public_is_refused_and_the_setting_is_named(strict: Egress, host: str) -> None:
    with pytest.raises(AddressRefused, match="CITYOS_EGRESS_ALLOW"):
        strict.guard.check_address(f"http://{host}:8080/x")
    with pytest.raises(FetchRefused, match="CITYOS_EGRESS_ALLOW"):
        await strict.get_guarded(f"http://{host}:8080/x")


@pytest.mark.parametrize("host", ["8.8.8.8", "[2001:4860:4860::8888]", "example.org", "[64:ff9b::808:808]"])
def test_public_addresses_and_names_may_be_taken_down(host: str) -> None:
    Guard().check_address(f"https://{host}/x")


@pytest.mark.parametrize(
    "address", ["file:///etc/passwd", "ftp://a.example/", "//a.example/", "http://", "x", "", "a:b"]
)
def test_other_schemes_are_refused(address: str) -> None:
    with pytest.raises(AddressRefused, match="is not an address of http, https"):
        Guard().check_address(address)


@pytest.mark.parametrize("address", ["http://a:x/", "http://[", "http://a.example:99999/"])
async def test_what_is_no_address_is_told(strict: Egress, address: str) -> None:
    with pytest.raises(AddressRefused, match="is not an address"):
        strict.guard.check_address(address)
    with pytest.raises(FetchRefused, match="is not asked"):
        await strict.get_guarded(address)


def test_endpoints_may_be_mqtt() -> None:
    Guard().check_address("mqtts://broker.example:8883/topic", ENDPOINT_SCHEMES)
    with pytest.raises(AddressRefused):
        Guard().check_address("mqtt://127.0.0.1/topic", ENDPOINT_SCHEMES)


@pytest.mark.parametrize("host", ["localhost", "127.1", "2130706433", "0x7f.1"])
async def test_names_are_judged_by_what_they_resolve_to(strict: Egress, host: str) -> None:
    async with serve(answer(200, b"secret")) as server:
        with pytest.raises(FetchRefused, match="CITYOS_EGRESS_ALLOW"):
            await strict.get_guarded(server.url.replace("127.0.0.1", host))
    assert server.asked == []


async def test_the_address_that_was_checked_is_the_one_connected_to() -> None:
    """A name server that answers differently the second time changes nothing: it is not asked twice."""
    asked: list[str] = []

    class Rebinding(Guard):
        async def resolve(self, host: str, port: int) -> list[str]:
            asked.append(host)
            return self._check(host, [ipaddress.ip_address("127.0.0.1" if len(asked) == 1 else "127.0.0.2")])

    egress = Egress(guard=Rebinding([LOOPBACK]))
    async with serve(answer(200, b"there")) as server:
        got = await egress.get_guarded(server.url.replace("127.0.0.1", "rebinding.example"))
    await egress.close()
    assert (got.content, asked) == (b"there", ["rebinding.example"])
    assert b"host: rebinding.example:" in server.asked[0].lower()


async def test_a_network_that_is_allowed_is_reached(open_to_loopback: Egress) -> None:
    async with serve(answer(200, b"there", Content_Type="application/json")) as server:
        got = await open_to_loopback.get_guarded(server.url, {"Accept": "application/ld+json"})
    assert (got.content, got.media_type) == (b"there", "application/json")
    assert b"accept: application/ld+json" in server.asked[0].lower()


async def test_mapped_addresses_of_an_allowed_network_are_reached() -> None:
    assert await Guard([LOOPBACK]).resolve("::ffff:127.0.0.1", 80) == ["::ffff:7f00:1"]


async def test_redirects_are_checked_anew(open_to_loopback: Egress) -> None:
    async with serve(answer(302, Location="http://10.0.0.1/secret")) as server:
        with pytest.raises(FetchRefused, match=r"10\.0\.0\.1.*CITYOS_EGRESS_ALLOW"):
            await open_to_loopback.get_guarded(server.url)
    async with serve(answer(302, Location="file:///etc/passwd")) as server:
        with pytest.raises(FetchRefused, match="is not an address of http"):
            await open_to_loopback.get_guarded(server.url)
    async with serve(answer(302, Location="/there"), answer(200, b"there")) as server:
        assert (await open_to_loopback.get_guarded(server.url)).content == b"there"
    async with serve(answer(302, Location="/again")) as server:
        with pytest.raises(FetchFailed, match="redirects more than 5 times"):
            await open_to_loopback.get_guarded(server.url)


async def test_size_and_time_are_limited(open_to_loopback: Egress) -> None:
    async with serve(answer(200, b"x" * 1_001)) as server:
        with pytest.raises(FetchFailed, match="larger than 1000 bytes"):
            await open_to_loopback.get_guarded(server.url, largest=1_000)
    async with serve(answer(200, b"x" * 1_000), trickle_s=0.01) as server:
        with pytest.raises(FetchFailed, match=r"within 0\.3 s"):
            await open_to_loopback.get_guarded(server.url, deadline_s=0.3)
        with pytest.raises(FetchFailed, match=r"within 0\.3 s"):
            await open_to_loopback.post_guarded(server.url, b"{}", {}, deadline_s=0.3)


async def test_a_notification_is_sent_and_the_status_returned(open_to_loopback: Egress) -> None:
    async with serve(answer(204), answer(500), answer(302, Location="/there"), answer(200, b"x" * 100_000)) as server:
        for status in (204, 500, 302, 200):
            sent = await open_to_loopback.post_guarded(server.url, b'{"a":1}', {"Content-Type": "application/json"})
            assert sent == status
    assert all(head.startswith(b"POST /data/a.csv") for head in server.asked)
    assert b"content-type: application/json" in server.asked[0].lower()


async def test_connections_are_kept_for_the_next_notification() -> None:
    connections = 0
    ended = asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        with contextlib.suppress(asyncio.IncompleteReadError):
            while True:
                await reader.readuntil(b"\r\n\r\n{}")
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        writer.close()
        ended.set()

    listening = await asyncio.start_server(talk, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    egress = Egress(guard=Guard([LOOPBACK]))
    for _ in range(3):
        assert await egress.post_guarded(f"http://127.0.0.1:{port}/", b"{}", {}) == 200
    await egress.close()
    await ended.wait()
    listening.close()
    assert connections == 1


async def test_a_notification_does_not_reach_the_house(strict: Egress) -> None:
    async with serve(answer(204)) as server:
        with pytest.raises(FetchRefused, match="CITYOS_EGRESS_ALLOW"):
            await strict.post_guarded(server.url, b"{}", {})
    assert server.asked == []


async def test_nobody_there_is_a_failure(open_to_loopback: Egress) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.raises(FetchFailed, match="cannot be reached"):
        await open_to_loopback.post_guarded(f"http://127.0.0.1:{port}/", b"{}", {})
    with pytest.raises(FetchFailed, match=r"no-such-host\.invalid is not found"):
        await open_to_loopback.get_guarded("http://no-such-host.invalid/")
