"""A worker: a process that normalises documents it is handed on standard input, so that none can hurt the hub.

Framing, both ways: a four-byte length and that many bytes. A request is a JSON head, then the document's content; an
answer is one letter (B batch, C changed, F failed), one that says whether the worker has grown too large to be kept
(K keep, E end), then the body. The worker ends when its standard input does.
"""

from __future__ import annotations

import gc
import os
import resource
import struct
import sys
import threading
import time
from typing import IO

import orjson

from cityos.connector.batch import Batch, batch_to_bytes
from cityos.connector.document import Document
from cityos.connector.error import SourceChanged
from cityos.ingest.catalogue import get_connector
from cityos.ngsi.instant import parse_instant
from cityos.ngsi.value import check_value

LENGTH = struct.Struct(">I")
_LOOK_S = 1.0
# What Python has taken for one large document it does not give back; a fresh worker is 46 MB.
_KEPT_BELOW = 160_000_000


def read_frame(stream: IO[bytes]) -> bytes | None:
    """One frame; None at the end of the stream."""
    head = stream.read(LENGTH.size)
    if len(head) < LENGTH.size:
        return None
    return stream.read(LENGTH.unpack(head)[0])


def write_frame(stream: IO[bytes], content: bytes) -> None:
    """Writes one frame."""
    stream.write(LENGTH.pack(len(content)) + content)
    stream.flush()


def normalise(head: bytes, content: bytes) -> bytes:
    """Does one piece of work; whatever goes wrong becomes an answer."""
    told = orjson.loads(head)
    try:
        connector = get_connector(told["connector"])
        document = Document(
            told["name"],
            content,
            parse_instant(told["fetched_at"]),
            told["url"],
            told["media_type"],
            parse_instant(told["modified_at"]) if told["modified_at"] else None,
        )
        gc.disable()  # a batch is large and holds no cycles: half the time would go into looking for them
        batch = connector.normalise(document, connector.config_type.model_validate(told["config"]))
        _check_values(batch)
        return b"B" + batch_to_bytes(batch)
    except SourceChanged as error:
        return b"C" + str(error).encode(errors="replace")
    except MemoryError:
        return b"F" + b"it needs more memory than a worker may have"
    except Exception as error:  # noqa: BLE001 - a connector's fault must come back as an answer, whatever it is
        return b"F" + f"{type(error).__name__}: {error}".encode(errors="replace")
    finally:
        gc.enable()


def _check_values(batch: Batch) -> None:
    """Refuses what JSON would not carry as it is: NaN would arrive as null, and missing would look like a value."""
    for row in batch.rows:
        for name, instances in row.entity.attributes.items():
            for one in instances.values():
                check_value(one.value, f"{row.where}: {name}")


def _peak() -> int:
    """The most memory that was ever resident, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _end_with_parent(parent: int) -> None:
    """A hub that was killed cannot end a worker that is busy; the worker looks for itself."""
    while os.getppid() == parent:
        time.sleep(_LOOK_S)
    os._exit(1)


def main() -> None:
    """Runs until standard input ends. The first argument is the most memory this process may take, in bytes."""
    most = int(sys.argv[1])
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    threading.Thread(target=_end_with_parent, args=(os.getppid(),), daemon=True).start()
    requests, answers = sys.stdin.buffer, sys.stdout.buffer
    sys.stdout = sys.stderr  # what a connector prints must not run into the answers
    while (head := read_frame(requests)) is not None:
        content = read_frame(requests)
        if content is None:
            return
        answer = normalise(head, content)
        write_frame(answers, answer[:1] + (b"E" if _peak() > _KEPT_BELOW else b"K") + answer[1:])


if __name__ == "__main__":
    main()
