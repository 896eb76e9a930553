"""Statements, written in SQLAlchemy Core and compiled once per dialect to text with named parameters.

The hot paths hand that text to the driver: SQLAlchemy's execution costs four times the statement itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnClause,
    Delete,
    Select,
    Table,
    and_,
    bindparam,
    delete,
    false,
    func,
    insert,
    literal_column,
    null,
    select,
    true,
    update,
)
from sqlalchemy.dialects import sqlite
from sqlalchemy.sql.expression import ClauseElement

from cityos.store.schema import (
    change,
    dataset,
    document,
    entity,
    entity_type,
    feed,
    instance,
    layer,
    meta,
    name,
    notice,
    owned,
    place,
    run,
    tenant,
)

# Constants written into the text: a bare Python value would become a parameter to pass with every call.
_ZERO: ColumnClause[int] = literal_column("0")
_ONE: ColumnClause[int] = literal_column("1")
_DIALECT = sqlite.dialect(paramstyle="named")


def compiled(statement: ClauseElement) -> str:
    """The SQL text of a statement, parameters as `:name`."""
    return str(statement.compile(dialect=_DIALECT))


def columns_of(table: Table) -> list[str]:
    """The names of a table's columns, in order."""
    return [column.name for column in table.columns]


def _p(key: str) -> BindParameter[Any]:
    return bindparam(key)


_ENTITY_KEY = and_(entity.c.tenant == _p("tenant"), entity.c.id == _p("id"))
_INSTANCE_KEY = and_(
    instance.c.tenant == _p("tenant"),
    instance.c.entity == _p("entity"),
    instance.c.attribute == _p("attribute"),
    instance.c.dataset == _p("dataset"),
)
_FEED_KEY = and_(feed.c.tenant == _p("tenant"), feed.c.name == _p("name"))
_NOTICE_OF = and_(notice.c.tenant == _p("tenant"), notice.c.feed == _p("feed"))
_OWNED_OF = and_(owned.c.tenant == _p("tenant"), owned.c.feed == _p("feed"), owned.c.document == _p("document"))
_DOCUMENT_OF = and_(document.c.tenant == _p("tenant"), document.c.feed == _p("feed"), document.c.name == _p("name"))


def _upsert(table_insert: sqlite.Insert, keys: Sequence[str], columns: Sequence[str]) -> sqlite.Insert:
    return table_insert.on_conflict_do_update(
        index_elements=list(keys), set_={column: getattr(table_insert.excluded, column) for column in columns}
    )


GET_META = compiled(select(meta.c.value).where(meta.c.key == _p("key")))

GET_TENANT = compiled(select(tenant.c.seq, tenant.c.trimmed).where(tenant.c.name == _p("tenant")))
ALL_TENANTS = compiled(select(tenant.c.name, tenant.c.seq, tenant.c.trimmed).order_by(tenant.c.name))
ADD_TENANT = compiled(insert(tenant).values(name=_p("tenant"), seq=_ZERO, trimmed=_ZERO))
SET_SEQ = compiled(update(tenant).where(tenant.c.name == _p("tenant_name")).values(seq=_p("new_seq")))
SET_TRIMMED = compiled(update(tenant).where(tenant.c.name == _p("tenant_name")).values(trimmed=_p("new_trimmed")))

ALL_NAMES = compiled(select(name.c.iri, name.c.no))
ADD_NAME = compiled(insert(name).values(iri=_p("iri")))

GET_ENTITY = compiled(select(entity.c.no, entity.c.topic, entity.c.seq, entity.c.document).where(_ENTITY_KEY))
ADD_ENTITY = compiled(
    insert(entity).values(tenant=_p("tenant"), id=_p("id"), topic=_p("topic"), seq=_p("seq"), document=_p("document"))
)
SET_ENTITY = compiled(
    update(entity)
    .where(entity.c.no == _p("entity_no"))
    .values(seq=_p("seq"), document=_p("document"), topic=_p("topic"))
)

ADD_TYPE = compiled(
    sqlite.insert(entity_type)
    .values(tenant=_p("tenant"), type=_p("type"), id=_p("id"), entity=_p("entity"))
    .on_conflict_do_nothing()
)
DROP_TYPE = compiled(
    delete(entity_type).where(
        entity_type.c.tenant == _p("tenant"), entity_type.c.type == _p("type"), entity_type.c.id == _p("id")
    )
)

ADD_INSTANCE = compiled(insert(instance).values({c: _p(c) for c in columns_of(instance) if c != "no"}))
PAST_INSTANCE = compiled(
    update(instance)
    .where(
        instance.c.tenant == _p("of_tenant"),
        instance.c.attribute == _p("of_attribute"),
        instance.c.entity == _p("of_entity"),
        instance.c.dataset == _p("of_dataset"),
        instance.c.current,
    )
    .values(current=false())
)
FIND_INSTANCE = compiled(select(instance.c.no, instance.c.body).where(_INSTANCE_KEY, instance.c.at == _p("at")))
KNOWN_INSTANCES = compiled(
    select(instance.c.at, instance.c.body).where(_INSTANCE_KEY, instance.c.at.between(_p("since"), _p("until")))
)
CORRECT_INSTANCE = compiled(
    update(instance).where(instance.c.no == _p("instance_no")).values(body=_p("body"), written_at=_p("written_at"))
)

GET_LAYER = compiled(
    select(layer.c.no).where(
        layer.c.tenant == _p("tenant"), layer.c.attribute == _p("attribute"), layer.c.type == _p("type")
    )
)
ADD_LAYER = compiled(insert(layer).values(tenant=_p("tenant"), attribute=_p("attribute"), type=_p("type")))
ADD_PLACE = compiled(insert(place).values({c: _p(c) for c in columns_of(place) if c != "no"}))
PLACES_OF = compiled(select(place.c.no).where(place.c.tenant == _p("tenant"), place.c.entity == _p("entity")))
DROP_PLACE = compiled(delete(place).where(place.c.no == _p("place_no")))
ADD_PLACE_TREE = (
    "INSERT INTO place_tree(no, west, east, south, north, low_layer, high_layer)"
    " VALUES (:no, :west, :east, :south, :north, :layer, :layer)"
)
DROP_PLACE_TREE = "DELETE FROM place_tree WHERE no = :place_no"

ADD_CHANGE = compiled(insert(change).values({c: _p(c) for c in columns_of(change)}))
_CHANGE_COLUMNS = (
    change.c.seq,
    change.c.prev,
    change.c.event,
    change.c.entity,
    change.c.topic,
    change.c.types,
    change.c.op,
    change.c.at,
    change.c.body,
)
GET_CHANGE = compiled(select(*_CHANGE_COLUMNS).where(change.c.tenant == _p("tenant"), change.c.seq == _p("seq")))
CHANGES_AFTER = compiled(
    select(*_CHANGE_COLUMNS)
    .where(change.c.tenant == _p("tenant"), change.c.seq > _p("after"))
    .order_by(change.c.seq)
    .limit(_p("count"))
    .offset(_ZERO)
)

GET_FEED = compiled(select(feed).where(_FEED_KEY))
ALL_FEEDS = compiled(select(feed).where(feed.c.tenant == _p("tenant")).order_by(feed.c.name))
PUT_FEED = compiled(
    _upsert(sqlite.insert(feed), ["tenant", "name"], [c for c in columns_of(feed) if c not in ("tenant", "name")])
)
ADD_RUN = compiled(insert(run).values({c: _p(c) for c in columns_of(run) if c != "no"}))
RECENT_RUNS = compiled(
    select(run)
    .where(run.c.tenant == _p("tenant"), run.c.feed == _p("feed"))
    .order_by(run.c.no.desc())
    .limit(_p("count"))
    .offset(_ZERO)
)

OWNED_BY = compiled(select(owned.c.entity, owned.c.types, owned.c.attributes).where(_OWNED_OF))
OTHER_OWNERS = compiled(
    select(owned.c.attributes).where(
        owned.c.tenant == _p("tenant"),
        owned.c.entity == _p("entity"),
        ~and_(owned.c.feed == _p("feed"), owned.c.document == _p("document")),
    )
)
PUT_OWNED = compiled(_upsert(sqlite.insert(owned), ["tenant", "feed", "document", "entity"], ["types", "attributes"]))
DROP_OWNED = compiled(delete(owned).where(_OWNED_OF, owned.c.entity == _p("entity")))
DROP_OWNED_ANYWHERE = compiled(delete(owned).where(owned.c.tenant == _p("tenant"), owned.c.entity == _p("entity")))

OPEN_NOTICES = compiled(select(notice).where(_NOTICE_OF, notice.c.document == _p("document"), notice.c.open))
PUT_NOTICE = compiled(
    sqlite.insert(notice)
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
    .offset(_ZERO)
)
OPEN_NOTICE_COUNTS = compiled(
    select(notice.c.feed, func.count()).where(notice.c.tenant == _p("tenant"), notice.c.open).group_by(notice.c.feed)
)

ADD_DATASET = compiled(
    sqlite.insert(dataset)
    .values({c: _p(c) for c in columns_of(dataset) if c != "no"})
    .on_conflict_do_update(
        index_elements=["tenant", "feed", "kind", "version"],
        # A version that comes back is the newest again.
        set_={"created_at": _p("created_at"), "valid_from": _p("valid_from"), "valid_until": _p("valid_until")},
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
LATEST_DOCUMENT: str = compiled(
    select(document).where(_DOCUMENT_OF).order_by(document.c.no.desc()).limit(_ONE).offset(_ZERO)
)
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
ALL_HEADS: str = compiled(
    select(entity.c.id, entity.c.topic, entity.c.seq)
    .where(entity.c.tenant == _p("tenant"), entity.c.id > _p("after"), entity.c.document.is_not(None))
    .order_by(entity.c.id)
    .limit(_p("count"))
    .offset(_ZERO)
)


def rendered(statement: Select[*tuple[Any, ...]] | Delete) -> tuple[str, dict[str, Any]]:
    """SQL text and parameters of a statement put together per query (its lists expanded)."""
    made = statement.compile(dialect=_DIALECT, compile_kwargs={"render_postcompile": True})
    return str(made), dict(made.params)
