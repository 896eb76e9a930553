"""Datasets: bulk data by feed and version, whole or in ranges."""

from __future__ import annotations

import base64
from typing import cast

from starlette.requests import Request
from starlette.responses import FileResponse, Response

from cityos.api import reading
from cityos.api.answering import json_response
from cityos.api.description import PROBLEM
from cityos.api.door import Door
from cityos.ngsi.error import ResourceNotFound
from cityos.ngsi.instant import format_instant
from cityos.ngsi.value import JsonObject
from cityos.store.record import DatasetRecord

LATEST = "latest"


async def list_datasets(request: Request) -> Response:
    """GET /datasets"""
    reading.check_parameters(request, ())
    tenant, rooms = reading.reading_tenant(request), reading.rooms_of(request)
    records = await rooms.store.read(lambda reader: reader.datasets(tenant))
    return json_response({"datasets": [_row(record) for record in records]})


async def get_dataset(request: Request) -> Response:
    """GET /datasets/{feed}/{version}"""
    record = await _find(request)
    path = reading.rooms_of(request).store.datasets.path(record.digest)
    if not path.exists():
        raise ResourceNotFound(f"The version {record.version} of {record.feed} is no longer kept")
    headers = {
        "ETag": f'"{record.digest}"',
        "Repr-Digest": f"sha-256=:{base64.b64encode(bytes.fromhex(record.digest)).decode()}:",
        # A version never changes; `latest` is asked anew and answered 304 where it is the same.
        "Cache-Control": "no-cache"
        if request.path_params["version"] == LATEST
        else "public, max-age=31536000, immutable",
        "X-Attribution": record.attribution.encode("ascii", "xmlcharrefreplace").decode(),
        "X-Licence": record.licence.encode("ascii", "xmlcharrefreplace").decode(),
    }
    if f'"{record.digest}"' in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return FileResponse(path, media_type=record.media_type, headers=headers)


async def _find(request: Request) -> DatasetRecord:
    reading.check_parameters(request, _KIND)
    tenant, rooms = reading.reading_tenant(request), reading.rooms_of(request)
    feed, version = (cast(str, request.path_params[name]) for name in ("feed", "version"))
    kind = request.query_params.get("kind")
    for record in await rooms.store.read(lambda reader: reader.datasets(tenant, feed)):
        if version in (LATEST, record.version) and kind in (None, record.kind):
            return record
    raise ResourceNotFound(f"There is no version {version} of a dataset of {feed}; GET /datasets lists them")


def _row(record: DatasetRecord) -> JsonObject:
    days = (record.valid_from, record.valid_until)
    valid_from, valid_until = (None if day is None else day.isoformat() for day in days)
    return {
        "feed": record.feed,
        "kind": record.kind,
        "version": record.version,
        "path": f"/datasets/{record.feed}/{record.version}",
        "mediaType": record.media_type,
        "byteSize": record.size,
        "checksum": f"sha-256:{record.digest}",
        "validFrom": valid_from,
        "validUntil": valid_until,
        "createdAt": format_instant(record.created_at),
        "licence": record.licence,
        "attribution": record.attribution,
    }


_KIND = {"kind": "timetable or roadGraph, where a feed has several datasets"}

DOORS = (
    Door("GET", "/datasets", list_datasets, "Bulk data: timetables, road graphs, newest version first"),
    Door(
        "GET",
        "/datasets/{feed}/{version}",
        get_dataset,
        "Fetch a version, or latest; Range and ETag",
        _KIND,
        answers={200: "*/*", 206: "*/*", 304: "", 416: PROBLEM},
    ),
)
