"""The one way over HTTP to the hub: requests, and what their answers mean for the caller."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import TypeVar

import httpx
import orjson

from cityos.client.answer import as_object, as_objects, find_text, text, whole
from cityos.client.cursor import Cursor
from cityos.client.error import CityRefused, CityUnavailable, CursorGone, Problem
from cityos.ngsi.error import NgsiError
from cityos.ngsi.value import Json, JsonObject
from cityos.vocabulary.context import CONTEXT_PATH

_TIMEOUT = httpx.Timeout(10.0, connect=5.0)
# The hub's heartbeat comes every 15 s: two may get lost before the line counts as dead.
_STREAM_TIMEOUT = httpx.Timeout(10.0, connect=5.0, read=40.0)


_TRY_LATER = frozenset((httpx.codes.REQUEST_TIMEOUT, httpx.codes.TOO_EARLY, httpx.codes.TOO_MANY_REQUESTS))
_CONTEXT_LINK = '<{}>; rel="http://www.w3.org/ns/json-ld#context"; type="application/ld+json"'

Query = Mapping[str, str | int]
T = TypeVar("T")


class Door:
    """The HTTP connections to one hub, with its key and tenant."""

    def __init__(self, url: str, key: str | None, tenant: str | None, transport: httpx.AsyncBaseTransport | None):
        if not url.startswith(("http://", "https://")):
            raise ValueError(f"City URL {url!r} does not begin with http:// or https://")
        self.url = url.rstrip("/")
        # The city's words, said aloud: a hub without a city file would answer in the standard's alone.
        headers = {"Accept": "application/json", "Link": _CONTEXT_LINK.format(self.url + CONTEXT_PATH)}
        if key is not None:
            headers["X-API-Key"] = key
        if tenant is not None:
            headers["NGSILD-Tenant"] = tenant
        self._http = httpx.AsyncClient(base_url=self.url, headers=headers, timeout=_TIMEOUT, transport=transport)

    async def close(self) -> None:
        """Closes all connections."""
        await self._http.aclose()

    async def get(self, path: str, query: Query | None = None) -> httpx.Response:
        """Asks. Raises CityUnavailable, CityRefused, CursorGone."""
        return await self.send("GET", path, query)

    async def send(self, method: str, path: str, query: Query | None = None, body: Json = None) -> httpx.Response:
        """Asks or writes. Raises CityUnavailable, CityRefused, CursorGone."""
        content = None if body is None else orjson.dumps(body)
        headers = {} if body is None else {"Content-Type": "application/json"}
        try:
            response = await self._http.request(method, path, params=query, content=content, headers=headers)
        except httpx.RequestError as error:
            raise self._unreachable(error) from error
        _check(response)
        return response

    @asynccontextmanager
    async def stream(self, path: str, query: Query) -> AsyncGenerator[httpx.Response]:
        """Opens a stream of events. Raises as `send`, at the start and while it is read."""
        headers = {"Accept": "text/event-stream", "Cache-Control": "no-store"}
        opened = self._http.stream("GET", path, params=query, headers=headers, timeout=_STREAM_TIMEOUT)
        try:
            async with opened as response:
                if response.status_code != httpx.codes.OK:
                    await response.aread()
                _check(response)
                yield response
        except httpx.RequestError as error:
            raise self._unreachable(error) from error

    def _unreachable(self, error: httpx.RequestError) -> CityUnavailable:
        return CityUnavailable(f"the hub at {self.url} is not reachable: {error or type(error).__name__}")


def understood(response: httpx.Response, read: Callable[[JsonObject], T]) -> T:
    """The answer as `read` reads it. Raises CityUnavailable where it is no answer of a hub (a proxy's page, say)."""
    try:
        return read(as_object(orjson.loads(response.content)))
    except (ValueError, NgsiError) as error:
        raise not_understood(response, error) from error


def understood_list(response: httpx.Response, read: Callable[[JsonObject], T]) -> list[T]:
    """As `understood`, for an answer that is a list."""
    try:
        return [read(one) for one in as_objects(orjson.loads(response.content))]
    except (ValueError, NgsiError) as error:
        raise not_understood(response, error) from error


def not_understood(response: httpx.Response, error: Exception) -> CityUnavailable:
    """The failure for an answer in a form that is not the hub's."""
    return CityUnavailable(f"{response.url} answers in a form that is not the hub's: {error}")


def _check(response: httpx.Response) -> None:
    """Raises what an answer that is no success means."""
    status = response.status_code
    if response.is_success:
        return
    if response.is_server_error or response.is_redirect or status in _TRY_LATER:
        raise CityUnavailable(f"{response.url} answers {status}: {_problem(response).detail or response.reason_phrase}")
    if status == httpx.codes.GONE:
        raise CursorGone(understood(response, _place_to_go_on))
    raise CityRefused(_problem(response))


def _place_to_go_on(told: JsonObject) -> Cursor:
    return Cursor(text(told, "epoch"), whole(told, "head"))


def _problem(response: httpx.Response) -> Problem:
    try:
        return problem_from_json(as_object(orjson.loads(response.content)), response.status_code)
    except ValueError:  # something before the hub refuses, in its own words
        return Problem(response.status_code, "about:blank", response.reason_phrase, "")


def problem_from_json(told: JsonObject, status: int) -> Problem:
    """Reads a problem detail."""
    return Problem(
        status,
        find_text(told, "type") or "about:blank",
        find_text(told, "title") or "",
        find_text(told, "detail") or "",
    )
