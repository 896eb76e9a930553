"""Stops, boards and feeds as JSON. Instants carry the offset of the timetable's zone, since people read them. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from cityos.client import FeedStatus, format_instant
from cityos.client.words import age_of
from cityos.vocabulary.alert import NO_LANGUAGE, ServiceAlert
from cityos.vocabulary.identifier import mint_id
from cityos.vocabulary.timetable import Timetable
from cityos.vocabulary.transit import ROUTE
from services.transit import words
from services.transit.board import Asked, Board, Leaving
from services.transit.live import Outlook, Position, Status
from services.transit.network import Feed
from services.transit.stop import Place

Json = dict[str, object]


def stop_to_json(stop: Place, metres: float | None = None) -> Json:
    """A stop with its platforms, or a platform; how far it is, where that was asked."""
    told: Json = {
        "id": stop.id,
        "feed": stop.feed,
        "name": stop.name,
        "kana": stop.kana,
        "nameEn": stop.name_en,
        "lon": stop.lon,
        "lat": stop.lat,
    }
    if metres is not None:
        told["metres"] = round(metres)
    if stop.platforms:
        told["platforms"] = [{"id": one.id, "code": one.code, "note": one.note} for one in stop.platforms]
    return told


def board_to_json(place: Place, feed: Feed, board: Board, asked: Asked, now: datetime) -> Json:
    """The board of one place."""
    zone = feed.loaded.timetable.zone
    told: Json = {
        "stop": stop_to_json(place),
        "feed": feed_to_json(feed, now),
        "departures": [_leaving_to_json(one, feed, now) for one in board.leaving],
        "alerts": [_alert_to_json(alert) for alert in board.alerts],
    }
    if not board.leaving:
        next_at = None if board.next_at is None else _local(board.next_at, zone)
        told["nothing"] = {"nextAt": next_at, **words.of_nothing(board, asked.within, zone)}
    return told


def feed_to_json(feed: Feed, now: datetime) -> Json:
    """Where a timetable comes from, how fresh it is, and whether delays are taken up."""
    news, status = feed.news, feed.status
    return {
        "name": feed.name,
        "title": "" if status is None else status.title,
        "state": "unknown" if status is None else status.state,
        "stateLabel": _label(status),
        "version": news.version,
        "validFrom": None if news.valid_from is None else news.valid_from.isoformat(),
        "validUntil": None if news.valid_until is None else news.valid_until.isoformat(),
        "licence": news.licence,
        "attribution": news.attribution,
        "realtime": _live_to_json(feed, now),
    }


def _label(status: FeedStatus | None) -> Json:
    if status is None:
        return {"ja": "市のデータ基盤から確認できません", "en": "not confirmed by the hub"}
    return {"ja": status.state_ja, "en": status.state_en}


def _live_to_json(feed: Feed, now: datetime) -> Json:
    live = feed.live
    age = age_of(live.observed_at, now)
    return {
        "state": live.state,
        "feeds": [{"name": one.name, "state": one.state} for one in live.statuses],
        "observedAt": None if live.observed_at is None else format_instant(live.observed_at),
        "ageSeconds": None if age is None else round(age.total_seconds()),
        **words.of_live(live, now),
    }


def _leaving_to_json(one: Leaving, feed: Feed, now: datetime) -> Json:
    timetable, call, outlook = feed.loaded.timetable, one.departure.call, one.outlook
    platform = feed.loaded.index.by_stop_id.get(call.stop_id)
    runs = outlook.status is Status.RUNNING
    age = age_of(outlook.observed_at, now)
    return {
        "line": _line_to_json(call.trip_id, feed),
        "headsign": call.headsign,
        "headsignEn": timetable.translate(call.headsign, "en", "trips", "trip_headsign", call.trip_id) or "",
        "platform": None if platform is None else {"id": platform.id, "code": platform.code, "note": platform.note},
        "tripId": call.trip_id,
        "serviceDate": one.departure.service_date.isoformat(),
        "scheduledAt": _local(one.departure.at, timetable.zone),
        "scheduledTime": f"{call.departure // 3600}:{call.departure % 3600 // 60:02}",
        "isTimeReckoned": not call.is_said,
        "expectedAt": _local(outlook.at, timetable.zone) if runs else None,
        "minutes": max(0, int((outlook.at - now).total_seconds() // 60)) if runs else None,
        "delaySeconds": outlook.delay_s if runs else None,
        "status": outlook.status.value,
        "basis": outlook.basis.value,
        "observedAt": None if outlook.observed_at is None else format_instant(outlook.observed_at),
        "ageSeconds": None if age is None else round(age.total_seconds()),
        "said": words.of_leaving(one, now),
        "vehicle": _vehicle_to_json(outlook, now),
    }


def _line_to_json(trip_id: str, feed: Feed) -> Json:
    timetable = feed.loaded.timetable
    route = timetable.routes.get(timetable.trips[trip_id].route_id)
    if route is None:
        return {"id": None, "name": "", "nameEn": "", "color": ""}
    return {
        "id": mint_id(ROUTE, feed.name, route.route_id),
        "name": route.short_name or route.long_name,
        "nameEn": _english(timetable, route.route_id, route.short_name, route.long_name),
        "color": route.color,
    }


def _english(timetable: Timetable, route_id: str, short_name: str, long_name: str) -> str:
    text, field = (short_name, "route_short_name") if short_name else (long_name, "route_long_name")
    return timetable.translate(text, "en", "routes", field, route_id) or ""


def _vehicle_to_json(outlook: Outlook, now: datetime) -> Json | None:
    seen: Position | None = outlook.position
    if seen is None:
        return None
    return {
        "id": seen.vehicle_id,
        "stopsAway": seen.stops_away,
        "lon": seen.lon,
        "lat": seen.lat,
        "occupancy": seen.occupancy,
        "observedAt": format_instant(seen.observed_at),
        "ageSeconds": max(0, round((now - seen.observed_at).total_seconds())),
    }


def _alert_to_json(alert: ServiceAlert) -> Json:
    header, text = alert.header, alert.description
    return {
        "cause": alert.cause,
        "effect": alert.effect,
        "ja": {"header": _in(header, "ja"), "text": _in(text, "ja")},
        "en": {"header": _in(header, "en"), "text": _in(text, "en")},
    }


def _in(texts: object, language: str) -> str:
    if not isinstance(texts, dict):
        return ""
    wanted: Sequence[str] = (language, NO_LANGUAGE, "ja")
    return next((str(texts[one]) for one in wanted if one in texts), "")


def _local(instant: datetime, zone: ZoneInfo) -> str:
    return instant.astimezone(zone).isoformat(timespec="seconds")
