"""Alembic's scripts, run by `indexing.store.database.open_database`."""
