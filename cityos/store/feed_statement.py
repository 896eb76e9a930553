"""The statements of feeds: their runs and notices, which entities they speak of, their documents and datasets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Table, and_, delete, false, func, insert, null, select, true, update
from sqlalchemy.sql.expression import ClauseElement

from cityos.store.schema import dataset, document, feed, notice, owned, run
from cityos.store.statement import ONE, ZERO, Statement, columns_of, compiled, upserting
from cityos.store.statement import parameter as _p

_FEED_KEY = and_(feed.c.tenant == _p("tenant"), feed.c.name == _p("name"))
_NOTICE_OF = and_(notice.c.tenant == _p("tenant"), notice.c.feed == _p("feed"))
_OWNED_OF = and_(owned.c.tenant == _p("tenant"), owned.c.feed == _p("feed"), owned.c.document == _p("document"))
_DOCUMENT_OF = and_(document.c.tenant == _p("tenant"), document.c.feed == _p("feed"), document.c.name == _p("name"))


def _upsert(table: Table, keys: Sequence[str]) -> Statement:
    """Writes a whole row, over the one with the same key if there is one."""
    rest = [column for column in columns_of(table) if column not in keys]

    def build(insert: Callable[[Table], Any]) -> ClauseElement:
        row = insert(table).values({column: _p(column) for column in columns_of(table)})
        made: ClauseElement = row.on_conflict_do_update(
            index_elements=list(keys), set_={column: row.excluded[column] for column in rest}
        )
        return made

    return upserting(build)


GET_FEED = compiled(select(feed).where(_FEED_KEY))
ALL_FEEDS = compiled(select(feed).where(feed.c.tenant == _p("tenant")).order_by(feed.c.name))
PUT_FEED = _upsert(feed, ["tenant", "name"])
ADD_RUN = compiled(insert(run).values({c: _p(c) for c in columns_of(run) if c != "no"}))
RECENT_RUNS = compiled(
    select(run)
    .where(run.c.tenant == _p("tenant"), run.c.feed == _p("feed"))
    .order_by(run.c.no.desc())
    .limit(_p("count"))
    .offset(ZERO)
)

OWNED_BY = compiled(select(owned.c.entity, owned.c.types, owned.c.attributes).where(_OWNED_OF))
OTHER_OWNERS = compiled(
    select(owned.c.attributes).where(
        owned.c.tenant == _p("tenant"),
        owned.c.entity == _p("entity"),
        ~and_(owned.c.feed == _p("feed"), owned.c.document == _p("document")),
    )
)
PUT_OWNED = _upsert(owned, ["tenant", "feed", "document", "entity"])
DROP_OWNED = compiled(delete(owned).where(_OWNED_OF, owned.c.entity == _p("entity")))
DROP_OWNED_ANYWHERE = compiled(delete(owned).where(owned.c.tenant == _p("tenant"), owned.c.entity == _p("entity")))

OPEN_NOTICES = compiled(select(notice).where(_NOTICE_OF, notice.c.document == _p("document"), notice.c.open))
PUT_NOTICE = upserting(
    lambda insert: (
        insert(notice)
        .values({c: _p(c) for c in columns_of(notice)})
        .on_conflict_do_update(
            index_elements=["tenant", "feed", "document", "code", "subject"],
            set_={
                "severity": _p("severity"),
                "detail": _p("detail"),
                "place": _p("place"),
                "last_at": _p("last_at"),
                "count": _p("count"),
                "open": true(),
            },
        )
    )
)
CLOSE_NOTICE = compiled(
    update(notice)
    .where(
        notice.c.tenant == _p("of_tenant"),
        notice.c.feed == _p("of_feed"),
        notice.c.document == _p("of_document"),
        notice.c.code == _p("of_code"),
        notice.c.subject == _p("of_subject"),
    )
    .values(open=false())
)
NOTICES_OF_FEED = compiled(
    select(notice)
    .where(_NOTICE_OF)
    .order_by(notice.c.open.desc(), notice.c.last_at.desc())
    .limit(_p("count"))
    .offset(ZERO)
)
OPEN_NOTICE_COUNTS = compiled(
    select(notice.c.feed, func.count()).where(notice.c.tenant == _p("tenant"), notice.c.open).group_by(notice.c.feed)
)

ADD_DATASET = upserting(
    lambda insert: (
        insert(dataset)
        .values({c: _p(c) for c in columns_of(dataset) if c != "no"})
        .on_conflict_do_update(
            index_elements=["tenant", "feed", "kind", "version"],
            # A version that comes back is the newest again.
            set_={"created_at": _p("created_at"), "valid_from": _p("valid_from"), "valid_until": _p("valid_until")},
        )
    )
)
ALL_DATASETS = compiled(
    select(dataset).where(dataset.c.tenant == _p("tenant")).order_by(dataset.c.created_at.desc(), dataset.c.no.desc())
)
DATASET_DIGESTS = compiled(select(dataset.c.digest).distinct())
DROP_DATASET = compiled(
    delete(dataset).where(
        dataset.c.tenant == _p("tenant"),
        dataset.c.feed == _p("feed"),
        dataset.c.kind == _p("kind"),
        dataset.c.version == _p("version"),
    )
)

LATEST_DOCUMENT = compiled(select(document).where(_DOCUMENT_OF).order_by(document.c.no.desc()).limit(ONE).offset(ZERO))
ADD_DOCUMENT = compiled(insert(document).values({c: _p(c) for c in columns_of(document) if c != "no"}))
SEEN_DOCUMENT = compiled(update(document).where(document.c.no == _p("document_no")).values(last_at=_p("last_at")))
APPLIED_DOCUMENT = compiled(
    update(document)
    .where(
        document.c.tenant == _p("of_tenant"),
        document.c.feed == _p("of_feed"),
        document.c.name == _p("of_name"),
        document.c.digest == _p("of_digest"),
    )
    .values(applied=true())
)
EXPIRED_DOCUMENTS = compiled(
    select(document.c.no, document.c.feed, document.c.name).where(
        document.c.tenant == _p("tenant"), document.c.applied, document.c.expires_at <= _p("now")
    )
)
EXPIRES_DOCUMENT = compiled(
    update(document).where(document.c.no == _p("document_no")).values(expires_at=_p("expiry"), author=_p("by"))
)
EXPIRED = compiled(
    update(document)
    .where(document.c.tenant == _p("of_tenant"), document.c.feed == _p("of_feed"), document.c.name == _p("of_name"))
    .values(expires_at=null(), applied=false())
)
NO_LONGER_EXPIRES = compiled(
    update(document)
    .where(document.c.tenant == _p("of_tenant"), document.c.feed == _p("of_feed"), document.c.name == _p("of_name"))
    .values(expires_at=null())
)
ALL_DOCUMENTS = compiled(
    select(document).where(document.c.tenant == _p("tenant"), document.c.feed == _p("feed")).order_by(document.c.no)
)
DOCUMENTS_BETWEEN = compiled(
    select(document)
    .where(
        document.c.tenant == _p("tenant"),
        document.c.feed == _p("feed"),
        document.c.last_at >= _p("since"),
        document.c.first_at < _p("until"),
    )
    .order_by(document.c.first_at, document.c.no)
)

ALL_DIGESTS = compiled(select(document.c.digest).distinct())
