"""Alembic's entry: migrates over the connection, and in the transaction, that it is handed."""

from __future__ import annotations

from alembic import context

from indexing.store.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,
)
context.run_migrations()
