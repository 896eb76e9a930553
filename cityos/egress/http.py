"""HTTP outwards under limits: a total deadline, a size, and redirects.

Hosts that the city file names are trusted, their redirects only within the host. Addresses that came through the API go
through the guard, at every step.
"""

from __future__ import annotations

import asyncio
import contextlib
import email.utils
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import SplitResult, urljoin, urlsplit

import httpx

from cityos.egress.guard import HTTP_SCHEMES, AddressRefused, Guard, GuardedTransport

DEADLINE_S = 30.0  # for one document, however slowly it trickles
LARGEST = 100_000_000  # bytes as received and as inflated
GUARDED_DEADLINE_S = 10.0
GUARDED_LARGEST = 1_000_000  # bytes
_REDIRECTS = 5
_CONNECTIONS = 50  # to addresses that came through the API, at once
_LARGEST_REPLY = 65_536  # bytes of a reply to a notification that are read, so that its connection can be kept
_NONE: Mapping[str, str] = {}
_USER_AGENT = "CityOS/0.1 (+https://www.rfc-editor.org/rfc/rfc9110)"


class FetchFailed(Exception):
    """No usable answer: not reachable, too slow, too large, a server error. Worth another try later."""


class FetchRefused(Exception):
    """The server does not want us: 401, 403, 404, 410, 451. Trying again changes nothing."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answered. `content` is None where nothing changed since the validators sent (304)."""

    content: bytes | None
    media_type: str
    modified_at: datetime | None
    etag: str | None
    last_modified: str | None


class Egress:
    """Holds the connections; one for the hub."""

    def __init__(self, deadline_s: float = DEADLINE_S, largest: int = LARGEST, guard: Guard | None = None) -> None:
        self._deadline_s = deadline_s
        self._largest = largest
        self.guard = guard or Guard()
        said = {"User-Agent": _USER_AGENT}
        timeout = httpx.Timeout(10.0)
        self._client = httpx.AsyncClient(timeout=timeout, headers=said, follow_redirects=False)
        self._guarded = httpx.AsyncClient(
            timeout=timeout,
            headers=said,
            follow_redirects=False,
            transport=GuardedTransport(self.guard, _CONNECTIONS),
        )

    async def close(self) -> None:
        """Closes the connections."""
        await self._client.aclose()
        await self._guarded.aclose()

    async def get(self, url: str, headers: Mapping[str, str]) -> Answer:
        """Fetches one trusted address. Raises FetchFailed or FetchRefused, saying what happened in a sentence."""
        with _told(url, self._deadline_s):
            async with asyncio.timeout(self._deadline_s):
                return await self._follow(url, headers)

    async def get_guarded(
        self,
        url: str,
        headers: Mapping[str, str] = _NONE,
        *,
        deadline_s: float = GUARDED_DEADLINE_S,
        largest: int = GUARDED_LARGEST,
    ) -> Answer:
        """Fetches an address that came through the API, redirects checked anew. Raises FetchFailed, FetchRefused."""
        with _told(url, deadline_s):
            async with asyncio.timeout(deadline_s):
                return await self._follow_guarded(url, headers, largest)

    async def post_guarded(
        self, url: str, content: bytes, headers: Mapping[str, str], *, deadline_s: float = GUARDED_DEADLINE_S
    ) -> int:
        """Sends to an address that came through the API; returns whatever status comes; follows no redirect.

        Raises FetchFailed where there was no answer and FetchRefused where the address must not be reached.
        """
        with _told(url, deadline_s):
            async with asyncio.timeout(deadline_s):
                self.guard.check_address(url)
                async with self._guarded.stream("POST", url, content=content, headers=dict(headers)) as response:
                    await _skim(response)
                    return response.status_code

    async def _follow_guarded(self, url: str, headers: Mapping[str, str], largest: int) -> Answer:
        for _ in range(_REDIRECTS + 1):
            self.guard.check_address(url, HTTP_SCHEMES)
            async with self._guarded.stream("GET", url, headers=dict(headers)) as response:
                if response.has_redirect_location:
                    url = _upward(url, urljoin(url, response.headers.get("location", "")))
                    continue
                return await _read(url, response, largest)
        raise FetchFailed(f"{_place(url)} redirects more than {_REDIRECTS} times")

    async def _follow(self, url: str, headers: Mapping[str, str]) -> Answer:
        for _ in range(_REDIRECTS + 1):
            _ = urlsplit(url).port  # raises ValueError where it is no port; the socket would raise something stranger
            async with self._client.stream("GET", url, headers=dict(headers)) as response:
                if response.has_redirect_location:
                    url = _redirected(url, response.headers.get("location", ""))
                    continue
                return await _read(url, response, self._largest)
        raise FetchFailed(f"{_place(url)} redirects more than {_REDIRECTS} times")


@contextlib.contextmanager
def _told(url: str, deadline_s: float) -> Iterator[None]:
    """Turns whatever goes wrong into FetchFailed or FetchRefused."""
    try:
        yield
    except TimeoutError:
        raise FetchFailed(f"{_place(url)} did not answer whole within {deadline_s:g} s") from None
    except httpx.LocalProtocolError:
        # Its text repeats the header's value, which may be a key.
        raise FetchRefused(f"{_place(url)} cannot be asked: a header to be sent is not valid") from None
    except httpx.HTTPError as error:
        reason = str(error) or type(error).__name__
        raise FetchFailed(f"{_place(url)} cannot be reached: {reason}") from None
    except AddressRefused as error:
        raise FetchRefused(f"{_place(url)} is not asked: {error}") from None
    except (httpx.InvalidURL, ValueError) as error:  # ValueError: urllib on a port or a bracket that cannot be
        raise FetchRefused(f"{_place(url)} is not an address: {error}") from None


def _upward(before: str, after: str) -> str:
    """A redirect never takes what was asked under TLS out of it."""
    if urlsplit(before).scheme == "https" and urlsplit(after).scheme != "https":
        raise FetchRefused(f"{_place(before)} redirects to {_place(after)}, away from https")
    return after


async def _skim(response: httpx.Response) -> None:
    """Reads a small reply to its end, so that the connection can be used again; a large one is broken off."""
    size = 0
    async for part in response.aiter_raw():
        size += len(part)
        if size > _LARGEST_REPLY:
            return


def _place(url: str) -> str:
    """The address as it may be told: without its query, where keys stand."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "the address"
    return f"{parts.scheme}://{parts.hostname or ''}{f':{port}' if port else ''}{parts.path}"


def _redirected(url: str, location: str) -> str:
    """A redirect is trusted only within the host that the city file names; http may become https, never back."""
    target = urljoin(url, location)
    before, after = urlsplit(url), urlsplit(target)
    is_same_server = after.hostname == before.hostname and (_port(after) == _port(before) or _is_upgrade(before, after))
    if not is_same_server or after.scheme not in ("https", before.scheme):
        raise FetchRefused(f"{_place(url)} redirects to {_place(target)}; if that is right, write it in the city file")
    return target


def _port(of: SplitResult) -> int:
    return of.port or (443 if of.scheme == "https" else 80)


def _is_upgrade(before: SplitResult, after: SplitResult) -> bool:
    return (before.scheme, _port(before), after.scheme, _port(after)) == ("http", 80, "https", 443)


async def _read(url: str, response: httpx.Response, largest: int) -> Answer:
    _check_status(url, response)
    content = None if response.status_code == 304 else await _read_limited(url, response, largest)
    last_modified = response.headers.get("last-modified")
    return Answer(
        content,
        response.headers.get("content-type", ""),
        _parse_http_date(last_modified),
        response.headers.get("etag"),
        last_modified,
    )


def _check_status(url: str, response: httpx.Response) -> None:
    status = response.status_code
    if status in (401, 403, 404, 410, 451):
        raise FetchRefused(f"{_place(url)} answers {status} {response.reason_phrase}: check address, key and terms")
    if status not in (200, 304):
        raise FetchFailed(f"{_place(url)} answers {status} {response.reason_phrase}")


async def _read_limited(url: str, response: httpx.Response, largest: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    async for part in response.aiter_bytes():
        size += len(part)
        if size > largest:
            raise FetchFailed(f"{_place(url)} is larger than {largest} bytes")
        parts.append(part)
    return b"".join(parts)


def _parse_http_date(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        return email.utils.parsedate_to_datetime(text).astimezone(UTC)
    except ValueError:
        return None
