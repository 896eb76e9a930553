"""Raw documents, kept byte for byte under their digest: the same content is kept once, any day can be replayed."""

from __future__ import annotations

import gzip
import os
from collections.abc import Collection
from pathlib import Path

_LEVEL = 6


class Archive:
    """Files under `<directory>/<first two of the digest>/<digest>.gz`."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def keep(self, digest: str, content: bytes) -> None:
        """Keeps a document; once this returns it is on disk. Keeping it again costs nothing."""
        path = self._path(digest)
        if path.exists():
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        passing = path.with_suffix(f".{os.getpid()}.part")
        with passing.open("wb") as file:
            file.write(gzip.compress(content, _LEVEL, mtime=0))
            file.flush()
            os.fsync(file.fileno())
        passing.replace(path)

    def get(self, digest: str) -> bytes:
        """The content of a document. Raises FileNotFoundError where it is no longer kept."""
        return gzip.decompress(self._path(digest).read_bytes())

    def forget_all_but(self, digests: Collection[str]) -> int:
        """Deletes every document whose digest is not among those; returns how many went."""
        gone = [path for path in self._directory.glob("*/*.gz") if path.stem not in digests]
        for path in gone:
            path.unlink(missing_ok=True)
        return len(gone)

    def _path(self, digest: str) -> Path:
        return self._directory / digest[:2] / f"{digest}.gz"
