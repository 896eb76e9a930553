"""A value that could be stored but not read back; the store would refuse it, and with it the whole run."""

from __future__ import annotations

from collections.abc import Iterator

from cityos.connector import Batch
from cityos.ngsi.entity import Attributes
from cityos.ngsi.error import BadRequestData
from cityos.ngsi.value import check_key, check_value
from cityos.quality.rule import Facts, Finding, hold


def check(batch: Batch, facts: Facts) -> Iterator[Finding]:
    """Holds rows with NaN, NUL, lone surrogates, integers beyond 64 bits, endless keys or nesting beyond reason."""
    for at, row in enumerate(batch.rows):
        try:
            check_key(row.entity.id, "its id")
            for iri in row.entity.types:
                check_key(iri, "its type")
            _check_all(row.entity.attributes)
        except BadRequestData as error:
            yield hold(at, row, "value_unstorable", f"cannot be stored: {error}")


def _check_all(attributes: Attributes) -> None:
    for name, instances in attributes.items():
        check_key(name, "the name of an attribute")
        for dataset, instance in instances.items():
            check_key(dataset, f"the datasetId of {name}")
            check_value(instance.value, name)
            _check_all(instance.attributes)
