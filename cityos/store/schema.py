"""The tables, for SQLite and PostgreSQL; instants are microseconds since 1970 UTC.

Tenant comes first in every key, but for places, whose layer is one tenant's.

`entity` is the current state, one row each; a deleted entity keeps its row (document NULL) until its history is gone,
so that `seq` and `prev` go on where they stopped should it return. `instance` is every attribute instance ever told;
those marked current are the state that queries compile against. `change` is the feed and the outbox in one.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy
from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    Double,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    literal_column,
    text,
)

from cityos.store.error import SchemaTooNew, SchemaTooOld

SCHEMA_VERSION = 3
# Numbers of rows that never stop growing. SQLite's own row number is an Integer and has 64 bits.
BigInteger = sqlalchemy.BigInteger().with_variant(Integer, "sqlite")
# Keys are compared byte by byte in both databases, so that cursors mean the same whatever the server's language.
Text = sqlalchemy.Text().with_variant(sqlalchemy.Text(collation="C"), "postgresql")
# Values are found by their beginning, so that the index never meets a text longer than it takes.
WORD_LENGTH = 200

metadata = MetaData()

meta = Table("meta", metadata, Column("key", Text, primary_key=True), Column("value", Text, nullable=False))

tenant = Table(
    "tenant",
    metadata,
    Column("name", Text, primary_key=True),
    Column("seq", BigInteger, nullable=False),
    Column("trimmed", BigInteger, nullable=False),  # changes up to here are no longer kept
)

# IRIs of attributes and types, numbered once: they stand in every history row.
name = Table(
    "name",
    metadata,
    Column("no", Integer, primary_key=True, autoincrement=False),
    Column("iri", Text, nullable=False, unique=True),
)

entity = Table(
    "entity",
    metadata,
    Column("no", BigInteger, primary_key=True, autoincrement=False),
    Column("tenant", Text, nullable=False),
    Column("id", Text, nullable=False),
    Column("topic", Text, nullable=False),  # short name of the first type at creation: the Type level of its topic
    Column("seq", BigInteger, nullable=False),
    Column("expires_at", BigInteger),
    Column("document", LargeBinary),  # canonical bytes
    Index("entity_by_id", "tenant", "id", unique=True),
    Index(
        "entity_expiring",
        "expires_at",
        sqlite_where=text("expires_at IS NOT NULL"),
        postgresql_where=text("expires_at IS NOT NULL"),
    ),
)

entity_type = Table(
    "entity_type",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("type", Integer, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("entity", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

instance = Table(
    "instance",
    metadata,
    Column("no", BigInteger, primary_key=True, autoincrement=False),
    Column("tenant", Text, nullable=False),
    Column("entity", BigInteger, nullable=False),
    Column("attribute", Integer, nullable=False),
    Column("dataset", Text, nullable=False),
    Column("at", BigInteger, nullable=False),  # observedAt, or modifiedAt where nothing was observed
    Column("observed", Boolean, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("modified_at", BigInteger, nullable=False),
    Column("current", Boolean, nullable=False),
    # What a query compares: a number, or the beginning of a text, URI or IRI. Both NULL: something else (a list, a
    # map), so that the row may match and its body must be looked at.
    Column("number", Double),
    Column("word", Text),
    Column("body", LargeBinary),  # NULL: the attribute was deleted
    Index("instance_by_time", "tenant", "entity", "attribute", "dataset", "at"),
    Index(
        "instance_now",
        "tenant",
        "attribute",
        "entity",
        "dataset",
        sqlite_where=text("current"),
        postgresql_where=text("current"),
    ),
    Index(
        "instance_value",
        "tenant",
        "attribute",
        "number",
        "word",
        sqlite_where=text("current"),
        postgresql_where=text("current"),
    ),
)

# The condition of the partial indexes in their own words: SQLite takes one only where it is said so, and of a column
# that is true SQLAlchemy makes `current = 1`.
IS_CURRENT: ColumnElement[Any] = literal_column("instance.current")

# Boxes of geo-properties by layer: a layer is one tenant's one type's one geo-property.
layer = Table(
    "layer",
    metadata,
    Column("no", Integer, primary_key=True, autoincrement=False),
    Column("tenant", Text, nullable=False),
    Column("type", Integer, nullable=False),
    Column("attribute", Integer, nullable=False),
    Index("layer_by_name", "tenant", "attribute", "type", unique=True),
)

# A layer's places are listed by the spatial index, or walked in order of id by one that holds all there is to compare.
place = Table(
    "place",
    metadata,
    Column("no", BigInteger, primary_key=True, autoincrement=False),
    Column("entity", BigInteger, nullable=False),
    Column("id", Text, nullable=False),
    Column("layer", Integer, nullable=False),
    Column("west", Double, nullable=False),
    Column("south", Double, nullable=False),
    Column("east", Double, nullable=False),
    Column("north", Double, nullable=False),
    Index("place_of_entity", "entity"),
    Index("place_in_order", "layer", "id", "west", "south", "east", "north", "entity"),
)

# The spatial index over `place`, in which the layer is a dimension of its own, so that one look-up serves place and
# type together: an R*Tree in SQLite, a GiST index in PostgreSQL (its own box type suffices; PostGIS is not needed).
SPATIAL_INDEX = {
    "sqlite": (
        "CREATE VIRTUAL TABLE IF NOT EXISTS place_tree"
        " USING rtree(no, west, east, south, north, low_layer, high_layer)",
    ),
    "postgresql": (
        "CREATE EXTENSION IF NOT EXISTS btree_gist",
        "CREATE INDEX IF NOT EXISTS place_tree ON place"
        " USING gist (layer, box(point(west, south), point(east, north)))",
    ),
}

change = Table(
    "change",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Column("prev", BigInteger, nullable=False),
    Column("event", Text, nullable=False),
    Column("entity", Text, nullable=False),
    Column("topic", Text, nullable=False),
    Column("types", Text, nullable=False),  # JSON list of IRIs
    Column("op", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("body", LargeBinary, nullable=False),  # JSON list of attribute changes, canonical; a large one packed
    sqlite_with_rowid=False,
)

feed = Table(
    "feed",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("attempted_at", BigInteger),
    Column("succeeded_at", BigInteger),
    Column("outcome", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("data_at", BigInteger),
    Column("accepted", Integer, nullable=False),
    Column("held", Integer, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("failing_since", BigInteger),
)

run = Table(
    "run",
    metadata,
    Column("no", Integer, primary_key=True),
    Column("tenant", Text, nullable=False),
    Column("feed", Text, nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("finished_at", BigInteger, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("accepted", Integer, nullable=False),
    Column("held", Integer, nullable=False),
    Column("changed", Integer, nullable=False),
    Column("ended", Integer, nullable=False),
    Index("run_by_feed", "tenant", "feed", "no"),
)

# What a feed's document says exists, and the attributes it speaks of: what may end when it says so no longer.
owned = Table(
    "owned",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("feed", Text, primary_key=True),
    Column("document", Text, primary_key=True),
    Column("entity", Text, primary_key=True),
    Column("types", Text, nullable=False),  # JSON list of IRIs
    Column("attributes", Text, nullable=False),  # JSON list of IRIs
    Index("owned_by_entity", "tenant", "entity"),
    sqlite_with_rowid=False,
)

notice = Table(
    "notice",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("feed", Text, primary_key=True),
    Column("document", Text, primary_key=True),  # "" for what concerns the feed as a whole
    Column("code", Text, primary_key=True),
    Column("subject", Text, primary_key=True),
    Column("detail", Text, nullable=False),
    Column("severity", Text, nullable=False),
    Column("place", Text, nullable=False),
    Column("first_at", BigInteger, nullable=False),
    Column("last_at", BigInteger, nullable=False),
    Column("count", Integer, nullable=False),
    Column("open", Boolean, nullable=False),
)

# Versions of bulk data; their contents are files named after the digest.
dataset = Table(
    "dataset",
    metadata,
    Column("no", Integer, primary_key=True),
    Column("tenant", Text, nullable=False),
    Column("feed", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("media_type", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("digest", Text, nullable=False),
    Column("valid_from", Text),
    Column("valid_until", Text),
    Column("licence", Text, nullable=False),
    Column("attribution", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Index("dataset_by_version", "tenant", "feed", "kind", "version", unique=True),
)

document = Table(
    "document",
    metadata,
    Column("no", Integer, primary_key=True),
    Column("tenant", Text, nullable=False),
    Column("feed", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("media_type", Text, nullable=False),
    Column("modified_at", BigInteger),
    Column("first_at", BigInteger, nullable=False),
    Column("last_at", BigInteger, nullable=False),
    Column("applied", Boolean, nullable=False),
    Column("author", Text, nullable=False),
    Column("expires_at", BigInteger),
    Index("document_by_feed", "tenant", "feed", "name", "no"),
    Index("document_by_digest", "digest"),
)

# What the API keeps as it was said: @contexts, subscriptions.
resource = Table(
    "resource",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("body", LargeBinary, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("modified_at", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)


def check_version(where: str, version: int) -> None:
    """Raises SchemaTooNew or SchemaTooOld where a database's tables are of another version than these."""
    if version > SCHEMA_VERSION:
        raise SchemaTooNew(
            f"{where} has schema {version}; this CityOS knows up to {SCHEMA_VERSION}. Install a newer one."
        )
    if version < SCHEMA_VERSION:
        raise SchemaTooOld(
            f"{where} has schema {version} of an early CityOS; this one writes {SCHEMA_VERSION}. Move it away and start"
            " anew: feeds are read again, and archived documents can be replayed."
        )
