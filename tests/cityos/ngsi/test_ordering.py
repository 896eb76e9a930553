"""orderBy (clause 4.23)."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cityos.ngsi.context import CORE, DEFAULT_VOCABULARY
from cityos.ngsi.entity import Entity, entity_to_json
from cityos.ngsi.error import BadRequestData
from cityos.ngsi.expansion import expand_entity
from cityos.ngsi.ordering import parse_ordering
from cityos.ngsi.value import Json, JsonObject
from tests.cityos.ngsi.wild import entities


def _entity(local: str, **attributes: Json) -> JsonObject:
    told = entity_to_json(expand_entity({"id": f"urn:x:{local}", "type": "Building", **attributes}, CORE))
    told["createdAt"] = "2026-01-15T08:00:00Z"
    return told


def _order(order_by: str | list[str], *known: JsonObject, **more: Json) -> str:
    key = parse_ordering(order_by, CORE, **more).sort_key()
    wanted = sorted(known, key=key)
    for shuffled in itertools.islice(itertools.permutations(known), 24):
        assert sorted(shuffled, key=key) == wanted
    return "".join(str(one["id"])[-1] for one in wanted)


ONE, TWO, THREE = (
    _entity(str(n), name={"type": "Property", "value": letter, "subProperty": {"type": "Property", "value": n}})
    for n, letter in ((1, "A"), (2, "B"), (3, "C"))
)


@pytest.mark.parametrize(
    ("order_by", "wanted"),
    [
        ("name", "123"),
        ("id", "123"),
        ("id;desc", "321"),
        ("name.subProperty", "123"),
        ("name;asc", "123"),
        ("name;desc", "321"),
        ("type,name", "123"),
        ("type;asc,name.subProperty;desc,name;asc", "321"),
        ("missing", "123"),
        ("scope,missing;desc,name;desc", "321"),
    ],
)
def test_by_attributes_and_members(order_by: str, wanted: str) -> None:
    """Clause 4.23.3; the conformance suite's 019_19."""
    assert _order(order_by, ONE, TWO, THREE) == wanted
    assert _order(order_by.split(","), ONE, TWO, THREE) == wanted


def test_by_times_and_not_by_their_text() -> None:
    """Clause 4.23.3: 08:00:00.5 follows 08:00:00, though its text does not."""
    early, late, later = dict(ONE), dict(TWO), dict(THREE)
    early["createdAt"], late["createdAt"] = "2026-01-15T08:00:00Z", "2026-01-15T08:00:00.500000Z"
    later["createdAt"] = "2026-01-15T08:00:01Z"
    assert _order("createdAt", late, later, early) == "123"
    assert _order("createdAt;desc", late, later, early) == "321"


def test_kinds_of_values_have_an_order_and_what_is_absent_comes_last() -> None:
    """Clause 4.23.2."""
    values: list[Json] = [5, "abc", {"a": 1}, [1], True]
    known = [_entity(str(n), probe={"type": "Property", "value": value}) for n, value in enumerate(values)]
    known.append(_entity("9"))
    assert _order("probe", *known) == "012349"
    assert _order("probe;desc", *known) == "432109"


def test_by_what_lies_within_a_value_and_by_any_instance() -> None:
    """Clause 4.23.3 example 4."""
    near = _entity("1", address={"type": "Property", "value": {"city": "Amsterdam"}})
    far = _entity("2", address={"type": "Property", "value": {"city": "Zurich"}})
    assert _order("address[city];desc", near, far) == "21"
    two: Json = [{"type": "Property", "value": 1}, {"type": "Property", "value": 9, "datasetId": "urn:x:d"}]
    assert _order("v;asc", _entity("1", v=two), _entity("2", v=5)) == "12"
    assert _order("v;desc", _entity("1", v=two), _entity("2", v=5)) == "12"


def test_by_distance() -> None:
    """Clause 4.23.3 examples 8 and 9."""
    places: list[JsonObject] = [
        _entity(str(n), location={"type": "GeoProperty", "value": {"type": "Point", "coordinates": [8 + n, 40]}})
        for n in (1, 2, 3)
    ]
    places.append(_entity("4"))
    assert _order("location;dist-asc", *places, coordinates="[8,40]") == "1234"
    assert _order("location;dist-desc", *places, coordinates=[8, 40], geometry="Point") == "3214"


def test_a_collation_orders_by_letters() -> None:
    """Clause 4.23.3 examples 6 and 7: without one, by code point."""
    names = [_entity(str(n), name=name) for n, name in enumerate(("A", "b", "á", "Zebra", "Ähre", "スズ", "すず2"))]
    assert _order("name", *names[:3]) == "012"
    assert _order("name", *names[:3], collation="und") == "021"
    assert _order("name", *names[3:5], collation="de-u-co-phonebk") == "43"
    assert _order("name", *names[5:], collation="ja") == "56"


@pytest.mark.parametrize(
    ("order_by", "more"),
    [
        ("", {}),
        ([], {}),
        ([5], {}),
        ("name;up", {}),
        ("name,,id", {}),
        ("name;", {}),
        ("a{b}", {}),
        ("a==1", {}),
        (",".join("abcdefghijklmnopqr"), {}),
        ("location;dist-asc", {}),
        ("location;dist-asc", {"coordinates": "8,40"}),
        ("id;asc", {"geometry": 5}),
        ("id;asc", {"geometry": "Circle", "coordinates": [8, 40]}),
        ("id;asc", {"collation": "not a bcp47 tag!!"}),
        ("id;asc", {"collation": "!!nope"}),
        ("id;asc", {"collation": 5}),
        ("a" * 20_000, {}),
    ],
)
def test_what_is_no_ordering_is_refused(order_by: str, more: dict[str, Json]) -> None:
    """Clauses 4.23.3 and 5.2.43."""
    with pytest.raises(BadRequestData):
        parse_ordering(order_by, CORE, **more)


@settings(max_examples=25, deadline=None)
@given(st.lists(entities(), max_size=3), st.sampled_from(["asc", "desc"]), st.booleans())
def test_any_entities_have_an_order(known: list[Entity], direction: str, collated: bool) -> None:
    names = {name for entity in known for name in entity.attributes} or {DEFAULT_VOCABULARY + "x"}
    ordering = parse_ordering(f"{min(names)};{direction}", CORE, collation="und" if collated else None)
    told = [entity_to_json(entity) for entity in known]
    key = ordering.sort_key()
    assert [e["id"] for e in sorted(told, key=key)] == [e["id"] for e in sorted(reversed(told), key=key)]
