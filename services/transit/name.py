"""Names as people type them: whatever width, dash or kana the keyboard gives. Pure."""

from __future__ import annotations

import re
import unicodedata

_DASHES = re.compile("[-‐‑‒–—―−ー]")
_KATAKANA = {code: code - 0x60 for code in range(ord("ァ"), ord("ヶ") + 1)}
# 桐ヶ森, 桐ケ森: the same place, small or large, in whichever kana.
_SMALL_KE = str.maketrans("ゖ", "け")


def search_key(name: str) -> str:
    """Equal for names that a reader takes for the same."""
    plain = unicodedata.normalize("NFKC", name).casefold().translate(_KATAKANA).translate(_SMALL_KE)
    return _DASHES.sub("-", re.sub(r"\s", "", plain))
