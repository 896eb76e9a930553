"""The next departures: late buses stay until they leave, empty boards say when the next one does."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from cityos.vocabulary.alert import ServiceAlert, Target
from cityos.vocabulary.vehicle import StopUpdate, TripReference, TripUpdate
from services.transit.board import Asked, Board, board_of
from services.transit.live import Picture
from services.transit.stop import StopIndex
from services.transit.words import of_nothing
from tests.services.transit.town import DAY, EIGHT, STATION, timetable, update

TABLE = timetable()
INDEX = StopIndex("bus", TABLE)


def board(
    *updates: TripUpdate,
    since: datetime = EIGHT,
    stop: str = STATION,
    hours: float = 24,
    alerts: tuple[ServiceAlert, ...] = (),
) -> Board:
    place = INDEX.find(f"urn:ngsi-ld:GtfsStation:bus:{stop}")
    assert place is not None
    asked = Asked(since, 10, timedelta(hours=hours))
    return board_of(place, TABLE, Picture(TABLE, updates, [], since), alerts, asked, since)


def trips(told: Board) -> list[str]:
    return [one.departure.call.trip_id for one in told.leaving]


def test_what_leaves_is_in_order_over_midnight_and_into_the_next_day() -> None:
    told = board(hours=25)
    assert trips(told) == ["t1", "t2", "night", "t1", "t2"]
    night = told.leaving[2].departure
    assert (night.seconds, night.service_date) == (91_800, DAY)


def test_a_trip_that_ends_here_is_no_departure() -> None:
    assert trips(board(stop="300")) == []


def test_a_late_bus_is_waited_for_until_it_leaves() -> None:
    late = update(StopUpdate(10, departure_delay_s=900), observed_at=EIGHT + timedelta(minutes=9))
    since = EIGHT + timedelta(minutes=10)
    assert trips(board(late, since=since))[0] == "t1"
    assert trips(board(since=since))[0] == "t2"
    later = EIGHT + timedelta(minutes=16)
    late = update(StopUpdate(10, departure_delay_s=900), observed_at=later)
    assert trips(board(late, since=later))[0] == "t2"


def test_a_bus_at_this_very_second_is_shown_once() -> None:
    other = TripUpdate(TripReference("t2", "r", start_on=DAY), EIGHT, delay_s=0)
    assert trips(board(other, since=EIGHT, hours=0.5)) == ["t1"]
    assert trips(board(other, since=EIGHT + timedelta(milliseconds=500), hours=0.5)) == []


def test_late_buses_are_sorted_by_when_they_really_leave() -> None:
    late = update(StopUpdate(10, departure_delay_s=4000))
    assert trips(board(late))[:2] == ["t2", "t1"]


def test_an_empty_board_names_the_next_departure() -> None:
    told = board(since=EIGHT + timedelta(hours=2), hours=1)
    assert (trips(told), told.next_at) == ([], datetime(2026, 1, 15, 16, 30, tzinfo=UTC))
    said = of_nothing(told, timedelta(hours=1), TABLE.zone)
    assert said["ja"] == "この時間には便がありません。次は1月16日 1時30分です"


def test_a_timetable_that_is_over_says_so() -> None:
    told = board(since=datetime(2026, 4, 1, tzinfo=UTC))
    assert (told.next_at, told.ends_on) == (None, date(2026, 1, 31))
    assert "2026年1月31日まで" in of_nothing(told, timedelta(hours=24), TABLE.zone)["ja"]


def test_alerts_are_shown_where_they_concern_the_stop_or_what_leaves_it() -> None:
    targets = {
        "line": Target(route_id="r"),
        "other line": Target(route_id="x"),
        "trip": Target(trip_id="t1", start_on=DAY),
        "other day": Target(trip_id="t1", start_on=DAY - timedelta(days=3)),
        "stop": Target(stop_id="100"),
        "platform": Target(stop_id="100_2"),
        "line elsewhere": Target(route_id="r", stop_id="200"),
        "all": Target(agency_id="a"),
    }
    alerts = tuple(ServiceAlert(name, targets=(target,)) for name, target in targets.items())
    assert [alert.local_id for alert in board(alerts=alerts).alerts] == ["line", "trip", "stop", "platform", "all"]
