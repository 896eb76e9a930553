"""Documents are kept once, whole, and until nobody refers to them."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

import pytest

from cityos.ingest.archive import Archive
from tests.fakes import digest_of


def _keep(archive: Archive, content: bytes) -> str:
    digest = digest_of(content)
    archive.keep(digest, content)
    return digest


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "archive"


def _age(directory: Path) -> None:
    long_ago = time.time() - 7_200
    for path in directory.glob("*/*"):
        os.utime(path, (long_ago, long_ago))


def test_a_document_comes_back_byte_for_byte(directory: Path) -> None:
    archive = Archive(directory)
    for content in (b"", "工区,状態\r\n".encode("cp932"), os.urandom(100_000)):
        assert archive.get(_keep(archive, content)) == content


def test_the_same_document_is_kept_once(directory: Path) -> None:
    archive = Archive(directory)
    for _ in range(3):
        _keep(archive, b"a")
    assert len(list(directory.glob("*/*"))) == 1


async def test_two_feeds_may_keep_the_same_document_at_once(directory: Path) -> None:
    archive = Archive(directory)
    content = os.urandom(300_000)
    await asyncio.gather(*(asyncio.to_thread(_keep, archive, content) for _ in range(8)))
    assert archive.get(digest_of(content)) == content
    assert len(list(directory.glob("*/*"))) == 1


def test_what_nobody_refers_to_is_forgotten_once_it_is_old(directory: Path) -> None:
    archive = Archive(directory)
    kept, gone = _keep(archive, b"kept"), _keep(archive, b"gone")
    (directory / gone[:2] / "left.part").write_bytes(b"of a kill")
    assert archive.forget_all_but({kept}) == 0
    _age(directory)
    assert archive.forget_all_but({kept}) == 2
    assert archive.get(kept) == b"kept"
    with pytest.raises(FileNotFoundError):
        archive.get(gone)


def test_a_document_met_again_is_young_again(directory: Path) -> None:
    archive = Archive(directory)
    digest = _keep(archive, b"a")
    _age(directory)
    _keep(archive, b"a")
    assert archive.forget_all_but(()) == 0
    assert archive.get(digest) == b"a"
