"""The change feed, read whole over plain HTTP, and the entities as anybody reads them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx

Item = dict[str, Any]
_PAGE = 1000


def changes_after(http: httpx.Client, after: int) -> tuple[list[Item], int, str]:
    """Everything after a cursor, the head, and the epoch."""
    items: list[Item] = []
    while True:
        page = http.get("/changes", params={"after": after, "limit": _PAGE}).raise_for_status().json()
        items += page["items"]
        after = page["next"]
        if after >= page["head"]:
            return items, page["head"], page["epoch"]


def entities_of(http: httpx.Client, type_name: str) -> Iterator[Item]:
    """All entities of a type, in concise form."""
    path, query = "/ngsi-ld/v1/entities", {"type": type_name, "limit": str(_PAGE), "format": "concise"}
    while True:
        response = http.get(path, params=query).raise_for_status()
        yield from response.json()
        if "next" not in response.links:
            return
        query = dict(httpx.URL(response.links["next"]["url"]).params)
