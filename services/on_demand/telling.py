"""What is answered, as JSON. Instants with the city's own offset, since people read them. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, tzinfo

from services.on_demand.booking import PlannedStop, Ride
from services.on_demand.config import Area
from services.on_demand.place import MeetingPoint
from services.on_demand.refusal import Refused
from services.on_demand.ride import Offer, Party, Quote, RideState

Json = dict[str, object]

_STATES = {
    RideState.CONFIRMED: {"ja": "予約済み", "en": "booked"},
    RideState.ABOARD: {"ja": "乗車中", "en": "aboard"},
    RideState.FINISHED: {"ja": "降車済み", "en": "finished"},
    RideState.CANCELLED: {"ja": "取り消し済み", "en": "cancelled"},
    RideState.NO_SHOW: {"ja": "不在", "en": "not there"},
    RideState.UNREPORTED: {"ja": "報告なし", "en": "not reported"},
}


@dataclass(frozen=True, slots=True)
class Teller:
    """Answers about one service."""

    area: Area

    def quote(self, quote: Quote) -> Json:
        """An offer and until when it can be taken; which vehicle it will be is not settled yet."""
        lasts = "この見積もりは席を確保しません。期限までに予約してください"
        holds = "The quote holds no seat; confirm it before it expires"
        expires_at = {"expires_at": self._instant(quote.expires_at)}
        return {"id": quote.id, **self._offer(quote.offer), **expires_at, "note": {"ja": lasts, "en": holds}}

    def ride(self, ride: Ride) -> Json:
        """A ride for who holds its token. The contact is not repeated."""
        booking = ride.booking
        van = self.area.vans.get(booking.vehicle)
        return {
            "ride": booking.token,
            "state": booking.state.value,
            "stateLabel": _STATES[booking.state],
            **self._offer(booking.offer),
            "vehicle": booking.vehicle if van is None else van.name,
            "planned": {"pickup_at": self._find(ride.pickup_at), "drop_off_at": self._find(ride.drop_at)},
            "late_minutes": round(ride.late_s / 60),
        }

    def stop(self, stop: PlannedStop) -> Json:
        """A stop for its driver."""
        boards, offer = stop.number % 2 == 0, stop.booking.offer
        until = self._window(offer) if boards else {"until": self._instant(offer.drop_by)}
        return {
            "n": stop.number,
            "what": "board" if boards else "alight",
            "meeting_point": self.point(self.area.points[stop.place]),
            "planned_at": self._instant(stop.at),
            "promised": until,
            "party": _party(offer.party),
            "contact": stop.booking.contact,
            "arrived": stop.arrived,
        }

    def points(self) -> Json:
        """All meeting points."""
        return {"service": self.area.name, "meeting_points": [self.point(one) for one in self.area.points.values()]}

    def point(self, point: MeetingPoint) -> Json:
        """One meeting point."""
        position = point.position
        names = {"name": point.name, "name_en": point.name_en}
        return {"id": point.id, **names, "lon": position.lon, "lat": position.lat, "closed": point.closed}

    def _offer(self, offer: Offer) -> Json:
        return {
            "from": self._named(offer.origin),
            "to": self._named(offer.destination),
            "party": _party(offer.party),
            "pickup": self._window(offer),
            "drop_off_by": self._instant(offer.drop_by),
            "walking_metres": {"to_pickup": offer.walk_there_m, "from_drop_off": offer.walk_on_m},
            "fare_yen": offer.fare,
        }

    def _named(self, place: str) -> Json:
        point = self.area.points.get(place)
        return {"id": place} if point is None else {"id": place, "name": point.name, "name_en": point.name_en}

    def _window(self, offer: Offer) -> Json:
        return {"from": self._instant(offer.pickup_from), "until": self._instant(offer.pickup_until)}

    def _find(self, instant: float | None) -> str | None:
        return None if instant is None else self._instant(instant)

    def _instant(self, instant: float) -> str:
        return datetime.fromtimestamp(int(instant), self.area.zone).isoformat()


def problem(refused: Refused, zone: tzinfo) -> tuple[int, Json]:
    """A refusal as a problem detail (RFC 9457): `reason` for programs, `ja` and `en` for people.

    `next_service_at`, where it is known, is when the asked thing becomes possible.
    """
    said = refused.reason.value
    told: Json = {"type": "about:blank", "title": said.en, "status": said.status, "reason": said.code}
    if refused.next_at is None:
        return said.status, {**told, "detail": str(refused), "ja": said.ja, "en": said.en}
    next_at = datetime.fromtimestamp(refused.next_at, zone)
    ja = f"{said.ja}。次の運行は{next_at.month}月{next_at.day}日 {next_at.hour}時{next_at.minute:02}分からです"
    en = f"{said.en}; the next service begins on {next_at:%Y-%m-%d} at {next_at:%H:%M}"
    return said.status, {**told, "detail": en, "ja": ja, "en": en, "next_service_at": next_at.isoformat()}


def _party(party: Party) -> Json:
    return {"adults": party.adults, "children": party.children, "wheelchairs": party.wheelchairs}


def listed(name: str, told: Iterable[Json]) -> Json:
    """A list under its name."""
    return {name: list(told)}
