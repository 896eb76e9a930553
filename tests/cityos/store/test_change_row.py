"""A change is read as it was told, packed or not."""

from __future__ import annotations

import orjson
import pytest

from cityos.ngsi.entity import Instance, instance_to_bytes
from cityos.ngsi.merge import AttributeChange
from cityos.store.change_row import change_body, change_item, packed

NAME = "https://x.example/stopTimeUpdates"


@pytest.mark.parametrize("length", [1, 1_000, 100_000])
def test_what_is_told_is_read_again_and_a_large_one_takes_little_room(length: int) -> None:
    before, after = Instance("Property", ["雪" * length]), Instance("Property", ["雪" * length, 1])
    change = AttributeChange(NAME, "", before, after)
    body = change_body([change], {(NAME, ""): instance_to_bytes(after)})
    kept = packed(body)
    assert len(kept) <= max(2_000, len(body) // 8)
    item = change_item((7, 3, "event", "urn:x:1", "Trip", '["https://x.example/Trip"]', "update", 0, kept))
    assert item.body == body
    (told,) = orjson.loads(item.body)
    assert (told["before"]["value"], told["after"]["value"]) == (before.value, after.value)
