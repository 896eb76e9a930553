"""Payloads that mean harm: refused with 400 or 413 and a problem detail that names the place; nothing of them is kept.

Limits: 1 MB for one entity, 16 MB for a batch, depth 32.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import orjson
import psutil
import pytest

from cityos.ngsi.value import JsonObject
from tests.cityos.api.asking import ENTITIES, UPSERT, assert_problem, path_of, put, zone
from tests.processes import HubProcess

HEAD = b'{"id":"urn:ngsi-ld:Zone:1","type":"Zone",'
JSON = {"Content-Type": "application/json"}


def _nested(depth: int) -> bytes:
    return b"[" * depth + b"1" + b"]" * depth


async def _nothing_is_kept(client: httpx.AsyncClient) -> None:
    assert (await client.get(path_of("1"))).status_code == 404
    assert (await client.get(ENTITIES, params={"type": "Zone", "options": "sysAttrs"})).json() == []


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (b'"depth":1e999', "line 1 column"),
        (b'"depth":NaN', "line 1 column"),
        (b'"depth":-Infinity', "line 1 column"),
        (rb'"name":"\ud83d"', "line 1 column"),
        (rb'"name":"\u0000"', "name contains a NUL"),
        (rb'"na\u0000me":1', "name"),
        (b'"depth":9223372036854775808', "depth is an integer beyond 64 bits"),
        (b'"depth":{"type":"Property","value":1,"observedAt":"0001-01-01T00:00:00+09:00"}', "depth.observedAt"),
        (b'"depth":{"type":"Property","value":1,"observedAt":"0000-01-01T00:00:00Z"}', "depth.observedAt"),
        (b'"depth":{"type":"Property","value":' + _nested(33) + b"}", "nested deeper than 32 levels"),
        (b'"depth":' + _nested(10_000), "line 1 column"),
        (b'"a":{"type":"Property","value":1,' * 40 + b'"b":1' + b"}" * 40, "nested deeper than 32 levels"),
        (b'"location":{"type":"Point","coordinates":[1e308,1e308]}', "location.coordinates"),
        (b'"location":{"type":"Polygon","coordinates":' + _nested(30) + b"}", "location.coordinates"),
    ],
    ids=lambda value: value[:40].decode() if isinstance(value, bytes) else "",
)
@pytest.mark.parametrize("is_batch", [False, True], ids=["one", "batch"])
async def test_what_could_not_be_read_back_is_refused_with_its_place(
    client: httpx.AsyncClient, said: bytes, told: str, is_batch: bool
) -> None:
    body = HEAD + said + b"}"
    answer = await client.post(
        UPSERT if is_batch else ENTITIES, content=b"[" + body + b"]" if is_batch else body, headers=JSON
    )
    if answer.status_code == 207:
        (error,) = answer.json()["errors"]
        assert error["error"]["status"] == 400
        detail = error["error"]["detail"]
    else:
        assert answer.status_code == 400, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        detail = answer.json()["detail"]
    assert told in detail
    await _nothing_is_kept(client)


async def test_several_instances_where_one_is_meant_are_refused(client: httpx.AsyncClient) -> None:
    await put(client, zone("1", depth=1))
    said = [{"type": "Property", "value": 1}, {"type": "Property", "value": 2, "datasetId": "urn:x:1"}]
    for method in ("PATCH", "PUT"):
        answer = await client.request(method, f"{path_of('1')}/attrs/depth", json=said)
        assert_problem(answer, 400, "BadRequestData", "depth is said as 2 instances")


async def test_the_year_one_is_kept_and_read_back(client: httpx.AsyncClient) -> None:
    first: JsonObject = {"type": "Property", "value": 1, "observedAt": "0001-01-01T00:00:00Z"}
    await put(client, zone("1", depth=first))
    assert (await client.get(path_of("1"))).json()["depth"] == first


async def test_a_value_of_32_levels_is_kept_and_read_back(client: httpx.AsyncClient) -> None:
    value = orjson.loads(_nested(31))
    await put(client, zone("1", depth={"type": "Property", "value": value}))
    assert (await client.get(path_of("1"))).json()["depth"]["value"] == value


@pytest.mark.parametrize(
    ("method", "path", "limit"),
    [
        ("POST", ENTITIES, 1_000_000),
        ("PATCH", path_of("1"), 1_000_000),
        ("POST", f"{path_of('1')}/attrs", 1_000_000),
        ("PUT", f"{path_of('1')}/attrs/depth", 1_000_000),
        ("POST", UPSERT, 16_000_000),
        ("POST", "/ngsi-ld/v1/entityOperations/query", 1_000_000),
        ("POST", "/ngsi-ld/v1/subscriptions", 1_000_000),
        ("POST", "/ngsi-ld/v1/jsonldContexts", 1_000_000),
        ("POST", "/ngsi-ld/v1/temporal/entities", 16_000_000),
    ],
)
async def test_a_body_over_the_limit_is_refused_and_told_the_limit(
    client: httpx.AsyncClient, method: str, path: str, limit: int
) -> None:
    answer = await client.request(method, path, content=b" " * (limit + 1), headers=JSON)
    assert_problem(answer, 413, "RequestEntityTooLarge", f"at most {limit}")


async def test_a_body_that_is_larger_than_it_says_is_refused(client: httpx.AsyncClient) -> None:
    async def parts() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b" " * 100_000

    answer = await client.post(ENTITIES, content=parts(), headers={**JSON, "Content-Length": "10"})
    assert_problem(answer, 413, "RequestEntityTooLarge", "more than 1000000 bytes")


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("q", "(" * 10_000 + "a" + ")" * 10_000, "q"),
        ("q", "a" + ";a" * 10_000, "q"),
        ("q", "a." * 10_000 + "a>1", "q"),
        ("q", "a==" + "1," * 10_000 + "1", "q"),
        ("q", 'a~="(?=x)"', "q"),
        ("q", "a~=" + "(" * 2_000, "q"),
        ("q", "a~=(a{1000}){1000}", "q"),
        ("q", "a~=a{0,999}b", "q"),
        ("idPattern", "a{0,999}b", "idPattern"),
        ("q", "a==9223372036854775808000", ""),
        ("idPattern", "(?=x)", "idPattern"),
        ("idPattern", r"(a)\1", "idPattern"),
        ("idPattern", "((a{1000}){1000}){1000}", "idPattern"),
        ("idPattern", "(" * 5_000, "idPattern"),
        ("scopeQ", "(" * 10_000, "scopeQ"),
        ("type", "(" * 10_000 + "A" + ")" * 10_000, "type"),
        ("type", ";".join(f"(A{n},B{n})" for n in range(40)), "type"),
        ("pick", "a{" * 10_000, "pick"),
        ("bbox", "1e999,0,1,1", "bbox"),
        ("orderBy", "a;" * 10_000, "orderBy"),
        ("limit", "9" * 5_000, "limit"),
        ("coordinates", "[" * 10_000, "geo-query"),
    ],
    ids=lambda value: value[:24],
)
async def test_a_hostile_question_is_answered_at_once(
    client: httpx.AsyncClient, name: str, value: str, told: str
) -> None:
    await put(client, zone("1", a="a" * 10_000))
    answer = await client.get(ENTITIES, params={"type": "Zone", name: value}, timeout=5.0)
    if answer.status_code != 200:
        assert answer.status_code in (400, 403), answer.text
        assert told in answer.json()["detail"]
        assert len(answer.content) < 2_000  # it is not sent back whole


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|aa)*b", "(.*)*x", "([a-z]+)*0", "a{0,400}b"])
async def test_no_pattern_backtracks(client: httpx.AsyncClient, pattern: str) -> None:
    await put(client, *(zone(str(n), a="a" * 20_000) for n in range(20)))
    for asked in ({"q": f'a~="{pattern}"'}, {"idPattern": pattern}):
        answer = await client.get(ENTITIES, params={"type": "Zone", **asked}, timeout=5.0)
        assert answer.status_code == 200, answer.text
        assert answer.elapsed.total_seconds() < 3.0


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (f"Content-Length: {300 * 1_000_000}", 413),
        ("Transfer-Encoding: chunked", 411),
    ],
)
def test_300_mb_are_refused_and_not_kept_in_memory(tmp_path: Path, head: str, status: int) -> None:
    hub = HubProcess(tmp_path / "data", "--no-broker")
    hub.start()
    try:
        hub.await_ready()
        _refused(hub.port, head, 2)  # what a refusal needs once
        before = psutil.Process(hub.pid).memory_info().rss
        assert _refused(hub.port, head, 300) == status
        assert psutil.Process(hub.pid).memory_info().rss - before < 10_000_000
        assert hub.get("/health") is not None
    finally:
        hub.stop()


def _refused(port: int, head: str, megabytes: int) -> int:
    """Sends so much as long as the hub listens; the status it answers."""
    piece = b" " * 1_000_000
    if "chunked" in head:
        piece = b"%x\r\n%b\r\n" % (len(piece), piece)
    with socket.create_connection(("127.0.0.1", port), timeout=5) as line:
        line.sendall(
            f"POST {UPSERT} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n{head}\r\n\r\n".encode()
        )
        with contextlib.suppress(OSError):  # a hub that has answered need not listen on
            for _ in range(megabytes):
                line.sendall(piece)
        return int(line.recv(65_536).split(b" ", 2)[1])
