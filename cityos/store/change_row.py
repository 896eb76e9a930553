"""How a change stands as a row of the feed: its body worded, and the row read again."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from typing import cast

import orjson

from cityos.ngsi.entity import instance_to_json
from cityos.ngsi.instant import from_microseconds
from cityos.ngsi.merge import AttributeChange
from cityos.store.record import ChangeItem, Op

# Instances as canonical bytes, by attribute and dataset.
Bodies = Mapping[tuple[str, str], bytes]
# A vehicle or a trip is told in 5 KB, before and after, and hardly differs: packed it is a ninth (30 us, 10 to read).
_PACKED_FROM = 2_000


def change_body(changes: Iterable[AttributeChange], worded: Bodies) -> bytes:
    """What changed, each attribute with its instance before and after; `worded` has those after, with their times."""
    return orjson.dumps(
        [
            {
                "attribute": one.name,
                "dataset": one.dataset,
                "before": None if one.before is None else instance_to_json(one.before),
                "after": None if (after := worded.get((one.name, one.dataset))) is None else orjson.Fragment(after),
            }
            for one in changes
        ]
    )


def packed(body: bytes) -> bytes:
    """A body as it is kept: a large one compressed."""
    return body if len(body) < _PACKED_FROM else zlib.compress(body, 1)


def _unpacked(kept: bytes) -> bytes:
    return kept if kept[:1] == b"[" else zlib.decompress(kept)


def change_item(row: tuple[object, ...]) -> ChangeItem:
    """The change that a row holds."""
    seq, prev, event, entity_id, topic, types, op, at, body = row
    return ChangeItem(
        cast(int, seq),
        cast(int, prev),
        cast(str, event),
        cast(str, entity_id),
        cast(str, topic),
        tuple(orjson.loads(cast(str, types))),
        cast(Op, op),
        from_microseconds(cast(int, at)),
        _unpacked(cast(bytes, body)),
    )
