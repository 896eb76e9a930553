"""What is kept on disk is whole or is not there."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import date
from pathlib import Path

from cityos.client import Shelf
from cityos.vocabulary.dataset import DatasetNews


def news(content: bytes, feed: str = "bus", kind: str = "timetable") -> DatasetNews:
    digest = hashlib.sha256(content).hexdigest()
    return DatasetNews(
        feed, kind, digest[:16], "application/zip", len(content), digest, "CC-BY-4.0", "出典", date(2026, 1, 1), None
    )


def test_what_was_kept_is_there_again_and_a_newer_version_takes_its_place(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    other = news(b"roads", "a/../b", "roadGraph")
    for told, content in ((news(b"old"), b"old"), (other, b"roads"), (news(b"new"), b"new")):
        shelf.keep(told, content)
    assert sorted(Shelf(tmp_path).list(), key=lambda one: one[0].feed) == [(other, b"roads"), (news(b"new"), b"new")]
    assert len(list(tmp_path.iterdir())) == 4, "the old version is gone"
    shelf.drop("a/../b", "roadGraph")
    assert [told.feed for told, _ in shelf.list()] == ["bus"]


def test_other_files_in_the_folder_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear")
    shelf = Shelf(tmp_path)
    shelf.keep(news(b"one"), b"one")
    shelf.drop("bus", "timetable")
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


def test_two_feeds_with_one_content_share_it(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    for feed in ("a", "b"):
        shelf.keep(news(b"same", feed), b"same")
    shelf.drop("a", "timetable")
    assert [told.feed for told, _ in shelf.list()] == ["b"]


def test_a_plug_pulled_between_content_and_name_leaves_the_version_before(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    shelf.keep(news(b"old"), b"old")
    (tmp_path / news(b"new").digest).write_bytes(b"new")
    (tmp_path / "bus.timetable.json.part").write_bytes(b"{")
    assert Shelf(tmp_path).list() == [(news(b"old"), b"old")]


def test_what_is_damaged_is_left_out(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    shelf.keep(news(b"good", "good"), b"good")
    shelf.keep(news(b"bad", "bad"), b"bad")
    (tmp_path / news(b"bad").digest).write_bytes(b"worse")
    (tmp_path / "half.json").write_bytes(b'{"feed": "x"')
    shelf.keep(replace(news(b"good"), feed="gone"), b"good")
    (tmp_path / "gone.timetable.json").write_text('{"checksum": "sha-256:../../etc/passwd"}')
    assert [told.feed for told, _ in shelf.list()] == ["good"]
