"""The folder door: files put into a feed's folder are its documents, by hand or by an operator's upload."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from cityos.connector.document import Document
from cityos.connector.feed import Feed
from cityos.egress.http import LARGEST

_NAME = re.compile(r"[^\s./\\\x00-\x1f][^/\\\x00-\x1f]{0,127}\Z")

_LONGEST_NAME = 240  # bytes: what file systems take, with room for a suffix


class BadName(ValueError):
    """A document's name would not be a plain file name."""


def checked_name(name: str) -> str:
    """The name, if it can be a file's in any folder. Raises BadName."""
    if not _NAME.match(name) or len(name.encode()) > _LONGEST_NAME:
        raise BadName(f"{name!r} is not a plain file name such as shelters.csv")
    return name


def documents_in(folder: Path, feed: Feed) -> Iterator[Document]:
    """The files of a feed's folder, in order of name; hidden ones and those still being written are left alone."""
    if not folder.is_dir():
        return
    for path in sorted(folder.iterdir()):
        if path.is_file() and _NAME.match(path.name) and not path.name.endswith((".part", "~")):
            status = path.stat()
            if status.st_size <= LARGEST:
                modified_at = datetime.fromtimestamp(status.st_mtime, UTC)
                yield Document(path.name, path.read_bytes(), feed.clock.now(), modified_at=modified_at)


def put_into(folder: Path, document: Document) -> None:
    """Writes an uploaded document into the folder, so that it is there like any other."""
    folder.mkdir(parents=True, exist_ok=True)
    passing = folder / f"{document.name}.part"
    passing.write_bytes(document.content)
    passing.replace(folder / document.name)
