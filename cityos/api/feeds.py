"""Feeds and their health: the operator's rows."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import cast

from starlette.requests import Request
from starlette.responses import Response

from cityos.api import reading
from cityos.api.answering import json_response
from cityos.api.description import JSON, PROBLEM, Body
from cityos.api.door import Door
from cityos.api.errors import problem
from cityos.auth.key import matches
from cityos.connector.cadence import JST
from cityos.connector.document import Document
from cityos.connector.error import SourceChanged
from cityos.connector.feed import Feed
from cityos.ingest.dropping import checked_name
from cityos.ingest.receiving import UNNAMED
from cityos.monitor.health import LABELS, FeedReport
from cityos.ngsi.error import BadRequestData, InvalidRequest, ResourceNotFound
from cityos.ngsi.instant import format_instant, parse_instant
from cityos.ngsi.value import JsonObject
from cityos.store.record import NoticeRecord, RunRecord, RunResult


async def list_feeds(request: Request) -> Response:
    """GET /feeds"""
    reading.check_parameters(request, ())
    rooms = reading.rooms_of(request)
    rows = [_row(report) for report in await rooms.feeds.reports()]
    return json_response({"now": format_instant(rooms.clock.now()), "feeds": rows})


async def get_feed(request: Request) -> Response:
    """GET /feeds/{name}"""
    reading.check_parameters(request, ())
    rooms, report = reading.rooms_of(request), await _find(request)
    name = report.feed.name
    notices = await rooms.store.read(lambda reader: reader.notices(rooms.tenant, name))
    runs = await rooms.store.read(lambda reader: reader.runs(rooms.tenant, name))
    told = {**_row(report), "notices": [_notice(one) for one in notices], "runs": [_run(one) for one in runs]}
    return json_response(told)


async def run_feed(request: Request) -> Response:
    """POST /feeds/{name}/run"""
    reading.check_parameters(request, ("acceptEndings",))
    reading.writing_tenant(request)
    report = await _find(request)
    accept = request.query_params.get("acceptEndings") == "true"
    result = await reading.rooms_of(request).feeds.run_now(report.feed.name, accept_endings=accept)
    record = (await _find(request)).record
    return json_response({"outcome": record.outcome, "detail": record.detail, **_result(result)})


async def replay_feed(request: Request) -> Response:
    """POST /feeds/{name}/replay"""
    reading.check_parameters(request, ("day",))
    reading.writing_tenant(request)
    report = await _find(request)
    since, until = _day(request)
    return json_response(_result(await reading.rooms_of(request).feeds.replay(report.feed.name, since, until)))


async def bring_document(request: Request) -> Response:
    """POST /feeds/{name}/documents"""
    reading.check_parameters(request, _BRINGING)
    report = await _find(request)
    _check_bringer(request, report.feed)
    document = await _document(request, report.feed)
    try:
        result = await reading.rooms_of(request).feeds.take(report.feed.name, document)
    except SourceChanged as error:
        return problem(422, "BadRequestData", "The document cannot be read", str(error))
    notices = [{"code": one.code, "where": one.where, "detail": one.detail} for one in result.opened]
    return json_response({**_result(result), "digest": document.digest, "notices": notices})


def _check_bringer(request: Request, feed: Feed) -> None:
    """The hub's key opens every feed that takes documents, a feed's own key that feed alone."""
    if feed.folder is None and not feed.is_pushed:
        raise InvalidRequest(f"The feed {feed.name} asks its source itself; it takes no documents")
    given = reading.given_key(request)
    if feed.push_key is not None and matches(feed.push_key, given):
        return
    reading.writing_tenant(request)


async def _document(request: Request, feed: Feed) -> Document:
    said = request.query_params
    try:
        name = checked_name(said.get("name", UNNAMED))
        expires_at = parse_instant(said["expiresAt"]) if "expiresAt" in said else None
    except ValueError as error:
        raise BadRequestData(str(error)) from None
    content = await reading.read_body(request, reading.BATCH_LIMIT)
    media_type = request.headers.get("content-type", "")
    author = said.get("author", "")
    return Document(name, content, feed.clock.now(), media_type=media_type, author=author, expires_at=expires_at)


_BRINGING = {
    "name": "The document's file name; the same name replaces what it said before",
    "author": "Who brings it",
    "expiresAt": "When what it says ends, such as 2026-01-16T00:00:00+09:00",
}


async def _find(request: Request) -> FeedReport:
    name = cast(str, request.path_params["name"])
    for report in await reading.rooms_of(request).feeds.reports():
        if report.feed.name == name:
            return report
    raise ResourceNotFound(f"There is no feed {name}; GET /feeds lists them")


def _day(request: Request) -> tuple[datetime, datetime]:
    try:
        since = datetime.combine(date.fromisoformat(request.query_params.get("day", "")), time(), JST)
        return since, since + timedelta(days=1)
    except (ValueError, OverflowError):
        raise BadRequestData("day is a date in Japan such as 2026-01-15") from None


def _row(report: FeedReport) -> JsonObject:
    feed, record = report.feed, report.record
    ja, en = LABELS[report.state]
    return {
        "name": feed.name,
        "title": feed.title,
        "connector": feed.connector.manifest.name,
        "state": report.state.value,
        "stateLabel": {"ja": ja, "en": en},
        "lastAttemptAt": _instant(record.attempted_at),
        "lastSuccessAt": _instant(record.succeeded_at),
        "lastOutcome": record.outcome,
        "detail": record.detail,
        "dataAt": _instant(record.data_at),
        "ageSeconds": None if report.age_s is None else round(report.age_s),
        "nextRunAt": _instant(report.next_run_at),
        "accepted": record.accepted,
        "held": record.held,
        "failures": record.failures,
        "openNotices": record.open_notices,
        "provider": feed.provider,
        "licence": feed.licence,
        "attribution": feed.attribution,
        "owner": feed.owner,
        "telephone": feed.telephone,
    }


def _notice(one: NoticeRecord) -> JsonObject:
    return {
        "code": one.notice.code,
        "severity": one.notice.severity.value,
        "document": one.document,
        "where": one.notice.where,
        "detail": one.notice.detail,
        "firstAt": format_instant(one.first_at),
        "lastAt": format_instant(one.last_at),
        "count": one.count,
        "open": one.open,
    }


def _run(one: RunRecord) -> JsonObject:
    return {
        "startedAt": format_instant(one.started_at),
        "finishedAt": format_instant(one.finished_at),
        "outcome": one.outcome,
        "detail": one.detail,
        "accepted": one.accepted,
        "held": one.held,
        "changed": one.changed,
        "ended": one.ended,
    }


def _result(one: RunResult) -> JsonObject:
    return {"accepted": one.accepted, "held": one.held, "changed": one.changed, "ended": one.ended}


def _instant(at: datetime | None) -> str | None:
    return None if at is None else format_instant(at)


DOORS = (
    Door("GET", "/feeds", list_feeds, "All feeds and their health"),
    Door("GET", "/feeds/{name}", get_feed, "One feed with its notices and runs"),
    Door(
        "POST",
        "/feeds/{name}/run",
        run_feed,
        "Run a feed now",
        {
            "acceptEndings": "true: end what the source no longer names, however many",
        },
        body=None,
    ),
    Door(
        "POST",
        "/feeds/{name}/documents",
        bring_document,
        "Bring a document to a feed that takes them",
        _BRINGING,
        body=Body(types=("application/octet-stream", JSON)),
        answers={200: JSON, 422: PROBLEM},
    ),
    Door(
        "POST",
        "/feeds/{name}/replay",
        replay_feed,
        "Normalise an archived day again",
        {
            "day": "The day in Japan, such as 2026-01-15",
        },
        body=None,
    ),
)
