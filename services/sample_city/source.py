"""The city's sources: where each is served, what its server tells about it and where its content comes from."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from . import amedas, clearing, gtfs, people, plough, realtime, road, snow
from .address import (
    ALERTS_PB,
    BUS_ZIP,
    HOURLY_CSV,
    PLOUGH_COVERAGE_JSON,
    PLOUGHS_GEOJSON,
    ROADS_GEOJSON,
    ROUTES_GEOJSON,
    SENSORS_CSV,
    TRIP_UPDATES_PB,
    VEHICLE_POSITIONS_PB,
    WEATHER_MAP_JSON,
    WEATHER_TIME_TXT,
    ZONES_CSV,
    ZONES_GEOJSON,
    camera_path,
    five_minute_path,
)
from .clock import JST
from .mischief import FORMAT_CHANGED_AT
from .site import CAMERA_DAILY, CAMERA_HOURLY, FIVE_MINUTE, Site

_SENSORS_LISTED_AT = _ROADS_DRAWN_AT = datetime(2025, 4, 1, 9, tzinfo=JST)
_CSV = "text/csv"  # real servers name no charset, so that a reader has to know or guess
_RAW = "text/plain; charset=utf-8"
_UNKNOWN = "application/octet-stream"  # what a server says of a file whose extension it does not know
_GEOJSON = "application/geo+json"
_JSON = "application/json"
_ZIP = "application/zip"
_PROTOBUF = "application/x-protobuf"


@dataclass(frozen=True, slots=True)
class Source:
    """One file. Its server sends an ETag, a Last-Modified, both or neither, as real servers differ."""

    path: str
    title: str
    content_type: str
    etag: bool
    last_modified: bool
    render: Callable[[datetime], bytes]
    changed_at: Callable[[datetime], datetime]


def list_sources(seed: int, *, calm: bool) -> tuple[Source, ...]:
    """All sources of the city. A calm city has printed its zone list in the new format from the beginning."""
    return (
        *_snow_sources(seed, calm),
        *(_five_minute_source(seed, site) for site in FIVE_MINUTE),
        *(_camera_daily_source(seed, site) for site in CAMERA_DAILY),
        *(_camera_hourly_source(seed, site) for site in CAMERA_HOURLY),
        *_hourly_sources(seed),
        *_bus_sources(seed),
        *_ground_sources(seed),
    )


def find_weather_map(seed: int, stamp: str, instant: datetime) -> Source | None:
    """One of the files that are added every ten minutes, if it is there at ``instant``."""
    at = amedas.find_map_time(stamp, instant)
    if at is None:
        return None
    path, published_at = WEATHER_MAP_JSON.format(stamp=stamp), amedas.published_at(at)
    render, changed_at = (lambda _: amedas.station_map(seed, at)), (lambda _: published_at)
    return Source(path, "", _JSON, True, True, render, changed_at)


def _snow_sources(seed: int, calm: bool) -> list[Source]:
    def zone_csv(instant: datetime) -> bytes:
        new = calm or instant >= FORMAT_CHANGED_AT
        return snow.zone_csv_v2(seed, instant) if new else snow.zone_csv_v1(seed, instant)

    zones, routes = partial(snow.zone_geojson, seed), partial(snow.route_geojson, seed)
    at = clearing.published_at
    return [
        Source(ZONES_CSV, "除雪 工区別作業状況 CSV（毎日17時公表）", _CSV, True, True, zone_csv, at),
        Source(ZONES_GEOJSON, "除雪 工区別作業状況 GeoJSON 面（毎日17時公表）", _UNKNOWN, False, True, zones, at),
        Source(ROUTES_GEOJSON, "除雪 路線別作業状況 GeoJSON 線（毎日17時公表）", _GEOJSON, False, False, routes, at),
    ]


def _five_minute_source(seed: int, site: Site) -> Source:
    title = f"人流 {site.title} 5分値 CSV（約5分ごと、直近3日）"
    render = partial(people.five_minute_csv, seed, site)
    changed_at = partial(people.five_minute_changed_at, seed, site)
    return Source(five_minute_path(site.slug), title, _CSV, True, False, render, changed_at)


def _camera_daily_source(seed: int, site: Site) -> Source:
    title = f"人流 {site.title} AIカメラ日別 CSV（毎日0時40分、直近60日）"
    render = partial(people.camera_daily_csv, seed, site)
    return Source(camera_path(site.slug), title, _CSV, False, True, render, people.camera_daily_changed_at)


def _camera_hourly_source(seed: int, site: Site) -> Source:
    title = f"人流 {site.title} AIカメラ時間別 CSV（毎時12分、直近7日）"
    render = partial(people.camera_hourly_csv, seed, site)
    return Source(camera_path(site.slug), title, _CSV, True, True, render, people.camera_hourly_changed_at)


def _hourly_sources(seed: int) -> list[Source]:
    hourly = partial(people.hourly_csv, seed)
    return [
        Source(
            HOURLY_CSV,
            "人流 歩行者数 時間別 CSV（毎時7分、直近7日）",
            _RAW,
            True,
            False,
            hourly,
            people.hourly_changed_at,
        ),
        Source(
            SENSORS_CSV,
            "人流 計測地点の一覧と座標 CSV",
            _CSV,
            False,
            True,
            lambda _: people.sensors_csv(),
            lambda _: _SENSORS_LISTED_AT,
        ),
    ]


def _bus_sources(seed: int) -> list[Source]:
    at = realtime.changed_at
    feed = partial(gtfs.feed_zip, seed)
    positions, updates, alerts = (
        partial(render, seed) for render in (realtime.vehicle_positions, realtime.trip_updates, realtime.alerts)
    )
    return [
        Source(BUS_ZIP, "バス 雪野市営バス GTFS-JP（第4版）", _ZIP, True, True, feed, gtfs.feed_changed_at),
        Source(VEHICLE_POSITIONS_PB, "バス 車両位置 GTFS-RT（15秒ごと）", _PROTOBUF, False, False, positions, at),
        Source(TRIP_UPDATES_PB, "バス 遅れ・運休 GTFS-RT（15秒ごと）", _PROTOBUF, False, False, updates, at),
        Source(ALERTS_PB, "バス お知らせ GTFS-RT（15秒ごと）", _PROTOBUF, False, False, alerts, at),
    ]


def _ground_sources(seed: int) -> list[Source]:
    """The weather stations' clock, the roads and the ploughs on them."""
    ploughs = partial(plough.positions_geojson, seed)
    return [
        Source(
            WEATHER_TIME_TXT,
            "気象 観測時刻の最新（10分ごと）",
            "text/plain",
            True,
            True,
            amedas.latest_time,
            amedas.changed_at,
        ),
        Source(
            ROADS_GEOJSON,
            "道路 道路網 GeoJSON 線",
            _GEOJSON,
            True,
            True,
            lambda _: road.road_geojson(seed),
            lambda _: _ROADS_DRAWN_AT,
        ),
        Source(
            PLOUGHS_GEOJSON, "除雪車 位置 GeoJSON 点（30秒ごと）", _GEOJSON, False, False, ploughs, plough.changed_at
        ),
        Source(
            PLOUGH_COVERAGE_JSON,
            "除雪車 位置がわかる工区の一覧 JSON",
            _JSON,
            False,
            True,
            lambda _: plough.coverage_json(seed),
            plough.coverage_listed_at,
        ),
    ]
