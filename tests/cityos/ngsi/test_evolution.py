"""How what is said of the past meets what is so now (5.6.11), and which part of it one answer holds (6.3.10)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cityos.ngsi.entity import Entity, Instance
from cityos.ngsi.evolution import (
    SCOPE,
    Evolution,
    Point,
    Said,
    Series,
    as_entity,
    content_range,
    cut,
    evolve,
    instance_id,
    number_of_instance,
    scope_instance,
    scope_intervals,
    tombstone,
)
from cityos.ngsi.expansion import NULL
from cityos.ngsi.scope_query import parse_scope_query
from cityos.ngsi.value import Json

_NOW = datetime(2026, 1, 15, 12, tzinfo=UTC)
_A, _V = "urn:a:depth", "urn:t:Zone"


def _at(minute: int) -> datetime:
    return _NOW - timedelta(hours=1) + timedelta(minutes=minute)


def _said(*instances: Instance, name: str = _A) -> Said:
    return Said(Entity("urn:e:1", (_V,)), {name: list(instances)})


def _is(value: Json, minute: int | None = None, dataset: str = "") -> Instance:
    return Instance("Property", value, None if minute is None else _at(minute), dataset)


def _known(value: Json, minute: int) -> Entity:
    known = Entity("urn:e:1", (_V,))
    known.set(_A, _is(value, minute))
    return known


def test_the_newest_instance_of_each_series_is_the_present() -> None:
    evolved = evolve(None, _said(_is(3, 30), _is(1, 10), _is(2, 20), _is(9, 5, "urn:d:1")), _NOW)
    assert {d: one.value for d, one in evolved.entity.attributes[_A].items()} == {"": 3, "urn:d:1": 9}
    assert [one.value for _, one in evolved.late] == [1, 2]


def test_what_is_older_than_the_present_is_history_only() -> None:
    known = _known(5, 40)
    evolved = evolve(known, _said(_is(1, 10), _is(2, 20)), _NOW)
    assert evolved.entity == known
    assert [one.value for _, one in evolved.late] == [1, 2]


def test_what_was_not_observed_is_so_from_now_on() -> None:
    evolved = evolve(_known(5, 40), _said(_is(7)), _NOW)
    assert evolved.entity.attributes[_A][""].value == 7


def test_types_add_up() -> None:
    said = Said(Entity("urn:e:1", ("urn:t:Other", _V)))
    assert evolve(_known(5, 40), said, _NOW).entity.types == (_V, "urn:t:Other")


def test_a_deletion_newer_than_the_present_ends_the_attribute_and_says_when() -> None:
    evolved = evolve(_known(5, 40), _said(_is(NULL, 50)), _NOW)
    assert evolved.entity.attributes == {}
    assert evolved.seen_at == {(_A, ""): _at(50)}


def test_an_older_deletion_is_history_only() -> None:
    evolved = evolve(_known(5, 40), _said(_is(NULL, 10)), _NOW)
    assert evolved.entity.attributes[_A][""].value == 5
    assert [one.value for _, one in evolved.late] == [NULL]


def test_a_scope_goes_through_time_as_an_attribute_does() -> None:
    said = _said(scope_instance(("/A",), _at(10)), scope_instance(("/B", "/C"), _at(20)), name=SCOPE)
    evolved = evolve(None, said, _NOW)
    assert evolved.entity.scopes == ("/B", "/C")
    assert evolved.seen_at == {(SCOPE, ""): _at(20)}
    assert [(name, one.value) for name, one in evolved.late] == [(SCOPE, "/A")]


def test_an_instance_is_named_by_its_number() -> None:
    assert number_of_instance(instance_id(42)) == 42
    for other in ("urn:ngsi-ld:01234567890123456789", "urn:ngsi-ld:Instance:x", "urn:ngsi-ld:Instance:" + "9" * 30):
        assert number_of_instance(other) is None


def test_a_tombstone_is_of_the_kind_that_is_gone() -> None:
    assert tombstone(_A, "Relationship", "urn:d:1", None) == {
        "type": "Relationship",
        "object": NULL,
        "datasetId": "urn:d:1",
    }
    assert tombstone(_A, "LanguageProperty", "", None)["languageMap"] == {"@none": NULL}
    assert tombstone(SCOPE, "Property", "", None)["value"] == []


# ---- one answer


def _series(*times: int, attribute: str = _A) -> Series:
    return Series(
        attribute, "", [Point(n, at, {"type": "Property", "value": at}, at, at) for n, at in enumerate(times)]
    )


def _times(evolution: Evolution) -> list[list[int]]:
    return [[point.at for point in one.points] for one in evolution.series]


def test_what_fits_is_not_cut() -> None:
    evolution = Evolution("urn:e:1", (_V,), [_series(1, 2), _series(3)])
    assert cut([evolution], 3, newest=False) is None
    assert _times(evolution) == [[1, 2], [3]]


def test_a_cut_goes_through_time_and_leaves_attributes_empty_that_come_later() -> None:
    evolution = Evolution("urn:e:1", (_V,), [_series(1, 2, 3), _series(11, 12)])
    assert cut([evolution], 3, newest=False) == (1, 3)
    assert _times(evolution) == [[1, 2, 3], []]
    evolution = Evolution("urn:e:1", (_V,), [_series(1, 2, 3), _series(11, 12)])
    assert cut([evolution], 2, newest=True) == (12, 11)
    assert _times(evolution) == [[], [11, 12]]


def test_no_instant_is_halved() -> None:
    evolution = Evolution("urn:e:1", (_V,), [_series(1, 2, 3), _series(1, 2, 3)])
    assert cut([evolution], 3, newest=False) == (1, 1)
    assert _times(evolution) == [[1], [1]]
    lone = Evolution("urn:e:1", (_V,), [_series(7), _series(7), _series(7)])
    assert cut([lone], 2, newest=False) == (7, 7)
    assert _times(lone) == [[7], [7], [7]]


@given(st.lists(st.lists(st.integers(0, 20), max_size=8), max_size=4), st.integers(1, 6), st.booleans())
def test_what_is_cut_is_whole_within_its_span(many: list[list[int]], limit: int, newest: bool) -> None:
    evolution = Evolution("urn:e:1", (_V,), [_series(*sorted(times)) for times in many])
    kept = cut([evolution], limit, newest=newest)
    stayed = sorted(at for times in _times(evolution) for at in times)
    everything = sorted(at for times in many for at in times)
    if kept is None:
        assert stayed == everything
    else:
        low, high = sorted(kept)
        assert stayed == [at for at in everything if low <= at <= high]
        assert 0 < len(stayed) < len(everything) or len(set(everything)) == 1


@pytest.mark.parametrize(
    ("since", "until", "last", "expected"),
    [
        (None, None, None, "date-time 1970-01-01T00:00:01Z-1970-01-01T00:00:02Z/*"),
        (0, None, None, "date-time 1970-01-01T00:00:00Z-1970-01-01T00:00:02Z/*"),
        (None, 9_000_000, 20, "date-time 1970-01-01T00:00:09Z-1970-01-01T00:00:02Z/20"),
        (0, None, 20, "date-time 1970-01-01T00:00:01Z-1970-01-01T00:00:02Z/20"),
    ],
)
def test_the_range_says_which_time_the_answer_holds(
    since: int | None, until: int | None, last: int | None, expected: str
) -> None:
    """Clause 6.3.10: with lastN time runs backwards, and the size is lastN."""
    assert content_range(since, until, (1_000_000, 2_000_000), last) == expected


def test_filters_see_all_instances_of_the_span_but_no_deletions() -> None:
    evolution = Evolution("urn:e:1", (_V,), [_series(1, 2)])
    evolution.series[0].points.append(Point(9, 3, tombstone(_A, "Property", "", None), 3, 3, True))
    told = as_entity(evolution)
    assert [one["value"] for one in told[_A] if isinstance(one, dict)] == [1, 2]  # type: ignore[union-attr]


def test_a_scope_holds_until_the_next_is_set() -> None:
    """Clauses 4.18, 4.19 and annex C.5.16."""
    points = [
        Point(1, 10, {"type": "Property", "value": "/A/B"}, 0, 0),
        Point(2, 20, {"type": "Property", "value": ["/C", "/A"]}, 0, 0),
        Point(3, 30, {"type": "Property", "value": []}, 0, 0, True),
    ]
    assert scope_intervals(points, parse_scope_query("/A/#")) == [(10, 20), (20, 30)]
    assert scope_intervals(points, parse_scope_query("/C")) == [(20, 30)]
    assert scope_intervals(points[:1], parse_scope_query("/A/B"))[0][0] == 10
    assert scope_intervals(points, parse_scope_query("/X")) == []
