"""The desk: quotes, rides, drivers, restarts. The real store on disk, a clock set by hand."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from services.on_demand.booking import Desk
from services.on_demand.config import ConfigError
from services.on_demand.driving import Told
from services.on_demand.place import Position
from services.on_demand.refusal import Reason, Refused
from services.on_demand.ride import Booking, Party, RideState
from services.on_demand.store import StoreError
from tests.services.on_demand.checker import Driven, Served, check_times
from tests.services.on_demand.town import MORNING, YUKINO, HandClock, Town, fill, large_area, one_van, town, wish


def _reason(work: Callable[[], object]) -> Reason:
    with pytest.raises(Refused) as refused:
        work()
    return refused.value.reason


def test_a_quote_promises_around_what_can_be_driven(tmp_path: Path) -> None:
    with town(tmp_path) as at:
        asked = at.clock.at.timestamp() + 3600
        offer = at.desk.quote(wish(depart_after=asked, party=Party(2, 1))).offer
    assert asked <= offer.pickup_from <= asked + 15 * 60
    assert offer.pickup_until - offer.pickup_from == 600
    assert offer.pickup_from < offer.drop_by <= offer.pickup_from + 3600
    assert offer.fare == 2 * 300 + 150


def test_who_wants_to_arrive_by_a_time_arrives_by_it(tmp_path: Path) -> None:
    with town(tmp_path) as at:
        by = at.clock.at.timestamp() + 7200
        offer = at.desk.quote(wish(arrive_by=by)).offer
    assert offer.drop_by <= by
    assert by - offer.pickup_from < 45 * 60


def test_a_door_is_led_to_a_meeting_point_within_walking_distance(tmp_path: Path) -> None:
    with town(tmp_path) as at:
        offer = at.desk.quote(wish(Position(140.7425, 40.8275), "harbour")).offer  # type: ignore[arg-type]
    assert offer.origin == "hospital"
    assert 0 < offer.walk_there_m <= YUKINO.rules.walk_limit_m
    assert offer.walk_on_m == 0


def test_what_cannot_be_is_refused_with_its_reason(tmp_path: Path) -> None:
    with town(tmp_path) as at:
        now, quote = at.clock.at.timestamp(), at.desk.quote
        cases = {
            Reason.OUTSIDE_AREA: wish(Position(141.5, 40.8)),  # type: ignore[arg-type]
            Reason.TOO_FAR_TO_WALK: wish(Position(140.795, 40.855)),  # type: ignore[arg-type]
            Reason.UNKNOWN_POINT: wish("nowhere"),
            Reason.SAME_PLACE: wish("harbour", "harbour"),
            Reason.PARTY_TOO_LARGE: wish(party=Party(9)),
            Reason.IN_THE_PAST: wish(depart_after=now - 3600),
            Reason.TOO_FAR_AHEAD: wish(depart_after=now + 8 * 86400),
            Reason.OUTSIDE_HOURS: wish(depart_after=now + 17 * 3600),  # 02:00
            Reason.NO_VEHICLE: wish(arrive_by=now + 120),
        }
        assert {reason: _reason(lambda one=one: quote(one)) for reason, one in cases.items()} == {  # type: ignore[misc]
            reason: reason for reason in cases
        }


def test_a_closed_meeting_point_is_not_offered(tmp_path: Path) -> None:
    closed = replace(YUKINO.points["hospital"], closed=True)
    with town(tmp_path, replace(YUKINO, points={**YUKINO.points, "hospital": closed})) as at:
        assert _reason(lambda: at.desk.quote(wish("hospital", "harbour"))) is Reason.UNKNOWN_POINT


def test_the_same_key_answers_with_the_same_ride_and_another_quote_is_refused(tmp_path: Path) -> None:
    with town(tmp_path) as at:
        first, other = at.desk.quote(wish()), at.desk.quote(wish())
        ride = at.desk.confirm(first.id, "key")
        assert at.desk.confirm(first.id, "key") == ride
        assert _reason(lambda: at.desk.confirm(other.id, "key")) is Reason.KEY_REUSED
        assert _reason(lambda: at.desk.confirm(first.id, "another")) is Reason.QUOTE_TAKEN
        assert _reason(lambda: at.desk.confirm(first.id, None)) is Reason.QUOTE_TAKEN
        at.again()
        assert at.desk.confirm(first.id, "key") == ride
        assert len(at.desk.stops(ride.vehicle)) == 2


def test_an_expired_quote_is_refused(tmp_path: Path) -> None:
    with town(tmp_path) as at:
        quote = at.desk.quote(wish(depart_after=at.clock.at.timestamp() + 3600))
        at.clock.forward(minutes=YUKINO.rules.quote_minutes, seconds=1)
        assert _reason(lambda: at.desk.confirm(quote.id, None)) is Reason.QUOTE_EXPIRED
        assert _reason(lambda: at.desk.confirm("none", None)) is Reason.NOT_FOUND


def test_a_quote_expires_no_later_than_its_pickup_window(tmp_path: Path) -> None:
    with town(tmp_path) as at:
        at.clock.speed = 60.0  # five minutes of the reader's life are five hours here
        for origin, destination in (("station-west", "hospital"), ("harbour", "station-west")):
            quote, late = (at.desk.quote(wish(origin, destination)) for _ in range(2))
            begun = at.clock.at.timestamp()
            assert begun + 240 < quote.expires_at <= quote.offer.pickup_until
            at.clock.at = datetime.fromtimestamp(quote.expires_at, UTC)
            assert at.desk.confirm(quote.id, None).quote_id == quote.id
            at.clock.forward(seconds=1)
            assert _reason(lambda late=late: at.desk.confirm(late.id, None)) is Reason.QUOTE_EXPIRED  # type: ignore[misc]
            at.clock.at = datetime.fromtimestamp(late.offer.pickup_until + 1, UTC)
            assert _reason(lambda late=late: at.desk.confirm(late.id, None)) is Reason.PICKUP_PASSED  # type: ignore[misc]


def test_two_hundred_at_once_for_the_last_seats_get_no_more_than_there_are(tmp_path: Path) -> None:
    with town(tmp_path, one_van(seats=3)) as at, ThreadPoolExecutor(1) as thread, ThreadPoolExecutor(32) as crowd:
        later = at.clock.at.timestamp() + 3600
        at.close()
        thread.submit(at.open).result()
        asked = [thread.submit(at.desk.quote, wish(depart_after=later)).result() for _ in range(200)]
        outcomes = list(crowd.map(lambda quote: thread.submit(_try, at.desk, quote.id).result(), asked))
        booked = [one for one in outcomes if isinstance(one, Booking)]
        assert len(booked) + outcomes.count(Reason.SEAT_GONE) == 200
        assert 3 <= len(booked) < 20
        thread.submit(_check_promises, at, booked).result()


def _try(desk: Desk, quote_id: str) -> Booking | Reason:
    try:
        return desk.confirm(quote_id, None)
    except Refused as refused:
        return refused.reason


def _check_promises(at: Town, booked: list[Booking]) -> None:
    """The plan as drivers see it serves every booking once, within its promise, by the independent checker."""
    travel = at.travel()
    seen = set()
    for van in at.area.vans.values():
        days = {one.day for one in booked if one.vehicle == van.id}
        for day in days:
            stops = [stop for stop in at.desk.stops(van.id) if stop.booking.day == day]
            served = tuple(
                Served(at.request(stop.booking), stop.number % 2 == 0, stop.at) for stop in stops
            )  # fmt: skip
            home = at.area.index[van.home]
            assert check_times(Driven(van.seats, van.wheelchairs, home, 0.0, 1e12, served), travel) == []
            seen |= {stop.number for stop in stops}
    assert seen == {number for one in booked for number in (2 * one.number, 2 * one.number + 1)}


def test_a_busy_day_keeps_every_promise_and_so_does_a_restart(tmp_path: Path) -> None:
    with town(tmp_path, large_area(6, 40)) as at:
        fill(at, 60, 3)
        booked = at.store.list_open()
        _check_promises(at, booked)
        before = {van: at.desk.stops(van) for van in at.area.vans}
        at.again()
        assert {van: at.desk.stops(van) for van in at.area.vans} == before
        _check_promises(at, at.store.list_open())


def test_a_ride_from_booking_to_alighting(tmp_path: Path) -> None:
    with town(tmp_path, one_van()) as at:
        ride = at.book("station-west", "hospital", contact="090-0000-0000")
        board, alight = (stop.number for stop in at.desk.stops("van-1"))
        at.clock.forward(minutes=5)
        assert _reason(lambda: at.desk.tell("van-1", alight, Told.ALIGHTED)) is Reason.WRONG_STOP
        assert _reason(lambda: at.desk.tell("van-1", board, Told.ALIGHTED)) is Reason.WRONG_EVENT
        at.desk.tell("van-1", board, Told.ARRIVED)
        assert at.desk.stops("van-1")[0].arrived
        assert at.desk.tell("van-1", board, Told.BOARDED).state is RideState.ABOARD
        assert at.desk.tell("van-1", board, Told.BOARDED).state is RideState.ABOARD
        assert _reason(lambda: at.desk.cancel(ride.token)) is Reason.TOO_LATE_TO_CANCEL
        at.again()
        assert at.desk.seen()[0].free_seats == 7
        at.clock.forward(minutes=8)
        assert at.desk.tell("van-1", alight, Told.ALIGHTED).state is RideState.FINISHED
        assert at.desk.tell("van-1", alight, Told.ALIGHTED).state is RideState.FINISHED
        assert at.desk.ride(ride.token).booking.state is RideState.FINISHED
        assert at.desk.stops("van-1") == []
        assert at.desk.seen()[0].free_seats == 8


def test_a_no_show_frees_the_seat_after_the_promised_time_only(tmp_path: Path) -> None:
    with town(tmp_path, one_van()) as at:
        ride = at.book(depart_after=at.clock.at.timestamp() + 1800)
        board = at.desk.stops("van-1")[0].number
        assert _reason(lambda: at.desk.tell("van-1", board, Told.NO_SHOW)) is Reason.TOO_EARLY_TO_LEAVE
        at.clock.forward(minutes=32)
        assert at.desk.tell("van-1", board, Told.NO_SHOW).state is RideState.NO_SHOW
        assert at.desk.tell("van-1", board, Told.NO_SHOW).state is RideState.NO_SHOW
        assert (at.desk.stops("van-1"), at.desk.ride(ride.token).booking.state) == ([], RideState.NO_SHOW)


def test_a_cancelled_ride_makes_room(tmp_path: Path) -> None:
    with town(tmp_path, one_van(seats=1)) as at:
        later = at.clock.at.timestamp() + 3600
        first, second = (at.desk.quote(wish("harbour", "gakuen-south", depart_after=later)) for _ in range(2))
        ride = at.desk.confirm(first.id, None)
        assert _reason(lambda: at.desk.confirm(second.id, None)) is Reason.SEAT_GONE
        assert at.desk.cancel(ride.token).booking.state is RideState.CANCELLED
        assert at.desk.cancel(ride.token).booking.state is RideState.CANCELLED
        at.again()
        at.desk.confirm(second.id, None)


def test_a_leg_that_was_begun_is_driven_to_its_end_when_its_ride_is_cancelled(tmp_path: Path) -> None:
    with town(tmp_path, one_van()) as at:
        ride = at.book("harbour", "gakuen-south")
        planned = at.desk.ride(ride.token).pickup_at
        at.clock.forward(minutes=3)
        assert at.desk.seen()[0].heading_for == "harbour"
        at.desk.cancel(ride.token)
        assert at.desk.seen()[0].place == "harbour"
        assert planned is not None
        again = at.desk.quote(wish("harbour", "gakuen-south")).offer
        assert again.pickup_from >= planned - 60


def test_a_vehicle_under_way_is_not_sent_elsewhere_first(tmp_path: Path) -> None:
    with town(tmp_path, one_van()) as at:
        at.book("harbour", "gakuen-south")
        at.clock.forward(minutes=3)
        for origin in ("station-west", "city-hall", "arcade"):
            at.book(origin, "gakuen-south")
            assert at.desk.stops("van-1")[0].place == "harbour"
        at.again()
        assert at.desk.stops("van-1")[0].place == "harbour"


def test_a_vehicle_that_may_wait_at_its_next_stop_is_still_under_way(tmp_path: Path) -> None:
    """A second party at the same stop can make the first board later; the leg was begun all the same."""
    rules = replace(YUKINO.rules, ride_factor=1.0, ride_extra_minutes=3, drop_off_slack_minutes=20)
    with town(tmp_path, replace(one_van(), rules=rules)) as at:
        ride = at.book("harbour", "gakuen-south")
        planned = at.desk.ride(ride.token).pickup_at or 0.0
        at.clock.forward(minutes=3)
        at.book("harbour", "gakuen-south", depart_after=planned + 10 * 60)
        assert (at.desk.ride(ride.token).pickup_at or 0.0) > planned + 180
        assert at.desk.seen()[0].heading_for == "harbour"
        at.again()
        assert at.desk.seen()[0].heading_for == "harbour"


def test_nobody_drives_towards_a_ride_before_it_is_confirmed(tmp_path: Path) -> None:
    with town(tmp_path, one_van()) as at:
        quote = at.desk.quote(wish("orchard", "harbour"))
        at.clock.forward(minutes=4)
        ride = at.desk.confirm(quote.id, None)
        home, origin = at.area.index["station-east"], at.area.index["orchard"]
        earliest = at.clock.at.timestamp() + at.travel()[home][origin]
        assert (at.desk.ride(ride.token).pickup_at or 0.0) >= earliest
        at.again()
        at.clock.forward(minutes=1)
        assert (at.desk.ride(ride.token).pickup_at or 0.0) >= earliest


def test_a_late_ride_is_told_and_not_made_later(tmp_path: Path) -> None:
    with town(tmp_path, one_van()) as at:
        ride = at.book("harbour", "gakuen-south")
        at.clock.forward(minutes=40)  # and no driver tells anything
        told = at.desk.ride(ride.token)
        assert told.late_s >= 20 * 60
        assert at.desk.counts() == {"openRides": 1, "lateRides": 1}
        at.book("station-west", "hospital")
        assert at.desk.ride(ride.token).late_s == pytest.approx(told.late_s)


def test_a_booking_made_today_for_next_week_is_driven_next_week(tmp_path: Path) -> None:
    with town(tmp_path) as at:
        ride = at.book(depart_after=(at.clock.at + timedelta(days=6)).timestamp())
        assert at.desk.stops(ride.vehicle) == []
        at.again()
        at.clock.forward(days=6)
        assert len(at.desk.stops(ride.vehicle)) == 2


def test_a_quote_lives_minutes_of_its_reader_in_a_fast_city(tmp_path: Path) -> None:
    with town(tmp_path) as at:
        at.clock.speed = 60.0
        quote = at.desk.quote(wish(depart_after=at.clock.at.timestamp() + 4 * 3600))
        at.clock.forward(hours=2)
        at.desk.confirm(quote.id, None)


def test_nothing_of_a_contact_is_left_once_its_time_has_come(tmp_path: Path) -> None:
    with town(tmp_path) as at:
        ride = at.book(contact="yuki@example.jp")
        kept = at.desk.quote(wish(contact="mori@example.jp"))
        at.clock.forward(days=YUKINO.rules.contact_days, hours=-1)
        assert at.desk.tidy() == 0
        assert at.desk.ride(ride.token).booking.state is RideState.UNREPORTED
        at.clock.forward(hours=3)
        assert at.desk.tidy() == 1
        assert _reason(lambda: at.desk.confirm(kept.id, None)) is Reason.NOT_FOUND
        files = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"example.jp" not in files


def test_a_config_that_forgets_what_was_promised_is_refused(tmp_path: Path) -> None:
    with town(tmp_path) as at:
        ride = at.book("station-west", "hospital")
        at.close()
        others = {name: van for name, van in YUKINO.vans.items() if name != ride.vehicle}
        at.area = replace(YUKINO, vans=others)
        with pytest.raises(ConfigError, match=ride.vehicle):
            at.open()
        at.close()
        at.area = replace(YUKINO, vans={name: replace(van, seats=0) for name, van in YUKINO.vans.items()})
        with pytest.raises(ConfigError, match="more people than it holds"):
            at.open()


def test_a_second_process_is_refused_the_same_data(tmp_path: Path) -> None:
    with town(tmp_path), pytest.raises(StoreError, match="another process"):
        Town(tmp_path, clock=HandClock()).open()


def test_outside_hours_a_wish_that_may_wait_gets_the_first_ride_of_the_next_service(tmp_path: Path) -> None:
    with town(tmp_path) as at:
        at.clock.forward(hours=15)  # midnight
        with pytest.raises(Refused) as refused:
            at.desk.quote(wish())
        begins = MORNING + timedelta(hours=21, minutes=30)  # 06:30
        assert (refused.value.reason, refused.value.next_at) == (Reason.OUTSIDE_HOURS, begins.timestamp())
        offer = at.desk.quote(wish(may_wait=True)).offer
        assert begins.timestamp() <= offer.pickup_from < begins.timestamp() + 3600


def test_a_wish_that_may_wait_is_served_at_once_where_it_can(tmp_path: Path) -> None:
    with town(tmp_path) as at:
        assert at.desk.quote(wish(may_wait=True)).offer == at.desk.quote(wish()).offer
        at.clock.forward(hours=13, minutes=29)  # one minute before the last vehicle's day ends
        assert _reason(lambda: at.desk.quote(wish())) is Reason.NO_VEHICLE
        offer = at.desk.quote(wish(may_wait=True)).offer
        assert offer.pickup_from >= (MORNING + timedelta(hours=21, minutes=30)).timestamp()
