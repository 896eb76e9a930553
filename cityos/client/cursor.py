"""A place in the change feed."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place in the change feed of one tenant: everything up to and including `seq` is known.

    `epoch` names the database; after a restore or a wipe it is another one, and old cursors mean nothing. Keep a
    cursor as text (`str(cursor)`, `Cursor.parse`) to go on after a restart.
    """

    epoch: str
    seq: int

    def __str__(self) -> str:
        return f"{self.epoch}:{self.seq}"

    @classmethod
    def parse(cls, text: str) -> Cursor:
        """Reads `<epoch>:<seq>`; ValueError for anything else."""
        epoch, colon, seq = text.rpartition(":")
        if not (colon and seq.isascii() and seq.isdigit()):
            raise ValueError(f"{text!r} is not a cursor such as 01JH2:4711")
        return cls(epoch, int(seq))


OLDEST = Cursor("", 0)
"""Before the oldest change the hub still keeps, of whatever epoch."""
