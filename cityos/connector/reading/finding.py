"""Many findings of one kind become one notice: an operator reads a list, not a flood."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from cityos.connector.batch import Notice

MOST_OF_A_CODE = 20


def gather(notices: Iterable[Notice], most: int = MOST_OF_A_CODE) -> tuple[Notice, ...]:
    """Notices of one identity become one, at the first place, with their count.

    Of one code at most `most` stay; one more says how many others there are.
    """
    alike: dict[tuple[str, str], list[Notice]] = {}
    for notice in notices:
        alike.setdefault(notice.identity, []).append(notice)
    by_code: dict[str, list[Notice]] = {}
    for same in alike.values():
        by_code.setdefault(same[0].code, []).append(_counted(same))
    return tuple(notice for same in by_code.values() for notice in _shortened(same, most))


def _counted(same: list[Notice]) -> Notice:
    if len(same) == 1:
        return same[0]
    first = same[0]
    return replace(first, detail=f"{first.detail} ({len(same)} times, first here)", subject=first.identity[1])


def _shortened(notices: list[Notice], most: int) -> list[Notice]:
    if len(notices) <= most:
        return notices
    rest = notices[most]
    detail = f"{rest.detail} (and {len(notices) - most - 1} others of this kind)"
    return [*notices[:most], replace(rest, detail=detail, subject="others of this kind")]
