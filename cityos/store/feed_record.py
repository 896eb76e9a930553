"""Rows of feeds, notices, runs, datasets and documents, read as the records they are told as."""

from __future__ import annotations

from datetime import date, datetime
from typing import cast

from cityos.connector.batch import Notice, Severity
from cityos.ngsi.instant import from_microseconds
from cityos.store.record import DatasetRecord, DocumentRecord, FeedRecord, NoticeRecord, RunRecord


def _instant(value: object) -> datetime | None:
    return None if value is None else from_microseconds(cast(int, value))


def _known_instant(value: object) -> datetime:
    return from_microseconds(cast(int, value))


def feed_record(row: dict[str, object], open_notices: dict[str, int]) -> FeedRecord:
    """What is known of a feed; `open_notices` are counts by feed."""
    return FeedRecord(
        name=cast(str, row["name"]),
        attempted_at=_instant(row["attempted_at"]),
        succeeded_at=_instant(row["succeeded_at"]),
        outcome=cast(str, row["outcome"]),
        detail=cast(str, row["detail"]),
        data_at=_instant(row["data_at"]),
        accepted=cast(int, row["accepted"]),
        held=cast(int, row["held"]),
        failures=cast(int, row["failures"]),
        failing_since=_instant(row["failing_since"]),
        open_notices=open_notices.get(cast(str, row["name"]), 0),
    )


def notice_record(row: dict[str, object]) -> NoticeRecord:
    """A notice with how long it has been told."""
    notice = Notice(
        cast(str, row["code"]),
        Severity(cast(str, row["severity"])),
        cast(str, row["place"]),
        cast(str, row["detail"]),
        cast(str, row["subject"]),
    )
    return NoticeRecord(
        notice,
        cast(str, row["document"]),
        _known_instant(row["first_at"]),
        _known_instant(row["last_at"]),
        cast(int, row["count"]),
        bool(row["open"]),
    )


def run_record(row: dict[str, object]) -> RunRecord:
    """One run of a feed."""
    counts = (cast(int, row[key]) for key in ("accepted", "held", "changed", "ended"))
    return RunRecord(
        _known_instant(row["started_at"]),
        _known_instant(row["finished_at"]),
        cast(str, row["outcome"]),
        cast(str, row["detail"]),
        *counts,
    )


def dataset_record(row: dict[str, object]) -> DatasetRecord:
    """One version of a dataset."""
    valid_from, valid_until = (
        None if row[key] is None else date.fromisoformat(cast(str, row[key])) for key in ("valid_from", "valid_until")
    )
    return DatasetRecord(
        feed=cast(str, row["feed"]),
        kind=cast(str, row["kind"]),
        version=cast(str, row["version"]),
        media_type=cast(str, row["media_type"]),
        size=cast(int, row["size"]),
        digest=cast(str, row["digest"]),
        valid_from=valid_from,
        valid_until=valid_until,
        licence=cast(str, row["licence"]),
        attribution=cast(str, row["attribution"]),
        created_at=_known_instant(row["created_at"]),
    )


def document_record(row: dict[str, object]) -> DocumentRecord:
    """One archived document."""
    return DocumentRecord(
        feed=cast(str, row["feed"]),
        name=cast(str, row["name"]),
        url=cast(str, row["url"]),
        digest=cast(str, row["digest"]),
        media_type=cast(str, row["media_type"]),
        modified_at=_instant(row["modified_at"]),
        first_at=_known_instant(row["first_at"]),
        last_at=_known_instant(row["last_at"]),
        applied=bool(row["applied"]),
    )
