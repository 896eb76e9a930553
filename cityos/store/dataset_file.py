"""The contents of datasets: plain files named after their digest, so that they can be sent in ranges as they are."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from cityos.store.durable_file import forget, write_durably


class DatasetFiles:
    """Files under `<directory>/<digest>`."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def keep(self, digest: str, content: bytes) -> None:
        """Keeps a content; once this returns it is on disk. Keeping it again costs nothing."""
        write_durably(self.path(digest), content)

    def path(self, digest: str) -> Path:
        """Where a content lies."""
        return self._directory / digest

    def forget_all_but(self, digests: Collection[str]) -> int:
        """Deletes every content that is not among those; returns how many went."""
        return forget(path for path in self._directory.glob("*") if path.name not in digests)
