"""Code blocks of a page, by what stands behind the language: ```python path/of/file.py."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
_BLOCK = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.M | re.S)


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block: its language, the path it names (or ""), its content."""

    language: str
    path: str
    content: str


def blocks_of(page: str) -> list[Block]:
    """All blocks of a page of the project, in order."""
    return [Block(found[1], found[2] or "", found[3]) for found in _BLOCK.finditer((ROOT / page).read_text())]
