"""The first tables: collections, records and what is derived from them or runs beside them.

Revision ID: 0001
Revises:
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    identifier = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")

    def of_collection(table: str) -> sa.ForeignKeyConstraint:
        return sa.ForeignKeyConstraint(
            ["collection"], ["collections.id"], name=f"{table}_collection_fkey", ondelete="CASCADE"
        )

    op.create_table(
        "collections",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("name", identifier, nullable=False),
        sa.Column("settings", sa.Text, nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("generation", identifier),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("id", name="collections_pkey"),
        sa.UniqueConstraint("name", name="collections_name_key"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "records",
        sa.Column("collection", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("kind", identifier, nullable=False),
        sa.Column("id", identifier, nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("collection", "kind", "id", name="records_pkey"),
        of_collection("records"),
    )
    op.create_index("records_collection_sequence_idx", "records", ["collection", "sequence"], unique=True)
    op.create_table(
        "deletions",
        sa.Column("collection", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("kind", identifier, nullable=False),
        sa.Column("id", identifier, nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("collection", "kind", "id", name="deletions_pkey"),
        of_collection("deletions"),
    )
    op.create_index("deletions_collection_sequence_idx", "deletions", ["collection", "sequence"], unique=True)
    op.create_table(
        "embeddings",
        sa.Column("model", identifier, nullable=False),
        sa.Column("text_hash", sa.LargeBinary(16), nullable=False),
        sa.Column("vector", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("model", "text_hash", name="embeddings_pkey"),
    )
    op.create_table(
        "generations",
        sa.Column("id", identifier, nullable=False),
        sa.Column("collection", sa.Integer, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("manifest", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="generations_pkey"),
        of_collection("generations"),
    )
    op.create_index("generations_collection_created_at_idx", "generations", ["collection", "created_at"])
    op.create_table(
        "jobs",
        sa.Column("id", identifier, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("collection", sa.Text),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("request", sa.Text, nullable=False),
        sa.Column("progress", sa.Text, nullable=False),
        sa.Column("error", sa.Text),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("started_at", sa.Double),
        sa.Column("finished_at", sa.Double),
        sa.Column("heartbeat_at", sa.Double),
        sa.PrimaryKeyConstraint("id", name="jobs_pkey"),
    )
    op.create_index("jobs_created_at_idx", "jobs", ["created_at"])
    op.create_table(
        "episodes",
        sa.Column("collection", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("key", identifier, nullable=False),
        sa.Column("episode", identifier, nullable=False),
        sa.Column("shown", sa.Text, nullable=False),
        sa.Column("used_at", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("collection", "key", "episode", name="episodes_pkey"),
        of_collection("episodes"),
    )
    op.create_index("episodes_used_at_idx", "episodes", ["used_at"])


def downgrade() -> None:
    for table in ("episodes", "jobs", "generations", "embeddings", "deletions", "records", "collections"):
        op.drop_table(table)
