"""Opening the database, at its newest schema, and its two kinds of transaction."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager

from sqlalchemy import Connection, Engine, make_url, select, text
from sqlalchemy.engine.interfaces import DBAPICursor
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError, ProgrammingError

from indexing.errors import Conflict, InvalidInput, NotFound
from indexing.store import dialects
from indexing.store.schema import HEAD, collections


def open_database(url: str) -> Engine:
    """The database behind `url` ("sqlite:////path/precedent.db"), created or migrated where needed.

    Threads share the engine; `engine.dispose()` closes it. Any number of processes may open the
    same database at once.

    Raises
    ------
    InvalidInput
        For an address that no database answers to.
    Conflict
        For a database that a newer version of this program has written.
    """
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise InvalidInput(
            "not a database address; use a sqlite:/// or postgresql:// one", "database"
        ) from None
    engine = dialects.make_engine(parsed)
    with ExitStack() as on_failure:
        on_failure.callback(engine.dispose)
        if _revision(engine) != HEAD:
            _migrate(engine)
        on_failure.pop_all()
    return engine


@contextmanager
def read(engine: Engine) -> Iterator[Connection]:
    """A transaction that reads: one state of the database, whatever is written meanwhile.

    Raises
    ------
    StorageFailed
        When the disk refuses.
    """
    with _told(), engine.connect() as connection, dialects.for_reading(connection).begin():
        yield connection


@contextmanager
def write(engine: Engine) -> Iterator[Connection]:
    """A transaction that writes: durable when the block ends, undone when it raises.

    Raises
    ------
    StorageFull
        When there is no room; nothing was written.
    StorageFailed
        When the disk refuses; nothing was written.
    Overloaded
        When other writers kept the database for too long.
    """
    with _told(), engine.connect() as connection, dialects.for_writing(connection).begin():
        yield connection


@contextmanager
def look(engine: Engine) -> Iterator[DBAPICursor]:
    """A cursor of the driver's own for one query, the cheapest read there is; raises as `read` does."""
    driver = engine.dialect.loaded_dbapi
    try:
        with closing(engine.raw_connection()) as connection, closing(connection.cursor()) as cursor:
            yield cursor
    except driver.Error as error:
        if (known := dialects.told(error)) is not None:
            raise known from error
        raise


def current_sequence(connection: Connection, collection: int) -> int:
    """The number of the collection's last change; raises NotFound where it is gone."""
    return _sequence(connection.scalar(select(collections.c.sequence).where(collections.c.id == collection)))


def lock_collection(connection: Connection, collection: int) -> int:
    """`current_sequence`, and no other writer touches the collection until this transaction ends."""
    query = select(collections.c.sequence).where(collections.c.id == collection).with_for_update()
    return _sequence(connection.scalar(query))


def _sequence(found: int | None) -> int:
    if found is None:
        raise NotFound("no such collection; it was removed")
    return found


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        if (known := dialects.told(error.orig)) is not None:
            raise known from error
        raise


def _revision(engine: Engine) -> str | None:
    try:
        with read(engine) as connection:
            revision: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
            return revision
    except (OperationalError, ProgrammingError):  # no such table: a new database
        return None


def _migrate(engine: Engine) -> None:
    """Bring the database to `HEAD` in one transaction; who comes second waits and finds it done."""
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", "indexing.store:migrations")
    with write(engine) as connection:
        dialects.lock_migrations(connection)
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, "head")
        except CommandError as error:
            raise Conflict(f"a newer version has written this database ({error}); update") from error
