"""Linked entity retrieval (clause 4.5.23); expectations as the conformance suite has them in 018 and 019."""

from __future__ import annotations

import time
from collections.abc import Iterable

import pytest

from cityos.ngsi.context import CORE
from cityos.ngsi.entity import entity_to_json
from cityos.ngsi.error import BadRequestData, TooComplexQuery
from cityos.ngsi.expansion import expand_entity
from cityos.ngsi.linked import MOST_LINKED, Gathering, Join, parse_join
from cityos.ngsi.projection import parse_attrs, parse_projection
from cityos.ngsi.representation import View, compile_view, shown_of
from cityos.ngsi.value import Json, JsonObject


def _entity(local: str, **attributes: Json) -> JsonObject:
    kind = local.split(":")[0]
    return entity_to_json(expand_entity({"id": f"urn:{local}", "type": kind, **attributes}, CORE))


def _to(*locals_: str) -> Json:
    ids: list[Json] = [f"urn:{local}" for local in locals_]
    return {"type": "Relationship", "object": ids[0] if len(ids) == 1 else ids}


BUILDING = _entity("Building:1", name="塔", locatedAt=_to("City:1"))
CITY = _entity("City:1", name="青森", isIn=_to("Country:1"), twin=_to("Building:1"))
COUNTRY = _entity("Country:1", name="日本", note="島国")
WORLD = {one["id"]: one for one in (BUILDING, CITY, COUNTRY)}
VIEW = View(CORE)


def _gather(
    join: Join, view: View = VIEW, roots: Iterable[JsonObject] = (BUILDING,), world: dict[Json, JsonObject] = WORLD
) -> tuple[Gathering, list[frozenset[str]]]:
    gathering = Gathering(join, roots, shown_of(view))
    asked: list[frozenset[str]] = []
    while ids := gathering.wanted():
        asked.append(ids)
        gathering.add(world[one] for one in sorted(ids) if one in world)
    return gathering, asked


def _inline(join: Join, view: View = VIEW) -> JsonObject:
    gathering, _ = _gather(join, view)
    return compile_view(view, gathering.inline())(BUILDING)


def _projected(pick: str = "", omit: str = "", form: str = "normalized") -> View:
    return View(CORE, form, projection=parse_projection(pick, omit, CORE))


def test_only_as_many_levels_are_fetched_as_are_asked_for() -> None:
    _, asked = _gather(Join("inline"))
    assert asked == [{"urn:City:1"}]
    _, asked = _gather(Join("inline", 3))
    assert asked == [{"urn:City:1"}, {"urn:Country:1"}]  # the building is known


def test_inline_embeds_in_place() -> None:
    city = _inline(Join("inline"))["locatedAt"]
    assert city == {
        "type": "Relationship",
        "object": "urn:City:1",
        "entity": {
            "id": "urn:City:1",
            "type": "City",
            "name": {"type": "Property", "value": "青森"},
            "isIn": {"type": "Relationship", "object": "urn:Country:1"},
            "twin": {"type": "Relationship", "object": "urn:Building:1"},
        },
    }


def test_inline_simplified_puts_the_entity_in_the_place_of_its_id() -> None:
    shown = _inline(Join("inline", 2), View(CORE, "simplified"))
    assert shown["locatedAt"] == {
        "id": "urn:City:1",
        "type": "City",
        "name": "青森",
        "isIn": {"id": "urn:Country:1", "type": "Country", "name": "日本", "note": "島国"},
        "twin": "urn:Building:1",  # where the way came from
    }


def test_flat_lists_each_linked_entity_once() -> None:
    other = _entity("Building:2", locatedAt=_to("City:1"))
    gathering, _ = _gather(Join("flat", 2), roots=(BUILDING, other))
    assert [entity["id"] for entity, _ in gathering.flat()] == ["urn:City:1", "urn:Country:1"]


def test_what_does_not_exist_is_left_as_it_is() -> None:
    """018_14."""
    gathering, asked = _gather(Join("flat", 2), world={})
    assert asked == [{"urn:City:1"}]
    assert gathering.flat() == []
    assert compile_view(VIEW, gathering.inline())(BUILDING) == compile_view(VIEW)(BUILDING)


def test_entities_already_met_are_not_gone_back_to() -> None:
    _, asked = _gather(Join("inline", 2, frozenset(("urn:City:1",))))
    assert asked == []
    gathering, _ = _gather(Join("inline", 2, frozenset(("urn:Country:1",))))
    assert [entity["id"] for entity, _ in gathering.flat()] == ["urn:City:1"]


def test_pick_and_omit_reach_into_linked_entities() -> None:
    """019_20 to 019_23."""
    view = _projected("id,locatedAt{id,name}", form="simplified")
    assert _inline(Join("inline", 2), view) == {
        "id": "urn:Building:1",
        "locatedAt": {"id": "urn:City:1", "name": "青森"},
    }
    view = _projected(omit="type,locatedAt{name,twin,isIn{note}}", form="simplified")
    assert _inline(Join("inline", 2), view)["locatedAt"] == {
        "id": "urn:City:1",
        "type": "City",
        "isIn": {"id": "urn:Country:1", "type": "Country", "name": "日本"},
    }
    gathering, _ = _gather(Join("flat", 2), _projected("id,locatedAt{id,isIn{id,note}}"))
    told = [View(CORE, "simplified", projection=shown) for _, shown in gathering.flat()]
    assert [compile_view(view)(entity) for view, (entity, _) in zip(told, gathering.flat(), strict=True)] == [
        {"id": "urn:City:1", "isIn": "urn:Country:1"},
        {"id": "urn:Country:1", "note": "島国"},
    ]


def test_a_relationship_that_is_not_shown_leads_nowhere() -> None:
    assert _gather(Join("flat"), _projected("id,name"))[1] == []
    attrs = View(CORE, attributes=parse_attrs("locatedAt", CORE))
    gathering, _ = _gather(Join("inline"), attrs)
    city = compile_view(attrs, gathering.inline())(BUILDING)
    assert city.keys() == {"id", "type", "locatedAt"}
    assert "name" in str(city["locatedAt"])


def test_lists_of_entities_are_embedded_as_lists() -> None:
    """Clause 4.5.22: entityList beside objectList."""
    objects: Json = {"type": "ListRelationship", "objectList": [{"object": "urn:City:1"}, {"object": "urn:No:1"}]}
    route = _entity("Route:1", stops=objects, both=_to("City:1", "Country:1"))
    gathering, _ = _gather(Join("inline"), roots=(route,))
    shown = compile_view(_projected("stops{id},both{id}"), gathering.inline())(route)
    assert shown["stops"] == {
        "type": "ListRelationship",
        "objectList": [{"object": "urn:City:1"}, {"object": "urn:No:1"}],
        "entityList": [{"id": "urn:City:1"}],
    }
    assert shown["both"] == {
        "type": "Relationship",
        "object": ["urn:City:1", "urn:Country:1"],
        "entity": [{"id": "urn:City:1"}, {"id": "urn:Country:1"}],
    }


def test_a_web_of_entities_does_not_explode() -> None:
    """Thirty entities that all point to each other hold more ways of ten levels than anybody can be told."""
    ids = [f"Web:{n}" for n in range(30)]
    world: dict[Json, JsonObject] = {f"urn:{one}": _entity(one, to=_to(*ids)) for one in ids}
    begun = time.process_time()
    gathering, _ = _gather(Join("inline", 10), roots=(world["urn:Web:0"],), world=world)
    assert len(gathering.flat()) == 29
    with pytest.raises(TooComplexQuery, match="flat"):
        compile_view(VIEW, gathering.inline())(world["urn:Web:0"])
    assert time.process_time() - begun < 5


def test_more_entities_than_an_answer_holds_are_not_fetched() -> None:
    hub = _entity("Hub:1", to=_to(*(f"Leaf:{n}" for n in range(MOST_LINKED + 1))))
    with pytest.raises(TooComplexQuery, match="join"):
        Gathering(Join("flat"), [hub]).wanted()


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ((None,), None),
        (("@none",), None),
        (("inline",), Join("inline")),
        (("flat", "2"), Join("flat", 2)),
        (("inline", 10, ["urn:x:1"]), Join("inline", 10, frozenset(("urn:x:1",)))),
        (("flat", "", "urn:x:1,urn:x:2"), Join("flat", 1, frozenset(("urn:x:1", "urn:x:2")))),
    ],
)
def test_joins_are_read_from_parameters_and_bodies(said: tuple[Json, ...], wanted: Join | None) -> None:
    assert parse_join(*said) == wanted


@pytest.mark.parametrize(
    "said",
    [
        ("sideways",),
        (5,),
        (None, 2),
        (None, None, "urn:x:1"),
        ("inline", 0),
        ("inline", "-1"),
        ("inline", "11"),
        ("inline", 1.5),
        ("inline", True),
        ("inline", "9" * 5_000),
        ("flat", 1, "no uri"),
        ("flat", 1, [5]),
        ("flat", 1, 5),
        ([], 1),
    ],
)
def test_what_is_no_join_is_refused(said: tuple[Json, ...]) -> None:
    """Table 5.2.23-1: joinLevel is a positive integer."""
    with pytest.raises(BadRequestData, match=r"join|containedBy"):
        parse_join(*said)
