"""`cityos feeds`, `run-feed`, `replay`: what an operator asks of a running hub."""

from __future__ import annotations

import argparse
import asyncio
import os
import unicodedata
from typing import Any

import orjson

from cityos.client import CityError
from cityos.client.door import Door
from cityos.settings import Settings

_COLUMNS = ("feed", "state", "age", "rows", "held", "notices", "last success", "owner", "title")


def show(said: argparse.Namespace) -> int:
    """Prints all feeds, worst first, or one with its notices and runs."""
    if said.name:
        return _show_one(_ask(said, "GET", f"/feeds/{said.name}"))
    rows = [_row(feed) for feed in sorted(_ask(said, "GET", "/feeds")["feeds"], key=_worst_first)]
    _print_table([_COLUMNS, *rows])
    return 0


def run_now(said: argparse.Namespace) -> int:
    """Runs a feed now."""
    query = {"acceptEndings": "true"} if said.accept_endings else {}
    told = _ask(said, "POST", f"/feeds/{said.name}/run", query)
    print(" ".join(part for part in (told["outcome"], _counts(told), told["detail"]) if part))
    return 0 if told["outcome"] in ("applied", "unchanged") else 1


def replay(said: argparse.Namespace) -> int:
    """Normalises an archived day again."""
    print(_counts(_ask(said, "POST", f"/feeds/{said.name}/replay", {"day": said.day})))
    return 0


def _ask(said: argparse.Namespace, method: str, path: str, query: dict[str, str] | None = None) -> Any:
    settings = Settings.read(os.environ)
    door = Door(said.url or settings.url, settings.api_key, None, None)
    try:
        return orjson.loads(asyncio.run(_send(door, method, path, query)))
    except CityError as error:
        raise RuntimeError(str(error)) from None


async def _send(door: Door, method: str, path: str, query: dict[str, str] | None) -> bytes:
    try:
        return (await door.send(method, path, query)).content
    finally:
        await door.close()


_BADNESS = ("dead", "changed", "stale", "late", "waiting", "fresh", "offSeason")


def _worst_first(feed: dict[str, Any]) -> tuple[int, str]:
    return _BADNESS.index(feed["state"]), feed["name"]


def _row(feed: dict[str, Any]) -> tuple[str, ...]:
    owner = " ".join(part for part in (feed["owner"], feed["telephone"]) if part)
    counts = (str(feed["accepted"]), str(feed["held"]), str(feed["openNotices"]))
    label = f"{feed['stateLabel']['ja']} {feed['state']}"
    return (feed["name"], label, _age(feed["ageSeconds"]), *counts, feed["lastSuccessAt"] or "-", owner, feed["title"])


def _age(seconds: int | None) -> str:
    if seconds is None:
        return "-"
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    return f"{days}d {hours % 24}h" if days else f"{hours}h {minutes % 60}m" if hours else f"{minutes}m"


def _show_one(feed: dict[str, Any]) -> int:
    for label, value in zip(_COLUMNS, _row(feed), strict=True):
        print(f"{label:<13} {value}")
    print(f"{'source':<13} {feed['provider']} ({feed['licence']})")
    if feed["detail"]:
        print(f"{'detail':<13} {feed['detail']}")
    for notice in feed["notices"]:
        mark = "open  " if notice["open"] else "closed"
        print(
            f"{mark} {notice['severity']:<8} {notice['code']} x{notice['count']} {notice['where']}: {notice['detail']}"
        )
    for run in feed["runs"]:
        print(f"run    {run['startedAt']} {run['outcome']:<18} {_counts(run)} {run['detail']}")
    return 0


def _counts(result: dict[str, Any]) -> str:
    return " ".join(f"{key}={result[key]}" for key in ("accepted", "held", "changed", "ended"))


def _print_table(rows: list[tuple[str, ...]]) -> None:
    widths = [max(map(_width, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join(cell + " " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True)).rstrip())


def _width(text: str) -> int:
    """Columns on a terminal: Japanese characters take two."""
    return sum(2 if unicodedata.east_asian_width(one) in "WF" else 1 for one in text)
