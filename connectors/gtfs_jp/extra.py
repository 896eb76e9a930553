"""What goes with the trips: fares, other words, transfers, frequencies, depots, patterns, shapes."""

from __future__ import annotations

from array import array
from collections.abc import Collection, Iterable, Mapping
from itertools import pairwise

from cityos.connector import Notice, Severity
from cityos.connector.reading import read_int, read_number
from cityos.vocabulary.timetable import (
    SHAPE_UNITS_PER_DEGREE,
    Fare,
    FareRule,
    Frequency,
    Office,
    Pattern,
    ShapePoints,
    Transfer,
    Translation,
)
from connectors.gtfs_jp.sheet import Sheet
from connectors.gtfs_jp.value import Times, read_code, read_language, read_position


def read_fares(sheet: Sheet) -> tuple[Fare, ...]:
    """Fares whose price is a number."""
    columns = ("fare_id", "price", "currency_type", "payment_method", "transfers", "agency_id", "transfer_duration")
    found: dict[str, Fare] = {}
    for number, fields in sheet.picked(*columns) if sheet.has("fare_id", "price") else ():
        fare_id, price, currency, method, transfers, agency_id, duration = fields
        if not fare_id or fare_id in found or read_number(price) is None:
            detail = f"Fare {fare_id or '(without id)'} at {price!r} is there twice or has no price; it is left out"
            sheet.leave_out(Notice("fare_unreadable", Severity.ERROR, sheet.where(number), detail, f"fare {fare_id}"))
            continue
        method_code = read_code(method, range(2), sheet, number, "payment_method")
        most = read_code(transfers, range(6), sheet, number, "transfers")
        found[fare_id] = Fare(fare_id, price, currency, method_code, most, agency_id, read_int(duration))
    return tuple(found.values())


def read_fare_rules(sheet: Sheet, fares: Collection[str], routes: Collection[str]) -> tuple[FareRule, ...]:
    """Rules of fares and routes that exist."""
    found: list[FareRule] = []
    columns = ("fare_id", "route_id", "origin_id", "destination_id", "contains_id")
    for number, fields in sheet.picked(*columns) if sheet.has("fare_id") else ():
        fare_id, route_id = fields[0], fields[1]
        if fare_id in fares and (not route_id or route_id in routes):
            found.append(FareRule._make(fields))
            continue
        named = f"fare {fare_id}" if fare_id not in fares else f"route {route_id}"
        detail = f"{named} of a fare rule does not exist; the rule is left out"
        sheet.leave_out(Notice("reference_unknown", Severity.ERROR, sheet.where(number), detail, named))
    return tuple(found)


def read_translations(sheet: Sheet) -> tuple[Translation, ...]:
    """Both forms: `trans_id,lang,translation` by the text itself, and `table_name,...` by record or text."""
    if "trans_id" in sheet.header:
        columns = ("lang", "translation", "trans_id")
        rows = ((number, (*fields[:2], "", "", "", "", fields[2])) for number, fields in sheet.picked(*columns))
        return tuple(_translations(sheet, rows))
    needed = ("language", "translation", "table_name", "field_name")
    if not sheet.has(*needed):
        return ()
    picked = sheet.picked(*needed, "record_id", "record_sub_id", "field_value")
    return tuple(_translations(sheet, ((number, tuple(fields)) for number, fields in picked)))


def _translations(sheet: Sheet, rows: Iterable[tuple[int, tuple[str, ...]]]) -> Iterable[Translation]:
    tags: dict[str, str | None] = {}
    for number, (said, *fields) in rows:
        if said not in tags:
            tags[said] = read_language(said)
        language = tags[said]
        if language is None:
            detail = f"{said[:40]!r} is no language such as ja-Hrkt; the translation is left out"
            sheet.leave_out(Notice("language_code", Severity.ERROR, sheet.where(number), detail, said[:40]))
            continue
        if language != said:
            detail = f"Language {said} is written wrong; it is read as {language}"
            sheet.findings.add(Notice("language_code", Severity.INFO, sheet.where(number), detail))
        yield Translation(language, *fields)


def read_transfers(sheet: Sheet, stops: Collection[str]) -> tuple[Transfer, ...]:
    """Transfers between stops that exist."""
    found: list[Transfer] = []
    columns = ("from_stop_id", "to_stop_id", "transfer_type", "min_transfer_time")
    more = ("from_route_id", "to_route_id", "from_trip_id", "to_trip_id")
    for number, fields in sheet.picked(*columns, *more) if sheet.has("from_stop_id", "to_stop_id") else ():
        origin, target, kind, seconds, *by = fields
        unknown = [one for one in (origin, target) if one and one not in stops]
        if unknown:
            detail = f"stop_id {unknown[0]} of a transfer does not exist; the transfer is left out"
            notice = Notice("reference_unknown", Severity.ERROR, sheet.where(number), detail, f"stop {unknown[0]}")
            sheet.leave_out(notice)
            continue
        code = read_code(kind, range(6), sheet, number, "transfer_type") or 0
        found.append(Transfer(origin, target, code, read_int(seconds), *by))
    return tuple(found)


def read_frequencies(sheet: Sheet, trips: Collection[str]) -> tuple[Frequency, ...]:
    """Frequencies of trips that exist, with a rhythm."""
    found: list[Frequency] = []
    times = Times(sheet)
    columns = ("trip_id", "start_time", "end_time", "headway_secs", "exact_times")
    for number, (trip_id, start, end, headway, exact) in sheet.picked(*columns) if sheet.has(*columns[:4]) else ():
        since, until, every = times.read(start, number), times.read(end, number), read_int(headway)
        if trip_id not in trips or since is None or until is None or every is None or every <= 0:
            detail = f"Frequency of trip {trip_id} has no such trip, no times or no rhythm; it is left out"
            notice = Notice("frequency_unreadable", Severity.ERROR, sheet.where(number), detail, f"trip {trip_id}")
            sheet.leave_out(notice)
            continue
        found.append(Frequency(trip_id, since, until, every, exact == "1"))
    return tuple(found)


def read_offices(sheet: Sheet) -> tuple[Office, ...]:
    """Depots (営業所)."""
    rows = sheet.picked("office_id", "office_name", "office_url", "office_phone") if sheet.has("office_id") else ()
    return tuple(Office._make(fields) for _, fields in rows if fields[0])


def read_patterns(sheet: Sheet) -> tuple[Pattern, ...]:
    """Patterns (停車パターン)."""
    columns = ("jp_pattern_id", "route_update_date", "origin_stop", "via_stop", "destination_stop")
    rows = sheet.picked(*columns) if sheet.has("jp_pattern_id") else ()
    return tuple(Pattern._make(fields) for _, fields in rows if fields[0])


def read_shapes(sheet: Sheet) -> tuple[tuple[str, ...], ShapePoints]:
    """The ids of the shapes and all their points, by shape and sequence."""
    ids: dict[str, int] = {}
    points = ShapePoints()
    keys: list[int] = []
    columns = ("shape_id", "shape_pt_lat", "shape_pt_lon", "shape_pt_sequence")
    for number, (shape_id, lat, lon, said) in sheet.picked(*columns) if sheet.has(*columns) else ():
        place, sequence = _place(lat, lon), read_int(said)
        if not shape_id or place is None or sequence is None or sequence < 0:
            detail = f"Point {said} of shape {shape_id} at ({lat[:20]}, {lon[:20]}) cannot be read; it is left out"
            notice = Notice("shape_unreadable", Severity.ERROR, sheet.where(number), detail, f"shape {shape_id}")
            sheet.leave_out(notice)
            continue
        position = ids.setdefault(shape_id, len(ids))
        keys.append(position << 64 | sequence)
        points.shape.append(position)
        points.lon.append(round(place[0] * SHAPE_UNITS_PER_DEGREE))
        points.lat.append(round(place[1] * SHAPE_UNITS_PER_DEGREE))
    return tuple(ids), _in_order(points, keys)


def _place(lat: str, lon: str) -> tuple[float, float] | None:
    place = read_position(lat, lon)
    return None if isinstance(place, str) else place


def _in_order(points: ShapePoints, keys: list[int]) -> ShapePoints:
    if all(one <= other for one, other in pairwise(keys)):
        return points
    rows = sorted(range(len(keys)), key=keys.__getitem__)
    return ShapePoints(
        *(array(column.typecode, map(column.__getitem__, rows)) for column in (points.shape, points.lon, points.lat))
    )


def boxes_of(points: ShapePoints, ids: Collection[str]) -> Mapping[str, tuple[int, int, int, int]]:
    """West, south, east, north of each shape, in shape units."""
    found: dict[str, tuple[int, int, int, int]] = {}
    start = 0
    for position, shape_id in enumerate(ids):
        end = start
        while end < len(points.shape) and points.shape[end] == position:
            end += 1
        lons, lats = points.lon[start:end], points.lat[start:end]
        found[shape_id] = (min(lons), min(lats), max(lons), max(lats))
        start = end
    return found
