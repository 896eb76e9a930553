"""How one instance of an attribute stands as a row of history."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from cityos.ngsi.entity import Instance, instance_to_bytes
from cityos.ngsi.evolution import is_null
from cityos.ngsi.expansion import NULL
from cityos.ngsi.instant import to_microseconds
from cityos.store.pending import InstanceKey
from cityos.store.schema import WORD_LENGTH

# The name under which history keeps the types of an entity that has ended. No attribute has it: theirs hold a colon.
TYPE = "type"


def instance_row(
    no: int, tenant: str, key: InstanceKey, instance: Instance, body: bytes | None, now: int, *, current: bool
) -> list[Any]:
    """The row of an instance, `body` its bytes as `stored_body` gives them; `now` in microseconds."""
    observed = instance.observed_at is not None
    at = now if instance.observed_at is None else to_microseconds(instance.observed_at)
    number, word = comparable(instance)
    return [no, tenant, *key, at, observed, now, now, current, number, word, body]


def stored_body(instance: Instance) -> bytes | None:
    """The canonical bytes of one instance in history; None for one that says the attribute was deleted."""
    return None if is_null(instance) else instance_to_bytes(instance)


def gone(kind: str, dataset: str, observed_at: datetime | None) -> Instance:
    """An instance that says an attribute was deleted."""
    return Instance(kind, NULL, observed_at, dataset)


def comparable(instance: Instance) -> tuple[float | None, str | None]:
    """What the columns `number` and `word` hold of an instance's value; both None for what is neither.

    Of a deletion `word` holds the kind of the attribute that is gone.
    """
    if is_null(instance):
        return None, instance.kind
    value = instance.value
    if isinstance(value, str):
        return None, value[:WORD_LENGTH]
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value), None
    return None, None
