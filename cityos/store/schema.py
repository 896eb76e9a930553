"""The tables. Tenant comes first in every key; instants are microseconds since 1970 UTC; documents are canonical bytes.

`entity` is the current state, one row each; a deleted entity keeps its row (document NULL) until its history is gone,
so that `seq` and `prev` go on where they stopped should it return. `instance` is every attribute instance ever told;
those marked current are the state that queries compile against. `change` is the feed and the outbox in one.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Float, Index, Integer, LargeBinary, MetaData, Table, Text, text

SCHEMA_VERSION = 2

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
    "name", metadata, Column("no", Integer, primary_key=True), Column("iri", Text, nullable=False, unique=True)
)

entity = Table(
    "entity",
    metadata,
    Column("no", Integer, primary_key=True),
    Column("tenant", Text, nullable=False),
    Column("id", Text, nullable=False),
    Column("topic", Text, nullable=False),  # short name of the first type at creation: the Type level of its topic
    Column("seq", BigInteger, nullable=False),
    Column("document", LargeBinary),
    Index("entity_by_id", "tenant", "id", unique=True),
)

entity_type = Table(
    "entity_type",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("type", Integer, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("entity", Integer, nullable=False),
    sqlite_with_rowid=False,
)

instance = Table(
    "instance",
    metadata,
    Column("no", Integer, primary_key=True),
    Column("tenant", Text, nullable=False),
    Column("entity", Integer, nullable=False),
    Column("attribute", Integer, nullable=False),
    Column("dataset", Text, nullable=False),
    Column("at", BigInteger, nullable=False),  # observedAt, or modifiedAt where nothing was observed
    Column("observed", Boolean, nullable=False),
    Column("written_at", BigInteger, nullable=False),
    Column("current", Boolean, nullable=False),
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
)

# Boxes of geo-properties by layer: a layer is one tenant's one type's one geo-property.
layer = Table(
    "layer",
    metadata,
    Column("no", Integer, primary_key=True),
    Column("tenant", Text, nullable=False),
    Column("type", Integer, nullable=False),
    Column("attribute", Integer, nullable=False),
    Index("layer_by_name", "tenant", "attribute", "type", unique=True),
)

place = Table(
    "place",
    metadata,
    Column("no", Integer, primary_key=True),
    Column("tenant", Text, nullable=False),
    Column("entity", Integer, nullable=False),
    Column("layer", Integer, nullable=False),
    Column("west", Float, nullable=False),
    Column("south", Float, nullable=False),
    Column("east", Float, nullable=False),
    Column("north", Float, nullable=False),
    Index("place_of_entity", "tenant", "entity", "layer"),
)

# SQLite's R*Tree over `place`: the layer is a third dimension, so that one look-up serves place and type together.
PLACE_TREE = (
    "CREATE VIRTUAL TABLE IF NOT EXISTS place_tree USING rtree(no, west, east, south, north, low_layer, high_layer)"
)

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
    Column("body", LargeBinary, nullable=False),  # JSON list of attribute changes, canonical
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
