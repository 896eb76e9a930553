"""Raw documents, kept byte for byte under their digest: the same content is kept once, any day can be replayed."""

from __future__ import annotations

import contextlib
import gzip
import os
import tempfile
import time
from collections.abc import Collection
from pathlib import Path

_LEVEL = 6
_PASSING = ".part"
_YOUNG_S = 3_600.0


class Archive:
    """Files under `<directory>/<first two of the digest>/<digest>.gz`."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def keep(self, digest: str, content: bytes) -> None:
        """Keeps a document; once this returns it is on disk. Keeping it again costs nothing."""
        path = self._path(digest)
        with contextlib.suppress(FileNotFoundError):
            os.utime(path)  # young again: it is not forgotten before somebody refers to it
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        # Two feeds may give the same document at once; each writes a file of its own.
        with tempfile.NamedTemporaryFile(dir=path.parent, suffix=_PASSING, delete=False) as file:
            file.write(gzip.compress(content, _LEVEL, mtime=0))
            file.flush()
            os.fsync(file.fileno())
        Path(file.name).replace(path)
        _sync(path.parent)

    def get(self, digest: str) -> bytes:
        """The content of a document. Raises FileNotFoundError where it is no longer kept."""
        return gzip.decompress(self._path(digest).read_bytes())

    def forget_all_but(self, digests: Collection[str]) -> int:
        """Deletes every document whose digest is not among those; returns how many went.

        Young files stay: a document is kept here a moment before its record is written.
        """
        before = time.time() - _YOUNG_S
        files = [*self._directory.glob("*/*.gz"), *self._directory.glob(f"*/*{_PASSING}")]
        gone = [path for path in files if path.stem not in digests and path.stat().st_mtime < before]
        for path in gone:
            path.unlink(missing_ok=True)
        return len(gone)

    def _path(self, digest: str) -> Path:
        return self._directory / digest[:2] / f"{digest}.gz"


def _sync(directory: Path) -> None:
    """Makes a rename durable: without it a power cut may take the name away again."""
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
