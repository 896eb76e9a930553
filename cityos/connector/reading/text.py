"""From bytes to text: UTF-8 with or without BOM, UTF-16 with BOM, CP932 (what Windows calls Shift_JIS)."""

from __future__ import annotations

import codecs
import re
import unicodedata
from dataclasses import dataclass

from cityos.connector.batch import Notice, Severity
from cityos.connector.document import Document
from cityos.connector.error import SourceChanged

_REPLACEMENT = "\ufffd"
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_UNREADABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffd\ud800-\udfff]")
_PAGE = re.compile(
    r"\s*<(!doctype\s+html|html|head|body|h1|center|\?xml[^>]*>\s*(<!doctype html[^>]*>\s*)?<html)\b", re.I
)
_TITLE = re.compile(r"<(?:title|h1)[^>]*>\s*([^<]{1,80})", re.I)


@dataclass(frozen=True, slots=True)
class Text:
    """A document as text: `encoding` is utf-8, utf-8-sig, utf-16 or cp932."""

    content: str
    encoding: str
    notices: tuple[Notice, ...] = ()


def read_text(document: Document) -> Text:
    """The text of a document. Raises SourceChanged where it is empty, a web page or not text."""
    fault = "is empty" if not document.content.strip() else None
    text = decode(document.content, document.name)
    if _PAGE.match(text.content):
        fault = f"is a web page{_titled(text.content)}"
    elif "\x00" in text.content:
        fault = "contains NUL characters, so it is not text"
    if fault is not None:
        size = len(document.content)
        raise SourceChanged(f"Document {document.name} {fault} ({size} bytes); look at {document.url or 'its source'}")
    return text


def decode(content: bytes, name: str) -> Text:
    """The text of any bytes; a notice where they are not UTF-8 or partly unreadable (U+FFFD stands there then)."""
    encoding = next((known for bom, known in _BOMS if content.startswith(bom)), None) or _guess(content)
    text, broken = _decode(content, encoding)
    notices = [] if encoding.startswith("utf-8") else [_unexpected(encoding, name)]
    if broken:
        notices.append(_broken(broken, encoding, name))
    return Text(text, encoding, tuple(notices))


def fold_width(text: str) -> str:
    """The one spelling of full-width and half-width (NFKC), without space at the ends: `Ａ－１` and `A-1` are alike."""
    if text.isascii():
        return text.strip()
    # MINUS SIGN, which NFKC leaves alone, is what some spreadsheets make of a hyphen.
    return unicodedata.normalize("NFKC", text).replace("\u2212", "-").strip()


def is_readable(text: str) -> bool:
    """Whether text holds no control character, lone surrogate or trace of unreadable bytes."""
    return _UNREADABLE.search(text) is None


def _guess(content: bytes) -> str:
    """UTF-8 unless most of what is not ASCII would be broken in it.

    A UTF-8 file that breaks off inside a character, or has one bad byte, must not be taken for CP932: nearly any bytes
    decode as CP932, to nonsense.
    """
    text, broken = _decode(content, "utf-8")
    foreign = sum(not character.isascii() for character in text) - broken
    return "utf-8" if foreign >= broken else "cp932"


def _decode(content: bytes, encoding: str) -> tuple[str, int]:
    """The text and how many characters of it are unreadable; a character cut off at the very end is left out."""
    decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
    text = decoder.decode(content, final=False)
    return text, text.count(_REPLACEMENT)


def _unexpected(encoding: str, name: str) -> Notice:
    return Notice(
        "encoding_not_utf8", Severity.INFO, name, f"Document is in {encoding}, not in UTF-8; it is read as such"
    )


def _broken(count: int, encoding: str, name: str) -> Notice:
    detail = f"Document holds {count} characters that are not {encoding}; rows with them are left out"
    return Notice("bytes_unreadable", Severity.ERROR, name, detail)


def _titled(page: str) -> str:
    title = _TITLE.search(page)
    return f" ({title[1].strip()})" if title else ""
