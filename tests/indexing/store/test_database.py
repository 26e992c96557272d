from __future__ import annotations

import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, event, make_url, select
from sqlalchemy.exc import DBAPIError, IntegrityError

from indexing.errors import Conflict, InvalidInput, Overloaded, PrecedentError, StorageFailed, StorageFull
from indexing.store.catalog import Catalog
from indexing.store.database import open_database, read, write
from indexing.store.dialects import make_engine, told
from indexing.store.schema import HEAD, collections, metadata


def test_migrating_from_nothing_gives_the_schema(engine: Engine) -> None:
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_server_default": True})
        assert compare_metadata(context, metadata) == []
        assert context.get_current_revision() == HEAD


def test_the_tables_are_those_that_the_schema_would_create(sqlite_engine: Engine, tmp_path: Path) -> None:
    def tables(engine: Engine) -> dict[str, set[str]]:
        with read(engine) as connection:
            rows = connection.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")
            return {name: {line.strip(" ,") for line in sql.split("\n")} for name, sql in rows}

    drawn = make_engine(make_url(f"sqlite:///{tmp_path / 'drawn.db'}"))
    with write(drawn) as connection:
        metadata.create_all(connection)
    migrated = tables(sqlite_engine)
    assert migrated.pop("alembic_version")
    assert migrated == tables(drawn)
    drawn.dispose()


def test_head_is_the_newest_migration() -> None:
    config = Config()
    config.set_main_option("script_location", "indexing.store:migrations")
    assert ScriptDirectory.from_config(config).get_heads() == [HEAD]


def test_opening_again_needs_no_alembic(sqlite_url: str) -> None:
    open_database(sqlite_url).dispose()
    script = (
        "import sys; from indexing.store.database import open_database;"
        "open_database(sys.argv[1]).dispose(); assert 'alembic' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script, sqlite_url], check=True, cwd=Path(__file__).parents[3])


def test_a_database_of_a_newer_version_is_left_alone(sqlite_url: str, sqlite_engine: Engine) -> None:
    with write(sqlite_engine) as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(Conflict, match="a newer version has written this database"):
        open_database(sqlite_url)


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "mysql://localhost/x", "nonsense"])
def test_an_address_that_no_database_answers_to(url: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        open_database(url)
    assert raised.value.field == "database"


@pytest.mark.parametrize("transaction", [read, write])
def test_a_connection_that_opened_for_reading_alone_is_not_kept(
    sqlite_url: str, sqlite_engine: Engine, transaction: Callable[[Engine], AbstractContextManager[Any]]
) -> None:
    """What SQLite makes of too many open files: it tries again, and opens the file for reading."""
    file = make_url(sqlite_url).database
    opened = [sqlite3.connect(f"file:{file}?mode=ro", uri=True, check_same_thread=False)]
    event.listen(sqlite_engine, "do_connect", lambda *_: opened.pop() if opened else None)
    sqlite_engine.dispose()
    with pytest.raises(PrecedentError, match="readonly"), transaction(sqlite_engine):
        pass
    with write(sqlite_engine) as connection:
        connection.exec_driver_sql("DELETE FROM collections")
    assert opened == []


def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    path = tmp_path / "precedent.db"
    path.write_bytes(b"not a database at all, but long enough to be read as one" * 100)
    with pytest.raises(PrecedentError, match="damaged or none"):
        open_database(f"sqlite:///{path}")


def test_the_folder_of_a_new_database_is_made(tmp_path: Path) -> None:
    open_database(f"sqlite:///{tmp_path / 'a' / 'b' / 'precedent.db'}").dispose()
    assert stat.S_ISREG((tmp_path / "a" / "b" / "precedent.db").stat().st_mode)


def test_every_connection_is_durable_and_keeps_foreign_keys(sqlite_engine: Engine) -> None:
    expected = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 30_000}
    for _ in range(2):
        with read(sqlite_engine) as connection:
            assert {
                name: connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in expected
            } == expected
        sqlite_engine.dispose()


def test_a_write_that_raises_is_undone(engine: Engine) -> None:
    row = {"name": "a", "settings": "{}", "created_at": 0.0}
    with pytest.raises(IntegrityError), write(engine) as connection:
        connection.execute(collections.insert(), [row, row])
    assert Catalog(engine).list() == []


def test_a_read_sees_one_state(engine: Engine) -> None:
    catalog = Catalog(engine)
    with read(engine) as connection:
        assert connection.execute(select(collections.c.name)).all() == []
        catalog.create("a", {})
        assert connection.execute(select(collections.c.name)).all() == []
    assert [collection.name for collection in catalog.list()] == ["a"]


def test_a_write_takes_the_lock_at_once(sqlite_url: str, sqlite_engine: Engine) -> None:
    path = make_url(sqlite_url).database
    assert path is not None
    rival = sqlite3.connect(path, timeout=0, isolation_level=None)
    with write(sqlite_engine), pytest.raises(sqlite3.OperationalError, match="locked"):
        rival.execute("BEGIN IMMEDIATE")
    with read(sqlite_engine):
        rival.execute("BEGIN IMMEDIATE")
        rival.execute("ROLLBACK")
    rival.close()


def database_error(**fields: Any) -> DBAPIError:
    cause = sqlite3.OperationalError("oh") if "sqlite_errorcode" in fields else RuntimeError("oh")
    for name, value in fields.items():
        setattr(cause, name, value)
    return DBAPIError("SELECT 1", {}, cause)


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"sqlite_errorcode": sqlite3.SQLITE_FULL}, StorageFull),
        ({"sqlite_errorcode": sqlite3.SQLITE_IOERR_SHMSIZE}, StorageFull),
        ({"sqlite_errorcode": sqlite3.SQLITE_BUSY}, Overloaded),
        ({"sqlite_errorcode": sqlite3.SQLITE_BUSY_SNAPSHOT}, Overloaded),
        ({"sqlite_errorcode": sqlite3.SQLITE_CANTOPEN}, PrecedentError),
        ({"sqlite_errorcode": sqlite3.SQLITE_READONLY}, PrecedentError),
        ({"sqlite_errorcode": sqlite3.SQLITE_IOERR_FSYNC}, StorageFailed),
        ({"sqlite_errorcode": sqlite3.SQLITE_ERROR}, type(None)),
        ({"sqlstate": "53100"}, StorageFull),
        ({"sqlstate": "40P01"}, Overloaded),
        ({"sqlstate": "42P01"}, type(None)),
    ],
)
def test_what_is_told_of_a_database_s_error(fields: dict[str, Any], error: type[object]) -> None:
    assert type(told(database_error(**fields).orig)) is error


def test_a_programming_error_is_not_dressed_up(engine: Engine) -> None:
    with pytest.raises(IntegrityError), write(engine) as connection:
        connection.execute(collections.insert(), {"name": None, "settings": "{}", "created_at": 0.0})


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="needs a list of open files")
def test_no_file_stays_open(sqlite_url: str) -> None:
    def opened() -> int:
        return sum(1 for _ in Path("/proc/self/fd").iterdir())

    before = opened()
    for name in "abcde":
        engine = open_database(sqlite_url)
        Catalog(engine).create(name, {})
        assert Catalog(engine).state(name) is not None
        engine.dispose()
    assert opened() == before
