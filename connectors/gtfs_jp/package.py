"""The zip: opened without trusting what it says of itself, and its tables as lines.

A bomb is stopped by the bytes that really come out, table by table; a member that is no table here is not inflated.
Only stored and deflated members are read: the other methods inflate without bound before anybody can count.
"""

from __future__ import annotations

import codecs
import io
import posixpath
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from cityos.connector import Document, Notice, Severity, SourceChanged
from cityos.connector.reading import read_text
from connectors.gtfs_jp.finding import Findings

TABLES = (
    *("agency", "agency_jp", "stops", "routes", "routes_jp", "trips", "office_jp", "pattern_jp", "stop_times"),
    *("calendar", "calendar_dates", "fare_attributes", "fare_rules", "shapes", "frequencies", "transfers"),
    *("feed_info", "translations"),
)
_CHUNK = 256 * 1024
_CENTRAL = b"PK\x01\x02"
_ENCRYPTED = 1
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_JUNK = ("__MACOSX", ".DS_Store", "Thumbs.db", "desktop.ini")
# The real feeds reach 23; what deflate can do at most is 1,032.
_MOST_RATIO = 200
_RATIO_COUNTS_FROM = 1_000_000
_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError, ValueError)


@dataclass(frozen=True, slots=True)
class Limits:
    """What a feed may take: bytes as fetched and inflated, members, rows of all tables."""

    zipped: int
    inflated: int
    members: int
    rows: int


class Package:
    """The tables of one feed. `names` are those it has, such as `stops`; `members` all its file names."""

    def __init__(self, document: Document, limits: Limits, findings: Findings) -> None:
        self._document = document
        self.name = document.name
        self._limits = limits
        self._findings = findings
        self._inflated = 0
        self._rows = 0
        self._file = self._opened()
        self._tables = self._sorted_out()
        self.names = frozenset(self._tables)
        self.members = frozenset(posixpath.basename(one.filename) for one in self._file.infolist())

    def chunks(self, name: str) -> Iterator[bytes]:
        """The bytes of a table, as they come out. Raises SourceChanged at a limit and where the zip is damaged."""
        try:
            with self._file.open(self._tables[name]) as member:
                while chunk := member.read(_CHUNK):
                    self._count(len(chunk), name)
                    yield chunk
        except _DAMAGE as error:
            raise self._changed(f"is damaged in {name}.txt: {error}; it is fetched again with the next run") from None

    def text(self, name: str) -> Iterator[str]:
        """The text of a table in pieces, line breaks as `\\n`; read as what it is, with a notice where not UTF-8."""
        encoding, broken = self._encoding(name)
        if not encoding.startswith("utf-8"):
            detail = f"{name}.txt is in {encoding}, not in UTF-8; it is read as such"
            self._findings.add(Notice("encoding_not_utf8", Severity.WARNING, f"{name}.txt", detail, f"{name}.txt"))
        if broken:
            detail = f"{name}.txt holds {broken} characters that are not {encoding}; rows with them are left out"
            self._findings.add(Notice("bytes_unreadable", Severity.ERROR, f"{name}.txt", detail, f"{name}.txt"))
        decoder = io.IncrementalNewlineDecoder(codecs.getincrementaldecoder(encoding)("replace"), translate=True)
        for chunk in self.chunks(name):
            yield decoder.decode(chunk)
        yield decoder.decode(b"", final=True)

    def count_row(self) -> None:
        """One more row. Raises SourceChanged at the limit."""
        self._rows += 1
        if self._rows > self._limits.rows:
            raise self._changed(f"has more than {self._limits.rows} rows; if that is right, raise most_rows")

    def _count(self, size: int, name: str) -> None:
        self._inflated += size
        if self._inflated > self._limits.inflated:
            most = self._limits.inflated // 1_000_000
            raise self._changed(
                f"inflates to more than {most} MB (in {name}.txt); if that is right, raise most_inflated_mb"
            )

    def _encoding(self, name: str) -> tuple[str, int]:
        """What a table is written in, and how many characters cannot be read in it.

        As `cityos.connector.reading.decode` judges, in pieces: UTF-8 unless most of what is not ASCII would be broken.
        """
        start = next(self.chunks(name), b"")
        if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return "utf-16", self._broken(name, "utf-16")[0]
        encoding = "utf-8-sig" if start.startswith(codecs.BOM_UTF8) else "utf-8"
        broken, foreign = self._broken(name, encoding)
        if broken <= foreign:
            return encoding, broken
        return "cp932", self._broken(name, "cp932")[0]

    def _broken(self, name: str, encoding: str) -> tuple[int, int]:
        """How many characters are unreadable, and how many readable ones are not ASCII."""
        decoder = codecs.getincrementaldecoder(encoding)("replace")
        broken = foreign = 0
        held = self._inflated  # looking twice does not make a feed larger
        for chunk in self.chunks(name):
            text = decoder.decode(chunk)
            unreadable = text.count("\ufffd")
            broken += unreadable
            if not text.isascii():
                foreign += len(text) - len(text.encode("ascii", "ignore")) - unreadable
        self._inflated = held
        return broken, foreign

    def _opened(self) -> zipfile.ZipFile:
        content = self._document.content
        if not content.startswith((b"PK\x03\x04", b"PK\x05\x06")):
            read_text(self._document)  # a web page or an empty answer says so itself
            raise self._changed("is no zip")
        if len(content) > self._limits.zipped:
            raise self._changed(f"has more than {self._limits.zipped // 1_000_000} MB; raise most_zipped_mb")
        # Counted in the bytes, before zipfile makes an object of each: what the directory says of itself may be false.
        if content.count(_CENTRAL) > self._limits.members:
            raise self._changed(f"holds more than {self._limits.members} files, or zips within; raise most_members")
        try:
            return zipfile.ZipFile(io.BytesIO(content))
        except _DAMAGE as error:
            raise self._changed(f"is no whole zip: {error}") from None

    def _sorted_out(self) -> dict[str, zipfile.ZipInfo]:
        """The member of each table; a notice for every other member that is not what systems leave behind."""
        tables: dict[str, zipfile.ZipInfo] = {}
        folder = self._folder()
        for member in self._file.infolist():
            parent, name = posixpath.split(member.filename)
            stem, ending = posixpath.splitext(name.lower())
            if parent == folder and ending == ".txt" and stem in TABLES and stem not in tables:
                tables[stem] = self._readable(member)
            elif not (member.is_dir() or _is_junk(member.filename)):
                self._findings.add(_unread(member))
        if folder:
            detail = f"All files lie in the folder {folder!r} of the zip, not at its top; they are read there"
            self._findings.add(Notice("zip_folder", Severity.INFO, self._document.name, detail, folder))
        return tables

    def _folder(self) -> str:
        """Where the tables lie. Raises SourceChanged where there are none, or more than one feed."""
        found = {
            posixpath.dirname(member.filename)
            for member in self._file.infolist()
            if posixpath.basename(member.filename).lower() in ("stops.txt", "routes.txt", "trips.txt")
            and not _is_junk(member.filename)
        }
        if len(found) == 1:
            return found.pop()
        if found:
            raise self._changed(f"holds several feeds, in the folders {', '.join(sorted(found))}")
        named = ", ".join(sorted(member.filename for member in self._file.infolist())[:5]) or "nothing"
        raise self._changed(f"is no GTFS: it has no stops.txt, routes.txt or trips.txt (but {named})")

    def _readable(self, member: zipfile.ZipInfo) -> zipfile.ZipInfo:
        if member.compress_type not in _METHODS or member.flag_bits & _ENCRYPTED:
            raise self._changed(f"holds {member.filename} encrypted or compressed by another method than deflate")
        if _is_bomb(member):
            raise self._changed(f"holds {member.filename}, which says to inflate {_MOST_RATIO} times and more: a bomb")
        return member

    def _changed(self, fault: str) -> SourceChanged:
        return SourceChanged(f"Document {self._document.name} {fault}")


def _is_junk(path: str) -> bool:
    return path.startswith("__MACOSX/") or posixpath.basename(path).startswith("._") or path.endswith(_JUNK)


def _is_bomb(member: zipfile.ZipInfo) -> bool:
    return member.file_size > max(_RATIO_COUNTS_FROM, member.compress_size * _MOST_RATIO)


def _unread(member: zipfile.ZipInfo) -> Notice:
    if _is_bomb(member):
        detail = (
            f"{member.filename} says to inflate to {member.file_size} bytes from {member.compress_size}: left alone"
        )
        return Notice("zip_bomb_member", Severity.WARNING, member.filename, detail, member.filename)
    detail = f"{member.filename} is no table that is read here; it is left alone"
    return Notice("zip_member_unread", Severity.INFO, member.filename, detail, member.filename)
