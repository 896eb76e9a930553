"""The next departures of a stop: the timetable, and what is told of the buses on the road. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from cityos.vocabulary.alert import ServiceAlert, Target
from cityos.vocabulary.timetable import Departure, Timetable
from services.transit.live import Outlook, Picture, Status
from services.transit.stop import Place

# How long a bus may be behind its timetable and still be waited for.
_LATEST = timedelta(hours=2)
_ROOM = 30  # departures read beyond those asked for: some have left, some are of trips that end here
_MANY = 1000  # more than leave any stop in that time
_SOON = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Leaving:
    """A departure with its outlook."""

    departure: Departure
    outlook: Outlook


@dataclass(frozen=True, slots=True)
class Board:
    """What leaves a place from `since` on. `next_at`: the first departure after, where there is none within the time.

    `ends_on` is the last day the timetable speaks of, where it is over by then.
    """

    leaving: Sequence[Leaving]
    alerts: Sequence[ServiceAlert]
    next_at: datetime | None = None
    ends_on: date | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """From when, how many, and for how long ahead."""

    since: datetime
    count: int
    within: timedelta


def board_of(
    place: Place, timetable: Timetable, picture: Picture, alerts: Sequence[ServiceAlert], asked: Asked, now: datetime
) -> Board:
    """The board of a place. `now` is the city's time, by which alerts are active; `asked.since` may be another."""
    leaving = list(_leaving(place, timetable, picture, asked))[: asked.count]
    concerned = [alert for alert in alerts if alert.is_active(now) and _concerns(alert, place, timetable, leaving)]
    if leaving:
        return Board(leaving, concerned)
    later = timetable.departures(place.stop_ids, asked.since + asked.within, 1, _SOON, boarding_only=True)
    return Board((), concerned, later[0].at if later else None, _ended_on(timetable, asked.since))


def _leaving(place: Place, timetable: Timetable, picture: Picture, asked: Asked) -> Iterator[Leaving]:
    until, room = asked.since + asked.within, asked.count + _ROOM
    ahead = timetable.departures(place.stop_ids, asked.since, room, asked.within, boarding_only=True)
    late: Sequence[Departure] = ()
    if not picture.is_empty:
        late = timetable.departures(place.stop_ids, asked.since - _LATEST, _MANY, _LATEST, boarding_only=True)
    # One that leaves at this very second is among both.
    known = {(one.service_date, one.call.trip_id, one.call.sequence, one.seconds): one for one in (*late, *ahead)}
    found = [Leaving(one, picture.outlook(one)) for one in known.values()]
    yield from sorted((one for one in found if _is_ahead(one, asked.since, until)), key=_order)


def _is_ahead(one: Leaving, since: datetime, until: datetime) -> bool:
    return one.outlook.status is not Status.LEFT and since <= one.outlook.at <= until


def _order(one: Leaving) -> tuple[datetime, str, int]:
    return one.outlook.at, one.departure.call.trip_id, one.departure.call.sequence


def _ended_on(timetable: Timetable, at: datetime) -> date | None:
    days = [day for one in timetable.tables.services if (day := one.last_on) is not None]
    last = max(days, default=None)
    return last if last is not None and last < at.astimezone(timetable.zone).date() else None


def _concerns(alert: ServiceAlert, place: Place, timetable: Timetable, leaving: Sequence[Leaving]) -> bool:
    return any(_hits(target, place, timetable, leaving) for target in alert.targets)


def _hits(target: Target, place: Place, timetable: Timetable, leaving: Sequence[Leaving]) -> bool:
    """Whether a target means this place or something that leaves here: all that it says must hold together."""
    if target.stop_id and target.stop_id not in (*place.stop_ids, place.id.split(":", 4)[-1]):
        return False
    if not (target.trip_id or target.route_id):
        return bool(target.stop_id or target.agency_id or target.route_type is not None)
    return any(_is_meant(target, one.departure, timetable) for one in leaving)


def _is_meant(target: Target, departure: Departure, timetable: Timetable) -> bool:
    trip = timetable.trips[departure.call.trip_id]
    return (
        target.trip_id in ("", trip.trip_id)
        and target.route_id in ("", trip.route_id)
        and target.direction_id in (None, trip.direction)
        and target.start_on in (None, departure.service_date)
    )
