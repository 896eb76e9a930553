"""What is found wrong, in bounded memory: a feed of millions of rows may have as many faults."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from cityos.connector import Notice
from cityos.connector.reading.finding import MOST_OF_A_CODE


class Findings:
    """Notices of one identity become one with their count; of one code 20 stay and one says how many others there are.

    As `cityos.connector.reading.gather`, which needs all of them in a list.
    """

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], Notice] = {}
        self._times: Counter[tuple[str, str]] = Counter()
        self._subjects: Counter[str] = Counter()
        self._others: Counter[str] = Counter()

    def add(self, notice: Notice) -> None:
        """One more."""
        identity = notice.identity
        if identity not in self._kept:
            if self._subjects[notice.code] > MOST_OF_A_CODE:
                self._others[notice.code] += 1
                return
            self._subjects[notice.code] += 1
            self._kept[identity] = notice
        self._times[identity] += 1

    def notices(self) -> tuple[Notice, ...]:
        """What was found, the notices of a code together."""
        by_code: dict[str, list[Notice]] = {}
        for identity, notice in self._kept.items():
            by_code.setdefault(notice.code, []).append(self._counted(notice, identity))
        return tuple(notice for same in by_code.values() for notice in self._shortened(same))

    def _counted(self, notice: Notice, identity: tuple[str, str]) -> Notice:
        times = self._times[identity]
        if times == 1:
            return notice
        return replace(notice, detail=f"{notice.detail} ({times} times, first here)", subject=identity[1])

    def _shortened(self, same: list[Notice]) -> list[Notice]:
        others = self._others[same[0].code]
        if not others:
            return same
        *first, last = same
        detail = f"{last.detail} (and {others} others of this kind)"
        return [*first, replace(last, detail=detail, subject="others of this kind")]
