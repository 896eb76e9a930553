"""A document: what a source said, byte for byte."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property


@dataclass(frozen=True)
class Document:
    """`content` exactly as said; `name` is how notices call it (the last part of its address); times are aware UTC.

    `modified_at` is what the server says of the document (Last-Modified), None where it says nothing. Of a document
    that somebody brought, `author` is who, and `expires_at` when what it says ends.
    """

    name: str
    content: bytes
    fetched_at: datetime
    url: str = ""
    media_type: str = ""
    modified_at: datetime | None = None
    author: str = ""
    expires_at: datetime | None = None

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the content, hexadecimal."""
        return hashlib.sha256(self.content).hexdigest()
