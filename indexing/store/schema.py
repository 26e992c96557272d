"""The tables, as they stand at `HEAD`; `migrations/` says how a database gets there."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
)

HEAD = "0003"
"""The newest revision in `migrations/versions`."""

metadata = MetaData(
    naming_convention={
        "pk": "%(table_name)s_pkey",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
        "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
        "ix": "%(table_name)s_%(column_0_N_name)s_idx",
    }
)

# Ids are paged in the order of their UTF-8 bytes on every database: SQLite's default, "C" on PostgreSQL.
Identifier = Text().with_variant(Text(collation="C"), "postgresql")


def _collection(*, primary_key: bool = True) -> Column[int]:
    return Column(
        "collection",
        Integer,
        ForeignKey("collections.id", ondelete="CASCADE"),
        primary_key=primary_key,
        autoincrement=False,
        nullable=False,
    )


collections = Table(
    "collections",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", Identifier, nullable=False, unique=True),
    Column("settings", Text, nullable=False),
    Column("sequence", BigInteger, nullable=False, server_default="0"),
    Column("generation", Identifier),
    Column("created_at", Double, nullable=False),
    # The id of a removed collection never comes back: who still holds it must find nothing.
    sqlite_autoincrement=True,
)

records = Table(
    "records",
    metadata,
    _collection(),
    Column("kind", Identifier, primary_key=True),
    Column("id", Identifier, primary_key=True),
    Column("sequence", BigInteger, nullable=False),
    Column("digest", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
)
Index(None, records.c.collection, records.c.sequence, unique=True)

deletions = Table(
    "deletions",
    metadata,
    _collection(),
    Column("kind", Identifier, primary_key=True),
    Column("id", Identifier, primary_key=True),
    Column("sequence", BigInteger, nullable=False),
)
Index(None, deletions.c.collection, deletions.c.sequence, unique=True)

embeddings = Table(
    "embeddings",
    metadata,
    Column("model", Identifier, primary_key=True),
    Column("text_hash", LargeBinary(16), primary_key=True),
    Column("vector", LargeBinary, nullable=False),
)

generations = Table(
    "generations",
    metadata,
    Column("id", Identifier, primary_key=True),
    _collection(primary_key=False),
    Column("state", Text, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("manifest", Text, nullable=False),
)
Index(None, generations.c.collection, generations.c.created_at)

jobs = Table(
    "jobs",
    metadata,
    Column("id", Identifier, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("collection", Text),
    Column("state", Text, nullable=False),
    Column("request", Text, nullable=False),
    Column("progress", Text, nullable=False),
    Column("error", Text),
    Column("created_at", Double, nullable=False),
    Column("started_at", Double),
    Column("finished_at", Double),
    Column("heartbeat_at", Double),
)
Index(None, jobs.c.created_at)

episodes = Table(
    "episodes",
    metadata,
    _collection(),
    Column("key", Identifier, primary_key=True),
    Column("episode", Identifier, primary_key=True),
    Column("shown", Text, nullable=False),
    Column("used_at", Double, nullable=False),
)
Index(None, episodes.c.used_at)

keys = Table(
    "keys",
    metadata,
    Column("id", Identifier, primary_key=True),
    Column("name", Text, nullable=False),
    Column("digest", LargeBinary(32), nullable=False),
    Column("grants", Text, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("expires_at", Double),
    Column("revoked_at", Double),
    Column("used_at", Double),
)

audit = Table(
    "audit",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at", Double, nullable=False),
    Column("key", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("status", Integer, nullable=False),
    Column("collection", Text),
    Column("subject", Text),
    Column("records", Integer),
    sqlite_autoincrement=True,
)
Index(None, audit.c.at)
