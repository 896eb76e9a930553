"""What the page shows of buses, from what the transit service answers."""

from __future__ import annotations

import pytest

from services.portal.bus import Heard, Unfit, compose_buses
from services.portal.text import EN, JA
from tests.services.portal.answers import answer, departure


def test_a_departure_shows_when_where_and_how_it_runs() -> None:
    buses = compose_buses(Heard("", {"a": answer(departure())}), "ja")
    (row,) = buses.boards[0].rows
    assert (row.time, row.was, row.headsign, row.where) == ("8:09", "時刻表では8:05", "桐ヶ森行き", "中央線　1番のりば")
    assert (row.said, row.colour, row.is_warning) == ("約4分遅れ（1分前の情報）", "C62828", False)
    assert (buses.alerts, buses.warning) == (("大雪：遅れます",), "")
    assert buses.boards[0].notes == ("遅れの情報を反映しています", "出典：出典元の市")


def test_in_english_names_are_english_where_there_are_any() -> None:
    buses = compose_buses(Heard("", {"a": answer(departure(), departure(headsignEn=""))}), "en")
    first, second = buses.boards[0].rows
    assert (buses.boards[0].name, first.headsign, second.headsign) == ("Yukino Station", "Kirigamori", "桐ヶ森")
    assert first.where == "Central Line, Platform 1"


def test_what_does_not_run_is_a_warning_at_its_timetables_time() -> None:
    gone = departure(status="cancelled", expectedAt=None, said={"ja": "運休", "en": "cancelled"})
    (row,) = compose_buses(Heard("", {"a": answer(gone)}), "ja").boards[0].rows
    assert (row.time, row.was, row.said, row.is_warning) == ("8:05", "", "運休", True)


def test_what_is_alike_at_two_stops_is_said_once() -> None:
    buses = compose_buses(Heard("", {"a": answer(departure()), "b": answer(departure())}), "ja")
    assert (len(buses.boards), len(buses.alerts)) == (2, 1)


def test_an_empty_board_says_when_the_next_bus_leaves() -> None:
    nothing = {"nextAt": None, "ja": "次は1月16日 6時00分です", "en": "the next is at 06:00"}
    (board,) = compose_buses(Heard("", {"a": answer(nothing=nothing)}), "ja").boards
    assert (board.rows, board.nothing) == ((), "次は1月16日 6時00分です")


def test_a_stop_that_is_not_there_leads_to_some_that_are() -> None:
    told = {"status": 404, "like": [{"id": "x", "name": "桜川"}, {"id": "y", "name": "桜川"}]}
    buses = compose_buses(Heard("さくら", {"さくら": told}), "ja")
    assert (buses.not_found, buses.like) == ("「さくら」というバス停は見つかりませんでした。", ("桜川",))


def test_the_one_stop_that_may_have_been_meant_is_shown_and_said_to_be_another() -> None:
    told = {"えきまい": {"status": 404, "like": [{"name": "雪野駅前"}]}, "雪野駅前": answer(departure())}
    buses = compose_buses(Heard("えきまい", told), "ja")
    assert [board.name for board in buses.boards] == ["雪野駅前"]
    assert buses.not_found == JA.shown_instead.format(stop="えきまい", name="雪野駅前")
    assert buses.like == ()


def test_a_service_that_is_away_is_said_with_the_age_of_what_is_shown() -> None:
    assert compose_buses(Heard("", {}, 3.0), "ja").warning == JA.transit_lost
    old = compose_buses(Heard("", {"a": answer(departure())}, 190.0), "en")
    assert old.warning == EN.transit_old.format(age="3 minutes ago")
    assert old.boards


def test_an_old_timetable_says_so() -> None:
    told = answer(departure())
    told["boards"][0]["feed"] |= {"state": "dead", "stateLabel": {"ja": "受信停止", "en": "dead"}}
    assert "時刻表のデータの状態：受信停止" in compose_buses(Heard("", {"a": told}), "ja").boards[0].notes


def test_a_colour_that_is_none_does_not_reach_the_style() -> None:
    line = {"name": "x", "nameEn": "", "color": "red;background:url(//x)"}
    (row,) = compose_buses(Heard("", {"a": answer(departure(line=line))}), "ja").boards[0].rows
    assert row.colour == ""


@pytest.mark.parametrize("told", [{"boards": [{}]}, {"boards": 1}, answer(departure(scheduledAt="now")), {"like": [1]}])
def test_an_answer_of_another_form_is_unfit(told: dict[str, object]) -> None:
    with pytest.raises(Unfit):
        compose_buses(Heard("x", {"x": told}), "ja")
