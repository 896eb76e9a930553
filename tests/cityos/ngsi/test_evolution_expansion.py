"""What a request says of the past, read (clauses 4.5.6-4.5.8, 5.6.11)."""

from __future__ import annotations

import pytest

from cityos.ngsi.context import CORE
from cityos.ngsi.error import BadRequestData
from cityos.ngsi.evolution import SCOPE
from cityos.ngsi.evolution_expansion import expand_additions, expand_evolution
from cityos.ngsi.expansion import NULL
from cityos.ngsi.value import Json, JsonObject

_AT = "2026-01-15T08:00:00Z"


def _said(**members: Json) -> JsonObject:
    return {"id": "urn:e:1", "type": "Zone", **members}


def test_an_attribute_has_many_instances_also_of_one_dataset() -> None:
    depths: Json = [
        {"type": "Property", "value": 1, "observedAt": _AT},
        {"type": "Property", "value": 2, "observedAt": "2026-01-15T09:00:00Z"},
        {"type": "Property", "value": 3, "datasetId": "urn:d:1"},
    ]
    told = expand_evolution(_said(depth=depths), CORE)
    (instances,) = told.instances.values()
    assert [(one.value, one.dataset) for one in instances] == [(1, ""), (2, ""), (3, "urn:d:1")]
    assert told.entity.id == "urn:e:1"
    assert told.entity.attributes == {}


def test_an_instance_may_say_that_the_attribute_was_deleted() -> None:
    """Clause 4.5.7; 5.5.4 names the temporal evolution as an exception."""
    told = expand_evolution(_said(depth=[{"type": "Property", "value": NULL, "observedAt": _AT}]), CORE)
    (instances,) = told.instances.values()
    assert instances[0].value == NULL


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        ("/A", ["/A"]),
        (["/A", "/B/C"], [["/A", "/B/C"]]),
        ([{"type": "Property", "value": "/A", "observedAt": _AT}, {"type": "Property", "value": ["/B"]}], ["/A", "/B"]),
        ([{"type": "Property", "value": [], "observedAt": _AT}], [NULL]),
    ],
)
def test_a_scope_comes_as_it_is_or_through_time(scope: Json, expected: list[Json]) -> None:
    told = expand_evolution(_said(scope=scope), CORE)
    assert [one.value for one in told.instances[SCOPE]] == expected


@pytest.mark.parametrize(
    ("members", "told"),
    [
        ({"id": "x"}, "id"),
        ({"type": []}, "type"),
        ({"expiresAt": NULL}, "expiresAt"),
        ({"scope": "no scope"}, "scope"),
        ({"scope": [{"type": "Relationship", "object": "urn:x:1"}]}, "scope"),
        ({"scope": [{"type": "Property", "value": 5}]}, "scope"),
        ({"depth": [{"type": "Property"}]}, "depth"),
        ({"depth": None}, "depth"),
    ],
)
def test_what_makes_no_sense_is_refused_by_its_place(members: dict[str, Json], told: str) -> None:
    with pytest.raises(BadRequestData, match=told):
        expand_evolution(_said(**members), CORE)


def test_additions_need_no_type_but_an_attribute() -> None:
    told = expand_additions("urn:e:1", {"depth": [{"type": "Property", "value": 1}]}, CORE)
    assert (told.entity.id, told.entity.types) == ("urn:e:1", ())
    with pytest.raises(BadRequestData, match="no attribute"):
        expand_additions("urn:e:1", {}, CORE)
