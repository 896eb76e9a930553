"""What the city is told of a vehicle holds nothing from which a ride could be told."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cityos.client import Entity
from cityos.ngsi.entity import to_bytes
from cityos.vocabulary.on_demand import OnDemandService, OnDemandVehicle
from services.on_demand.driving import Told
from services.on_demand.place import Position
from services.on_demand.public_vehicle import public_service, public_vehicle
from services.on_demand.refusal import Refused
from services.on_demand.ride import Party, Wish
from tests.services.on_demand.town import MORNING, YUKINO, Town, one_van, town

_POINTS = sorted(YUKINO.points)
_doors = st.builds(Position, st.floats(140.74, 140.76), st.floats(40.815, 40.83))
_places = st.one_of(st.sampled_from(_POINTS), _doors)
_contacts = st.text("abcdefghij", min_size=12, max_size=30)
_wishes = st.builds(
    Wish, _places, _places, st.builds(Party, st.integers(1, 3), st.integers(0, 1), st.integers(0, 1)), contact=_contacts
)
_rides = st.lists(st.tuples(_wishes, st.integers(0, 20), st.booleans()), min_size=1, max_size=5)
_SAID = {"name", "location", "freeSeats", "nextMeetingPoint"}


def _entities(at: Town) -> list[Entity]:
    vehicles = [public_vehicle(seen, at.area.vans, at.area.points) for seen in at.desk.seen()]
    return [vehicle.to_entity(at.clock.at) for vehicle in vehicles]


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_rides)
def test_only_the_four_public_facts_are_published_and_nothing_a_rider_said(
    rides: list[tuple[Wish, int, bool]],
) -> None:
    with TemporaryDirectory() as directory, town(Path(directory), one_van()) as at:
        secrets = []
        for wish, minutes, drives in rides:
            secrets += _live(at, wish, minutes, drives)
            for entity in _entities(at):
                _check_public(entity, secrets)


def _live(at: Town, wish: Wish, minutes: int, drives: bool) -> list[str]:
    """Books, lets time pass and perhaps lets the driver go on; returns what must never be seen."""
    secrets = [wish.contact or "", *_coordinates(wish.origin), *_coordinates(wish.destination)]
    try:
        quote = at.desk.quote(wish)
        secrets += [quote.id, at.desk.confirm(quote.id, None).token]
    except Refused:
        pass
    at.clock.forward(minutes=minutes)
    if drives and (stops := at.desk.stops("van-1")):
        told = Told.BOARDED if stops[0].number % 2 == 0 else Told.ALIGHTED
        at.desk.tell("van-1", stops[0].number, told)
    return secrets


def _coordinates(place: str | Position) -> list[str]:
    known = {degree for point in YUKINO.points.values() for degree in (point.position.lon, point.position.lat)}
    return (
        []
        if isinstance(place, str)
        else [repr(d) for d in (place.lon, place.lat) if d not in known and len(repr(d)) > 8]
    )


def _check_public(entity: Entity, secrets: list[str]) -> None:
    assert {name.rsplit("/", 1)[-1] for name in entity.attributes} == _SAID
    assert all(not instance.attributes for by in entity.attributes.values() for instance in by.values())
    text = to_bytes(entity).decode()
    assert [secret for secret in secrets if secret in text] == []
    vehicle = OnDemandVehicle.from_entity(entity)
    assert Position(vehicle.lon, vehicle.lat) in {point.position for point in YUKINO.points.values()}
    assert vehicle.next_stop in {"", *(point.name for point in YUKINO.points.values())}


def test_another_rider_with_the_same_ride_leaves_the_same_trace(tmp_path: Path) -> None:
    """The published state is a function of place, free seats and next stop: who rides and from which door is gone."""
    doors: tuple[str | Position, ...] = (Position(140.7425, 40.8275), "hospital")
    traces = []
    for number, door in enumerate(doors):
        with town(tmp_path / str(number), one_van()) as at:
            asked = Wish(door, "harbour", Party(1), at.clock.at.timestamp() + 600, contact=f"rider {number}")
            ride = at.desk.confirm(at.desk.quote(asked).id, None)
            assert ride.offer.origin == "hospital"
            at.clock.forward(minutes=25)
            traces.append([to_bytes(entity) for entity in _entities(at)])
    assert traces[0] == traces[1]


def test_a_stop_planned_for_later_is_not_told(tmp_path: Path) -> None:
    with town(tmp_path, one_van()) as at:
        at.book("harbour", "hospital", depart_after=at.clock.at.timestamp() + 7200)
        assert at.desk.seen()[0].heading_for is None
        at.clock.forward(hours=2)
        assert at.desk.seen()[0].heading_for == "harbour"


def test_it_reads_back_what_it_says() -> None:
    vehicle = OnDemandVehicle("van-1", "ゆきのり1号", 140.75, 40.82, 7, "市民病院")
    assert OnDemandVehicle.from_entity(vehicle.to_entity(MORNING + timedelta(hours=1))) == vehicle
    service = public_service(YUKINO)
    assert (service.runs_from, service.runs_until, service.adult_fare) == ("06:30", "22:30", 300)
    assert OnDemandService.from_entity(service.to_entity()) == service
