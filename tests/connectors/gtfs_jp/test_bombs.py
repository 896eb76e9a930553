"""Zips made to hurt: stopped by what really comes out, in bounded memory."""

from __future__ import annotations

import io
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from cityos.connector import SourceChanged
from tests.connectors.gtfs_jp.reading import codes, read, texts
from tests.connectors.recording import zip_texts

MB = 1_000_000
_MEASURE = """
import resource, sys
from tests.connectors.gtfs_jp.reading import read
from cityos.connector import SourceChanged
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
content = open(sys.argv[1], "rb").read()
try:
    read(content, most_inflated_mb=int(sys.argv[2]))
except SourceChanged as error:
    print(error)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1000)
"""


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", method, compresslevel=1) as file:
        for name, text in members.items():
            file.writestr(name, text)
    return content.getvalue()


def with_many_rules(count: int) -> bytes:
    """A feed with so many fare rules, each of them another: a bomb of ordinary rows, 29 bytes each."""
    rules = b"".join(b"130_00,0012,%08d,%08d\n" % (number, number * 7) for number in range(count))
    return zipped({**texts(), "fare_rules.txt": b"fare_id,route_id,origin_id,destination_id\n" + rules})


def measured(content: bytes, folder: Path, most_inflated_mb: int = 400) -> tuple[str, int]:
    """What a fresh process says of a zip, and by how many MB it grew for it."""
    path = folder / "bomb.zip"
    path.write_bytes(content)
    answer = subprocess.run(
        [sys.executable, "-c", _MEASURE, str(path), str(most_inflated_mb)], capture_output=True, text=True, check=True
    )
    *told, grown = answer.stdout.splitlines()
    return "\n".join(told), int(grown)


def test_bomb_in_a_table_is_stopped_in_little_memory(tmp_path: Path) -> None:
    told, grown = measured(zipped({**texts(), "shapes.txt": b"0" * 150 * MB}), tmp_path)
    assert "a bomb" in told
    assert grown < 40


def test_endless_line_is_stopped_by_what_comes_out(tmp_path: Path) -> None:
    endless = b"".join(b"%d," % number for number in range(4 * MB))
    told, grown = measured(zipped({**texts(), "shapes.txt": endless}), tmp_path, most_inflated_mb=20)
    assert "inflates to more than 20 MB" in told
    assert grown < 60


def test_table_that_says_it_is_small_is_read_no_further() -> None:
    content = zipped({**texts(), "fare_rules.txt": b"fare_id,route_id\n" + b"130_00,0012\n" * 100_000})
    declared = (17 + 12 * 100_000).to_bytes(4, "little")
    assert content.count(declared) == 2
    with pytest.raises(SourceChanged, match=r"damaged in fare_rules\.txt"):
        read(content.replace(declared, (1_000).to_bytes(4, "little")))


def test_bomb_that_is_no_table_is_left_alone(tmp_path: Path) -> None:
    told, grown = measured(zipped({**texts(), "locations.geojson": bytes(100 * MB)}), tmp_path)
    assert told == ""
    assert grown < 40


def test_rows_are_limited() -> None:
    with pytest.raises(SourceChanged, match="more than 10000 rows"):
        read(with_many_rules(10_001), most_rows=10_000)


def test_inflated_bytes_are_limited() -> None:
    with pytest.raises(SourceChanged, match="inflates to more than 1 MB"):
        read(with_many_rules(40_000), most_inflated_mb=1)


def test_zipped_bytes_are_limited() -> None:
    with pytest.raises(SourceChanged, match="more than 1 MB"):
        read(zip_texts({**texts(), "note.pdf": bytes(2 * MB)}), most_zipped_mb=1)


def test_many_members_are_refused_before_they_are_listed() -> None:
    with pytest.raises(SourceChanged, match="more than 200 files"):
        read(zip_texts({**texts(), **{f"{number}.txt": b"" for number in range(300)}}))


def test_zip_of_zips_is_no_feed() -> None:
    with pytest.raises(SourceChanged, match=r"it has no stops\.txt.*inner\.zip"):
        read(zip_texts({"inner.zip": zipped(texts())}))


def test_zip_beside_the_tables_is_never_opened() -> None:
    batch = read(zip_texts({**texts(), "inner.zip": zipped(texts())}))
    assert "zip_member_unread" in codes(batch)


def test_two_feeds_in_one_zip_are_refused() -> None:
    two = {f"{folder}/{name}": text for folder in ("a", "b") for name, text in texts().items()}
    with pytest.raises(SourceChanged, match="several feeds, in the folders a, b"):
        read(zip_texts(two))


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_methods_that_inflate_without_bound_are_refused(method: int) -> None:
    with pytest.raises(SourceChanged, match="another method than deflate"):
        read(zipped(texts(), method))
