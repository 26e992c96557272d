"""The audit log: who changed what, when, and how it went.

Revision ID: 0003
Revises: 0002
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "audit",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("status", sa.Integer, nullable=False),
        sa.Column("collection", sa.Text),
        sa.Column("subject", sa.Text),
        sa.Column("records", sa.Integer),
        sa.PrimaryKeyConstraint("id", name="audit_pkey"),
        sqlite_autoincrement=True,
    )
    op.create_index("audit_at_idx", "audit", ["at"])


def downgrade() -> None:
    op.drop_table("audit")
