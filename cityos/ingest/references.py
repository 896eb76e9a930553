"""What feeds may refer to: the ids that another feed's datasets know, kept beside the datasets' contents."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from pathlib import Path

import orjson

from cityos.quality import Known
from cityos.store.dataset_file import DatasetFiles
from cityos.store.record import DatasetRecord
from cityos.store.store import Store

# On the night a timetable changes, buses still run by the one before.
_VERSIONS = 2


class References:
    """Files of ids under the digests of the datasets that know them, so that they are of the version in the store."""

    def __init__(self, store: Store, tenant: str, directory: Path) -> None:
        self._store = store
        self._tenant = tenant
        self._files = DatasetFiles(directory)
        self._read: dict[str, tuple[tuple[str, ...], Known]] = {}  # by feed: of which digests, and what they know

    def keep(self, digest: str, keys: Mapping[str, Collection[str]]) -> None:
        """Keeps what a dataset knows; once this returns it is on disk."""
        if keys:
            self._files.keep(digest, orjson.dumps({kind: sorted(ids) for kind, ids in keys.items()}))

    def forget_all_but(self, digests: Collection[str]) -> int:
        """Deletes what is not of those datasets; returns how many went."""
        return self._files.forget_all_but(digests)

    async def known_to(self, feed: str) -> Known:
        """What the newest datasets of a feed know."""
        records = await self._store.read(lambda reader: reader.datasets(self._tenant, feed))
        digests = tuple(_newest(records))
        before = self._read.get(feed)
        if before is None or before[0] != digests:
            before = digests, await asyncio.to_thread(self._load, feed, digests)
            self._read[feed] = before
        return before[1]

    def _load(self, feed: str, digests: Collection[str]) -> Known:
        ids: dict[str, set[str]] = {}
        for digest in digests:
            path = self._files.path(digest)
            for kind, keys in orjson.loads(path.read_bytes()).items() if path.exists() else ():
                ids.setdefault(kind, set()).update(keys)
        return Known(feed, ids)


def _newest(records: Collection[DatasetRecord]) -> list[str]:
    """The digests of the newest versions of each kind."""
    kinds: dict[str, list[str]] = {}
    for record in records:
        kinds.setdefault(record.kind, []).append(record.digest)
    return [digest for digests in kinds.values() for digest in digests[:_VERSIONS]]
