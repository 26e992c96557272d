"""Databases that can only be read, and only so long: SQLite behind an authorizer and a meter."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias

from environments import sql_dump
from environments.errors import MissingEnvironment, UnknownTask

Rows: TypeAlias = list[tuple[Any, ...]]
READING = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE}
REFUSED_FUNCTIONS = {"load_extension", "random", "randomblob"}
LONGEST = 1_000_000
"""Characters of a statement or a value."""
INSTRUCTIONS = 50_000_000
"""Most that a query may take of SQLite's own: some seconds, the same on every machine."""
CHECKED_EVERY = 10_000


class Refused(Exception):
    """A query that isn't answered; the message says why, in SQLite's words or ours."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column as MySQL's DESCRIBE tells of it."""

    name: str
    kind: str
    null: str
    key: str
    default: str | None
    extra: str


class Database:
    """One database, read through one connection."""

    def __init__(self, connection: sqlite3.Connection, time_limit_s: float, row_limit: int) -> None:
        self.tables: Mapping[str, list[Column]] = _described(connection)
        self._connection = connection
        self._time_limit_s = time_limit_s
        self._row_limit = row_limit
        connection.execute("PRAGMA query_only = ON")
        connection.execute("PRAGMA temp_store = MEMORY")
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LONGEST)
        connection.setlimit(sqlite3.SQLITE_LIMIT_SQL_LENGTH, LONGEST)
        connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
        connection.set_authorizer(_allowed)

    def ask(self, query: str) -> Rows:
        """The rows a query finds. Raises Refused."""
        with self._metered(), _told():
            cursor = self._connection.execute(query)
            rows = cursor.fetchmany(self._row_limit + 1)
            cursor.close()
        if len(rows) > self._row_limit:
            raise Refused(f"more than {self._row_limit} rows; ask for fewer")
        return rows

    def close(self) -> None:
        """Give the connection back."""
        self._connection.close()

    @contextmanager
    def _metered(self) -> Iterator[None]:
        """Break off what takes too long."""
        end, spent = time.monotonic() + self._time_limit_s, 0

        def too_long() -> bool:
            nonlocal spent
            spent += CHECKED_EVERY
            return spent > INSTRUCTIONS or time.monotonic() > end

        self._connection.set_progress_handler(too_long, CHECKED_EVERY)
        try:
            yield
        finally:
            self._connection.set_progress_handler(None, 0)


class Databases:
    """Databases by name: SQLite files in a folder (as Spider keeps them or flat), or a MySQL dump."""

    def __init__(self, source: Path, time_limit_s: float, row_limit: int) -> None:
        self._source = source
        self._time_limit_s = time_limit_s
        self._row_limit = row_limit

    def open(self, name: str) -> Database:
        """Raises UnknownTask."""
        if self._source.is_dir():
            connection = self._from_file(name)
        elif name in self._dumped:
            # Its thread may change between episodes, never within a query.
            connection = sqlite3.connect(":memory:", check_same_thread=False)
            sql_dump.load(self._dumped[name], connection)
        else:
            raise UnknownTask(f"there is no database {name!r} in {self._source}")
        try:
            return Database(connection, self._time_limit_s, self._row_limit)
        except sqlite3.DatabaseError as fault:
            connection.close()
            raise UnknownTask(f"the database {name!r} in {self._source} can't be read: {fault}") from None

    def _from_file(self, name: str) -> sqlite3.Connection:
        endings = (f"{name}.sqlite", f"{name}/{name}.sqlite", f"{name}.db")
        file = next((path for end in endings if (path := self._source / end).is_file()), None)
        if file is None:
            raise UnknownTask(f"there is no database {name!r} in {self._source}")
        return sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True, check_same_thread=False)

    @cached_property
    def _dumped(self) -> dict[str, str]:
        if not self._source.is_file():
            raise MissingEnvironment(
                f"the SQL databases are not at {self._source}: name a folder of SQLite files or a MySQL dump"
            )
        return sql_dump.split(self._source.read_text(encoding="utf-8"))


def _allowed(action: int, _: str | None, name: str | None, *__: str | None) -> int:
    called = action == sqlite3.SQLITE_FUNCTION and name in REFUSED_FUNCTIONS
    return sqlite3.SQLITE_OK if action in READING and not called else sqlite3.SQLITE_DENY


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as fault:
        raise Refused("it takes too long" if str(fault) == "interrupted" else str(fault)) from None
    except (sqlite3.Error, sqlite3.Warning, ValueError) as fault:
        raise Refused(str(fault)) from None


def _described(connection: sqlite3.Connection) -> dict[str, list[Column]]:
    named = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite!_%' ESCAPE '!'"
    return {table: _columns(connection, table) for (table,) in sorted(connection.execute(named))}


def _columns(connection: sqlite3.Connection, table: str) -> list[Column]:
    foreign = {row[3] for row in connection.execute("SELECT * FROM pragma_foreign_key_list(?)", [table])}
    columns = []
    for _, name, kind, needed, default, primary in connection.execute(
        'SELECT cid, name, type, "notnull", dflt_value, pk FROM pragma_table_info(?)', [table]
    ):
        counts = kind.endswith(" AUTO_INCREMENT")
        columns.append(
            Column(
                name=name,
                kind=kind.removesuffix(" AUTO_INCREMENT").lower(),
                null="NO" if needed or primary else "YES",
                key="PRI" if primary else "MUL" if name in foreign else "",
                default=None if default in (None, "NULL") else default.strip("'"),
                extra="auto_increment" if counts else "",
            )
        )
    return columns
