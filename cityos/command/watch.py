"""`cityos watch`: what changes, a line each, through the same client that services use."""

from __future__ import annotations

import argparse
import asyncio
import os

from cityos.client import OLDEST, Change, City, CityError, Cursor
from cityos.ngsi.instant import format_instant
from cityos.settings import Settings


def run(said: argparse.Namespace) -> int:
    """Prints changes until Ctrl-C."""
    settings = Settings.read(os.environ)
    try:
        asyncio.run(_watch(said, (said.url or settings.url).rstrip("/"), settings.api_key))
    except CityError as error:
        raise RuntimeError(str(error)) from None
    return 0


async def _watch(said: argparse.Namespace, url: str, key: str | None) -> None:
    async with City(url, key=key) as city:
        health = await city.health()
        after = None if said.after is None else (Cursor(health.epoch, said.after) if said.after else OLDEST)
        async for item in city.follow(types=tuple(said.types), after=after):
            print(_line(item) if isinstance(item, Change) else f"resync: {item}", flush=True)


def _line(told: Change) -> str:
    said = "  ".join(f"{one.attribute}={one.value!r}" for one in told.attributes)
    return f"{told.cursor.seq:>8}  {format_instant(told.at)}  {told.operation:<6}  {told.entity_id}  {said}"
