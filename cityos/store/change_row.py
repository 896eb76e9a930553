"""How a change stands as a row of the feed: its body worded, and the row read again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import cast

import orjson

from cityos.ngsi.entity import instance_to_json
from cityos.ngsi.instant import from_microseconds
from cityos.ngsi.merge import AttributeChange
from cityos.store.record import ChangeItem, Op

# Instances as canonical bytes, by attribute and dataset.
Bodies = Mapping[tuple[str, str], bytes]


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
        cast(bytes, body),
    )
