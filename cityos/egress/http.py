"""Fetching over HTTP under limits: a total deadline, a size, and redirects only within the host the city file names."""

from __future__ import annotations

import asyncio
import email.utils
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import SplitResult, urljoin, urlsplit

import httpx

DEADLINE_S = 30.0  # for one document, however slowly it trickles
LARGEST = 100_000_000  # bytes as received and as inflated
_REDIRECTS = 5
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

    def __init__(self, deadline_s: float = DEADLINE_S, largest: int = LARGEST) -> None:
        self._deadline_s = deadline_s
        self._largest = largest
        self._client = httpx.AsyncClient(
            timeout=httpx.Timeout(10.0), headers={"User-Agent": _USER_AGENT}, follow_redirects=False
        )

    async def close(self) -> None:
        """Closes the connections."""
        await self._client.aclose()

    async def get(self, url: str, headers: Mapping[str, str]) -> Answer:
        """Fetches one address. Raises FetchFailed or FetchRefused, saying what happened in a sentence."""
        try:
            async with asyncio.timeout(self._deadline_s):
                return await self._follow(url, headers)
        except TimeoutError:
            raise FetchFailed(f"{_place(url)} did not answer whole within {self._deadline_s:g} s") from None
        except httpx.LocalProtocolError:
            # Its text repeats the header's value, which may be a key.
            raise FetchRefused(f"{_place(url)} cannot be asked: a header of the city file is not valid") from None
        except httpx.HTTPError as error:
            reason = str(error) or type(error).__name__
            raise FetchFailed(f"{_place(url)} cannot be reached: {reason}") from None
        except (httpx.InvalidURL, ValueError) as error:  # ValueError: urllib on a port or a bracket that cannot be
            raise FetchRefused(f"{_place(url)} is not an address: {error}") from None

    async def _follow(self, url: str, headers: Mapping[str, str]) -> Answer:
        for _ in range(_REDIRECTS + 1):
            _ = urlsplit(url).port  # raises ValueError where it is no port; the socket would raise something stranger
            async with self._client.stream("GET", url, headers=dict(headers)) as response:
                if response.has_redirect_location:
                    url = _redirected(url, response.headers.get("location", ""))
                    continue
                return await _read(url, response, self._largest)
        raise FetchFailed(f"{_place(url)} redirects more than {_REDIRECTS} times")


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
