"""Resources: whatever the API keeps by tenant, kind and id and reads back as it was said (@contexts, subscriptions)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, bindparam, delete, select

from cityos.ngsi.instant import from_microseconds, to_microseconds
from cityos.store.connection import Connection
from cityos.store.schema import resource
from cityos.store.session import Session
from cityos.store.statement import columns_of, compiled, upserting

EVERYONE = ""  # the tenant of what belongs to no tenant

_KEY = and_(
    resource.c.tenant == bindparam("tenant"), resource.c.kind == bindparam("kind"), resource.c.id == bindparam("id")
)
_COLUMNS = (resource.c.id, resource.c.body, resource.c.created_at, resource.c.modified_at)
_PUT = upserting(
    lambda insert: (
        insert(resource)
        .values({name: bindparam(name) for name in columns_of(resource)})
        .on_conflict_do_update(
            index_elements=["tenant", "kind", "id"],
            set_={"body": bindparam("body"), "modified_at": bindparam("modified_at")},
        )
    )
)
_FIND = compiled(select(*_COLUMNS).where(_KEY))
_LIST = compiled(
    select(*_COLUMNS)
    .where(resource.c.tenant == bindparam("tenant"), resource.c.kind == bindparam("kind"))
    .order_by(resource.c.id)
)
_DELETE = compiled(delete(resource).where(_KEY))


@dataclass(frozen=True, slots=True)
class Resource:
    """`body` is what was put, byte for byte."""

    id: str
    body: bytes
    created_at: datetime
    modified_at: datetime


def put(session: Session, tenant: str, kind: str, resource_id: str, body: bytes, *, only_new: bool) -> bool:
    """Writes a resource; True where it is new. With `only_new` one that is there stays as it is."""
    is_new = not session.execute(_FIND, tenant=tenant, kind=kind, id=resource_id)
    if only_new and not is_new:
        return False
    if tenant != EVERYONE:
        session.add_tenant(tenant)
    now = to_microseconds(session.now)
    session.change(_PUT, tenant=tenant, kind=kind, id=resource_id, body=body, created_at=now, modified_at=now)
    return is_new


def drop(session: Session, tenant: str, kind: str, resource_id: str) -> bool:
    """Deletes a resource; False where there is none."""
    return session.change(_DELETE, tenant=tenant, kind=kind, id=resource_id) > 0


def find(connection: Connection, tenant: str, kind: str, resource_id: str) -> Resource | None:
    """The resource, if it is there."""
    rows = connection.rows(_FIND, {"tenant": tenant, "kind": kind, "id": resource_id})
    return _resource(rows[0]) if rows else None


def list_all(connection: Connection, tenant: str, kind: str) -> list[Resource]:
    """All resources of a kind, in order of id."""
    return [_resource(row) for row in connection.rows(_LIST, {"tenant": tenant, "kind": kind})]


def _resource(row: Any) -> Resource:
    resource_id, body, created_at, modified_at = row
    return Resource(resource_id, bytes(body), from_microseconds(created_at), from_microseconds(modified_at))
