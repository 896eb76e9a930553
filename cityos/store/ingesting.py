"""What a feed's run does: observations merged, history kept, what vanished ended, notices opened and closed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

import orjson

from cityos.connector.batch import Notice, Row, Severity
from cityos.ngsi.entity import Entity, Instance
from cityos.ngsi.error import BadRequestData
from cityos.ngsi.expansion import NULL
from cityos.ngsi.instant import to_microseconds
from cityos.ngsi.merge import observe, without_nulls
from cityos.store import feed_statement as sql
from cityos.store.pending import Known
from cityos.store.record import SUCCESSFUL, DatasetRecord, Delivery, Run, RunResult
from cityos.store.session import Session
from cityos.store.writing import TopicNames, put

# A document that would end more than this share of what it said before is more likely broken than right.
MOST_ENDINGS = 0.30


def ingest(session: Session, tenant: str, run: Run, topics: TopicNames) -> RunResult:
    """Writes one run: in one transaction its rows, endings, notices, its own record and the feed's."""
    result = RunResult()
    for delivery in run.deliveries:
        result = result.plus(_ingest_delivery(session, tenant, run, delivery, topics))
    if run.replayed:
        return result
    result = result.plus(_note_failure(session, tenant, run))
    _put_run(session, tenant, run, result)
    _put_feed(session, tenant, run, result)
    return result


def _ingest_delivery(session: Session, tenant: str, run: Run, delivery: Delivery, topics: TopicNames) -> RunResult:
    spoken: dict[str, list[Row]] = {}
    for row in delivery.rows:
        spoken.setdefault(row.entity.id, []).append(row)
    session.prefetch(tenant, spoken)
    if run.replayed:
        mended = sum(_remember(session, tenant, rows) for rows in spoken.values())
        return RunResult(accepted=delivery.seen or len(delivery.rows), held=delivery.held, changed=mended)
    too_large: list[Notice] = []
    changed = 0
    for rows in spoken.values():
        try:
            changed += _observe(session, tenant, rows, topics)
        except BadRequestData as error:
            entity_id = rows[-1].entity.id
            too_large.append(Notice("entity_too_large", Severity.ERROR, rows[-1].where, str(error), subject=entity_id))
    for dataset in delivery.datasets:
        _put_dataset(session, tenant, dataset)
    result = RunResult(accepted=delivery.seen or len(delivery.rows), held=delivery.held, changed=changed)
    ended, notices = _end_absent(session, tenant, run, delivery, spoken)
    _put_owned(session, tenant, run.feed, delivery.document.name, spoken)
    opened, closed = _tell(session, tenant, run, delivery.document.name, [*delivery.notices, *notices, *too_large])
    session.change(
        sql.APPLIED_DOCUMENT,
        of_tenant=tenant,
        of_feed=run.feed,
        of_name=delivery.document.name,
        of_digest=delivery.document.digest,
    )
    return replace(result, ended=ended, opened=opened, closed=closed)


def _put_dataset(session: Session, tenant: str, dataset: DatasetRecord) -> None:
    session.change(
        sql.ADD_DATASET,
        tenant=tenant,
        feed=dataset.feed,
        kind=dataset.kind,
        version=dataset.version,
        media_type=dataset.media_type,
        size=dataset.size,
        digest=dataset.digest,
        valid_from=None if dataset.valid_from is None else dataset.valid_from.isoformat(),
        valid_until=None if dataset.valid_until is None else dataset.valid_until.isoformat(),
        licence=dataset.licence,
        attribution=dataset.attribution,
        created_at=to_microseconds(dataset.created_at),
    )


def _remember(session: Session, tenant: str, rows: list[Row]) -> bool:
    """An old document told again mends history alone: it brings nothing back, and what has no time is not history."""
    known = session.find(tenant, rows[0].entity.id)
    if known is None:
        return False
    told = [
        session.put_late(tenant, known.no, name, instance)
        for row in rows
        for name, instances in row.entity.attributes.items()
        for instance in instances.values()
        if instance.observed_at is not None and instance.value != NULL and not _is_current(known.entity, name, instance)
    ]
    return any(told)


def _is_current(entity: Entity | None, name: str, instance: Instance) -> bool:
    current = None if entity is None else entity.find(name, instance.dataset)
    return current is not None and current.observed_at == instance.observed_at


def _observe(session: Session, tenant: str, rows: list[Row], topics: TopicNames) -> bool:
    """Merges all a document says of one entity: the newest becomes its state (one change), the rest its history."""
    said, earlier = _newest(rows)
    known = session.find(tenant, said.id)
    before = known.entity if known is not None else None
    wanted, late = (without_nulls(said), []) if before is None else observe(before, said)
    outcome = put(session, tenant, known, wanted, topics)
    if earlier or late:
        present = _existing(session, tenant, said.id)
        for name, instance in (*earlier, *late):
            # That nothing was told is no observation; and of one instant told twice the later row holds.
            if instance.value == NULL or _is_current(present.entity, name, instance):
                continue
            session.put_late(tenant, present.no, name, instance)
    return outcome.done in ("created", "updated")


def _existing(session: Session, tenant: str, entity_id: str) -> Known:
    known = session.find(tenant, entity_id)
    assert known is not None
    return known


def _newest(rows: list[Row]) -> tuple[Entity, list[tuple[str, Instance]]]:
    """The newest instance per attribute and dataset (the later row wins a tie), and the ones it leaves behind."""
    if len(rows) == 1:
        return rows[0].entity, []
    said = replace(rows[-1].entity, attributes={})
    earlier: list[tuple[str, Instance]] = []
    for row in rows:
        for name, instances in row.entity.attributes.items():
            for instance in instances.values():
                best = said.find(name, instance.dataset)
                if best is not None and _before(instance, best):
                    earlier.append((name, instance))
                    continue
                if best is not None and best.observed_at is not None and best.observed_at != instance.observed_at:
                    earlier.append((name, best))
                said.set(name, instance)
    return said, earlier


def _before(one: Instance, other: Instance) -> bool:
    return one.observed_at is not None and other.observed_at is not None and one.observed_at < other.observed_at


# ---- what a complete document no longer names has ended


def _end_absent(
    session: Session, tenant: str, run: Run, delivery: Delivery, spoken: dict[str, list[Row]]
) -> tuple[int, list[Notice]]:
    if delivery.covers is None:
        return 0, []
    covered = [
        (entity_id, orjson.loads(attributes), not delivery.transient.isdisjoint(orjson.loads(types)))
        for entity_id, types, attributes in session.execute(
            sql.OWNED_BY, tenant=tenant, feed=run.feed, document=delivery.document.name
        )
        if not delivery.covers.isdisjoint(orjson.loads(types))
    ]
    absent = [one for one in covered if one[0] not in spoken and one[0] not in delivery.held_ids]
    lasting = sum(not is_transient for _, _, is_transient in covered)
    ending = sum(not is_transient for _, _, is_transient in absent)
    notices: list[Notice] = []
    if ending > MOST_ENDINGS * lasting and not run.accept_endings:
        notices = [_held_endings(run.feed, delivery, ending, lasting)]
        absent = [one for one in absent if one[2]]
    for entity_id, attributes, _ in absent:
        _end(session, tenant, run.feed, delivery.document.name, entity_id, attributes)
    return len(absent), notices


def _held_endings(feed: str, delivery: Delivery, absent: int, covered: int) -> Notice:
    return Notice(
        "endings_held",
        Severity.ERROR,
        delivery.document.name,
        f"The document no longer names {absent} of {covered} entities; more than {MOST_ENDINGS:.0%} at once are not "
        f"ended. If the source is right: cityos run-feed {feed} --accept-endings",
        subject="endings",
    )


def expire(session: Session, tenant: str, now: datetime) -> list[tuple[str, str]]:
    """Ends what documents past their expiry said of the city; a document brought anew begins anew.

    Returns the feed and the name of each.
    """
    rows = session.execute(sql.EXPIRED_DOCUMENTS, tenant=tenant, now=to_microseconds(now))
    expired = sorted({(feed, document) for _, feed, document in rows})
    for feed, document in expired:
        owned = session.execute(sql.OWNED_BY, tenant=tenant, feed=feed, document=document)
        for entity_id, _, attributes in owned:
            _end(session, tenant, feed, document, entity_id, orjson.loads(attributes))
        session.change(sql.EXPIRED, of_tenant=tenant, of_feed=feed, of_name=document)
    return expired


def _end(session: Session, tenant: str, feed: str, document: str, entity_id: str, attributes: list[str]) -> None:
    """Ends the entity; where another feed or document speaks of it too, only the attributes that none of them tells."""
    known = session.find(tenant, entity_id)
    about = {"tenant": tenant, "feed": feed, "document": document, "entity": entity_id}
    others = [orjson.loads(row[0]) for row in session.execute(sql.OTHER_OWNERS, **about)]
    session.change(sql.DROP_OWNED, **about)
    if known is None or known.entity is None:
        return
    if not others:
        session.end(tenant, known)
        return
    gone = set(attributes).difference(*others)
    rest = {name: instances for name, instances in known.entity.attributes.items() if name not in gone}
    put(session, tenant, known, replace(known.entity, attributes=rest), lambda _: known.topic)


def _put_owned(session: Session, tenant: str, feed: str, document: str, spoken: dict[str, list[Row]]) -> None:
    """Notes whom the document names and all it ever told of them: that much may end with it."""
    owned = {
        row[0]: (row[1], row[2]) for row in session.execute(sql.OWNED_BY, tenant=tenant, feed=feed, document=document)
    }
    for entity_id, rows in spoken.items():
        before = owned.get(entity_id)
        told = {name for row in rows for name in row.entity.attributes} | set(orjson.loads(before[1]) if before else ())
        types = orjson.dumps(rows[-1].entity.types).decode()
        attributes = orjson.dumps(sorted(told)).decode()
        if before != (types, attributes):
            session.change(
                sql.PUT_OWNED,
                tenant=tenant,
                feed=feed,
                document=document,
                entity=entity_id,
                types=types,
                attributes=attributes,
            )


# ---- notices: each told once, however often it is met, and closed when a later document is free of it


def _note_failure(session: Session, tenant: str, run: Run) -> RunResult:
    """A failed attempt is a notice of the feed itself; success closes it. Which document failed is in the detail."""
    notices = []
    if run.outcome not in SUCCESSFUL:
        notices = [Notice(run.outcome, Severity.ERROR, run.feed, run.detail, subject=run.feed)]
    opened, closed = _tell(session, tenant, run, "", notices)
    return RunResult(opened=opened, closed=closed)


def _tell(
    session: Session, tenant: str, run: Run, document: str, notices: Iterable[Notice]
) -> tuple[tuple[Notice, ...], int]:
    met: dict[tuple[str, str], tuple[Notice, int]] = {}
    for notice in notices:
        first, count = met.get(notice.identity, (notice, 0))
        met[notice.identity] = first, count + 1
    about = {"tenant": tenant, "feed": run.feed, "document": document}
    open_now = session.mappings(sql.OPEN_NOTICES, **about)
    open_keys = {(row["code"], row["subject"]) for row in open_now}
    closed = [key for key in open_keys if key not in met]
    for code, subject in closed:
        of = {f"of_{key}": value for key, value in about.items()}
        session.change(sql.CLOSE_NOTICE, **of, of_code=code, of_subject=subject)
    at = to_microseconds(run.finished_at)
    for (code, subject), (notice, count) in met.items():
        session.change(
            sql.PUT_NOTICE,
            **about,
            code=code,
            subject=subject,
            detail=notice.detail,
            severity=notice.severity.value,
            place=notice.where,
            first_at=at,
            last_at=at,
            count=count,
            open=True,
        )
    return tuple(notice for key, (notice, _) in met.items() if key not in open_keys), len(closed)


# ---- the run's and the feed's own records


def _put_run(session: Session, tenant: str, run: Run, result: RunResult) -> None:
    session.change(
        sql.ADD_RUN,
        tenant=tenant,
        feed=run.feed,
        started_at=to_microseconds(run.started_at),
        finished_at=to_microseconds(run.finished_at),
        outcome=run.outcome,
        detail=run.detail,
        accepted=result.accepted,
        held=result.held,
        changed=result.changed,
        ended=result.ended,
    )


def _put_feed(session: Session, tenant: str, run: Run, result: RunResult) -> None:
    rows = session.execute(sql.GET_FEED, tenant=tenant, name=run.feed)
    row = rows[0] if rows else None
    succeeded_at, data_at, accepted, held, failures, failing_since = (
        (row[3], row[6], row[7], row[8], row[9], row[10]) if row else (None, None, 0, 0, 0, None)
    )
    at = to_microseconds(run.finished_at)
    if run.outcome in SUCCESSFUL:
        succeeded_at, failures, failing_since = at, 0, None
    else:
        failures, failing_since = failures + 1, failing_since or at
    if run.deliveries:  # part of a run may have come although the whole did not
        accepted, held = result.accepted, result.held
        data_at = _newest_clock(data_at, run.deliveries)
    session.change(
        sql.PUT_FEED,
        tenant=tenant,
        name=run.feed,
        attempted_at=at,
        succeeded_at=succeeded_at,
        outcome=run.outcome,
        detail=run.detail,
        data_at=data_at,
        accepted=accepted,
        held=held,
        failures=failures,
        failing_since=failing_since,
    )


def _newest_clock(known: int | None, deliveries: Iterable[Delivery]) -> int | None:
    """The newest instant the feed's data claims; a set-back document does not make the feed older."""
    clocks: list[datetime] = [d.data_at for d in deliveries if d.data_at is not None]
    return max((known, *map(to_microseconds, clocks)), key=lambda at: -1 if at is None else at, default=None)
