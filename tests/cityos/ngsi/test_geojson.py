"""GeoJSON (clauses 4.5.16, 4.5.17)."""

from __future__ import annotations

from cityos.ngsi.context import CORE
from cityos.ngsi.core_context import LOCATION
from cityos.ngsi.entity import entity_to_json
from cityos.ngsi.expansion import expand_entity
from cityos.ngsi.geojson import compile_feature
from cityos.ngsi.projection import parse_projection
from cityos.ngsi.representation import View
from cityos.ngsi.value import Json, JsonObject

GPS = "urn:ngsi-ld:Dataset:gps"


def _point(x: float) -> Json:
    return {"type": "Point", "coordinates": [x, 2.0]}


VEHICLE: JsonObject = entity_to_json(
    expand_entity(
        {
            "id": "urn:x:1",
            "type": "Vehicle",
            "scope": "/a",
            "location": [
                {"type": "GeoProperty", "value": _point(9.0), "datasetId": GPS},
                {"type": "GeoProperty", "value": _point(1.0)},
            ],
            "observationSpace": {"type": "GeoProperty", "value": _point(5.0)},
            "speed": {"type": "Property", "value": 5},
        },
        CORE,
    )
)


def test_a_feature_has_the_geometry_of_the_default_instance() -> None:
    """Clauses 4.5.16.1 and 4.5.16.2."""
    told = compile_feature(View(CORE))(VEHICLE)
    assert told["id"] == "urn:x:1"
    assert told["type"] == "Feature"
    assert told["geometry"] == _point(1.0)
    properties = told["properties"]
    assert isinstance(properties, dict)
    assert properties.keys() == {"type", "scope", "location", "observationSpace", "speed"}
    assert properties["speed"] == {"type": "Property", "value": 5}


def test_a_simplified_feature_has_simplified_properties() -> None:
    """Clause 4.5.17.1."""
    properties = compile_feature(View(CORE, "simplified"))(VEHICLE)["properties"]
    assert isinstance(properties, dict)
    assert properties["speed"] == 5
    assert properties["location"] == {"dataset": {"@none": _point(1.0), GPS: _point(9.0)}}


def test_another_geo_property_or_dataset_may_give_the_geometry() -> None:
    space = LOCATION.replace("location", "observationSpace")
    assert compile_feature(View(CORE), space)(VEHICLE)["geometry"] == _point(5.0)
    assert compile_feature(View(CORE, datasets=frozenset((GPS,))))(VEHICLE)["geometry"] == _point(9.0)
    assert compile_feature(View(CORE, datasets=frozenset(("@none",))))(VEHICLE)["geometry"] == _point(1.0)


def test_without_a_geometry_it_is_null() -> None:
    """Clause 4.5.16.1."""
    speed = "https://uri.etsi.org/ngsi-ld/default-context/speed"
    assert compile_feature(View(CORE), speed)(VEHICLE)["geometry"] is None
    assert compile_feature(View(CORE), LOCATION + "x")(VEHICLE)["geometry"] is None


def test_pick_shapes_the_properties_alone() -> None:
    told = compile_feature(View(CORE, "simplified", projection=parse_projection("speed", "", CORE)))(VEHICLE)
    assert told == {"id": "urn:x:1", "type": "Feature", "geometry": _point(1.0), "properties": {"speed": 5}}
