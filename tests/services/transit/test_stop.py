"""Stops are found however they are typed, and by where they are."""

from __future__ import annotations

import pytest

from services.transit.name import search_key
from services.transit.stop import StopIndex, nearest
from tests.services.transit.town import timetable

INDEX = StopIndex("bus", timetable())


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ユキノ", "ゆきの"), ("ﾕｷﾉ", "ゆきの"), ("桐ケ森", "桐ヶ森"), ("Ａ－１", "a-1"),
        ("Yukino Station", "yukinostation"), ("４丁目", "4丁目"),
    ],
)  # fmt: skip
def test_names_that_readers_take_for_the_same_have_one_key(one: str, other: str) -> None:
    assert search_key(one) == search_key(other)


@pytest.mark.parametrize("typed", ["雪野", "ゆきの", "ユキノエキ", "yukino", "えきまえ", "駅"])
def test_a_stop_is_found_by_a_part_of_its_name_in_any_of_its_languages(typed: str) -> None:
    assert [stop.name for _, stop in INDEX.search(typed)] == ["雪野駅前"]


def test_the_whole_name_fits_better_than_its_beginning_and_that_better_than_its_inside() -> None:
    fits = [min(fit for fit, _ in INDEX.search(typed)) for typed in ("雪野駅前", "雪野", "駅前")]
    assert fits == [0, 1, 2]


def test_stops_and_platforms_have_the_ids_of_the_hub() -> None:
    stop = INDEX.find("urn:ngsi-ld:GtfsStation:bus:100")
    platform = INDEX.find("urn:ngsi-ld:GtfsStop:bus:100_2")
    assert stop is not None
    assert platform is not None
    assert (stop.stop_ids, platform.stop_ids, platform.code) == (("100_1", "100_2"), ("100_2",), "2")
    assert (stop.kana, stop.name_en) == ("ゆきのえきまえ", "Yukino Station")
    assert INDEX.find("urn:ngsi-ld:GtfsStation:other:100") is None


def test_the_nearest_come_first_with_how_far_they_are() -> None:
    found = nearest(INDEX.stops, 140.751, 40.82, 2, 50_000)
    assert [(stop.name, round(metres)) for metres, stop in found] == [("雪野駅前", 84), ("市民病院", 757)]
    assert nearest(INDEX.stops, 140.751, 40.82, 2, 500)[1:] == []
