"""What SQLite and PostgreSQL do differently, and nowhere else: engines, transactions, errors, upserts."""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any, TypeAlias

from sqlalchemy import URL, Connection, Engine, Table, create_engine, event, text
from sqlalchemy.dialects import postgresql, sqlite

from indexing.errors import InvalidInput, Overloaded, PrecedentError, StorageFailed, StorageFull

Insert: TypeAlias = "sqlite.Insert | postgresql.Insert"

BUSY_TIMEOUT_S = 30.0
WAL_SIZE_LIMIT = 64 * 2**20
POOL_SIZE = 16
HIDDEN = True
"""An error tells its statement, never the records that were in it."""
MIGRATION_LOCK = 0x50524543  # any number, the same for every process

_WRITES = "precedent_writes"


def make_engine(url: URL) -> Engine:
    """An engine with the house's settings; raises InvalidInput for a database that can't be served."""
    backend = url.get_backend_name()
    if backend == "sqlite":
        return _sqlite_engine(url)
    if backend == "postgresql":
        return create_engine(
            url, pool_size=POOL_SIZE, max_overflow=-1, pool_pre_ping=True, hide_parameters=HIDDEN
        )
    raise InvalidInput(f"no such database: {backend}; use a sqlite:/// or postgresql:// address", "database")


def _sqlite_engine(url: URL) -> Engine:
    if not url.database or url.database == ":memory:":
        raise InvalidInput("SQLite needs a file that all connections share: sqlite:///path", "database")
    file = Path(url.database)
    file.parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(
        url,
        pool_size=POOL_SIZE,
        max_overflow=-1,
        hide_parameters=HIDDEN,
        connect_args={"timeout": BUSY_TIMEOUT_S, "check_same_thread": False},
    )

    # sqlite3 would begin transactions by itself, and late; so it is told not to, and we do.
    @event.listens_for(engine, "connect")
    def _connect(connection: sqlite3.Connection, _: Any) -> None:
        connection.isolation_level = None
        with closing(connection.cursor()) as cursor:
            _write_ahead(cursor)
            cursor.execute("PRAGMA synchronous=FULL")
            cursor.execute("PRAGMA foreign_keys=ON")
            cursor.execute(f"PRAGMA journal_size_limit={WAL_SIZE_LIMIT}")
            if os.access(file, os.W_OK):
                _refuse_reading_alone(cursor)

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        immediate = connection.get_execution_options().get(_WRITES)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")

    return engine


def _write_ahead(cursor: sqlite3.Cursor) -> None:
    """Switch the file to WAL, once in its life. The switch doesn't heed the busy timeout, so we wait here."""
    deadline = time.monotonic() + BUSY_TIMEOUT_S
    while True:
        try:
            if cursor.execute("PRAGMA journal_mode").fetchone() == ("wal",):
                return
            cursor.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def _refuse_reading_alone(cursor: sqlite3.Cursor) -> None:
    """Raise for a connection that can't write to a file that can be written.

    SQLite opens the file for reading alone where it may not open it otherwise, if only for a moment (too
    many open files); such a connection would stay in the pool, and each write that gets it would fail.
    """
    cursor.execute("PRAGMA busy_timeout=0")
    try:
        cursor.execute("BEGIN IMMEDIATE")  # which asks for no more than reading where that is all there is
        cursor.execute("PRAGMA user_version=0")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_READONLY:
            raise
    finally:
        if cursor.connection.in_transaction:
            cursor.execute("ROLLBACK")
    cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_S * 1000:.0f}")


def for_reading(connection: Connection) -> Connection:
    """The connection, set so that all reads of one transaction see one state of the database."""
    if connection.dialect.name == "postgresql":
        connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    return connection


def for_writing(connection: Connection) -> Connection:
    """The connection, set so that its transaction may write from the start."""
    return connection.execution_options(**{_WRITES: True})


def lock_migrations(connection: Connection) -> None:
    """Keep other processes from migrating until this transaction ends; on SQLite a write already does."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})


def insert_into(connection: Connection, table: Table) -> Insert:
    """An INSERT that knows ON CONFLICT."""
    return postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)


def told(cause: BaseException | None) -> PrecedentError | None:
    """What the caller is told about a driver's error, where it is none of the program's fault."""
    if isinstance(cause, sqlite3.Error):
        return _told_by_sqlite(cause)
    state = getattr(cause, "sqlstate", None)
    if state == "53100":
        return StorageFull("the database's disk is full; nothing was written: make room and send it again")
    if state in ("40001", "40P01", "55P03"):
        return Overloaded("other writers were in the way; send it again")
    return None


def _told_by_sqlite(error: sqlite3.Error) -> PrecedentError | None:
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    if code & 0xFF == sqlite3.SQLITE_FULL or code == sqlite3.SQLITE_IOERR_SHMSIZE:
        return StorageFull("the disk is full; nothing was written: make room and send it again")
    if code & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return Overloaded(f"another process kept the database for {BUSY_TIMEOUT_S:.0f} s; send it again")
    if code & 0xFF in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
        return PrecedentError(f"the database file is damaged or none ({error}); restore it from a snapshot")
    if code & 0xFF in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY):
        return PrecedentError(f"the database can't be opened or written ({error}); check its folder's rights")
    if code & 0xFF == sqlite3.SQLITE_IOERR:
        return StorageFailed(
            f"the disk refused the database ({error}); nothing was written: look at the disk"
        )
    return None
