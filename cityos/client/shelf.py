"""Datasets kept on disk, so that a service that starts without its hub has the last ones it read."""

from __future__ import annotations

import hashlib
import logging
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

import orjson

from cityos.client.answer import as_object
from cityos.client.dataset import dataset_from_json, dataset_to_json
from cityos.vocabulary.dataset import DatasetNews

_log = logging.getLogger("cityos.client")

_DIGEST = re.compile("[0-9a-f]{64}")


class Shelf:
    """One version of each dataset in a folder: `<feed>.<kind>.json` says which, `<digest>` is its content.

    The content is written before what names it, so that a plug pulled in between leaves the version before. One
    process at a time. Methods raise OSError where the folder cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def list(self) -> list[tuple[DatasetNews, bytes]]:
        """All that is kept whole; what is damaged is left out and told in the log."""
        return list(self._readable())

    def _readable(self) -> Iterator[tuple[DatasetNews, bytes]]:
        for path in sorted(self._folder.glob("*.json")):
            try:
                news = _read(path)
                content = (self._folder / news.digest).read_bytes()
            except (OSError, ValueError) as error:
                _log.warning("what was kept in %s cannot be read: %s", path, error)
                continue
            if hashlib.sha256(content).hexdigest() == news.digest:
                yield news, content
            else:
                _log.warning("what was kept in %s is damaged", path)

    def keep(self, news: DatasetNews, content: bytes) -> None:
        """Keeps a version in the place of the one before; it is on disk when this returns."""
        self._write(self._folder / news.digest, content)
        self._write(self._path(news.feed, news.kind), orjson.dumps(dataset_to_json(news)))
        self._tidy()

    def drop(self, feed: str, kind: str) -> None:
        """Keeps it no longer."""
        self._path(feed, kind).unlink(missing_ok=True)
        self._tidy()

    def _path(self, feed: str, kind: str) -> Path:
        return self._folder / f"{quote(feed, safe='')}.{quote(kind, safe='')}.json"

    def _tidy(self) -> None:
        named: set[str] = set()
        for path in self._folder.glob("*.json"):
            with suppress(OSError, ValueError):
                named.add(_read(path).digest)
        for path in self._folder.iterdir():
            # Only what this class wrote: somebody may have given a folder with other things in it.
            if _DIGEST.fullmatch(path.name.removesuffix(".part")) and path.name not in named:
                path.unlink(missing_ok=True)

    def _write(self, path: Path, content: bytes) -> None:
        part = self._folder / f"{path.name}.part"
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)


def _read(path: Path) -> DatasetNews:
    news = dataset_from_json(as_object(orjson.loads(path.read_bytes())))
    if not _DIGEST.fullmatch(news.digest):
        raise ValueError(f"{news.digest!r} is no SHA-256")
    return news
