"""The forms of the past (clauses 4.5.7, 4.5.9, 4.5.19)."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from cityos.ngsi.context import Context
from cityos.ngsi.evolution import SCOPE, Evolution, Point, Series, tombstone
from cityos.ngsi.expansion import NULL
from cityos.ngsi.instant import to_microseconds
from cityos.ngsi.projection import parse_projection
from cityos.ngsi.representation import View
from cityos.ngsi.temporal_representation import TemporalView, represent_evolution
from cityos.ngsi.value import Json, JsonObject

_CONTEXT = Context({"Zone": "urn:t:Zone", "depth": "urn:a:depth", "road": "urn:a:road", "dry": "urn:v:dry"})
_NOW = datetime(2026, 1, 20, tzinfo=UTC)
_WRITTEN = to_microseconds(_NOW)


def _at(hour: int) -> int:
    return to_microseconds(datetime(2026, 1, 15, hour, tzinfo=UTC))


def _point(hour: int, body: JsonObject, no: int = 1) -> Point:
    return Point(no, _at(hour), {**body, "observedAt": f"2026-01-15T{hour:02}:00:00Z"}, _WRITTEN, _WRITTEN)


def _gone(attribute: str, kind: str) -> Point:
    return Point(9, _WRITTEN, tombstone(attribute, kind, "", None), _WRITTEN, _WRITTEN, True)


def _evolution(*series: Series) -> Evolution:
    return Evolution("urn:e:1", ("urn:t:Zone",), [*series], _NOW, _NOW)


def _shown(evolution: Evolution, form: str = "normalized", view: View | None = None) -> JsonObject:
    return represent_evolution(evolution, TemporalView(view or View(_CONTEXT), form))


_DEPTH = Series(
    "urn:a:depth",
    "",
    [_point(8, {"type": "Property", "value": 30, "unitCode": "CMT"}), _point(9, {"type": "Property", "value": 35}, 2)],
)


def test_every_instance_is_told_with_its_name() -> None:
    """Clause 4.5.7."""
    assert _shown(_evolution(_DEPTH)) == {
        "id": "urn:e:1",
        "type": "Zone",
        "depth": [
            {
                "type": "Property",
                "value": 30,
                "unitCode": "CMT",
                "observedAt": "2026-01-15T08:00:00Z",
                "instanceId": "urn:ngsi-ld:Instance:1",
            },
            {
                "type": "Property",
                "value": 35,
                "observedAt": "2026-01-15T09:00:00Z",
                "instanceId": "urn:ngsi-ld:Instance:2",
            },
        ],
    }


def test_system_attributes_are_told_where_they_are_asked_for() -> None:
    told = _shown(_evolution(_DEPTH), view=View(_CONTEXT, system=True))
    assert told["createdAt"] == "2026-01-20T00:00:00Z"
    assert isinstance(told["depth"], list)
    assert isinstance(told["depth"][0], dict)
    assert told["depth"][0]["modifiedAt"] == "2026-01-20T00:00:00Z"


def test_a_deletion_is_ngsi_ld_null_with_its_time() -> None:
    told = _shown(_evolution(Series("urn:a:road", "", [_gone("urn:a:road", "Relationship")], "Relationship")))
    assert told["road"] == [
        {
            "type": "Relationship",
            "object": NULL,
            "instanceId": "urn:ngsi-ld:Instance:9",
            "deletedAt": "2026-01-20T00:00:00Z",
        }
    ]


def test_the_scope_is_a_property_with_times_alone() -> None:
    """Clause 4.5.6: set by the core API, it is observed when it was written."""
    series = Series(SCOPE, "", [Point(1, _at(8), {"type": "Property", "value": "/A"}, _WRITTEN, _WRITTEN)])
    assert _shown(_evolution(series))["scope"] == [
        {"type": "Property", "value": "/A", "observedAt": "2026-01-20T00:00:00Z"}
    ]
    series.points.append(_gone(SCOPE, "Property"))
    assert _shown(_evolution(series), "temporalValues")["scope"] == {
        "type": "Property",
        "values": [["/A", "2026-01-15T08:00:00Z"], [[], "2026-01-20T00:00:00Z"]],
    }


@pytest.mark.parametrize(
    ("body", "member", "expected"),
    [
        ({"type": "Property", "value": 30}, "values", 30),
        ({"type": "GeoProperty", "value": {"type": "Point", "coordinates": [1, 2]}}, "values", None),
        ({"type": "Relationship", "object": "urn:x:1"}, "objects", "urn:x:1"),
        ({"type": "LanguageProperty", "languageMap": {"ja": "雪"}}, "languageMaps", {"languageMap": {"ja": "雪"}}),
        ({"type": "VocabProperty", "vocab": "urn:v:dry"}, "vocabs", {"vocab": "dry"}),
        ({"type": "JsonProperty", "json": {"a": 1}}, "jsons", {"json": {"a": 1}}),
        ({"type": "ListProperty", "valueList": [1, 2]}, "valueLists", [1, 2]),
        ({"type": "ListRelationship", "objectList": ["urn:x:1"]}, "objectLists", ["urn:x:1"]),
    ],
)
def test_values_stand_beside_their_times(body: JsonObject, member: str, expected: Json) -> None:
    """Clause 4.5.9."""
    series = Series("urn:a:depth", "", [_point(8, body)], str(body["type"]))
    told = _shown(_evolution(series), "temporalValues")["depth"]
    value = body["value"] if expected is None else expected
    assert told == {"type": body["type"], member: [[value, "2026-01-15T08:00:00Z"]]}


def test_values_of_several_datasets_are_a_list() -> None:
    other = Series("urn:a:depth", "urn:d:1", [_point(8, {"type": "Property", "value": 1, "datasetId": "urn:d:1"})])
    told = _shown(_evolution(_DEPTH, other), "temporalValues")["depth"]
    assert isinstance(told, list)
    assert told[1] == {"type": "Property", "datasetId": "urn:d:1", "values": [[1, "2026-01-15T08:00:00Z"]]}


def test_in_one_language_a_text_is_a_plain_value() -> None:
    series = Series(
        "urn:a:road",
        "",
        [_point(8, {"type": "LanguageProperty", "languageMap": {"ja": "雪", "en": "snow"}})],
        "LanguageProperty",
    )
    told = _shown(_evolution(series), "temporalValues", View(_CONTEXT, languages=("ja",)))
    assert told["road"] == {"type": "Property", "values": [["雪", "2026-01-15T08:00:00Z"]]}


@pytest.mark.parametrize(
    ("form", "expected"), [("normalized", []), ("temporalValues", {"type": "Property", "values": []})]
)
def test_what_a_cut_left_empty_is_still_named(form: str, expected: Json) -> None:
    """Clause 6.3.10: the attribute has instances, in another part of the time."""
    assert _shown(_evolution(Series("urn:a:depth", "", [])), form)["depth"] == expected


def test_aggregates_tell_value_beginning_and_end() -> None:
    """Clause 4.5.19; whole seconds have no fraction."""
    series = Series("urn:a:depth", "", [], "Property", {"avg": [(32.5, _at(8), _at(9))], "max": []})
    assert _shown(_evolution(series), "aggregatedValues")["depth"] == {
        "type": "Property",
        "avg": [[32.5, "2026-01-15T08:00:00Z", "2026-01-15T09:00:00Z"]],
        "max": [],
    }


def test_pick_and_omit_choose_members_until_none_is_left() -> None:
    """Clause 4.21."""

    def shown(pick: str, omit: str) -> JsonObject:
        projection = parse_projection(pick, omit, _CONTEXT)
        return _shown(_evolution(_DEPTH), view=View(_CONTEXT, projection=projection))

    assert shown("id", "") == {"id": "urn:e:1"}
    assert "id" not in shown("depth", "")
    assert shown("", "id,type,depth") == {}
