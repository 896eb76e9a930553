"""The words of the zone status, what they amount to, and what the city said they mean, season by season."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date

from cityos.connector.reading import fold_width
from cityos.vocabulary.snow import ClaimCode

_CODES = {
    "現場確認中": ClaimCode.CHECKING,
    "作業日程調整中": ClaimCode.ADJUSTING,
    "作業予定あり": ClaimCode.SCHEDULED,
    "作業中": ClaimCode.ORDERED,
    "作業完了": ClaimCode.FINISHED,
}

# The city's own definitions; a season that is not here published none that we know of, and none is invented.
# 2024-25: 除排雪出動指令状況の公開, page of 2024-12-26. The page of 2023-12-01 names the words without defining them.
_MEANINGS = {
    "2024-25": {
        "作業予定あり": "指令が出ており、作業が翌日以降のもの",
        "作業中": "指令が出ており、その日に作業着手するもの",
        "現場確認中": "指令は出ていないが、現場確認中のもの",
    },
}
# A winter's season is named after the years it begins and ends in; it begins where no snow lies.
_SEASON_BEGINS_MONTH = 7

# `作業予定あり（直近の…もの）` explains itself; `不明(#000000)` carries a colour nobody has explained.
_EXPLAINED = re.compile(r"([^（(]+)[（(](?!#)(.+)[）)]\Z", re.S)


def split_explanation(status: str) -> tuple[str, str | None]:
    """The word itself and the explanation in parentheses that the source adds to it."""
    found = _EXPLAINED.match(status)
    return (found[1].strip(), found[2].strip()) if found else (status, None)


def code_of(word: str) -> ClaimCode:
    """What a word amounts to; UNKNOWN for one that is not on the list."""
    return _CODES.get(fold_width(word), ClaimCode.UNKNOWN)


def season_of(day: date) -> str:
    """The season a day belongs to, such as `2025-26`."""
    first = day.year if day.month >= _SEASON_BEGINS_MONTH else day.year - 1
    return f"{first}-{(first + 1) % 100:02}"


def meaning_of(word: str, season: str | None, told: Mapping[str, Mapping[str, str]]) -> str | None:
    """The city's definition of a word in a season: as told by the city file, else as Aomori published it, if it did."""
    meanings = told.get(season or "") or _MEANINGS.get(season or "", {})
    return meanings.get(fold_width(word))
