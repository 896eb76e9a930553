"""What a fault does to the content of a file."""

import json
from collections.abc import Callable

from google.transit import gtfs_realtime_pb2 as pb

from .mischief import UNKNOWN_STATUS, Entry, Kind

UNKNOWN_TRIP_SUFFIX = "_臨時"
_RENAMED = {b"SensorID": b"sensor_id", b"PedestrianCount": b"Total_of_Directions"}
_WIDE_DIGITS = str.maketrans("0123456789", "０１２３４５６７８９")
MAINTENANCE_PAGE = """<!DOCTYPE html>
<html lang="ja"><head><meta charset="utf-8"><title>メンテナンス中</title></head>
<body><h1>ただいまメンテナンス中です</h1><p>しばらくしてからもう一度アクセスしてください。</p></body></html>
""".encode()


def spoil(entry: Entry, body: bytes) -> bytes:
    """The content as it is delivered while ``entry``, of a kind that spoils content, holds."""
    if entry.kind is Kind.FULL_WIDTH_DIGITS:
        return _widen_count(body, f"{entry.begins:%Y-%m-%dT%H:%M:%S}")
    return _SPOILT[entry.kind](body)


def _truncate(body: bytes) -> bytes:
    """Breaks off inside the line in the middle of the file; a file of one line loses its second half."""
    middle = len(body) // 2
    end = body.find(b"\n", middle)
    return body[: (body.rfind(b"\n", 0, middle) + 1 + (end if end >= 0 else len(body))) // 2]


def _rename_header(body: bytes) -> bytes:
    header, rows = body.split(b"\n", 1)
    for old, new in _RENAMED.items():
        header = header.replace(old, new)
    return header + b"\n" + rows


def _widen_count(body: bytes, until: str) -> bytes:
    """Widens the count of the last row dated up to ``until``: one new row, which then stays as the file grows."""
    header, *rows = body.decode().split("\n")
    at = max(number for number, row in enumerate(rows) if row and row.split(",")[0] <= until)
    dated, count = rows[at].rsplit(",", 1)
    rows[at] = f"{dated},{count.translate(_WIDE_DIGITS)}"
    return "\n".join([header, *rows]).encode()


def _invent_status(body: bytes) -> bytes:
    """Gives the zone in the middle of the list a status word that no reader has seen."""
    if body.startswith(b"{"):
        collection = json.loads(body)
        features = collection["features"]
        features[len(features) // 2]["properties"]["ステータス"] = UNKNOWN_STATUS
        return json.dumps(collection, ensure_ascii=False, separators=(",", ":")).encode()
    lines = body.decode().splitlines()
    at = 1 + (len(lines) - 1) // 2
    fields = lines[at].split(",")
    lines[at] = ",".join([*fields[:2], UNKNOWN_STATUS, *fields[3:]])
    return "\n".join([*lines, ""]).encode()


def _lose_vehicle(body: bytes) -> bytes:
    """Puts the first vehicle where a receiver without a fix believes to be."""
    feed = pb.FeedMessage.FromString(body)
    for entity in feed.entity[:1]:
        entity.vehicle.position.latitude = entity.vehicle.position.longitude = 0.0
    return _written(feed)


def _invent_trip(body: bytes) -> bytes:
    """Gives the first trip an id that no timetable has."""
    feed = pb.FeedMessage.FromString(body)
    for entity in feed.entity[:1]:
        entity.trip_update.trip.trip_id += UNKNOWN_TRIP_SUFFIX
    return _written(feed)


def _written(feed: pb.FeedMessage) -> bytes:
    body: bytes = feed.SerializeToString(deterministic=True)
    return body


_SPOILT: dict[Kind, Callable[[bytes], bytes]] = {
    Kind.HEADER_RENAMED: _rename_header,
    Kind.TRUNCATED: _truncate,
    Kind.CP932: lambda body: body.decode().encode("cp932"),
    Kind.UNKNOWN_STATUS: _invent_status,
    Kind.NULL_ISLAND: _lose_vehicle,
    Kind.UNKNOWN_TRIP: _invent_trip,
    Kind.ZERO_BYTES: lambda body: b"",
}
