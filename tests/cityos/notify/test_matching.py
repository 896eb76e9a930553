"""Who is told of which change (clauses 5.2.12, 5.8.6)."""

from __future__ import annotations

import random
from typing import Any

import pytest

from cityos.notify.change import Change
from cityos.notify.matching import Watcher, Watchers
from tests.cityos.notify.telling import bus, creation, end, iri, one, update, watcher


def told(change: Change, *watching: Watcher) -> list[str]:
    """Local ids of those concerned."""
    watchers = Watchers()
    for each in watching:
        watchers.put(each)
    return sorted(each.id.rpartition(":")[2] for each in watchers.concerned(change))


CREATED = creation(bus(speed=one(50)))
ADDED = update(bus(speed=one(50), door=one(1)), "door", None, one(1))
UPDATED = update(bus(speed=one(60)), "speed", one(50), one(60))
REMOVED = update(bus(), "speed", one(50), None)
ENDED = end(bus(speed=one(50)))


@pytest.mark.parametrize(
    ("trigger", "changes"),
    [
        ("entityCreated", {"created"}),
        ("entityUpdated", {"added", "updated", "removed"}),
        ("entityDeleted", {"ended"}),
        ("attributeCreated", {"created", "added"}),
        ("attributeUpdated", {"updated"}),
        ("attributeDeleted", {"removed", "ended"}),
    ],
)
def test_each_trigger_is_pulled_by_its_changes(trigger: str, changes: set[str]) -> None:
    every = {"created": CREATED, "added": ADDED, "updated": UPDATED, "removed": REMOVED, "ended": ENDED}
    asking = watcher(notificationTrigger=[trigger])
    assert {name for name, change in every.items() if told(change, asking)} == changes


def test_only_watched_attributes_count() -> None:
    asking = watcher(watchedAttributes=["speed"], notificationTrigger=["entityUpdated"])
    assert told(UPDATED, asking)
    assert not told(ADDED, asking)


@pytest.mark.parametrize(
    ("selector", "is_told"),
    [
        ({"type": "Bus"}, True),
        ({"type": "Tram"}, False),
        ({"type": "(Tram|Bus)"}, True),
        ({"type": "Tram;Bus"}, False),
        ({"type": "*"}, True),
        ({"type": "Bus", "id": "urn:b:1"}, True),
        ({"type": "Bus", "id": "urn:b:2"}, False),
        ({"type": "Bus", "idPattern": "^urn:b:[0-9]$"}, True),
        ({"type": "Bus", "idPattern": "^urn:c"}, False),
    ],
)
def test_entities_are_selected_by_type_id_and_pattern(selector: dict[str, str], is_told: bool) -> None:
    """Clauses 4.17, 5.2.33."""
    assert bool(told(UPDATED, watcher(entities=[selector]))) is is_told


def test_watched_attributes_alone_watch_entities_of_every_type() -> None:
    asking = watcher(watchedAttributes=["speed"])
    everything = watcher("2", entities=[{"type": "*"}], watchedAttributes=["speed"])
    assert told(UPDATED, asking, everything) == ["1", "2"]


@pytest.mark.parametrize(
    ("members", "is_told"),
    [
        ({"q": "speed>59"}, True),
        ({"q": "speed>60"}, False),
        ({"q": "speed>=60;!door"}, True),
        ({"q": "door|speed==60"}, True),
        ({"scopeQ": "/Aomori/#"}, True),
        ({"scopeQ": "/Akita"}, False),
        ({"geoQ": {"georel": "near;maxDistance==100", "geometry": "Point", "coordinates": [140.7, 40.8]}}, True),
        ({"geoQ": {"georel": "near;maxDistance==100", "geometry": "Point", "coordinates": [141.7, 40.8]}}, False),
        ({"q": "speed>1", "scopeQ": "/Akita"}, False),
    ],
)
def test_conditions_hold_of_the_state_after_the_change(members: dict[str, Any], is_told: bool) -> None:
    """Clauses 4.9, 4.10, 4.19."""
    entity = bus(speed=one(60))
    entity["scope"] = ["/Aomori/Snow"]
    entity["https://uri.etsi.org/ngsi-ld/location"] = [
        one({"type": "Point", "coordinates": [140.7, 40.8]}, "GeoProperty")
    ]
    assert bool(told(update(entity, "speed", one(50), one(60)), watcher(**members))) is is_told


def test_conditions_on_an_end_hold_of_the_state_before() -> None:
    asking = [watcher(str(n), q=f"speed=={n}", notificationTrigger=["entityDeleted"]) for n in (49, 50)]
    assert told(ENDED, *asking) == ["50"]


def test_nobody_is_told_of_changes_before_they_subscribed() -> None:
    asking = watcher()
    asking.since = 7
    assert not told(update(bus(speed=one(1)), "speed", None, one(1), seq=7), asking)
    assert told(update(bus(speed=one(1)), "speed", None, one(1), seq=8), asking)


def test_who_asks_for_intervals_is_not_told_of_changes() -> None:
    assert not told(UPDATED, watcher(timeInterval=5))


def test_a_thousand_subscriptions_find_what_each_would_by_itself() -> None:
    chance = random.Random(20260115)
    signs = [">", ">=", "<", "<=", "==", "!="]
    asking = [
        watcher(str(n), q=f"speed{chance.choice(signs)}{chance.randrange(100)}", watchedAttributes=["speed"])
        for n in range(1_000)
    ]
    watchers = Watchers()
    for each in asking:
        watchers.put(each)
    for each in chance.sample(asking, 300):
        watchers.drop(each.id)
    change = update(bus(speed=one(47)), "speed", one(1), one(47))
    alone = {each.id for each in watchers if told(change, each)}
    assert {each.id for each in watchers.concerned(change)} == alone
    assert 100 < len(alone) < 600


def test_nothing_is_left_of_a_subscription_that_went() -> None:
    watchers = Watchers()
    watchers.put(watcher("1", q="speed>1", watchedAttributes=["speed"]))
    watchers.put(watcher("2", entities=[{"type": "Tram"}]))
    assert watchers.types() == {iri("Bus"), iri("Tram")}
    watchers.put(watcher("1", q="speed>1"))
    watchers.drop("urn:ngsi-ld:Subscription:1")
    watchers.drop("urn:ngsi-ld:Subscription:2")
    assert not list(watchers.concerned(UPDATED))
    assert (len(watchers), watchers.types()) == (0, frozenset())
