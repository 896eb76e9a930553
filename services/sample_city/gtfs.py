"""The static bus feed: GTFS-JP, 4th edition (standard translations table, location_type, versions in feed_info).

As most Japanese feeds it has a byte order mark and CRLF. Ids are of this feed only; all but the agency's are invented
by its timetable software, with leading zeros and Japanese in them.
"""

import csv
import io
import zipfile
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from functools import lru_cache

from .holiday import is_holiday_service
from .line import LINES, list_patterns, list_poles, station_id
from .road import CENTRE, locate_on_road
from .stop_name import STOP_NAMES
from .timetable import HOLIDAY, WEEKDAY, Edition, edition_at, list_trips

# The corporate number of a municipality: check digit, 000020, municipality code. No prefecture has the code 99.
AGENCY_ID = "7000020992011"
_AGENCY, _AGENCY_READING, _AGENCY_ENGLISH = "雪野市営バス", "ゆきのしえいばす", "Yukino City Bus"
_PUBLISHER, _PUBLISHER_READING, _PUBLISHER_ENGLISH = "雪野市交通部", "ゆきのしこうつうぶ", "Yukino City Transport"
_URL = "https://bus.yukino.example/"
_NIGHT_NOTE, _NIGHT_SYMBOL = "深夜便（運賃は2倍）", "深"

# Fares go by rings around the station; in lattice units of the road graph, a zone being 12.
_RINGS = (("A", 12), ("B", 24), ("C", 99))
_FARES_YEN = {"AA": 170, "AB": 220, "AC": 300, "BB": 220, "BC": 260, "CC": 340}

Row = tuple[object, ...]


def feed_zip(seed: int, instant: datetime) -> bytes:
    """The feed that is published at ``instant``."""
    return _zip(seed, edition_at(instant))


def feed_changed_at(instant: datetime) -> datetime:
    """When the feed published at ``instant`` was put there."""
    return edition_at(instant).published_at


@lru_cache(maxsize=4)
def _zip(seed: int, edition: Edition) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as feed:
        for name, (header, rows) in _TABLES.items():
            entry = zipfile.ZipInfo(f"{name}.txt", edition.published_at.timetuple()[:6])
            entry.compress_type, entry.create_system = zipfile.ZIP_DEFLATED, 3
            feed.writestr(entry, _csv(header, rows(seed, edition)))
    return written.getvalue()


def _csv(header: str, rows: Iterable[Row]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(header.split(","))
    writer.writerows(rows)
    return text.getvalue().encode("utf-8-sig")


def _agency(seed: int, edition: Edition) -> Iterator[Row]:
    yield AGENCY_ID, _AGENCY, _URL, "Asia/Tokyo", "ja", "017-000-0003", f"{_URL}fare", "bus@yukino.example", 1


def _feed_info(seed: int, edition: Edition) -> Iterator[Row]:
    dates = (f"{edition.starts_on:%Y%m%d}", f"{edition.ends_on:%Y%m%d}")
    yield _PUBLISHER, _URL, "ja", "ja", *dates, edition.version, "bus@yukino.example", f"{_URL}opendata"


def _stops(seed: int, edition: Edition) -> Iterator[Row]:
    for spot, (name, reading, _) in STOP_NAMES.items():
        lon, lat = locate_on_road(seed, spot)
        yield station_id(spot), "", name, reading, "", lat, lon, "", "", 1, "", 0, ""
    for pole in list_poles(seed):
        (lon, lat), (name, reading, _) = pole.point, STOP_NAMES[pole.spot]
        toward = "駅前広場" if pole.spot == CENTRE else ""
        yield (pole.id, pole.id.replace("_", ""), name, reading, toward, lat, lon, _ring(pole.spot), "", 0,
               station_id(pole.spot), 1, pole.platform)  # fmt: skip


def _routes(seed: int, edition: Edition) -> Iterator[Row]:
    for order, line in enumerate(LINES, 1):
        first, last = (STOP_NAMES[spot][0] for spot in (line.way[0], line.way[-1]))
        text = "000000" if line.colour == "EF6C00" else "FFFFFF"
        described = f"{first}～{last}"
        yield (line.route_id, AGENCY_ID, line.name, "", described, 3, "", line.colour, text, order, 1, line.parent_id)


def _trips(seed: int, edition: Edition) -> Iterator[Row]:
    for trip in list_trips(seed, edition.snowy):
        pattern = trip.pattern
        note = (_NIGHT_NOTE, _NIGHT_SYMBOL) if pattern.line.night else ("", "")
        way = 0 if pattern.outward else 1
        yield (pattern.line.route_id, trip.service, trip.id, pattern.headsign, "", way, trip.block, pattern.id, 1, 2,
               *note, pattern.id)  # fmt: skip


def _stop_times(seed: int, edition: Edition) -> Iterator[Row]:
    for trip in list_trips(seed, edition.snowy):
        last = len(trip.minutes) - 1
        for n, minute in enumerate(trip.minutes):
            time, pole = f"{minute // 60:02}:{minute % 60:02}:00", trip.pattern.poles[n]
            metres = trip.pattern.metres[trip.pattern.at[n]]
            yield trip.id, time, time, pole.id, n + 1, "", int(n == last), int(n == 0), 1, metres


def _shapes(seed: int, edition: Edition) -> Iterator[Row]:
    for pattern in list_patterns(seed):
        for n, ((lon, lat), metres) in enumerate(zip(pattern.shape, pattern.metres, strict=True), 1):
            yield pattern.id, lat, lon, n, metres


def _calendar(seed: int, edition: Edition) -> Iterator[Row]:
    dates = (f"{edition.starts_on:%Y%m%d}", f"{edition.ends_on:%Y%m%d}")
    yield WEEKDAY, 1, 1, 1, 1, 1, 0, 0, *dates
    yield HOLIDAY, 0, 0, 0, 0, 0, 1, 1, *dates


def _calendar_dates(seed: int, edition: Edition) -> Iterator[Row]:
    day = edition.starts_on
    while day <= edition.ends_on:
        if day.weekday() < 5 and is_holiday_service(day):
            yield WEEKDAY, f"{day:%Y%m%d}", 2
            yield HOLIDAY, f"{day:%Y%m%d}", 1
        day += timedelta(days=1)


def _fare_attributes(seed: int, edition: Edition) -> Iterator[Row]:
    for yen in sorted({*_FARES_YEN.values(), *(2 * yen for yen in _FARES_YEN.values())}):
        yield f"{yen}_00", yen, "JPY", 0, 0


def _fare_rules(seed: int, edition: Edition) -> Iterator[Row]:
    for line in LINES:
        rings = sorted({_ring(pole.spot) for p in list_patterns(seed) if p.line == line for pole in p.poles})
        for origin in rings:
            for destination in rings:
                yen = _FARES_YEN["".join(sorted(origin + destination))] * (2 if line.night else 1)
                yield f"{yen}_00", line.route_id, origin, destination


def _translations(seed: int, edition: Edition) -> Iterator[Row]:
    yield from _both("agency", "agency_name", _AGENCY_READING, _AGENCY_ENGLISH, AGENCY_ID)
    yield from _both("feed_info", "feed_publisher_name", _PUBLISHER_READING, _PUBLISHER_ENGLISH)
    stops = [*((station_id(spot), spot) for spot in STOP_NAMES), *((pole.id, pole.spot) for pole in list_poles(seed))]
    for stop_id, spot in stops:
        yield from _both("stops", "stop_name", *STOP_NAMES[spot][1:], stop_id)
    for line in LINES:
        yield from _both("routes", "route_short_name", line.reading, line.english, line.route_id)
    for headsign, reading, english in _headsigns(seed):
        yield from _both("trips", "trip_headsign", reading, english, value=headsign)


def _both(table: str, field: str, reading: str, english: str, record: str = "", value: str = "") -> Iterator[Row]:
    """The reading in kana, which the standard requires, and the English name."""
    yield table, field, "ja-Hrkt", reading, record, "", value
    yield table, field, "en", english, record, "", value


def _headsigns(seed: int) -> list[tuple[str, str, str]]:
    found: dict[str, tuple[str, str, str]] = {}
    for pattern in list_patterns(seed):
        _, reading, english = STOP_NAMES[pattern.poles[-1].spot]
        if pattern.poles[0].spot == pattern.poles[-1].spot:
            way = ("みなとまちひがし", "East") if pattern.outward else ("みなとまちにし", "West")
            reading, english = f"{reading}（{way[0]}さきまわり）", f"{english} (via Minatomachi {way[1]})"
        found[pattern.headsign] = (pattern.headsign, reading, english)
    return list(found.values())


def _ring(spot: tuple[int, int]) -> str:
    reach = max(abs(spot[0] - CENTRE[0]), abs(spot[1] - CENTRE[1]))
    return next(name for name, limit in _RINGS if reach <= limit)


_Rows = Callable[[int, Edition], Iterator[Row]]
_TABLES: dict[str, tuple[str, _Rows]] = {
    "agency": (
        "agency_id,agency_name,agency_url,agency_timezone,agency_lang,agency_phone,agency_fare_url,agency_email,"
        "cemv_support",
        _agency,
    ),
    "stops": (
        "stop_id,stop_code,stop_name,tts_stop_name,stop_desc,stop_lat,stop_lon,zone_id,stop_url,location_type,"
        "parent_station,wheelchair_boarding,platform_code",
        _stops,
    ),
    "routes": (
        "route_id,agency_id,route_short_name,route_long_name,route_desc,route_type,route_url,route_color,"
        "route_text_color,route_sort_order,cemv_support,jp_parent_route_id",
        _routes,
    ),
    "trips": (
        "route_id,service_id,trip_id,trip_headsign,trip_short_name,direction_id,block_id,shape_id,"
        "wheelchair_accessible,bikes_allowed,jp_trip_desc,jp_trip_desc_symbol,jp_pattern_id",
        _trips,
    ),
    "stop_times": (
        "trip_id,arrival_time,departure_time,stop_id,stop_sequence,stop_headsign,pickup_type,drop_off_type,timepoint,"
        "shape_dist_traveled",
        _stop_times,
    ),
    "calendar": (
        "service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,start_date,end_date",
        _calendar,
    ),
    "calendar_dates": ("service_id,date,exception_type", _calendar_dates),
    "fare_attributes": ("fare_id,price,currency_type,payment_method,transfers", _fare_attributes),
    "fare_rules": ("fare_id,route_id,origin_id,destination_id", _fare_rules),
    "shapes": ("shape_id,shape_pt_lat,shape_pt_lon,shape_pt_sequence,shape_dist_traveled", _shapes),
    "feed_info": (
        "feed_publisher_name,feed_publisher_url,feed_lang,default_lang,feed_start_date,feed_end_date,feed_version,"
        "feed_contact_email,feed_contact_url",
        _feed_info,
    ),
    "translations": (
        "table_name,field_name,language,translation,record_id,record_sub_id,field_value",
        _translations,
    ),
}
