"""Raw documents, kept byte for byte under their digest: the same content is kept once, any day can be replayed."""

from __future__ import annotations

import gzip
from collections.abc import Collection
from pathlib import Path

from cityos.store.durable_file import PASSING, forget, is_there, write_durably

_LEVEL = 6


class Archive:
    """Files under `<directory>/<first two of the digest>/<digest>.gz`."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def keep(self, digest: str, content: bytes) -> None:
        """Keeps a document; once this returns it is on disk. Keeping it again costs nothing."""
        path = self._path(digest)
        if not is_there(path):  # asked first, since compressing costs
            write_durably(path, gzip.compress(content, _LEVEL, mtime=0))

    def get(self, digest: str) -> bytes:
        """The content of a document. Raises FileNotFoundError where it is no longer kept."""
        return gzip.decompress(self._path(digest).read_bytes())

    def forget_all_but(self, digests: Collection[str]) -> int:
        """Deletes every document whose digest is not among those; returns how many went."""
        files = [*self._directory.glob("*/*.gz"), *self._directory.glob(f"*/*{PASSING}")]
        return forget(path for path in files if path.stem not in digests)

    def _path(self, digest: str) -> Path:
        return self._directory / digest[:2] / f"{digest}.gz"
