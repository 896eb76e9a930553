"""Files named after their content: once written, neither a kill nor a power cut takes them away."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

PASSING = ".part"
_YOUNG_S = 3600.0


def write_durably(path: Path, content: bytes) -> None:
    """Writes a file whole or not at all; one that is there stays, since the same name means the same content."""
    if is_there(path):
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    # Two may write the same content at once; each writes a file of its own.
    with tempfile.NamedTemporaryFile(dir=path.parent, suffix=PASSING, delete=False) as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    Path(file.name).replace(path)
    _sync(path.parent)


def is_there(path: Path) -> bool:
    """Whether the file is there; if so it is young again, so that it is not forgotten before its record is written."""
    try:
        os.utime(path)
    except FileNotFoundError:
        return False
    return True


def forget(paths: Iterable[Path]) -> int:
    """Deletes files; returns how many went. Young ones stay: a file is written a moment before its record is."""
    before = time.time() - _YOUNG_S
    gone = [path for path in paths if path.stat().st_mtime < before]
    for path in gone:
        path.unlink(missing_ok=True)
    return len(gone)


def _sync(directory: Path) -> None:
    """Makes a rename durable: without it a power cut may take the name away again."""
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
