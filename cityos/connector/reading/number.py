"""Numbers as people type them: full width, with thousands separators, as a float that is whole."""

from __future__ import annotations

import math
import re

from cityos.connector.reading.text import fold_width

_WHOLE = re.compile(r"([+-]?)([0-9]{1,18}|[0-9]{1,3}(?:,[0-9]{3}){1,5})(?:\.0*)?\Z")
_DECIMAL = re.compile(r"[+-]?(?:[0-9]{1,18}|[0-9]{1,3}(?:,[0-9]{3}){1,5})(?:\.[0-9]*)?\Z")


def read_int(text: str) -> int | None:
    """`12`, `１２`, `1,234`, `621.0`; None for anything else. At most 18 digits: every database holds these."""
    whole = _WHOLE.match(fold_width(text))
    return None if whole is None else int(whole[1] + whole[2].replace(",", ""))


def read_number(text: str) -> float | None:
    """`12.5`, `１２．５`, `-1,234.5`; None for anything else. Always finite."""
    folded = fold_width(text)
    number = float(folded.replace(",", "")) if _DECIMAL.match(folded) else math.nan
    return number if math.isfinite(number) else None
