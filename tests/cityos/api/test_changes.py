"""The change feed through the door: pages, the recipe of a lost cursor, and the stream."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import orjson
import pytest

from cityos.hub import Hub
from cityos.store.record import Retention
from tests.cityos.api.asking import assert_problem, put, zone


async def test_a_page_tells_what_changed(client: httpx.AsyncClient, hub: Hub) -> None:
    await put(client, zone("1", a=1))
    await put(client, zone("1", a={"type": "Property", "value": 2, "datasetId": "urn:d:1"}))
    told = (await client.get("/changes")).json()
    assert (told["epoch"], told["next"], told["head"]) == (hub.store.epoch, 2, 2)
    first, second = told["items"]
    assert (first["seq"], first["prev"], first["op"], first["types"]) == (1, 0, "create", ["Zone"])
    assert first["changes"] == [{"attribute": "a", "value": 1}]
    assert (second["prev"], second["id"], second["op"]) == (1, "urn:ngsi-ld:Zone:1", "update")
    assert {one.get("datasetId") for one in second["changes"]} == {None, "urn:d:1"}
    assert first["event"] != second["event"]


async def test_filters_narrow_and_next_goes_on(client: httpx.AsyncClient) -> None:
    await put(client, zone("1"), zone("2"), {**zone("3"), "type": "Other"})
    told = (await client.get("/changes", params={"type": "Zone", "limit": 1})).json()
    assert ([one["seq"] for one in told["items"]], told["next"]) == ([1], 1)
    told = (await client.get("/changes", params={"type": "Zone", "after": 1})).json()
    assert ([one["seq"] for one in told["items"]], told["next"]) == ([2], 3)
    told = (await client.get("/changes", params={"id": "urn:ngsi-ld:Zone:3"})).json()
    assert [one["seq"] for one in told["items"]] == [3]


async def test_the_recipe_of_a_lost_cursor_works_when_followed(client: httpx.AsyncClient, hub: Hub) -> None:
    await put(client, *(zone(str(number)) for number in range(3)))
    await asyncio.sleep(0.01)
    while await hub.store.trim(hub.tenant, Retention(changes=timedelta(milliseconds=1) / timedelta(days=1))):
        pass
    body = assert_problem(await client.get("/changes", params={"after": 1}), 410, "CursorGone", "no longer kept")
    assert (body["head"], body["epoch"]) == (3, hub.store.epoch)
    entities = await client.get("/ngsi-ld/v1/entities", params={"type": "Zone"})
    assert len(entities.json()) == 3
    follow = body["recipe"][-1].rpartition("GET ")[2]
    assert (await client.get(follow)).json()["items"] == []
    await put(client, zone("new"))
    assert [one["seq"] for one in (await client.get(follow)).json()["items"]] == [4]


@pytest.mark.parametrize("params", [{"after": "1", "epoch": "another"}, {"after": "99"}])
async def test_a_cursor_of_another_database_is_gone(client: httpx.AsyncClient, params: dict[str, str]) -> None:
    await put(client, zone("1"))
    assert_problem(await client.get("/changes", params=params), 410, "CursorGone")


@pytest.mark.parametrize("params", [{"after": "-1"}, {"after": "x"}, {"limit": "0"}, {"after": "9" * 40}])
async def test_a_cursor_that_is_no_number_is_refused(client: httpx.AsyncClient, params: dict[str, str]) -> None:
    assert_problem(await client.get("/changes", params=params), 400, "BadRequestData", "whole number")


async def test_a_tenant_without_changes_has_an_empty_page(client: httpx.AsyncClient) -> None:
    told = (await client.get("/changes")).json()
    assert (told["items"], told["next"], told["head"]) == ([], 0, 0)


# ---- the stream


class Stream:
    """An event stream, read straight from the application: httpx's transport would wait for its end."""

    def __init__(self, hub: Hub, query: str = "", **headers: str) -> None:
        lower = {name.replace("_", "-").lower(): value for name, value in headers.items()}
        self._scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "path": "/changes",
            "raw_path": b"/changes",
            "root_path": "",
            "query_string": query.encode(),
            "headers": [(n.encode(), v.encode()) for n, v in {"accept": "text/event-stream", **lower}.items()],
            "client": ("127.0.0.1", 1),
            "server": ("hub.localhost", 80),
        }
        self._app = hub.app()
        self._got: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._gone = asyncio.Event()
        self._text = ""
        self.task: asyncio.Future[None] | None = None

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[Stream]:
        self.task = asyncio.ensure_future(self._app(self._scope, self._receive, self._send))
        start = await asyncio.wait_for(self._got.get(), 5)
        assert start["status"] == 200
        yield self
        self._gone.set()
        await asyncio.wait_for(self.task, 5)

    async def _receive(self) -> dict[str, Any]:
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Any) -> None:
        self._got.put_nowait(dict(message))

    async def event(self) -> tuple[str, str, dict[str, Any]]:
        """The next event: its name, its id, its data."""
        while True:
            block, found, rest = self._text.partition("\n\n")
            if found:
                self._text = rest
                fields = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
                if "event" in fields:
                    return fields["event"], fields["id"], orjson.loads(fields["data"])
                continue
            message = await asyncio.wait_for(self._got.get(), 5)
            self._text += message.get("body", b"").decode()


async def test_a_stream_tells_what_was_and_what_comes(client: httpx.AsyncClient, hub: Hub) -> None:
    await put(client, zone("1", a=1))
    async with Stream(hub).open() as stream:
        name, event_id, data = await stream.event()
        assert (name, event_id, data["seq"]) == ("change", f"{hub.store.epoch}:1", 1)
        assert (await stream.event())[0] == "head"
        await put(client, zone("2", a=1))
        name, event_id, data = await stream.event()
        assert (name, event_id, data["id"]) == ("change", f"{hub.store.epoch}:2", "urn:ngsi-ld:Zone:2")


async def test_a_stream_goes_on_after_the_last_event(client: httpx.AsyncClient, hub: Hub) -> None:
    await put(client, *(zone(str(number)) for number in range(3)))
    async with Stream(hub, last_event_id=f"{hub.store.epoch}:2").open() as stream:
        assert (await stream.event())[2]["seq"] == 3


async def test_a_filtered_stream_moves_its_reader_past_what_is_left_out(client: httpx.AsyncClient, hub: Hub) -> None:
    await put(client, zone("1"), {**zone("2"), "type": "Other"})
    async with Stream(hub, "type=Zone").open() as stream:
        assert (await stream.event())[2]["seq"] == 1
        name, event_id, data = await stream.event()
        assert (name, event_id) == ("head", f"{hub.store.epoch}:2")
        assert data == {"seq": 2, "head": 2}


async def test_a_stream_hears_only_its_tenant(client: httpx.AsyncClient, hub: Hub) -> None:
    async with Stream(hub).open() as stream:
        assert (await stream.event())[0] == "head"
        await put(client, zone("1"), **{"NGSILD-Tenant": "north"})
        await put(client, zone("2"))
        name, _, data = await stream.event()
        assert (name, data["id"]) == ("change", "urn:ngsi-ld:Zone:2")


async def test_a_stream_ends_at_once_when_the_hub_stops(client: httpx.AsyncClient, hub: Hub) -> None:
    async with Stream(hub).open() as stream:
        assert (await stream.event())[0] == "head"
        await hub.stop_tasks()
        assert stream.task is not None
        await asyncio.wait_for(stream.task, 2)


@pytest.mark.parametrize("text", ["x", "epoch:", ":1", "epoch:x", "epoch:²", "e:" + "9" * 30])
async def test_an_event_id_of_nobodys_is_refused(client: httpx.AsyncClient, text: str) -> None:
    headers = [(b"accept", b"text/event-stream"), (b"last-event-id", text.encode())]
    assert_problem(await client.get("/changes", headers=headers), 400, "BadRequestData", "Last-Event-ID")


async def test_a_stream_with_a_lost_cursor_is_refused_before_it_begins(client: httpx.AsyncClient) -> None:
    headers = {"Accept": "text/event-stream", "Last-Event-ID": "another:1"}
    assert_problem(await client.get("/changes", headers=headers), 410, "CursorGone")
